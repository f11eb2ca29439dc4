"""What the long lcdstatus says that no record does: which machines are alive, and the priorities.

Source: the vendor's own picture of it. Lines are found by their words wherever they stand; all others are left alone.
"""

from __future__ import annotations

from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lifekeeper import CoreGarbled
from lvmkit.model.value import Value

ALIVE = "ALIVE"
_MACHINE, _STATE = "machine=", "state="
_HEAD = (": id=", " app=", " type=")
_LOCAL, _SHARED = "Local priority", "SHARED equivalency with "


class Status(Value):
    """What it says."""

    machines: tuple[tuple[str, str], ...]
    """(server, state) of each that the core knows; the state in upper case"""
    ranks: tuple[tuple[Site, int], ...]
    """the priority of a resource on a server"""


def parse(text: str, local: str) -> Status:
    """Read it. local: the name of the server that printed it. Raises Failure (110411) where it lists no machines."""
    machines: list[tuple[str, str]] = []
    ranks: dict[Site, int] = {}
    tag = ""
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith(_MACHINE):
            machines.append(_machine(words))
        elif all(mark in words for mark in _HEAD):
            tag = words.partition(_HEAD[0])[0]
        elif tag and words.startswith(_LOCAL):
            _note(ranks, Site(local, tag), words)
        elif tag and words.startswith(_SHARED):
            _note(ranks, _place(words), words)
    if local not in dict(machines):
        raise Failure(CoreGarbled("lcdstatus", f"it does not list {local} among the machines"))
    return Status(tuple(machines), tuple(ranks.items()))


def _machine(words: str) -> tuple[str, str]:
    """Of 'machine=NAME state=WORD'; a state may stand in quotes."""
    name, _, rest = words[len(_MACHINE) :].partition(" ")
    state = rest.partition(_STATE)[2].split() or [""]
    return name, state[0].strip('"').upper()


def _place(words: str) -> Site:
    """Of 'SHARED equivalency with "TAG" on "SERVER", ...'."""
    parts = words.split('"')
    return Site(parts[3], parts[1]) if len(parts) > 3 else Site("", "")


def _note(ranks: dict[Site, int], place: Site, words: str) -> None:
    value = words.rpartition("=")[2].strip()
    if value.isascii() and value.isdigit():
        ranks[place] = int(value)
