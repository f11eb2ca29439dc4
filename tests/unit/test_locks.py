"""Locks between processes, and what a killed run leaves behind them."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.host import Host
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.service import AlreadyBusy, OrphanAtWork
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.resources import filesys
from lvmkit.resources import locks as resource_locks
from lvmkit.storage import locks, probe
from lvmkit.storage.run import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

LIB = Path(__file__).parents[2] / "lib"
PATIENCE = 9


def refuse(*_arguments: object, **_named: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def refused_lock(path: str, patience: float, lock: Callable[..., object] = locks.locked) -> object:
    """The message with which the lock is not given."""
    with pytest.raises(Failure) as failure, lock(path, what="x", patience=patience):  # type: ignore[attr-defined]
        pytest.fail("locked")
    return failure.value.messages[0]


def killed_run(path: str, work: str) -> None:
    """A run of the kit that works below the shared lock, and is killed as soon as it says that it does."""
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lvmkit.storage import locks, probe\n"
        "from lvmkit.storage.run import run\n"
        "out = os.dup(1)\n"
        "with locks.shared_with_programs(sys.argv[2], what='x', patience=0):\n"
        f"    {work}\n"
    )
    argv = [sys.executable, "-I", "-S", "-c", program, str(LIB), path]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    process.kill()
    process.wait()


def is_alive(pid: str) -> bool:
    """Whether a process still runs; one that nobody has collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_dies_with_the_run_that_started_it(tmp_path: Path) -> None:
    path, mark = str(tmp_path / "lock"), tmp_path / "mark"
    script = f"echo $$ > {mark}; exec sleep 60"
    killed_run(path, f"run(('/bin/sh', '-c', 'echo x; {script}'), deadline=60, hear=lambda _: os.write(out, b'x'))")
    end = time.monotonic() + PATIENCE
    while is_alive(mark.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_alive(mark.read_text().strip())


def test_what_a_killed_run_left_at_work_keeps_the_lock_until_it_has_been_ended(tmp_path: Path) -> None:
    path, mark = str(tmp_path / "lock"), tmp_path / "mark"
    note = f"open('{mark}', 'w').write(str(os.getpid()))"
    work = f"{note}, os.write(out, b'x'), __import__('time').sleep(60)"
    killed_run(path, f"probe.bounded(lambda: ({work}) and b'', deadline=60, acts=True)")
    with locks.shared_with_programs(path, what="x", patience=PATIENCE):
        assert not is_alive(mark.read_text())


def test_what_does_not_end_is_named_and_the_lock_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "lock")
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *_: None)  # as in uninterruptible sleep
    killed_run(
        path, "probe.bounded(lambda: (os.write(out, b'x'), __import__('time').sleep(60)), deadline=60, acts=True)"
    )
    orphans = locks.orphans_with(path)
    try:
        assert len(orphans) == 1
        assert refused_lock(path, 0.1, locks.shared_with_programs) == OrphanAtWork("x", orphans, 0)
    finally:
        os.kill(orphans[0], signal.SIGKILL)


def test_a_program_that_was_left_behind_keeps_the_lock_though_its_run_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locks.shared_with_programs(path, what="x", patience=0):
        given = locks.for_programs()
        assert given is not None
        child = subprocess.Popen(["/bin/sleep", "60"], stdin=given)
    try:
        assert refused_lock(path, 0) == AlreadyBusy("x", 0, 0)
    finally:
        child.kill()
        child.wait()
    with locks.locked(path, what="x", patience=0):
        pass


def test_only_a_program_below_a_shared_lock_gets_it_and_gets_nothing_else(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    show = ("/bin/sh", "-c", "readlink /proc/$$/fd/0; ls /proc/$$/fd")
    with locks.locked(path, what="x", patience=0):
        assert run(show, deadline=PATIENCE).stdout.split()[0] == "/dev/null"
    with locks.shared_with_programs(path, what="x", patience=0):
        told = run(show, deadline=PATIENCE).stdout.split()
        assert (told[0], told[-3:]) == (path, ["0", "1", "2"])
        assert run(("/bin/cat",), deadline=PATIENCE, stdin=b"input").stdout == "input"


def test_a_child_that_only_looks_has_no_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with locks.shared_with_programs(path, what="x", patience=0), locks.locked(f"{path}2", what="x", patience=0):
        looking = probe.bounded(_open_locks, deadline=PATIENCE)
        acting = probe.bounded(_open_locks, deadline=PATIENCE, acts=True)
    assert (looking.result, acting.result) == (b"", path.encode())


def test_who_waits_for_the_lock_is_not_taken_for_an_orphan(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    waiter = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        with locks.shared_with_programs(path, what="x", patience=0):
            assert locks.orphans_with(path) == ()
    finally:
        os.close(waiter)


def _open_locks() -> bytes:
    links = []
    for name in os.listdir("/proc/self/fd"):
        if os.path.lexists(f"/proc/self/fd/{name}"):
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    return " ".join(link for link in links if "lock" in link).encode()


def test_a_lock_is_held_by_one_at_a_time_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    with locks.locked(str(path), what="vg1", patience=0):
        assert path.read_text() == str(os.getpid())
        assert refused_lock(str(path), patience=0) == AlreadyBusy("x", os.getpid(), 0)
        assert path.read_text() == str(os.getpid())
    with locks.locked(str(path), what="vg1", patience=0):
        pass
    assert path.exists()
    assert path.read_text() == ""


def test_the_wait_for_a_lock_backs_off_and_ends_with_the_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    path = str(tmp_path / "lock")
    with locks.locked(path, what="x", patience=0):
        failure = refused_lock(path, patience=3)
    assert failure == AlreadyBusy("x", os.getpid(), 3)
    assert sum(pauses) == pytest.approx(3)
    assert pauses[:3] == pytest.approx([0.01, 0.02, 0.04])
    assert max(pauses) == 0.05


def test_all_processes_are_looked_through_only_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looks = [0.0], []

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def look(_path: str) -> tuple[int, ...]:
        looks.append(round(clock[0], 1))
        return ()

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(locks, "orphans_with", look)
    path = str(tmp_path / "lock")
    holder = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(Failure):
        locks.shared_with_programs(path, what="x", patience=2).__enter__()
    os.close(holder)
    assert looks == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_a_lock_is_had_as_soon_as_its_holder_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    monkeypatch.setattr(time, "sleep", lambda _seconds: os.close(holder))
    with locks.locked(str(tmp_path / "lock"), what="x", patience=9):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    child = os.fork()
    if child == 0:
        locks.locked(path, what="x", patience=0).__enter__()
        os._exit(9)
    os.waitpid(child, 0)
    with locks.locked(path, what="x", patience=0):
        pass


def test_a_full_disk_does_not_refuse_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", refuse)
    with locks.locked(str(tmp_path / "lock"), what="x", patience=0):
        failure = refused_lock(str(tmp_path / "lock"), patience=0)
    assert failure == AlreadyBusy("x", 0, 0)


def test_a_lock_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for path in (tmp_path, tmp_path / "link"):
        assert isinstance(refused_lock(str(path), patience=0), StateNotStored)


# ---- a stop, where the lock cannot be made


def cannot_be_made(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """No file can be made any more, as on a full (ENOSPC) or read-only (EROFS) file system."""
    opened = os.open

    def open_(path: str, flags: int, mode: int = 0o777) -> int:
        is_written = flags & os.O_RDWR and number == errno.EROFS
        if is_written or (flags & os.O_CREAT and not os.path.lexists(path)):
            raise OSError(number, os.strerror(number))
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", open_)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_where_no_lock_can_be_made_nobody_holds_it_and_a_stop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = str(tmp_path / "lock")
    cannot_be_made(monkeypatch, number)
    with locks.shared_if_possible(path, what="x", patience=0):
        assert locks.for_programs() is None
    assert isinstance(refused_lock(path, 0, locks.shared_with_programs), StateNotStored)


def test_so_does_one_whose_folder_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "mkdir", refuse)
    with locks.shared_if_possible(str(tmp_path / "none" / "lock"), what="x", patience=0):
        assert locks.for_programs() is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_lock_that_is_there_is_waited_for_even_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = str(tmp_path / "lock")
    holder = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(holder, fcntl.LOCK_EX)
    cannot_be_made(monkeypatch, number)
    assert isinstance(refused_lock(path, 0, locks.shared_if_possible), AlreadyBusy)
    os.close(holder)
    with locks.shared_if_possible(path, what="x", patience=0):
        assert locks.for_programs() is not None


def test_a_lock_that_nobody_can_look_at_is_not_taken_for_free(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for path in (tmp_path, tmp_path / "link", tmp_path / ("x" * 300)):
        assert isinstance(refused_lock(str(path), 0, locks.shared_if_possible), StateNotStored)


# ---- mount points

DEVICE = "/dev/mapper/vg1-data"
SLOW_MOUNT = """#!/bin/sh
exec 3<&0
echo >&2
(sleep 1; touch {mark}) <&3 &
touch {begun}
wait
"""
"""a mount(8) with a helper, which does the work and does not die with whoever called"""
AGENT = """import sys
sys.path.insert(0, sys.argv[1])
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources import filesys, fs_volume, mounting
from lvmkit.host import Host
mounting.MOUNT = sys.argv[2]
fs_volume.number, fs_volume.path_to = (lambda *_: "253:0"), (lambda *_: "/dev/mapper/vg1-data")
facts = FilesystemFacts("/data", sys.argv[3], "/dev/mapper/vg1-data", "ext4", "rw")
filesys.restore(facts, Host(Paths(run=sys.argv[4]), Settings(), print))
"""


def test_a_mount_whose_agent_was_killed_does_nothing_after_the_stop_said_not_mounted(
    tmp_path: Path, disk_path: Path
) -> None:
    mark, begun, mount = tmp_path / "mark", tmp_path / "begun", disk_path / "mount"
    mount.write_text(SLOW_MOUNT.format(mark=mark, begun=begun))
    mount.chmod(0o755)
    point, run_folder = str(tmp_path / "point"), str(tmp_path / "run")
    agent = subprocess.Popen([sys.executable, "-I", "-S", "-c", AGENT, str(LIB), str(mount), point, run_folder])
    end = time.monotonic() + PATIENCE
    while not begun.exists() and time.monotonic() < end:
        time.sleep(0.01)
    agent.kill()
    agent.wait()
    facts = FilesystemFacts("/data", point, DEVICE, "ext4", "rw")
    assert filesys.remove(facts, Host(Paths(run=run_folder), Settings(), print)) == "not mounted"
    time.sleep(1.5)
    assert begun.exists()
    assert not mark.exists()


def test_two_actions_at_one_mount_point_wait_for_each_other(tmp_path: Path) -> None:
    host = Host(Paths(run=str(tmp_path / "run")), replace(Settings(), lock_patience=0.1), print)
    facts = FilesystemFacts("/data", "/srv/data", DEVICE, "ext4", "rw")
    with resource_locks.mounting("/srv/data", host):
        for work in (filesys.restore, filesys.remove):
            with pytest.raises(Failure) as failure:
                work(facts, host)
            assert failure.value.messages == (AlreadyBusy("mount point /srv/data", os.getpid(), 0),)
        with resource_locks.mounting("/srv", host), resource_locks.mounting("/" + "x" * 4000, host):
            pass


def test_a_stop_needs_no_folder_for_its_lock_and_a_start_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(Paths(run=str(tmp_path / "run")), Settings(), print)
    monkeypatch.setattr(os, "mkdir", refuse)
    for lock in (resource_locks.stopping("uuid", "vg1", host), resource_locks.unmounting("/srv", host)):
        with lock:
            assert locks.for_programs() is None
    with pytest.raises(Failure), resource_locks.starting("uuid", "vg1", host):
        pytest.fail("locked")
    with pytest.raises(Failure), resource_locks.mounting("/srv", host):
        pytest.fail("locked")


@pytest.mark.parametrize("lock", [resource_locks.starting, resource_locks.stopping])
def test_the_first_lock_after_a_boot_makes_the_folder_which_everybody_may_read(
    tmp_path: Path, lock: Callable[..., AbstractContextManager[None]]
) -> None:
    host = Host(Paths(run=str(tmp_path / "run")), Settings(lock_patience=0), print)
    with lock("uuid", "vg1", host):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o755
        with pytest.raises(Failure) as failure, resource_locks.starting("uuid", "vg1", host):
            pytest.fail("locked twice")
    assert failure.value.messages == (AlreadyBusy("volume group vg1", os.getpid(), 0),)
