"""What must never be, whatever was done: judged from samples of both kernels and from what the kit's commands said.

Two servers hold a volume group only where somebody activated it by hand: then the later of the two holdings began while
an action by hand was going on at that server. LVM itself refuses that to a server that is not the owner, so it takes an
override, or a group without an owner. That the kit made it two is a finding, whatever came before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lab.audit import Overlap, Sample

HAND_MADE = ("activate", "override", "scratch", "snapshot")  # LVM activates what it makes
"""kinds of actions that activate by hand"""
SLACK = 3.0
"""seconds that a sample may come later than what it shows"""
STRUCK = {"INT": (130, 1), "TERM": (143, 1), "HUP": (129, 1), "KILL": (137,)}
TIMED_OUT = 124

_NUMBERED = re.compile(r"ERROR.*?\b\d{6}:")


@dataclass(frozen=True)
class Deed:
    """An action at a server, and when it was done. Seconds of the host's monotonic clock."""

    kind: str
    node: int
    start: float
    end: float


@dataclass(frozen=True)
class Finding:
    """Something that must not be. kind: one word.  text: what exactly."""

    kind: str
    text: str


def held_since(samples: Sequence[Sample], group: str, moment: float) -> float:
    """Return since when a node holds the group that it holds at `moment`, as far as no sample says otherwise."""
    since = moment
    for sample in reversed([each for each in samples if each.asked <= moment]):
        if group not in sample.groups:
            return since
        since = sample.arrived
    return since


def made_by_hand(overlap: Overlap, samples: dict[int, list[Sample]], deeds: Sequence[Deed]) -> bool:
    """Return whether an action by hand made two servers hold the group: the later holding began during it."""
    since = {node: held_since(samples[node], overlap.group, overlap.start) for node in overlap.nodes}
    later = max(since, key=lambda node: since[node])
    return any(
        deed.kind in HAND_MADE and deed.node == later and deed.start <= since[later] <= deed.end + SLACK
        for deed in deeds
    )


def collisions(overlaps: Sequence[Overlap], samples: dict[int, list[Sample]], deeds: Sequence[Deed]) -> list[Finding]:
    """Return a finding for every group that two kernels held at once and nobody made it so by hand."""
    found = [each for each in overlaps if not made_by_hand(each, samples, deeds)]
    return [
        Finding("two-holders", f"group {each.group} for {each.seconds:.1f} s at {each.start:.1f}") for each in found
    ]


def held_by_two(overlaps: Sequence[Overlap], samples: dict[int, list[Sample]]) -> bool:
    """Return whether the latest samples of two nodes both have a group that overlapped."""
    return any(all(samples[node][-1].groups & {each.group} for node in each.nodes) for each in overlaps)


def answer(code: int, stderr: str, signal: str) -> list[Finding]:
    """Return what is wrong with how a command of the kit ended.

    A failure has a numbered message of its own, a signal ends it in the usual way, and a traceback is never shown.
    """
    if "Traceback (most recent call last)" in stderr:
        return [Finding("traceback", stderr[-2000:])]
    if code == TIMED_OUT and not signal:
        return [Finding("endless", stderr[-500:])]
    if signal and code in STRUCK[signal]:
        return []
    if code and not stderr.strip():
        return [Finding("silent", f"exit code {code} without a word")]
    if code not in (0, 1, 2) and not _NUMBERED.search(stderr):
        return [Finding("exit-code", f"{code}: {stderr[-500:]}")]
    return []


def double_mounts(mounts: dict[int, dict[str, bool]]) -> list[Finding]:
    """Return a finding for every device that both servers have mounted for writing.

    mounts: {node: {device: whether it is mounted for writing}}.
    """
    both = {name for name, writable in mounts.get(1, {}).items() if writable and mounts.get(2, {}).get(name)}
    return [Finding("two-mounts", name) for name in sorted(both)]
