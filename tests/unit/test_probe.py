"""Bounded reads: real files, a real hang (nobody writes to the FIFO), real children."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model.messages.faults import PvHung, PvReadFailed
from lvmkit.model.record import ExpectedPv
from lvmkit.storage import probe
from tests.unit.conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mock import MockerFixture


@pytest.fixture
def hanging(tmp_path: Path) -> str:
    os.mkfifo(tmp_path / "fifo")
    return str(tmp_path / "fifo")


@pytest.fixture
def disk(disk_path: Path) -> str:
    path = disk_path / "disk"
    path.write_bytes(b"\0" * 8192)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        pytest.skip("the file system of the temporary directory has no O_DIRECT")
    return str(path)


def no_children_left() -> bool:
    """A killed child may need a moment on a busy machine; it must go by being collected, not by being forgotten."""
    end = time.monotonic() + PATIENCE
    while probe._abandoned and time.monotonic() < end:
        probe._collect_abandoned()
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and not probe._abandoned
    except ChildProcessError:
        return True


def test_each_device_has_its_own_outcome_in_order(
    disk: str, hanging: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = probe._listen

    def until_one_is_left(silent: set[probe._Worker], end: float) -> None:
        while len(silent) > 1 and time.monotonic() < end:
            listen(silent, time.monotonic() + 0.01)

    monkeypatch.setattr(probe, "_listen", until_one_is_left)
    results = probe.probe([disk, hanging, str(tmp_path / "none"), str(tmp_path)], deadline=PATIENCE)
    assert [result.outcome for result in results] == [probe.OK, probe.HUNG, probe.ERROR, probe.ERROR]
    assert [result.device for result in results][:2] == [disk, hanging]
    assert 0 <= results[0].seconds < PATIENCE
    assert results[2].why == os.strerror(errno.ENOENT)
    assert no_children_left()


def test_an_empty_disk_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (result,) = probe.probe([str(tmp_path / "empty")], deadline=PATIENCE)
    assert result.outcome == probe.ERROR


def test_the_deadline_is_kept_for_all_together(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listen, asked = probe._listen, []

    def counted(silent: set[probe._Worker], end: float) -> None:
        asked.append(len(silent))
        listen(silent, end)

    monkeypatch.setattr(probe, "_listen", counted)
    began = time.monotonic()
    results = probe.probe([hanging] * 12, deadline=0.05)
    assert time.monotonic() - began >= 0.05
    assert asked == [12], "one after the other they would take longer"
    assert {result.outcome for result in results} == {probe.HUNG}
    assert no_children_left()


def test_nothing_to_read_is_done_at_once() -> None:
    assert probe.probe([], deadline=0.1) == ()


def test_faults_name_the_physical_volume() -> None:
    volumes = [ExpectedPv(f"u{n}", f"/dev/sd{n}", "8:0", "") for n in range(3)]

    def read(devices: list[str]) -> tuple[probe.ProbeResult, ...]:
        assert devices == ["/dev/sd0", "/dev/sd1", "/dev/sd2"]
        outcomes = ((probe.OK, ""), (probe.HUNG, ""), (probe.ERROR, "Input/output error"))
        return tuple(probe.ProbeResult(device, outcome, 2.0, why) for device, (outcome, why) in zip(devices, outcomes))

    assert probe.pv_read_faults(volumes, read) == [
        PvHung("/dev/sd1", "u1", 2.0),
        PvReadFailed("/dev/sd2", "u2", "Input/output error"),
    ]


def test_bounded_work_gives_back_what_it_made() -> None:
    assert probe.bounded(lambda: b"x" * 200_000, deadline=PATIENCE).result == b"x" * 200_000


def test_works_are_done_in_turn_until_one_hangs_or_fails() -> None:
    def hang() -> None:
        time.sleep(60)

    def fail() -> None:
        raise OSError(errno.EIO, "")

    def done(*works: Callable[[], object], end: float = float("inf")) -> int:
        return probe.in_turn(works, patience=1.5, end=end)

    assert done(list, list, list) == 3
    assert done(list, hang, list) == 1
    assert done(list, fail, list) == 1
    assert done() == 0
    assert done(hang, list, end=time.monotonic()) == 0


def test_bounded_work_gives_back_its_error() -> None:
    def work() -> bytes:
        raise OSError(errno.EBUSY, "")

    assert probe.bounded(work, deadline=PATIENCE) == probe.Ending(error=errno.EBUSY)


def test_work_that_is_killed_by_others_is_not_well() -> None:
    def work() -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    ending = probe.bounded(work, deadline=PATIENCE)
    assert ending.error
    assert not ending.hung


def test_an_interrupted_wait_leaves_no_reader_behind(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_anything: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(probe, "_listen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        probe.probe([hanging], deadline=60)
    assert no_children_left()


def test_a_child_that_nothing_ends_does_not_keep_our_output_open(hanging: str) -> None:
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        try:
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            for handle in (reader, writer):
                os.close(handle)
            os.kill = lambda pid, number: None
            probe.probe([hanging], deadline=0.05)
            os.write(1, " ".join(map(str, probe._abandoned)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(parent, 0)
    left = int(os.read(reader, 100))
    is_open = not select.select([reader], [], [], 0.2)[0]
    os.kill(left, signal.SIGKILL)
    os.close(reader)
    assert not is_open


def test_a_child_that_nothing_ends_is_abandoned_and_collected_later(
    hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = os.kill
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    assert probe.probe([hanging], deadline=0.01)[0].outcome == probe.HUNG
    (pid,) = probe._abandoned
    kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    probe.probe([], deadline=0)
    assert no_children_left()


def test_those_that_hang_do_not_keep_the_next_ones_from_being_asked(hanging: str, disk: str) -> None:
    devices = [hanging] * (probe.AT_ONCE + 6) + [disk]
    begun = time.monotonic()
    results = probe.probe(devices, deadline=1.0)
    assert [result.outcome for result in results] == [probe.HUNG] * (probe.AT_ONCE + 6) + [probe.OK]
    assert time.monotonic() - begun < 1.0 + 0.25 + PATIENCE


def test_no_more_than_some_begin_at_once(mocker: MockerFixture) -> None:
    most, living = [0], [0]

    class Worker(probe._Worker):
        def __init__(self, *how: Any, **more: Any) -> None:
            super().__init__(*how, **more)
            living[0] += 1
            most[0] = max(most[0], living[0])

        def hear(self) -> bool:
            ended = super().hear()
            living[0] -= ended
            return ended

    mocker.patch.object(probe, "_Worker", Worker)
    mocker.patch.object(probe, "_HEAD_START", 10.0)
    count = probe.AT_ONCE + 16
    endings = probe.all_bounded([lambda: b"x"] * count, 10.0)
    assert [ending.result for ending in endings] == [b"x"] * count
    assert most[0] == probe.AT_ONCE
