"""When what happened in a failover, from the survivor's journal. Pure: the caller reads the journal and the clocks.

Its entries have the survivor's clock, to the microsecond. `Clock` turns that into the host's, by what both clocks said
at one moment; the two run at the same speed, as the guest's is made from the host's.
Sources: what Pacemaker 2.1 logs at level notice (controld_execd.c, controld_fencing.c, fenced_remote.c, membership.c);
the format of the journal: systemd.journal-fields(7), journalctl(1) --output=json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.guests.errors import LabError
from lab.timeline import CLUSTER, KIT, WRITER, Milestone

DAEMONS = ("pacemaker-controld", "pacemaker-fenced")
CONTROLLER, FENCER = DAEMONS


@dataclass(frozen=True)
class Entry:
    """A line of the journal. at: seconds since 1970 on the clock of the server whose journal it is."""

    at: float
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"


@dataclass(frozen=True)
class Reading:
    """A guest's clock, read between two moments of the host's. All are seconds since 1970."""

    asked: float
    guest: float
    arrived: float


@dataclass(frozen=True)
class Clock:
    """How far a guest's clock is ahead of the host's, in seconds, and how wrong that may be at most."""

    ahead: float
    uncertain: float

    def host(self, guest: float) -> float:
        """Return what the host's clock said when the guest's said `guest`."""
        return guest - self.ahead


def clock(readings: Iterable[Reading]) -> Clock:
    """Return what the best of some readings, the quickest, says."""
    best = min(readings, key=lambda it: it.arrived - it.asked)
    return Clock(best.guest - (best.asked + best.arrived) / 2, (best.arrived - best.asked) / 2)


@dataclass(frozen=True)
class Sighting:
    """What the host saw of the application's side. All are seconds of the host's clock."""

    killed: float
    mounted: float
    written: float


@dataclass(frozen=True)
class Cast:
    """Who is who. The resources are Pacemaker's names of the volume group, the logical volume, the file system."""

    dead: str
    survivor: str
    group: str
    volume: str
    filesystem: str


def entries(journal: str) -> list[Entry]:
    """Return the entries of a journal, printed as JSON, one object a line. What has no text is left out."""
    found = []
    for line in journal.splitlines():
        fields = json.loads(line)
        text = fields.get("MESSAGE")
        if isinstance(text, str):
            moment = int(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"])
            found.append(Entry(moment / 1e6, fields.get("SYSLOG_IDENTIFIER", ""), text.strip()))
    return found


def milestones(log: Sequence[Entry], cast: Cast, clock: Clock, seen: Sighting) -> tuple[Milestone, ...]:
    """Return what happened between the kill and the first write. Raises LabError when the journal lacks something.

    The file system counts as mounted when an application sees it, which is before the agent has ended.
    """
    after = [entry for entry in log if clock.host(entry.at) >= seen.killed - clock.uncertain]

    def since(entry: Entry) -> float:
        return max(clock.host(entry.at) - seen.killed, 0.0)

    def told(name: str, who: str, begin: Entry | None, end: Entry) -> Milestone:
        return Milestone(name, who, since(end), since(begin) if begin else None, str(end))

    lost = _first(after, CONTROLLER, rf"Node {_quoted(cast.dead)} state is now lost")
    shooting = _first(after, FENCER, rf"Requesting peer fencing \(\w+\) targeting {_quoted(cast.dead)}")
    fenced = _first(after, FENCER, rf"Operation '\w+' targeting {_quoted(cast.dead)} by .*: OK")
    mounting = _asked(after, cast.filesystem, cast)
    return (
        told("detected", CLUSTER, None, lost),
        told("fenced", CLUSTER, shooting, fenced),
        told("volume group", KIT, _asked(after, cast.group, cast), _started(after, cast.group, cast)),
        told("logical volume", KIT, _asked(after, cast.volume, cast), _started(after, cast.volume, cast)),
        Milestone("file system", KIT, seen.mounted - seen.killed, since(mounting), "seen by the waiting writer"),
        Milestone("first write", WRITER, seen.written - seen.killed, None, "acknowledged by write(2), O_DSYNC"),
    )


def _asked(log: Sequence[Entry], resource: str, cast: Cast) -> Entry:
    pattern = rf"Requesting local execution of start operation for {_quoted(resource)} on {_quoted(cast.survivor)}"
    return _first(log, CONTROLLER, pattern)


def _started(log: Sequence[Entry], resource: str, cast: Cast) -> Entry:
    pattern = rf"Result of start operation for {_quoted(resource)} on {_quoted(cast.survivor)}: ok"
    return _first(log, CONTROLLER, pattern)


def _first(log: Sequence[Entry], source: str, pattern: str) -> Entry:
    for entry in log:
        if entry.source == source and re.search(pattern, entry.text):
            return entry
    raise LabError(f"the survivor's journal does not have it: {source}: {pattern}")


def _quoted(name: str) -> str:
    """A name as a pattern that does not match a longer one."""
    return re.escape(name) + r"(?![\w.-])"
