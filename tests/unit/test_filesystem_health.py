"""A file system that the kernel has given up is seen by everybody who asks, and one that it will not end is let go."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cli.launch import launch
from lvmkit.cli.program import program
from lvmkit.cli.session import Session
from lvmkit.model import names
from lvmkit.model.value import replace
from lvmkit.storage import holders, mountinfo, superblock
from lvmkit.storage.holders import Holder
from lvmkit.storage.run import ABANDONED
from tests.unit.machine import Answer
from tests.unit.machine.filesystems import BOOT
from tests.unit.one_server import Bare

if TYPE_CHECKING:
    from collections.abc import Callable
    from unittest.mock import Mock

    from pytest_mock import MockerFixture

POINT, DEVICE = "/srv/data", "/dev/vg1/data"
OK, FAILED, STOPPED = 0, 1, 7
GIVEN_UP, ERRORS, KEPT, THAWED, HUNG, FROZEN = 110315, 110316, 110317, 110318, 110319, 110353
CALLER, UNWRITTEN, WAITS, COVERED, NOT_UNMOUNTED = 110350, 110351, 110463, 110311, 110030
BUSY, SIGNALLED, FILESYSTEM_BUSY, UNMOUNTED_BELOW = 110021, 110025, 110024, 110035
ONE_ROUND = [(7, signal.SIGTERM), *[(7, signal.SIGKILL)] * 3]


class Server(Bare):
    """A machine with a volume that is up, and a resource for its file system and one for the volume."""

    def __init__(self, folder: Path, kind: str = "ext4") -> None:
        super().__init__(folder, volumes="data")
        for content in self.disk.contents.values():
            content.kind = kind
        self.kind = kind
        self.activate()

    def filesystem(self, action: str, **more: str) -> Answer:
        given = {"device": DEVICE, "directory": POINT, "fstype": self.kind, "options": "rw", **more}
        return self.machine.agent("filesys", action, **given)

    def volume(self, action: str) -> Answer:
        return self.machine.agent("lvmlv", action, vg="vg1", lv="data")

    def deep(self) -> Answer:
        return self.filesystem("monitor", OCF_CHECK_LEVEL="10")

    def create(self) -> Answer:
        return self.machine.admin("filesys/create", "-t", POINT, "-s", "INTELLIGENT", "-p", POINT)

    def protect(self) -> None:
        """By the embedded engine."""
        assert self.create().code == OK

    def lvmkit(self, *words: str) -> Answer:
        session = Session(self.machine.paths)
        return self.machine.call(lambda: launch(program, words, session))

    def serve(self) -> None:
        assert self.filesystem("start").code == OK
        assert (self.filesystem("monitor").code, self.deep().code) == (OK, OK)

    def fails(self, **how: object) -> None:
        self.machine.fail_filesystem(POINT, **how)

    def note(self) -> Path:
        (path,) = Path(self.machine.paths.run).glob("errors-*")
        return path

    @property
    def working(self) -> bool:
        """Whether the kernel has the file system at work."""
        return self.machine.is_mounted(self.machine.number_at(DEVICE))


def told(answer: Answer) -> list[int]:
    """The numbers of what was said, without the word that the action has ended."""
    return [number for number in answer.said if number != 110011]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    server = Server(tmp_path)
    server.serve()
    return server


@pytest.fixture
def xfs(tmp_path: Path) -> Server:
    server = Server(tmp_path, "xfs")
    server.serve()
    return server


# ---- what the kernel shows


@pytest.mark.parametrize("word", ["shutdown", "emergency_ro", "abort"])
def test_a_word_of_the_kernel_in_the_options_is_a_fault_for_a_monitor(server: Server, word: str) -> None:
    server.fails(words=("errors=remount-ro", word))
    answer = server.filesystem("monitor")
    assert (answer.code, answer.reason) == (FAILED, GIVEN_UP)


def test_an_error_more_than_at_the_start_is_a_fault_where_ext4_stops_writing_at_errors(server: Server) -> None:
    server.fails(errors=1, stops_at_errors=True)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.reason, server.deep().code) == (FAILED, GIVEN_UP, FAILED)


def test_errors_from_before_the_start_are_none(server: Server) -> None:
    server.fails(errors=3, stops_at_errors=True)
    server.filesystem("stop")
    server.serve()
    server.fails(stops_at_errors=True)
    assert (server.filesystem("monitor").code, ERRORS in server.machine.logged) == (OK, False)


def test_a_file_system_that_goes_on_after_errors_is_warned_of(server: Server) -> None:
    server.fails(errors=2)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged, server.deep().code) == (OK, [ERRORS], OK)


def test_an_aborted_journal_is_a_fault_whatever_is_to_be_done_at_errors(server: Server) -> None:
    server.fails(errors=1, function="ext4_journal_check_start")
    assert server.filesystem("monitor").reason == GIVEN_UP


def test_without_a_note_of_the_start_an_error_of_this_mount_is_a_fault_where_ext4_stops_writing(server: Server) -> None:
    server.note().unlink()
    server.fails(errors=1, stops_at_errors=True)
    assert (server.filesystem("monitor").reason, server.deep().reason) == (GIVEN_UP, GIVEN_UP)
    server.fails(stops_at_errors=False)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, [ERRORS])


@pytest.mark.parametrize(("later", "code"), [(-1, OK), (0, FAILED)])
def test_without_a_note_of_the_start_an_error_from_before_this_mount_is_none(
    server: Server, later: int, code: int
) -> None:
    server.note().unlink()
    mounted_at = server.machine.filesystems[server.machine.number_at(DEVICE)].mounted_at
    server.fails(errors=3, stops_at_errors=True, failed_at=mounted_at + later)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (code, [] if code == OK else answer.logged)


@pytest.mark.parametrize(("failed_at", "logged"), [(BOOT + 1, [ERRORS]), (BOOT - 1, [])])
def test_without_a_note_of_the_start_and_without_a_journal_errors_of_this_boot_are_a_warning(
    server: Server, failed_at: int, logged: list[int]
) -> None:
    server.note().unlink()
    server.fails(errors=1, stops_at_errors=True, failed_at=failed_at, journal=0)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, logged)


def test_the_note_of_another_mount_does_not_count(server: Server) -> None:
    server.fails(errors=2)
    server.machine.unmount(POINT)
    server.machine.mount_at(POINT, "vg1/data")
    server.fails(stops_at_errors=True, failed_at=BOOT - 1)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, [])


def test_an_xfs_that_is_shut_down_is_a_fault_for_a_monitor(xfs: Server) -> None:
    xfs.fails(shut_down=True)
    assert (xfs.filesystem("monitor").reason, xfs.deep().reason) == (GIVEN_UP, GIVEN_UP)


def test_an_xfs_below_something_that_may_hang_is_not_asked_by_a_monitor(tmp_path: Path) -> None:
    xfs = Server(tmp_path, "xfs")
    xfs.machine.add_mount("/srv", "0:50", "nfs4", "far:/srv")
    xfs.serve()
    xfs.fails(shut_down=True)
    assert xfs.filesystem("monitor").code == OK
    assert xfs.deep().reason == GIVEN_UP


def test_an_f2fs_that_is_shut_down_is_a_fault_for_a_monitor(tmp_path: Path) -> None:
    server = Server(tmp_path, "f2fs")
    server.serve()
    server.fails(status=0x40)
    assert server.filesystem("monitor").reason == GIVEN_UP


def test_errors_of_a_btrfs_since_its_start_are_warned_of(tmp_path: Path) -> None:
    server = Server(tmp_path, "btrfs")
    server.serve()
    server.fails(errors=4)
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, [ERRORS])


def test_a_monitor_starts_nothing_and_forks_nothing(server: Server) -> None:
    server.fails(errors=1)
    server.machine.ran.clear()
    server.machine.forked = 0
    server.filesystem("monitor")
    assert (server.machine.ran, server.machine.forked) == ([], 0)
    server.deep()
    assert (server.machine.ran, server.machine.forked) == ([], 2)
    server.fails(words=("shutdown",))
    assert (server.deep().reason, server.machine.forked) == (GIVEN_UP, 2)


def test_a_file_system_that_does_not_answer_is_a_fault_for_the_deep_monitor_in_time(server: Server) -> None:
    server.fails(hangs=True)
    before = server.machine.slept
    answer = server.deep()
    assert (answer.code, answer.reason) == (FAILED, HUNG)
    assert server.machine.slept - before < 20
    answer = server.filesystem("monitor", OCF_CHECK_LEVEL="10", OCF_RESKEY_CRM_meta_timeout="33333")
    assert "did not answer for 26.7 s." in answer.err
    assert server.filesystem("monitor").code == OK


# ---- frozen


@pytest.fixture(params=["ext4", "xfs"])
def freezable(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    server = Server(tmp_path, request.param)
    server.serve()
    return server


def test_a_freeze_that_lasts_is_a_fault_for_the_deep_monitor_and_for_a_person(freezable: Server) -> None:
    freezable.protect()
    freezable.fails(frozen=True)
    answer = freezable.deep()
    assert (answer.code, answer.reason, freezable.filesystem("monitor").code) == (FAILED, FROZEN, OK)
    checked = freezable.lvmkit("check", "--deep")
    assert (checked.code, str(FROZEN) in " ".join(checked.out)) == (1, True)
    assert told(freezable.filesystem("stop")) == [THAWED]


def test_a_freeze_that_is_over_soon_is_none(server: Server) -> None:
    server.fails(frozen=True)
    sleep, machine = server.machine.sleep, server.machine

    def thaw_after_a_while(seconds: float) -> None:
        sleep(seconds)
        if machine.slept > 10:
            machine.filesystems[machine.number_at(DEVICE)].frozen = False

    machine.sleep = thaw_after_a_while  # type: ignore[method-assign]
    assert (server.deep().code, machine.slept > 10) == (OK, True)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_what_is_not_to_be_written_to_is_not_asked_whether_it_is_frozen(tmp_path: Path, kind: str) -> None:
    server = Server(tmp_path, kind)
    assert server.filesystem("start", options="ro").code == OK
    server.fails(frozen=True)
    answer = server.filesystem("monitor", options="ro", OCF_CHECK_LEVEL="10")
    assert (answer.code, server.machine.slept < 1) == (OK, True)


@pytest.mark.parametrize(("options", "code"), [("rw", 1), ("ro", OK)])
def test_one_that_is_to_be_written_to_is_asked_whether_it_would_begin_to(
    tmp_path: Path, options: str, code: int
) -> None:
    server = Server(tmp_path)
    assert server.filesystem("start", options=options).code == OK
    server.fails(aborted=True)
    assert server.filesystem("monitor", options=options, OCF_CHECK_LEVEL="10").code == code


def test_a_command_says_what_the_file_system_noticed_when_it_was_asked(server: Server) -> None:
    server.protect()
    server.fails(aborted=True)
    assert server.lvmkit("check", POINT).code == OK
    answer = server.lvmkit("check", "--deep", POINT)
    assert (answer.code, str(GIVEN_UP) in "".join(answer.out)) == (1, True)


def test_a_start_of_what_is_mounted_and_hangs_is_no_success(server: Server) -> None:
    server.fails(hangs=True)
    answer = server.filesystem("start")
    assert (answer.code, answer.reason) == (FAILED, HUNG)


def test_a_disk_that_hangs_below_an_ext4_is_not_taken_for_a_freeze(server: Server) -> None:
    server.machine.set_state(server.disk, "hangs")
    assert server.deep().code == OK


def test_an_ext4_without_a_journal_does_not_tell(server: Server) -> None:
    server.fails(frozen=True, journal=0)
    assert server.deep().code == OK


def test_one_process_waits_for_the_thaw_and_whoever_comes_later_waits_for_that_one(
    xfs: Server, mocker: MockerFixture
) -> None:
    xfs.fails(frozen=True)
    waits: Mock = mocker.patch.object(xfs.machine, "wait_for_thaw")
    number = xfs.machine.number_at(DEVICE).replace(":", "-")
    with Path(xfs.machine.paths.run, f"thaw-{number}").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert (xfs.deep().reason, waits.called) == (FROZEN, False)
    assert (xfs.deep().code, waits.called) == (OK, True)


def test_nobody_is_let_wait_where_the_kernel_ends_a_server_for_that(xfs: Server) -> None:
    xfs.fails(frozen=True)
    panics = Path(xfs.machine.real("/proc/sys/kernel/hung_task_panic"))
    panics.write_text("1\n")
    assert xfs.deep().code == OK
    panics.write_text("0\n")
    assert xfs.deep().reason == FROZEN


def test_a_deep_check_by_hand_waits_as_long_as_a_monitor_and_not_that_long_for_each(server: Server) -> None:
    server.protect()
    machine = server.machine
    assert server.lvmkit("check", "--deep").code == 0
    server.fails(hangs=True)
    machine.set_state(server.disk, "hangs")
    machine.slept = 0.0
    answer = server.lvmkit("check", "--deep")
    assert (answer.code, machine.slept) == (1, 48.0)
    shown = " ".join(answer.out)
    assert ("110046" in shown, str(HUNG) in shown) == (True, True)
    Path(machine.paths.defaults).write_text("LVMKIT_DEEP_DEADLINE=1\n")
    machine.slept = 0.0
    assert (server.lvmkit("check", "--deep").code, machine.slept) == (1, 1.0)


# ---- start


def test_an_aborted_journal_of_an_earlier_mount_does_not_count(server: Server) -> None:
    server.fails(errors=1, function="ext4_journal_check_start")
    server.filesystem("stop")
    server.serve()
    server.note().unlink()
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, [])


def test_a_start_of_what_is_given_up_is_no_success(server: Server) -> None:
    server.fails(words=("shutdown",))
    answer = server.filesystem("start")
    assert (answer.code, answer.reason) == (FAILED, GIVEN_UP)


def test_what_was_mounted_by_hand_is_asked_before_it_counts_as_started(server: Server) -> None:
    server.note().unlink()
    server.fails(errors=1, stops_at_errors=True)
    assert server.filesystem("start").reason == GIVEN_UP
    server.fails(stops_at_errors=False)
    assert server.filesystem("start").code == OK
    answer = server.filesystem("monitor")
    assert (answer.code, answer.logged) == (OK, [])


def test_a_start_whose_note_cannot_be_written_succeeds_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path)
    _fill(server, monkeypatch)
    answer = server.filesystem("start")
    assert (answer.code, told(answer).count(UNWRITTEN)) == (OK, 1)


# ---- stop


def test_a_stop_leaves_nothing_behind(server: Server) -> None:
    assert server.filesystem("stop").code == OK
    assert list(Path(server.machine.paths.run).glob("errors-*")) == []
    assert [argv[0] for argv in server.machine.ran if "mount" in argv[0]] == ["/usr/bin/mount", "/usr/bin/umount"]
    assert not server.working


def test_a_frozen_file_system_is_thawed_when_it_is_unmounted_and_its_patience_is_over(server: Server) -> None:
    server.fails(frozen=True)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer)) == (OK, [THAWED])
    assert (server.machine.mounts, server.working, server.volume("stop").code) == ([], False, OK)


def test_a_frozen_file_system_is_thawed_also_where_its_mount_point_is_a_link(tmp_path: Path) -> None:
    server = Server(tmp_path)
    os.makedirs(server.machine.real("/srv/moved"))
    os.symlink("moved", server.machine.real(POINT))
    server.serve()
    server.machine.fail_filesystem("/srv/moved", frozen=True)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer)) == (OK, [THAWED])
    assert (server.machine.mounts, server.working) == ([], False)


def test_users_that_wait_to_write_to_a_frozen_file_system_are_ended_by_the_thaw(server: Server) -> None:
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    server.fails(frozen=True)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer).count(THAWED), server.working) == (OK, 1, False)
    assert (7, signal.SIGKILL) in server.machine.killed


def test_who_waited_to_make_a_file_in_it_shows_a_moment_after_the_thaw_and_is_ended_as_well(server: Server) -> None:
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    server.fails(frozen=True)
    sleep, machine = server.machine.sleep, server.machine

    def show(seconds: float) -> None:
        sleep(seconds)
        if 8 not in machine.processes and not machine.filesystems[machine.number_at(DEVICE)].frozen:
            machine.start_process(8, "touch", POINT)

    machine.sleep = show  # type: ignore[method-assign]
    assert (server.filesystem("stop").code, server.working) == (OK, False)
    assert (8, signal.SIGTERM) in machine.killed


def test_a_thaw_that_hangs_is_no_reason_to_signal_its_users_again(server: Server) -> None:
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    server.fails(frozen=True)
    server.machine.slow["fsfreeze"] = 1e6
    assert server.filesystem("stop").reason == FILESYSTEM_BUSY
    assert server.machine.killed == ONE_ROUND


def test_an_unmount_that_fails_though_nobody_uses_it_says_why(server: Server) -> None:
    server.machine.programs["/usr/bin/umount"] = lambda *_: (32, "", "umount: it will not.\n")
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, "umount: it will not" in answer.err) == (FAILED, NOT_UNMOUNTED, True)
    assert server.machine.agent("lvmvg", "start", vg="vg1").code == OK
    server.machine.set_state(server.disk, "offline")
    answer = server.filesystem("stop")
    assert (answer.reason, "umount: it will not" in answer.err) == (WAITS, True)


def test_who_froze_it_has_the_time_of_a_busy_volume_to_end_that(tmp_path: Path) -> None:
    server = Server(tmp_path)
    Path(server.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=9\n")
    server.serve()
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    server.fails(frozen=True)
    server.machine.slept = 0.0
    answer = server.filesystem("stop", OCF_RESKEY_CRM_meta_timeout="90000")
    assert (answer.code, told(answer).count(THAWED), server.machine.slept >= 9) == (OK, 1, True)


def test_what_is_mounted_over_it_is_never_thawed(server: Server) -> None:
    server.machine.add_mount(POINT, "0:50", "tmpfs", "none")
    server.machine.start_process(7, "backup", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    server.machine.ran.clear()
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason) == (FAILED, COVERED)
    assert not any("fsfreeze" in argv[0] for argv in server.machine.ran)
    assert server.machine.killed == sorted(server.machine.killed, reverse=True), "from SIGTERM to SIGKILL, once"


def test_users_that_nothing_ends_are_named_where_nothing_is_frozen(server: Server) -> None:
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, THAWED in told(answer)) == (FAILED, FILESYSTEM_BUSY, False)


@pytest.mark.parametrize(
    ("hang", "named"),
    [
        (lambda server: setattr(server.machine.dm.by_name("vg1-data"), "suspended", True), "vg1/data is suspended"),
        (lambda server: server.machine.set_state(server.disk, "offline"), "(physical volume"),
    ],
)
def test_what_its_users_wait_for_is_named_with_them_where_they_cannot_be_ended(
    server: Server, hang: Callable[[Server], None], named: str
) -> None:
    assert server.machine.agent("lvmvg", "start", vg="vg1").code == OK
    server.machine.start_process(7, "postgres", POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    hang(server)
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason) == (FAILED, WAITS)
    assert named in answer.err
    assert f"{POINT} cannot be taken out of service: process 7 (postgres)" in answer.err
    del server.machine.processes[7]
    server.machine.unmount(POINT)
    server.machine.dm.by_name("vg1-data").opens = 1
    for busy in (server.volume("stop"), server.machine.agent("lvmvg", "stop", vg="vg1")):
        assert (busy.code, busy.reason, named in busy.err) == (FAILED, WAITS, True)
        assert "the kernel itself" in busy.err


def test_who_has_a_volume_open_on_a_disk_that_has_gone_is_named(server: Server) -> None:
    assert server.machine.agent("lvmvg", "start", vg="vg1").code == OK
    server.machine.start_process(7, "postgres", opens=(DEVICE,))
    server.machine.detach(server.disk)
    answer = server.volume("stop")
    assert (answer.code, answer.reason) == (FAILED, WAITS)
    assert f"vg1-data cannot be taken out of service: mount {POINT}, process 7 (postgres)" in answer.err


def test_a_backup_that_ends_in_time_is_left_alone(tmp_path: Path) -> None:
    server = Server(tmp_path)
    Path(server.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=5\n")
    server.serve()
    server.fails(frozen=True)
    sleep = server.machine.sleep

    def end_backup(seconds: float) -> None:
        sleep(seconds)
        number = server.machine.number_at(DEVICE)
        server.machine.filesystems[number].frozen = False
        server.machine.filesystems.end(number)

    server.machine.sleep = end_backup  # type: ignore[method-assign]
    answer = server.filesystem("stop")
    assert (answer.code, told(answer)) == (OK, [])
    assert not any("fsfreeze" in argv[0] for argv in server.machine.ran)


def test_a_stop_that_was_killed_before_it_could_thaw_is_finished_by_the_next(server: Server) -> None:
    server.fails(frozen=True)
    server.machine.unmount(POINT)
    busy = server.volume("stop")
    assert (busy.code, busy.reason) == (FAILED, KEPT)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer), server.volume("stop").code) == (OK, [THAWED], OK)


def test_a_frozen_file_system_that_is_mounted_elsewhere_is_thawed_when_it_is_unmounted_there(server: Server) -> None:
    os.makedirs(server.machine.real("/srv/other"))
    server.machine.mount_at("/srv/other", "vg1/data")
    server.fails(frozen=True)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer), server.working) == (OK, [UNMOUNTED_BELOW, THAWED], False)


def test_who_keeps_it_in_a_mount_namespace_of_its_own_is_ended_as_users_are(server: Server) -> None:
    server.machine.start_process(7, "sleep", stubborn=(signal.SIGTERM,))
    server.machine.unshare(7)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer)) == (OK, [SIGNALLED, SIGNALLED])
    assert server.machine.killed == [(7, signal.SIGTERM), (7, signal.SIGKILL)]
    assert (server.working, server.volume("stop").code) == (False, OK)


def test_a_mount_namespace_that_follows_is_left_alone(server: Server) -> None:
    server.machine.start_process(7, "resolved")
    server.machine.unshare(7, follows=True)
    assert (told(server.filesystem("stop")), server.machine.killed, server.working) == ([], [], False)


def test_a_service_in_a_sandbox_that_uses_it_is_a_user_like_all_others(server: Server) -> None:
    server.machine.start_process(7, "mariadbd", opens=(f"{POINT}/ibdata1",))
    server.machine.unshare(7, follows=True)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer), server.machine.killed) == (OK, [SIGNALLED], [(7, signal.SIGTERM)])


def test_nothing_is_ended_where_the_server_itself_is_the_other_namespace(server: Server) -> None:
    server.machine.start_process(1, "systemd")
    server.machine.unshare(1)
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, server.machine.killed) == (FAILED, FILESYSTEM_BUSY, [])
    assert "process 1, systemd" in answer.err


def test_nor_is_any_other_process_of_that_namespace(server: Server) -> None:
    server.machine.start_process(1, "systemd")
    server.machine.unshare(1)
    server.machine.start_process(8, "cron")
    link = server.machine.real("/proc/8/ns/mnt")
    os.unlink(link)
    os.symlink(server.machine.processes[1].namespace, link)
    assert (server.filesystem("stop").reason, server.machine.killed) == (FILESYSTEM_BUSY, [])


def test_process_1_is_never_signalled_whatever_it_uses(server: Server) -> None:
    server.machine.start_process(1, "systemd", POINT)
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, server.machine.killed) == (FAILED, FILESYSTEM_BUSY, [])


def test_who_has_a_file_open_of_what_was_unmounted_lazily_is_ended(server: Server, mocker: MockerFixture) -> None:
    """Whose files these are only stat(2) tells, so the answer to that is given here; the lab asks a real kernel."""
    server.machine.start_process(7, "sleep")
    server.machine.start_process(9, "cron")
    user = Holder(holders.PROCESS, "sleep", 7, "open file of a file system that was unmounted")

    def users(_number: str) -> tuple[Holder, ...]:
        return (user,) if 7 in server.machine.processes else ()

    mocker.patch.object(holders, "of_unmounted", users)
    server.fails(frozen=True)
    server.machine.unmount(POINT)
    answer = server.filesystem("stop")
    assert (answer.code, told(answer), server.machine.killed) == (OK, [SIGNALLED, THAWED], [(7, signal.SIGTERM)])


def test_a_volume_in_another_mount_namespace_is_named_with_process_and_command(server: Server) -> None:
    server.machine.start_process(7, "sleep")
    server.machine.unshare(7)
    server.machine.unmount(POINT)
    answer = server.volume("stop")
    assert (answer.code, answer.reason) == (FAILED, BUSY)
    assert f"mount {POINT} (in the mount namespace of process 7, sleep)" in answer.err


# ---- who called the command is not in its own way


def test_a_shell_that_stands_in_the_mount_point_is_named_before_anybody_is_signalled(server: Server) -> None:
    shell = os.getppid()
    server.machine.start_process(shell, "bash", POINT)
    server.machine.start_process(7, "postgres", POINT)
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, server.machine.killed) == (FAILED, CALLER, [])
    assert f"process {shell} (bash): working directory" in answer.err
    assert "postgres" not in answer.err


def test_one_that_stands_in_a_mount_within_it_as_well(server: Server) -> None:
    server.machine.add_mount(f"{POINT}/sub", "0:50", "tmpfs", "tmpfs")
    server.machine.start_process(os.getppid(), "bash", f"{POINT}/sub")
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, server.machine.killed) == (FAILED, CALLER, [])
    assert len(server.machine.mounts) == 2


def test_one_that_keeps_what_is_mounted_nowhere_any_more_is_named_as_well(server: Server) -> None:
    shell = os.getppid()
    server.machine.start_process(shell, "bash")
    server.machine.unshare(shell)
    answer = server.filesystem("stop")
    assert (answer.code, answer.reason, server.machine.killed) == (FAILED, FILESYSTEM_BUSY, [])
    assert f"process {shell}, bash" in answer.err


@pytest.mark.parametrize(("flags", "is_spared"), [("00", True), ("01", False)])
def test_who_reads_the_output_is_spared_and_who_has_its_other_end_as_well_is_not(
    server: Server, flags: str, is_spared: bool
) -> None:
    reader, writer = os.pipe()
    kept = os.dup(1)
    try:
        os.dup2(writer, 1)
        pipe = os.readlink("/proc/self/fd/1")
        server.machine.start_process(7, "tee", POINT)
        folder = Path(server.machine.real("/proc/7"))
        os.symlink(pipe, folder / "fd/9")
        (folder / "fdinfo").mkdir()
        (folder / "fdinfo/9").write_text(f"pos:\t0\nflags:\t{flags}\nmnt_id:\t15\n")
        answer = server.filesystem("stop")
    finally:
        os.dup2(kept, 1)
        for handle in (reader, writer, kept):
            os.close(handle)
    assert ((answer.reason, server.machine.killed) == (CALLER, [])) == is_spared


def test_every_command_leaves_the_folder_that_it_was_called_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    server = Server(tmp_path)
    assert Session(server.machine.paths).guard("x", "", lambda: 0) == 0
    assert os.getcwd() == "/"


def test_a_command_that_is_called_from_within_says_so_before_anything_is_stopped(server: Server) -> None:
    server.protect()
    machine = server.machine
    machine.start_process(os.getppid(), "bash", f"{POINT}/sub")
    machine.ran.clear()
    for words in (("out-of-service", "vg1"), ("out-of-service", "vg1", "--dry-run"), ("out-of-service", POINT)):
        answer = server.lvmkit(*words)
        assert (answer.code != 0, answer.logged, machine.ran, machine.killed) == (True, [CALLER], [], [])
        assert "(bash): working directory" in answer.err
    machine.end_process(os.getppid())
    assert server.lvmkit("out-of-service", "vg1").code == 0
    assert machine.active() == []


# ---- create


@pytest.mark.parametrize(
    "how", [{"words": ("emergency_ro",)}, {"errors": 1, "stops_at_errors": True}, {"hangs": True}], ids=str
)
def test_what_the_kernel_has_given_up_is_not_protected(tmp_path: Path, how: dict[str, object]) -> None:
    server = Server(tmp_path)
    server.machine.mount_at(POINT, "vg1/data")
    server.fails(**how)
    answer = server.create()
    assert (answer.code, told(answer)[0]) == (1, HUNG if "hangs" in how else GIVEN_UP)
    server.fails(words=(), stops_at_errors=False, hangs=False)
    assert server.create().code == 0


def test_a_file_system_that_became_read_only_by_itself_is_not_protected(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.machine.mount_at(POINT, "vg1/data")
    server.machine.set_read_only(POINT)
    assert told(server.create())[0] == GIVEN_UP


def test_words_about_the_state_are_no_mount_options(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.machine.mount_at(POINT, "vg1/data")
    server.machine.mounts[0].options = "rw,emergency_ro,noatime,shutdown"
    assert server.create().code == 0
    shown = "".join(server.lvmkit("show", POINT, "--format", "json").out)
    assert ("rw,noatime" in shown, "emergency_ro" in shown) == (True, False)


# ---- what is asked of a real system


@pytest.mark.parametrize("is_written", [True, False])
def test_the_question_is_answered_by_a_folder_and_not_by_a_file(tmp_path: Path, is_written: bool) -> None:
    there = next(iter(mountinfo.mounts()))
    (tmp_path / "file").touch()
    assert superblock.question(replace(there, type="xfs", mount_point=str(tmp_path)), is_written)() == b""
    with pytest.raises(NotADirectoryError):
        superblock.question(replace(there, type="xfs", mount_point=str(tmp_path / "file")), is_written)()


def test_what_a_check_mounts_outlives_the_check() -> None:
    unit = Path(__file__).parents[2] / "share/systemd/lvmkit-check.service"
    assert "\nKillMode=process\n" in unit.read_text()


# ---- a full /run


def _fill(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written below /run any more; files can be made and removed."""
    write = os.write

    def refuse(handle: int, data: bytes) -> int:
        if os.readlink(f"/proc/{os.getpid()}/fd/{handle}").startswith(server.machine.paths.run):
            raise OSError(28, os.strerror(28))
        return write(handle, data)

    monkeypatch.setattr(os, "write", refuse)


@pytest.mark.parametrize("room", [{"kibibytes": 7}, {"inodes": 15}, {"flags": os.ST_RDONLY}], ids=str)
@pytest.mark.parametrize("kind", ["lvmvg", "lvmlv"])
def test_a_start_that_udev_could_not_note_is_refused_before_anything_is_changed(
    tmp_path: Path, kind: str, room: dict[str, int]
) -> None:
    server = Server(tmp_path)
    given = {"vg": "vg1", "vg_uuid": server.group.uuid, **({"lv": "data"} if kind == "lvmlv" else {})}
    machine = server.machine
    machine.by_hand("vgchange", "-an", "vg1")
    machine.leave_room_in_run(**room)
    machine.ran.clear()
    answer = machine.agent(kind, "start", **given)
    assert (answer.code, answer.reason) == (FAILED, 110352)
    assert (machine.active(), any("vgchange" in argv or "lvchange" in argv for argv in machine.ran)) == ([], False)
    machine.leave_room_in_run(kibibytes=8, inodes=16)
    assert (machine.agent(kind, "start", **given).code, machine.active()) == (OK, ["vg1-data"])
    machine.leave_room_in_run(**room)
    assert machine.agent(kind, "monitor", **given).code == OK
    assert machine.agent(kind, "stop", **given).code == OK


@pytest.mark.parametrize("kind", ["lvmvg", "lvmlv"])
def test_what_the_kernel_has_counts_where_lvm_waits_for_udev_in_vain(tmp_path: Path, kind: str) -> None:
    server = Server(tmp_path)
    given = {"vg": "vg1", "vg_uuid": server.group.uuid, **({"lv": "data"} if kind == "lvmlv" else {})}
    server.machine.by_hand("vgchange", "-an", "vg1")
    server.machine.unended = {"vgchange -ay", "lvchange -ay"}
    answer = server.machine.agent(kind, "start", **given)
    assert (answer.code, told(answer)) == (OK, [110355])
    assert server.machine.agent(kind, "monitor", **given).code == OK
    assert server.machine.agent(kind, "stop", **given).code == OK


def test_an_activation_that_does_not_end_fails_where_a_volume_is_down(tmp_path: Path, mocker: MockerFixture) -> None:
    server = Server(tmp_path)
    server.machine.by_hand("vgchange", "-an", "vg1")
    server.machine.unended = {"vgchange -ay"}
    mocker.patch.object(server.machine.lvm, "_activate_volume", return_value="  it waits\n")
    answer = server.machine.agent("lvmvg", "start", vg="vg1", vg_uuid=server.group.uuid)
    assert (answer.code, answer.reason) == (FAILED, 110062)


def test_an_activation_that_nothing_ends_fails_though_the_volumes_are_up(tmp_path: Path, mocker: MockerFixture) -> None:
    server = Server(tmp_path)
    server.machine.by_hand("vgchange", "-an", "vg1")
    server.machine.unended = {"vgchange -ay"}
    mocker.patch("tests.unit.machine.machine.KILLED", ABANDONED)
    answer = server.machine.agent("lvmvg", "start", vg="vg1", vg_uuid=server.group.uuid)
    assert (answer.code, answer.reason, server.machine.active()) == (FAILED, 110062, ["vg1-data"])


def test_what_is_up_counts_as_started_whatever_room_run_has(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.machine.leave_room_in_run(kibibytes=0)
    assert server.machine.agent("lvmvg", "start", vg="vg1", vg_uuid=server.group.uuid).code == OK


def test_nobody_waits_for_a_udev_that_does_not_run(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.machine.by_hand("vgchange", "-an", "vg1")
    server.machine.leave_room_in_run(kibibytes=0)
    os.unlink(f"{server.machine.root}/run/udev/control")
    assert server.machine.agent("lvmvg", "start", vg="vg1", vg_uuid=server.group.uuid).code == OK


def test_a_volume_stops_and_starts_with_a_full_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path)
    group = {"vg": "vg1", "vg_uuid": server.group.uuid}
    assert server.machine.agent("lvmvg", "start", **group).code == OK
    _fill(server, monkeypatch)
    down = server.volume("stop")
    assert (down.code, told(down).count(UNWRITTEN), server.machine.active()) == (OK, 1, [])
    assert server.machine.agent("lvmvg", "monitor", **group).code == STOPPED
    up = server.volume("start")
    assert (up.code, told(up).count(UNWRITTEN), server.machine.active()) == (OK, 1, ["vg1-data"])
    assert server.volume("monitor").code == OK


def test_a_group_starts_and_stops_with_a_full_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path)
    group = {"vg": "vg1", "vg_uuid": server.group.uuid}
    _fill(server, monkeypatch)
    answer = server.machine.agent("lvmvg", "start", **group)
    assert (answer.code, told(answer).count(UNWRITTEN)) == (OK, 1)
    assert server.machine.agent("lvmvg", "monitor", **group).code == OK
    assert server.machine.agent("lvmvg", "stop", **group).code == OK
    assert server.machine.dm.by_uuid(names.dm_uuid(server.group.uuid)) is None


def test_a_group_stops_also_where_the_record_of_its_start_cannot_be_removed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    group = {"vg": "vg1", "vg_uuid": server.group.uuid}
    record = Path(server.machine.paths.run, "lvmvg-vg1")
    record.mkdir(parents=True)
    answer = server.machine.agent("lvmvg", "stop", **group)
    assert (answer.code, told(answer).count(UNWRITTEN), server.machine.active()) == (OK, 1, [])
