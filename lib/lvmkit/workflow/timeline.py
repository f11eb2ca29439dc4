"""timeline: what the last move did on all servers, and how long each step took, as their journals say.

Each server's clock dates its own part. NTP keeps them together, and doctor names those that differ.
"""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.view import PartUnknown
from lvmkit.model.value import Value, replace
from lvmkit.storage.deeds import deeds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lvmkit.model.deed import Deed
    from lvmkit.plan import Kit

LONGEST_STEP = 120.0
"""seconds without a deed that end a move"""


class TimedDeed(Value):
    """One deed that was done, and since when it was at work: its begin, or the end of the step before."""

    deed: Deed
    start: float
    """seconds since the begin of the move"""
    end: float


class Timeline(Value):
    """The last move."""

    server: str
    begun: float
    """seconds since 1970, UTC; 0 where there is no move"""
    steps: tuple[TimedDeed, ...]
    missing: tuple[PartUnknown, ...]
    """the servers whose part is not in it, and why"""


def timeline(kit: Kit) -> Timeline:
    """The last move, from the journals of this server and of all others of the cluster that answer. Raises nothing."""
    server, others, missing = _servers(kit)
    parts: dict[str, tuple[Deed, ...] | Failure] = {}
    try:
        parts[server] = deeds(deadline=kit.settings.command_deadline)
    except Failure as failure:
        parts[server] = failure
    parts.update(_of_others(others, kit))
    told: set[Deed] = set()
    for name, part in parts.items():
        if isinstance(part, Failure):
            missing.append(PartUnknown(name, str(part)))
        else:
            told.update(_by_tags(part, kit))
    last = last_move(sorted(told, key=lambda deed: deed.at))
    return Timeline(server, last[0].at if last else 0.0, tuple(steps(last)), tuple(missing))


def last_move(told: Sequence[Deed]) -> Sequence[Deed]:
    """Those after the last long pause. told: in the order of time."""
    first = len(told) - 1
    while first > 0 and told[first].at - told[first - 1].at <= LONGEST_STEP:
        first -= 1
    return told[max(first, 0) :]


def steps(move: Iterable[Deed]) -> list[TimedDeed]:
    """What was done in a move. move: in the order of time."""
    done: list[TimedDeed] = []
    begins: dict[tuple[str, str, str], float] = {}
    zero = before = None
    for deed in move:
        zero = deed.at if zero is None else zero
        work = (deed.server, deed.tag, deed.kind)
        if deed.is_begin:
            begins[work] = deed.at
        else:
            begun = begins.pop(work, deed.at if before is None else before)
            done.append(TimedDeed(deed, begun - zero, deed.at - zero))
        before = deed.at
    return done


def _by_tags(part: Iterable[Deed], kit: Kit) -> Iterable[Deed]:
    """The same, where the cluster's agents are the kit's: these know a resource by the cluster's ID of it."""
    if not kit.port.capabilities.needs_agents:
        return part
    from lvmkit.cluster.pacemaker.ids import tag_of  # of no use to another engine

    return (replace(deed, tag=tag_of(deed.tag) or deed.tag) for deed in part)


def _servers(kit: Kit) -> tuple[str, list[str], list[PartUnknown]]:
    """This server, the others that can be asked, and those that cannot."""
    try:
        seen = kit.port.overview()
    except Failure as failure:
        here = os.uname().nodename
        return here, [], [PartUnknown("other servers", str(failure))]
    asked: list[str] = []
    missing: list[PartUnknown] = []
    for server in seen.servers:
        if server.name == seen.local:
            continue
        if server.online:
            asked.append(server.name)
        else:
            missing.append(PartUnknown(server.name, server.unfit or "offline"))
    return seen.local, asked, missing


def _of_others(servers: list[str], kit: Kit) -> dict[str, tuple[Deed, ...] | Failure]:
    if not servers:
        return {}
    from lvmkit.peer import ask  # only a cluster needs it

    return ask.deeds(list(map(kit.remote, servers)), kit.tell, deadline=kit.settings.command_deadline)
