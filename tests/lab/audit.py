"""Watch a cluster from outside: no volume group active on two nodes at once, no acknowledged record lost.

Two nodes' clocks prove nothing about each other, and one of them may have stood still. So the host asks, and only its
own clock counts: a sample was taken between the moment it was asked for and the moment it arrived. What is found is
certain, then: both kernels held the group at one moment, however long the guests took to answer. A guest that is dead,
paused or booting is unknown, and two samples far apart say nothing about the time between them.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lab import sampler, writer
from lab.guests import channel
from lab.guests.crm import ClusterStatus
from lab.guests.errors import LabError
from lab.guests.guest import Guest
from lab.guests.lab import CLUSTER_DEADLINE, Lab

PERIOD = 0.25
PATIENCE = 5.0
"""Seconds after which a guest that does not answer is asked in a new session: it may have booted again."""
START_PATIENCE = 40.0
"""The same for the first answer: on a busy machine a guest takes long to start an interpreter."""
GAP = 3.0
"""Seconds: what two samples further apart say is not taken to hold in between."""
WRITER_PAUSE = 0.05
WRITER_DEADLINE = 60.0

_VG_UUID = re.compile(rf"{sampler.MINE}(\w{{32}})")


@dataclass(frozen=True)
class Sample:
    """The active LVM devices (device-mapper UUIDs) of one node at a moment between `asked` and `arrived`.

    Both are seconds of the host's monotonic clock.
    """

    asked: float
    arrived: float
    uuids: frozenset[str]

    @property
    def groups(self) -> frozenset[str]:
        """UUIDs of the volume groups with an active device, without dashes."""
        return frozenset(found[1] for found in map(_VG_UUID.match, self.uuids) if found)


@dataclass(frozen=True)
class Span:
    """A time for which a group was surely active on a node: from `start` at the latest until `end` at the earliest.

    A single sample has a start after its end: it is a moment, and not known exactly.
    """

    start: float
    end: float


@dataclass(frozen=True)
class Overlap:
    """A volume group that was active on two nodes at once for certain, for at least `seconds` of what was sampled."""

    group: str
    nodes: tuple[int, int]
    start: float
    seconds: float


def spans(samples: Sequence[Sample], group: str) -> list[Span]:
    """Return when a volume group was active, from one node's samples in order."""
    found: list[Span] = []
    last: Sample | None = None
    for sample in samples:
        if group in sample.groups:
            joined = last is not None and sample.arrived - last.asked <= GAP
            start = found.pop().start if joined else sample.arrived
            found.append(Span(start, sample.asked))
            last = sample
        else:
            last = None
    return found


def overlaps(samples: dict[int, Sequence[Sample]]) -> list[Overlap]:
    """Return every certain overlap in the samples of the nodes."""
    nodes = sorted(samples)
    pairs = [(one, two) for one in nodes for two in nodes if one < two]
    groups = sorted({group for each in samples.values() for sample in each for group in sample.groups})
    return [
        Overlap(group, pair, max(a.start, b.start), min(a.end, b.end) - max(a.start, b.start))
        for group in groups
        for pair in pairs
        for a in spans(samples[pair[0]], group)
        for b in spans(samples[pair[1]], group)
        if a.start <= b.end and b.start <= a.end
    ]


class Watch:
    """Samples one node until it is told to stop, in a thread, across the node's deaths."""

    def __init__(self, lab: Lab, node: int) -> None:
        """Describe what to watch; start() begins."""
        self._lab, self._node = lab, node
        self._stop, self._answered = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"audit of node {node}", daemon=True)
        self._asked: float | None = None
        self._text = bytearray()
        self._ended_well = False
        self.samples: list[Sample] = []

    @property
    def sound(self) -> bool:
        """Return whether the watch is kept, or was until it was told to stop."""
        return self._ended_well or self._thread.is_alive()

    def start(self, *, deadline: float) -> None:
        """Begin, and wait for the first sample. Raises LabError when there is none in `deadline` seconds."""
        self._thread.start()
        end = time.monotonic() + deadline
        while not self.samples:
            if time.monotonic() >= end:
                raise LabError(f"node {self._node}: no sample in {deadline:.0f} s")
            self._stop.wait(PERIOD / 5)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._answered.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with self._lab.session(self._node, deadline=PATIENCE) as (session, first):
                    self._ask_through(session, first)
            except LabError:
                self._stop.wait(PERIOD)
        self._ended_well = True

    def _ask_through(self, session: channel.Session, first: bytes) -> None:
        """Ask until the node answers no more."""
        questions, ours = os.pipe()
        self._asked = None
        self._text.clear()
        self._answered.clear()
        answering = threading.Thread(target=self._answer, args=(session, first, questions), daemon=True)
        answering.start()
        patience = START_PATIENCE
        try:
            while not self._stop.is_set() and self._answered.wait(patience):
                patience = PATIENCE
                self._answered.clear()
                if self._stop.wait(PERIOD) or not answering.is_alive():
                    return
                self._asked = time.monotonic()
                os.write(ours, b"\n")
        finally:
            session.abort()
            answering.join()
            os.close(ours)
            os.close(questions)

    def _answer(self, session: channel.Session, first: bytes, questions: int) -> None:
        """Take what the sampler says, until it or the session ends."""
        code = Path(sampler.__file__).read_bytes()
        request = channel.Request([b"python3", b"-IS", b"-c", code], stdin=questions)
        try:
            session.execute(request, self._take, channel.ignore, first)
        except LabError:
            pass
        finally:
            self._answered.set()

    def _take(self, data: bytes) -> None:
        """Take a line; the first only says that the sampler is ready."""
        self._text += data
        if not self._text.endswith(b"\n"):
            return
        if self._asked is not None:
            uuids = frozenset(self._text.decode("ascii").split())
            self.samples.append(Sample(self._asked, time.monotonic(), uuids))
        self._text.clear()
        self._answered.set()


class Audit:
    """Watches all nodes of a cluster while its with block lasts."""

    def __init__(self, lab: Lab, nodes: Iterable[int] = (1, 2)) -> None:
        """Describe what to watch."""
        self._watches = {node: Watch(lab, node) for node in nodes}

    def __enter__(self) -> Audit:
        for watch in self._watches.values():
            watch.start(deadline=3 * START_PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watch in self._watches.values():
            watch.stop()

    @property
    def samples(self) -> dict[int, list[Sample]]:
        """What every node has answered so far."""
        return {node: list(watch.samples) for node, watch in self._watches.items()}

    def overlaps(self) -> list[Overlap]:
        """Return the volume groups that were active on two nodes at once so far."""
        return overlaps(dict(self.samples))

    def seen(self, group: str) -> dict[int, list[Span]]:
        """Return when the volume group with that UUID (dashes or not) was active, by node.

        To be asked too: an audit that has seen nothing has proved nothing.
        """
        return {node: spans(samples, group.replace("-", "")) for node, samples in self.samples.items()}

    def check(self) -> None:
        """Raise AssertionError if a volume group was ever active on two nodes at once, or nobody looked."""
        blind = [node for node, watch in self._watches.items() if not watch.sound]
        assert not blind, f"the audit of these nodes has broken off: {blind}"
        found = self.overlaps()
        assert not found, f"active on two nodes at once: {found}"


class Writing:
    """A writer in a guest, and what it has said to be safe. It ends with its guest, its file system, or stop()."""

    def __init__(
        self, lab: Lab, node: int, path: str, *, pause: float = WRITER_PAUSE, only_mounted: bool = False
    ) -> None:
        """Describe a writer of the file `path` of guest `node`; a record every `pause` seconds.

        only_mounted: it ends at once where the file's folder is no mount point.
        """
        self._lab, self._node, self._path, self._pause = lab, node, path, pause
        self._only_mounted = only_mounted
        self._thread = threading.Thread(target=self._run, name=f"writer on node {node}", daemon=True)
        self._session: channel.Session | None = None
        self._text = b""
        self.acknowledged: list[int] = []
        self.ended = ""
        """Why the writer has ended, once it has."""

    def begin(self) -> Writing:
        """Begin, and do not wait."""
        self._thread.start()
        return self

    def start(self) -> Writing:
        """Begin, and wait until a record is safe. Raises LabError when none is."""
        return self.begin().more(1)

    def more(self, count: int, *, deadline: float = WRITER_DEADLINE) -> Writing:
        """Wait until `count` more records are safe. Raises LabError when they are not in `deadline` seconds."""
        wanted, end = len(self.acknowledged) + count, time.monotonic() + deadline
        while len(self.acknowledged) < wanted:
            if self.ended or time.monotonic() >= end:
                raise LabError(f"node {self._node}: writer: {self.ended or 'no record'} in {deadline:.0f} s")
            time.sleep(PERIOD / 5)
        return self

    def stop(self) -> None:
        """End the writer, or what waits for a dead one."""
        if self._session is not None:
            self._session.abort()
        self._thread.join()

    def _argv(self) -> list[bytes]:
        """Return the command whose output is a line for each record that is safe: its number."""
        code = Path(writer.__file__).read_bytes()
        argv = [b"python3", b"-IS", b"-c", code, self._path.encode(), f"{self._pause}".encode()]
        if self._only_mounted:
            argv.append(writer.ONLY_MOUNTED.encode())
        return argv

    def _run(self) -> None:
        argv, err = self._argv(), bytearray()
        try:
            with self._lab.session(self._node, deadline=WRITER_DEADLINE) as (session, first):
                self._session = session
                status = session.execute(channel.Request(argv), self._take, err.extend, first)
            self.ended = f"exit code {status}: {os.fsdecode(bytes(err)).strip()}"
        except LabError as error:
            self.ended = str(error)

    def _take(self, data: bytes) -> None:
        *lines, self._text = (self._text + data).split(b"\n")
        self.acknowledged += map(int, lines)


def check_records(lab: Lab, node: int, path: str, acknowledged: Iterable[int]) -> None:
    """Raise AssertionError if a record that was acknowledged is not in the file `path` of guest `node`, or damaged."""
    data = lab.run(node, ("cat", "--", path), check=True).stdout
    faults = writer.examine(os.fsencode(data), set(acknowledged))
    assert not faults, f"{path}: {faults[:10]} and so on, {len(faults)} in all"


@dataclass(frozen=True)
class Cluster:
    """A cluster as a test sees it, with the audit that runs beside it."""

    lab: Lab
    audit: Audit

    def guest(self, node: int) -> Guest:
        """Return guest `node` (1 or 2)."""
        return Guest(self.lab, node)

    def wait(
        self, accept: Callable[[ClusterStatus], bool], *, node: int | None = None, deadline: float = CLUSTER_DEADLINE
    ) -> ClusterStatus:
        """Wait until the cluster is as `accept` likes it; see Lab.wait_for_cluster."""
        return self.lab.wait_for_cluster(accept, node=node, deadline=deadline)
