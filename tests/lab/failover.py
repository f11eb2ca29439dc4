"""Kill the server that writes, and measure until another one writes: what happened when, and that nothing is lost."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab import evidence, standby, writer
from lab.audit import Writing, check_records
from lab.evidence import Cast, Clock, Reading, Sighting
from lab.guests.errors import LabError
from lab.guests.lab import Lab
from lab.timeline import Timeline

READY_DEADLINE = 60.0
FAILOVER_DEADLINE = 400.0
BEFORE, AFTER = 20, 20
"""how many records are written before the kill at least, and after the failover"""
READINGS = 5
READ_CLOCK = ("date", "+%s.%N")
MARGIN = 5.0
"""seconds of the journal that are read from before the kill"""
MOST_WRONG = 0.5
"""seconds: when the clocks are less certain than this, or drift further apart, nothing is said"""


class Standby:
    """A writer in a guest that waits for a file system, and when it was seen and written to, on the host's clock."""

    def __init__(self, lab: Lab, node: int, path: str, count: int) -> None:
        """Describe a writer of `count` records to the file `path` of guest `node`."""
        self._lab, self._node, self._path, self._count = lab, node, path, count
        self._thread = threading.Thread(target=self._run, name=f"writer in waiting on node {node}", daemon=True)
        self._text = b""
        self._moments: dict[str, float] = {}
        self._ended = ""
        self.acknowledged: list[int] = []

    def start(self) -> Standby:
        """Begin, and wait until it waits."""
        self._thread.start()
        self.moment("ready", deadline=READY_DEADLINE)
        return self

    def moment(self, word: str, *, deadline: float) -> float:
        """Wait until it has said a word: `ready`, `mounted`, `written`, `done`. Return when. Raises LabError."""
        end = time.monotonic() + deadline
        while word not in self._moments:
            if self._ended or time.monotonic() >= end:
                raise LabError(f"node {self._node}: writer in waiting: {self._ended or f'not {word}'}")
            time.sleep(0.05)
        return self._moments[word]

    def _run(self) -> None:
        err = bytearray()
        code, waiting = (Path(str(each.__file__)).read_bytes() for each in (writer, standby))
        argv = (b"python3", b"-IS", b"-c", waiting, self._path, str(self._count), code)
        try:
            status = self._lab.stream(self._node, argv, self._take, err.extend)
            self._ended = f"exit code {status}: {err.decode(errors='replace').strip()}"
        except LabError as error:
            self._ended = str(error)

    def _take(self, data: bytes) -> None:
        now = time.time()
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            if line.isdigit():
                self.acknowledged.append(int(line))
                self._moments.setdefault("written", now)
            else:
                self._moments[line.decode()] = now
        if len(self.acknowledged) >= self._count:
            self._moments.setdefault("done", now)


@dataclass(frozen=True)
class Failover:
    """A failover that is over.

    before, after: which records the dead server and the survivor had said to be safe.  clock: the survivor's.
    drift: seconds by which it has gone another way than the host's meanwhile.
    """

    timeline: Timeline
    before: tuple[int, ...]
    after: tuple[int, ...]
    clock: Clock
    drift: float

    @property
    def uncertain(self) -> float:
        """How many seconds wrong a time from the survivor's log may be."""
        return max(self.clock.uncertain, abs(self.drift))

    def facts(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        return {
            **self.timeline.facts(),
            "records": {"acknowledged_before": len(self.before), "acknowledged_after": len(self.after), "lost": 0},
            "clock": {**asdict(self.clock), "drift": self.drift},
        }


class Experiment:
    """One failover from guest `node` to guest `other`, with a writer on each."""

    def __init__(self, lab: Lab, cast: Cast, path: str, *, node: int = 1, other: int = 2) -> None:
        """Describe it. path: the file that is written, on a file system that is in service on `node`."""
        self._lab, self._cast, self._path = lab, cast, path
        self._node, self._other = node, other
        self._first = Writing(lab, node, path)
        self._second = Standby(lab, other, path, AFTER)
        self._killed = 0.0
        self._clock = Clock(0.0, 0.0)

    @property
    def safe(self) -> int:
        """How many records the first writer has said to be safe."""
        return len(self._first.acknowledged)

    def prepare(self) -> None:
        """Let one server write and the other one wait, and compare the clocks."""
        self._second.start()
        self._clock = read_clock(self._lab, self._other)
        self._first.start().more(BEFORE)

    def kill(self) -> None:
        """Kill the server that writes."""
        self._killed = time.time()
        self._lab.kill(self._node)
        self._first.stop()

    def wait(self) -> float:
        """Wait until the survivor writes. Return after how many seconds it has; disturb it meanwhile by nothing."""
        written = self._second.moment("written", deadline=FAILOVER_DEADLINE)
        self._second.moment("done", deadline=FAILOVER_DEADLINE)
        return written - self._killed

    def conclude(self, title: str, notes: tuple[str, ...] = ()) -> Failover:
        """Prove that no record is lost, and tell from the survivor's journal what happened when.

        Raises AssertionError when a record is lost or damaged, LabError when the evidence is not good enough.
        """
        before, after = tuple(self._first.acknowledged), tuple(self._second.acknowledged)
        check_records(self._lab, self._other, self._path, before + after)
        drift = read_clock(self._lab, self._other).ahead - self._clock.ahead
        if max(self._clock.uncertain, abs(drift)) > MOST_WRONG:
            raise LabError(f"the survivor's clock can't be compared with ours: {self._clock}, drift {drift:.3f} s")
        log = evidence.entries(read_journal(self._lab, self._other, self._killed + self._clock.ahead - MARGIN))
        seen = Sighting(
            self._killed, self._second.moment("mounted", deadline=1.0), self._second.moment("written", deadline=1.0)
        )
        found = evidence.milestones(log, self._cast, self._clock, seen)
        return Failover(Timeline(title, found, notes), before, after, self._clock, drift)


def read_clock(lab: Lab, node: int) -> Clock:
    """Compare a guest's clock with the host's."""
    readings = []
    for _ in range(READINGS):
        asked = time.time()
        said = lab.run(node, READ_CLOCK, check=True).stdout
        readings.append(Reading(asked, float(said), time.time()))
    return evidence.clock(readings)


def read_journal(lab: Lab, node: int, since: float) -> str:
    """Return what Pacemaker's daemons have logged, as JSON. since: seconds since 1970 on the guest's clock."""
    tags = [word for daemon in evidence.DAEMONS for word in ("-t", daemon)]
    argv = ("journalctl", "--output=json", "--quiet", "--no-pager", f"--since=@{int(since)}", *tags)
    return lab.run(node, argv, timeout=120.0, check=True).stdout
