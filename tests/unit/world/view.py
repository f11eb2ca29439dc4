"""What the servers of one partition of a cluster know: the configuration, and who does what, as Pacemaker keeps it.

Where servers lose sight of each other each side goes on with a view of its own; where they meet again the newer
configuration wins (Pacemaker Explained, 'CIB Properties').
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

OK, NOT_RUNNING, TIMED_OUT = 0, 7, 198
INFINITY = 1_000_000


@dataclass
class Operation:
    """The last word of an agent on a resource."""

    task: str
    rc: int
    reason: str = ""
    interval: int = 0
    """milliseconds"""
    number: int = 0
    time: float = 0.0


@dataclass
class History:
    """What is known of a resource on a server; lost when the history is erased."""

    agent: str
    parameters: dict[str, str]
    operations: list[Operation] = field(default_factory=list)
    active: bool = False
    broken: bool = False
    """it is to be recovered"""
    stuck: bool = False
    """its stop failed"""
    fails: int = 0
    doing: str = ""
    """Starting, Stopping"""


@dataclass
class Member:
    """A server as one view has it."""

    online: bool = False
    expected: bool = False
    """it is to be a member: it went without a word, or was never seen"""
    condemned: bool = False
    """it failed to stop something, and is to be fenced"""
    known: bool = False
    """the status section has a history of it, if only an empty one: it was a member since it was fenced last"""
    history: dict[str, History] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    """transient ones"""
    calls: int = 0
    """how many operations its executor has run since it joined"""


@dataclass
class Fencing:
    """One entry of the fencing history."""

    target: str
    action: str
    status: str
    time: float
    client: str = "pacemaker-controld.1"
    """who wanted it"""


@dataclass
class View:
    """One partition's knowledge."""

    cib: Element
    """without the status section"""
    members: dict[str, Member]
    fencings: list[Fencing] = field(default_factory=list)
    text: str = ""
    """the configuration as text, once it was asked for; writing it is what takes most of the time"""

    def copy(self) -> View:
        """The same knowledge, apart."""
        return copy.deepcopy(self)

    @property
    def version(self) -> tuple[int, int, int]:
        """Which state of the configuration it is."""
        return tuple(int(self.cib.get(n, "0")) for n in ("admin_epoch", "epoch", "num_updates"))  # type: ignore[return-value]

    def option(self, name: str, default: str = "") -> str:
        """A property of the cluster."""
        pairs = self.cib.iterfind("configuration/crm_config/cluster_property_set/nvpair")
        return next((str(pair.get("value")) for pair in pairs if pair.get("name") == name), default)

    def set_option(self, name: str, value: str) -> None:
        """crm_attribute --type crm_config --name NAME --update VALUE."""
        holder = self.cib.find("configuration/crm_config/cluster_property_set")
        assert holder is not None
        _put(holder, f"cib-{name}", name, value)
        self.changed()

    def node_attribute(self, server: str, name: str) -> str:
        """A permanent attribute of a server: standby, maintenance."""
        pairs = self.cib.iterfind(f"configuration/nodes/node[@uname='{server}']/instance_attributes/nvpair")
        return next((str(pair.get("value")) for pair in pairs if pair.get("name") == name), "")

    def set_node_attribute(self, server: str, name: str, value: str) -> None:
        """crm_attribute --node SERVER --name NAME --update VALUE."""
        holder = self.cib.find(f"configuration/nodes/node[@uname='{server}']/instance_attributes")
        assert holder is not None
        _put(holder, f"{server}-{name}", name, value)
        self.changed()

    def set_meta(self, resource: str, name: str, value: str) -> None:
        """crm_resource --resource ID --meta --set-parameter NAME --parameter-value VALUE."""
        primitive = self.primitives()[resource]
        holder = primitive.find("meta_attributes")
        if holder is None:
            holder = ElementTree.SubElement(primitive, "meta_attributes", {"id": f"{resource}-meta_attributes"})
        _put(holder, f"{resource}-meta_attributes-{name}", name, value)
        self.changed()

    def changed(self) -> None:
        """Each change raises the version."""
        self.cib.set("epoch", str(self.version[1] + 1))
        self.text = ""

    def written(self) -> str:
        """The configuration as text."""
        self.text = self.text or ElementTree.tostring(self.cib, encoding="unicode")
        return self.text

    @property
    def can_mean_fencing(self) -> bool:
        """Whether the cluster is told to fence."""
        return self.option("stonith-enabled", "true") == "true"

    @property
    def in_maintenance(self) -> bool:
        """maintenance-mode of the whole cluster."""
        return self.option("maintenance-mode") == "true"

    def online(self) -> list[str]:
        """The members of the partition."""
        return [name for name, member in self.members.items() if member.online]

    def primitives(self) -> dict[str, Element]:
        """All primitives by ID."""
        return {str(p.get("id")): p for p in self.cib.iterfind("configuration/resources/primitive")}

    def constraints(self, kind: str) -> Iterator[Element]:
        """All constraints of a kind."""
        return self.cib.iterfind(f"configuration/constraints/{kind}")

    def is_unclean(self, name: str) -> bool:
        """Whether a server is to be fenced.

        Also one that left in good order with something running that is managed now (tests/unit/data/standing:
        maintenance, after_maintenance); without fencing no server is unclean (unfenced, unfenced_then_on).
        """
        member = self.members[name]
        if not self.can_mean_fencing or member.online:
            return self.can_mean_fencing and member.condemned
        return member.expected or any(h.active and self.manages(r, name) for r, h in member.history.items())

    def manages(self, resource: str, name: str) -> bool:
        """Whether the cluster starts and stops a resource on a server at all."""
        primitive = self.primitives().get(resource)
        if self.in_maintenance or self.node_attribute(name, "maintenance") == "true":
            return False
        return primitive is None or is_managed(primitive)

    def active_on(self, resource: str) -> list[str]:
        """Where the cluster takes a resource for active: on members, on servers that are lost and not fenced, and,
        while it is not managed, on one that left with it (tests/unit/data/standing: unmanaged)."""
        having = [n for n, m in self.members.items() if resource in m.history and m.history[resource].active]
        return [
            name
            for name in having
            if self.members[name].online or self.is_unclean(name) or not self.manages(resource, name)
        ]


def new_view(*servers: str) -> View:
    """A cluster that was just formed: its servers, and fencing switched on."""
    nodes = "".join(
        f'<node id="{number}" uname="{name}"><instance_attributes id="nodes-{number}"/></node>'
        for number, name in enumerate(servers, 1)
    )
    text = (
        '<cib crm_feature_set="3.17.4" admin_epoch="0" epoch="1" num_updates="0" validate-with="pacemaker-3.9">'
        "<configuration>"
        '<crm_config><cluster_property_set id="cib-bootstrap-options">'
        '<nvpair id="cib-stonith-enabled" name="stonith-enabled" value="true"/>'
        f"</cluster_property_set></crm_config><nodes>{nodes}</nodes><resources/><constraints/></configuration></cib>"
    )
    return View(ElementTree.fromstring(text), {name: Member() for name in servers})  # noqa: S314


def meta(primitive: Element) -> dict[str, str]:
    """The meta attributes of a primitive; of several sets the first that has a name counts."""
    found: dict[str, str] = {}
    for pair in primitive.iterfind("meta_attributes/nvpair"):
        found.setdefault(str(pair.get("name")), str(pair.get("value")))
    return found


def is_managed(primitive: Element) -> bool:
    """Whether a primitive's own attributes let the cluster start and stop it."""
    given = meta(primitive)
    return given.get("is-managed", "true") == "true" and given.get("maintenance") != "true"


def parameters(primitive: Element) -> dict[str, str]:
    """What the agent is given."""
    pairs = primitive.iterfind("instance_attributes/nvpair")
    return {str(pair.get("name")): str(pair.get("value")) for pair in pairs}


def timeout(primitive: Element, task: str) -> int:
    """Milliseconds that an operation may take."""
    found = next((op for op in primitive.iterfind("operations/op") if op.get("name") == task), None)
    return 1000 * int(str(found.get("timeout")).rstrip("s")) if found is not None else 20_000


def score(element: Element) -> int:
    """The score of a constraint or rule."""
    text = element.get("score", "0")
    return -INFINITY if text == "-INFINITY" else INFINITY if text.lstrip("+") == "INFINITY" else int(text)


def _put(holder: Element, name_id: str, name: str, value: str) -> None:
    for pair in holder.findall("nvpair"):
        if pair.get("name") == name:
            holder.remove(pair)
    holder.append(ElementTree.Element("nvpair", {"id": name_id, "name": name, "value": value}))
