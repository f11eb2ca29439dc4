"""What pacemaker says of a cluster, as values (source: crm_mon(8) --output-as=xml and its schema crm_mon-2.26.rng)."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass

from .errors import LabError

STATUS = ("crm_mon", "--one-shot", "--output-as=xml", "--inactive", "--fence-history=2")
POLL_INTERVAL = 1.0
SUCCESS = "success"


class ClusterError(LabError):
    """The cluster is not as it should be, or nothing of it answers."""


@dataclass(frozen=True)
class Member:
    """A node as the asked one sees it. online: a full member, neither joining nor in doubt."""

    name: str
    online: bool
    unclean: bool
    standby: bool


@dataclass(frozen=True)
class Resource:
    """A resource. role: Started, Stopped ...  nodes: where it runs."""

    name: str
    role: str
    nodes: tuple[str, ...]
    failed: bool


@dataclass(frozen=True)
class Fencing:
    """One fencing, finished or not. status: success, failed, pending."""

    target: str
    action: str
    status: str


@dataclass(frozen=True)
class ClusterStatus:
    """The cluster as one of its nodes sees it.

    fencing_enabled: the property stonith-enabled.  history: the fencings it remembers, the latest first.
    """

    coordinator: str
    quorum: bool
    fencing_enabled: bool
    members: dict[str, Member]
    resources: dict[str, Resource]
    history: tuple[Fencing, ...]

    @property
    def online(self) -> set[str]:
        """Names of the full members."""
        return {member.name for member in self.members.values() if member.online}

    @property
    def fenced(self) -> set[str]:
        """Names of the nodes that were fenced successfully."""
        return {event.target for event in self.history if event.status == SUCCESS}

    def running(self, resource: str) -> tuple[str, ...]:
        """Return the nodes a resource runs on; none if it is not there at all."""
        found = self.resources.get(resource)
        return found.nodes if found else ()

    def formed(self, *names: str) -> bool:
        """Return whether just these nodes are online, one of them leads, they have quorum and nothing is in doubt."""
        clean = not any(member.unclean for member in self.members.values())
        return self.online == set(names) and self.quorum and clean and self.coordinator in names


def parse(text: str) -> ClusterStatus:
    """Return what crm_mon's XML says. Raises ClusterError when it is something else."""
    try:
        top = ET.fromstring(text)  # noqa: S314 - our own guest wrote it
    except ET.ParseError as error:
        raise ClusterError(f"crm_mon: no XML ({error}): {text.strip()[:200]}") from error
    coordinator, options = top.find("summary/current_dc"), top.find("summary/cluster_options")
    if coordinator is None or options is None:
        raise ClusterError(f"crm_mon: no summary: {text.strip()[:200]}")
    return ClusterStatus(
        coordinator.get("name", ""),
        _true(coordinator, "with_quorum"),
        _true(options, "stonith-enabled"),
        {member.name: member for member in map(_member, top.findall("nodes/node"))},
        {resource.name: resource for resource in map(_resource, top.iter("resource"))},
        tuple(map(_fencing, top.iter("fence_event"))),
    )


def _true(element: ET.Element, name: str) -> bool:
    return element.get(name) == "true"


def _member(node: ET.Element) -> Member:
    doubtful = _true(node, "pending") or _true(node, "unclean")
    return Member(
        node.get("name", ""), _true(node, "online") and not doubtful, _true(node, "unclean"), _true(node, "standby")
    )


def _resource(resource: ET.Element) -> Resource:
    nodes = tuple(node.get("name", "") for node in resource.findall("node"))
    return Resource(resource.get("id", ""), resource.get("role", ""), nodes, _true(resource, "failed"))


def _fencing(event: ET.Element) -> Fencing:
    return Fencing(event.get("target", ""), event.get("action", ""), event.get("status", ""))


def wait(
    ask: Callable[[], ClusterStatus], accept: Callable[[ClusterStatus], bool], *, deadline: float
) -> ClusterStatus:
    """Ask until `accept` likes the answer; return that. Raises ClusterError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        last: object
        try:
            last = ask()
            if accept(last):
                return last
        except LabError as error:
            last = error
        if time.monotonic() >= end:
            raise ClusterError(f"not so in {deadline:.0f} s; the last answer: {last}")
        time.sleep(POLL_INTERVAL)
