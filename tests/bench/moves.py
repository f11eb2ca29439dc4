"""How long what is served is away: moved on purpose, and when its server dies."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from bench import processor
from bench.hierarchies import NODES, mount_point
from bench.stage import Stage, agents, in_service, moved, number, other
from lab import standby, writer
from lab.audit import check_records
from lab.guests.errors import LabError
from lab.guests.lab import Lab

RECORDS = 3
ARRIVAL_DEADLINE = 400.0
READY_DEADLINE = 60.0
_BEFORE_RECORDS = ("ready", "mounted")
"""what lab/standby.py says first"""
HISTORY = ("crm_mon", "--one-shot", "--inactive", "--operations", "--timing-details", "--output-as=xml")
FENCED = ("stonith_admin", "--history", NODES[0], "--output-as=xml")


@dataclass(frozen=True)
class Away:
    """One interruption, in seconds.

    away: from the command, or the death, to the first write.  starts, stops: what the agents took for it, each the sum
    over the resources.  work: processor time of both guests in the meantime, which a busy host distorts less.
    """

    away: float
    starts: float
    stops: float
    work: float


class Arrivals:
    """Writers that wait in a guest for each of its file systems; it is over when the last one has written."""

    def __init__(self, lab: Lab, node: int, filesystems: int) -> None:
        """Begin to wait; returns when all writers are ready. Raises LabError when they are not in time."""
        self.first: dict[int, float] = {}
        self.records: dict[int, list[int]] = {each: [] for each in range(1, filesystems + 1)}
        self._ready = {each: threading.Event() for each in self.records}
        self._errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._wait, args=(lab, node, each), daemon=True) for each in self.records
        ]
        for thread in self._threads:
            thread.start()
        for each, ready in self._ready.items():
            if not ready.wait(READY_DEADLINE):
                raise LabError(f"node {node}: no writer waits for {mount_point(each)}: {self._errors}")

    def last_first_write(self) -> float:
        """Wait for all records; return when the last file system had its first one, on the host's clock."""
        for thread in self._threads:
            thread.join()
        if set(self.first) != set(self.records) or self._errors:
            raise LabError(f"not every file system was written to: {self._errors}")
        return max(self.first.values())

    def _wait(self, lab: Lab, node: int, each: int) -> None:
        text = bytearray()

        def take(data: bytes) -> None:
            text.extend(data)
            words = bytes(text).split(b"\n")[:-1]
            if words:
                self._ready[each].set()
            if len(words) > len(_BEFORE_RECORDS):
                self.first.setdefault(each, time.monotonic())

        code = Path(standby.__file__).read_text(encoding="utf-8")
        records, own = f"{mount_point(each)}/records", Path(writer.__file__).read_text(encoding="utf-8")
        argv = ("python3", "-IS", "-c", code, records, str(RECORDS), own)
        err = bytearray()
        try:
            if lab.stream(node, argv, take, err.extend, timeout=ARRIVAL_DEADLINE):
                self._errors.append(bytes(err).decode(errors="replace"))
        except LabError as error:
            self._errors.append(str(error))
        self.records[each] = [int(word) for word in bytes(text).split()[len(_BEFORE_RECORDS) :]]


def switchover(stage: Stage, side: str, filesystems: int, source: str) -> Away:
    """Move what is served off a node; it must be in service there. Afterwards it is on the other one."""
    target = other(source)
    before = _write_some(stage, source, filesystems)
    arrivals = Arrivals(stage.lab, number(target), filesystems)
    meter = processor.Meter(stage.lab)
    begun = time.monotonic()
    stage.guest(number(source)).run("crm_resource", "--move", "--resource", moved(side), "--node", target)
    away, work = arrivals.last_first_write() - begun, meter.seconds()
    stage.lab.wait_for_cluster(lambda it: in_service(it, side, filesystems) == target)
    starts, stops = (_agents_took(stage, number(target), node, side, filesystems) for node in (target, source))
    stage.guest(1).run("crm_resource", "--clear", "--resource", moved(side))
    for each, written in before.items():
        check_records(stage.lab, number(target), f"{mount_point(each)}/records", written + arrivals.records[each])
    return Away(away, starts["start"], stops["stop"], work)


def failover(stage: Stage, side: str, filesystems: int) -> tuple[Away, float]:
    """Kill node 1, which serves; return the interruption, and how much of it came after the fencing."""
    source, target = NODES
    before = _write_some(stage, source, filesystems)
    arrivals = Arrivals(stage.lab, number(target), filesystems)
    meter = processor.Meter(stage.lab)
    begun = time.monotonic()
    stage.lab.kill(number(source))
    fenced = _fenced(stage, number(target))
    arrived = arrivals.last_first_write()
    work = meter.seconds()
    stage.lab.wait_for_cluster(lambda it: in_service(it, side, filesystems) == target, node=number(target))
    starts = _agents_took(stage, number(target), target, side, filesystems)["start"]
    for each, written in before.items():
        check_records(stage.lab, number(target), f"{mount_point(each)}/records", written + arrivals.records[each])
    return Away(arrived - begun, starts, 0.0, work), arrived - fenced


def _write_some(stage: Stage, node: str, filesystems: int) -> dict[int, list[int]]:
    here = Arrivals(stage.lab, number(node), filesystems)
    here.last_first_write()
    return here.records


def _fenced(stage: Stage, node: int) -> float:
    """Wait until the other node is fenced; return when that was seen."""
    stage.lab.wait_for_cluster(lambda it: bool(it.fenced), node=node)
    return time.monotonic()


def _agents_took(stage: Stage, asked: int, node: str, side: str, filesystems: int) -> dict[str, float]:
    """By action the seconds that the agents of a side took for their last one on a node, added up."""
    top = ET.fromstring(stage.guest(asked).run(*HISTORY).stdout)  # noqa: S314 - our own guest wrote it
    sums = {"start": 0.0, "stop": 0.0}
    for history in top.iterfind(f"node_history/node[@name='{node}']/resource_history"):
        if history.get("id") in agents(side, filesystems):
            for event in history.iterfind("operation_history"):
                task = event.get("task", "")
                if task in sums:
                    sums[task] += float(event.get("exec-time", "0ms")[:-2]) / 1000
    return sums
