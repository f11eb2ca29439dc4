"""The watcher on a whole machine: what is found goes to the engine at once, and nothing else does.

Children run at once and in this process; the clock is the machine's. What real children and real sockets do is in
test_watch_process.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lvmkit
from lvmkit.cluster.embedded import moves
from lvmkit.entry import watch as entry
from lvmkit.entry.report import Voice
from lvmkit.model.messages.engine import (
    AdminLockHeld,
    Recovered,
    RecoveryBegins,
    RecoveryCannotHelp,
    StateNotStored,
)
from lvmkit.model.messages.faults import KernelUnreadable, NotMounted, PvGone
from lvmkit.model.messages.guide import CallingSendevent
from lvmkit.model.messages.storage import SettingIgnored
from lvmkit.model.messages.watch import LookFailed, NewsLost, SourceMissing, WatcherMissing
from lvmkit.model.value import replace
from lvmkit.resources.health import PAUSES
from lvmkit.storage.kernel_news import News
from lvmkit.storage.supervisor import Supervisor
from lvmkit.watch import sight
from lvmkit.watch import watcher as loop
from lvmkit.watch.agenda import SETTLE, Agenda
from lvmkit.watch.child import Child
from lvmkit.watch.ears import Ears
from lvmkit.watch.sight import Sight
from lvmkit.watch.watcher import DONE, LOOK_DEADLINE, MOST_STUCK, OFF, STOP_PATIENCE, Report, Watcher, Work
from lvmkit.workflow.answer import Answered
from tests.unit.one_server import POINT, Server
from tests.unit.schemas import strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from unittest.mock import Mock

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message

RECOVERY = [CallingSendevent.number, RecoveryBegins.number, Recovered.number]
VOICE = Voice(entry.PROGRAM, "kit", "watch")
CHANGE, NEW_DISK, OVERRUN = News(True), News(True, has_new_disk=True), News(True, is_overrun=True)


class Source:
    """A way in which the kernel tells, for a test to tell something."""

    what = "everything"
    mask = select.POLLIN
    news: tuple[News, ...] = ()

    def __init__(self) -> None:
        self._handle = os.open("/dev/zero", os.O_RDONLY)

    def fileno(self) -> int:
        return self._handle

    def refresh(self) -> None:
        """Nothing."""

    def take(self) -> News:
        first, *rest = Source.news
        Source.news = tuple(rest)
        return first

    def close(self) -> None:
        os.close(self._handle)


class AtOnce(Child):
    """A child that does its work when it is made; one that hangs says nothing."""

    hangs = False

    def __init__(self, work: Callable[[], bytes], end: float) -> None:
        self.end, self.cost = end, 0.01
        self.signals: list[int] = []
        self._ends = os.pipe()
        self.is_silent = AtOnce.hangs
        self._said = b"" if self.is_silent else work()

    @property
    def handles(self) -> tuple[int, ...]:
        return (self._ends[0],)

    def hear(self) -> bool:
        return not self.is_silent

    def answer(self) -> bytes:
        for handle in self._ends:
            os.close(handle)
        return self._said

    def signal(self, number: int) -> None:
        self.signals.append(number)
        self.is_silent = self.is_silent and number != signal.SIGKILL


class World(Server):
    """/srv/data on vg1/data on vg1, in service, and a watcher that has just begun."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        super().__init__(folder)
        Path(self.machine.paths.defaults).write_text(f"LVMKIT_BUSY_PATIENCE=0\nLVMKIT_LOCK_PATIENCE=0\n{settings}")
        self.reports: list[Report] = []
        self.told: list[Message] = []
        self.answers = 0
        self.answered = 0.0
        Source.news, AtOnce.hangs = (), False
        self.post = entry.Post(self.machine.paths, VOICE, resource.getrlimit(resource.RLIMIT_DATA))
        ears = Ears(self.told.append, 10, (Source,))
        work = Work(partial(entry.look, self.post), self._answer, False)
        self.publisher = entry.Publisher(self.machine.paths, VOICE, 10)
        self.watcher = Watcher(work, ears, Agenda(10), Supervisor(""), self.told.append, self._publish, AtOnce)
        self.watcher._wait = self._ready  # type: ignore[method-assign, assignment]
        self.ears = ears
        ears.open()
        self.until_quiet()

    def _answer(self, seen: Sight) -> bytes:
        self.answers += 1
        self.answered = self.machine.slept
        return entry.answer(self.post, seen)

    def _publish(self, report: Report) -> None:
        self.reports.append(report)
        self.publisher.publish(report)

    def _ready(self, _now: float) -> list[tuple[int, int]]:
        """In the place of poll(2): everything that has something to say."""
        ready = [(handle, select.POLLIN) for handle in self.ears.masks if Source.news]
        child = self.watcher._child
        if isinstance(child, AtOnce) and not child.is_silent:
            ready.append((child.handles[0], select.POLLIN))
        return ready

    def turn(self) -> None:
        with self.machine.running():
            self.watcher.turn()

    def until_quiet(self, seconds: float = 0.0) -> None:
        """Let it do all that is due now and within so many seconds."""
        end = self.machine.slept + seconds
        for _ in range(1000):
            if self.watcher._child is None and not Source.news:
                due = self.watcher._agenda.next - 1000.0
                if due > end + 1e-6:
                    self.machine.slept = max(self.machine.slept, end)
                    return
                self.machine.slept = max(self.machine.slept, due)
            self.turn()
        raise AssertionError("it never comes to rest")

    def tell(self, *news: News) -> None:
        """The kernel tells something, and the watcher does all that comes of it."""
        Source.news = news
        self.until_quiet(1.0)

    @property
    def last(self) -> Report:
        return self.reports[-1]

    @property
    def failed(self) -> set[str]:
        return {cause[0] for cause in self.last.sight.causes}

    def child(self) -> AtOnce:
        assert isinstance(self.watcher._child, AtOnce)
        return self.watcher._child

    def signal(self, number: int) -> None:
        with self.machine.running():
            self.watcher._heed(bytes((number,)))

    def said(self) -> list[int]:
        """Numbers of what has been logged since the last question."""
        logged, self.machine.logged[:] = list(self.machine.logged), []
        return logged


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ears.close()


class TestWhatIsFound:
    def test_where_all_is_well_it_only_looks(self, world: World) -> None:
        world.forget()
        world.said()
        world.tell(CHANGE)
        world.until_quiet(60)
        assert (world.answers, world.said(), world.machine.ran, world.told) == (0, [], [], [])
        assert len(world.reports) == 1 + 1 + 6

    def test_what_broke_is_recovered_a_moment_after_the_kernel_tells(self, world: World) -> None:
        world.unmount()
        before = world.machine.slept
        world.tell(CHANGE)
        assert SETTLE <= world.answered - before < SETTLE + 0.1
        assert [number for number in world.said() if number in RECOVERY] == RECOVERY
        assert (world.machine.mounts[-1].point, world.failed) == (POINT, set())

    def test_what_the_kernel_does_not_tell_is_found_at_the_interval(self, world: World) -> None:
        world.unmount()
        world.until_quiet(9.5)
        assert world.answers == 0
        world.until_quiet(1)
        assert (world.answers, world.machine.mounts[-1].point) == (1, POINT)

    def test_a_lost_disk_is_told_once_and_again_when_a_disk_has_come(self, world: World) -> None:
        world.said()
        world.machine.detach(world.disks[0])
        world.tell(CHANGE)
        said = world.said()
        assert {PvGone.number, RecoveryCannotHelp.number} <= set(said)
        world.until_quiet(100)
        assert (world.answers, world.said()) == (1, [])
        assert "vg1" in world.failed
        world.machine.attach(world.disks[0])
        world.tell(NEW_DISK)
        assert world.answers == 2
        assert world.failed == set()
        assert world.machine.mounts[-1].point == POINT

    def test_a_volume_that_is_suspended_for_a_moment_is_no_fault(self, world: World) -> None:
        world.said()
        for device in world.machine.dm.devices.values():
            device.suspended = True
        world.tell(CHANGE)
        for device in world.machine.dm.devices.values():
            device.suspended = False
        world.until_quiet(60)
        assert (world.answers, world.said()) == (0, [])

    def test_one_that_stays_suspended_is(self, world: World) -> None:
        for device in world.machine.dm.devices.values():
            device.suspended = True
        before = world.machine.slept
        world.tell(CHANGE)
        world.until_quiet(10)
        assert sum(PAUSES) <= world.answered - before < sum(PAUSES) + 1

    def test_a_recovery_has_the_memory_that_the_watcher_was_started_with(
        self, world: World, mocker: MockerFixture
    ) -> None:
        limit: Mock = mocker.patch.object(resource, "setrlimit")
        world.unmount()
        world.tell(CHANGE)
        limit.assert_called_once_with(resource.RLIMIT_DATA, world.post.limits)

    def test_what_the_engine_calls_idle_is_said(self, world: World, mocker: MockerFixture) -> None:
        mocker.patch.object(entry, "answer_fault", return_value=Answered(idle=("vg1",)))
        with world.machine.running():
            assert sight.idle(entry.answer(world.post, Sight()), frozenset()) == {"vg1"}

    def test_monitoring_reads_what_came_of_a_recovery_where_it_has_a_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "textfile"
        folder.mkdir()
        world = World(tmp_path, f"LVMKIT_METRICS={folder}\n")
        assert os.listdir(folder) == []
        world.unmount()
        world.tell(CHANGE)
        assert os.listdir(folder) == ["lvmkit.prom"]
        world.ears.close()

    def test_the_rounds_of_the_timer_and_of_the_watcher_exclude_each_other(self, world: World) -> None:
        world.unmount()
        lock = os.open(f"{world.machine.paths.state}/admin.lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        world.said()
        world.tell(CHANGE)
        assert AdminLockHeld.number in world.said()
        assert world.machine.mounts == []
        os.close(lock)
        assert world.machine.command("check", "--all").code == 0
        assert world.machine.mounts[-1].point == POINT


class TestWhatSomebodyMoves:
    def looked(self, world: World, mocker: MockerFixture) -> list[set[str]]:
        """What a look finds each time that a script of a move has done its work, and its result is not stored yet."""
        store, found = moves._store, []

        def look_and_store(*facts: object) -> None:
            seen = json.loads(entry.look(world.post, Sight()))
            failed = [
                each["tag"] for each in seen["resources"] for remark in each["remarks"] if remark["level"] == "ERROR"
            ]
            found.append(set(failed))
            store(*facts)  # type: ignore[arg-type]

        mocker.patch.object(moves, "_store", look_and_store)
        return found

    def test_it_is_no_fault_while_it_goes_out_of_service(self, world: World, mocker: MockerFixture) -> None:
        found = self.looked(world, mocker)
        assert world.machine.command("out-of-service", "vg1").code == 0
        assert world.machine.active() == []
        assert (len(found) >= 3, set().union(*found)) == (True, set())
        world.said()
        world.tell(CHANGE)
        assert (world.answers, world.said()) == (0, [])

    def test_the_round_of_the_timer_does_not_take_it_for_one_either(self, world: World, mocker: MockerFixture) -> None:
        store, said = moves._store, []

        def check_and_store(*facts: object) -> None:
            with world.machine.running():
                said.extend(world.machine.command("check", "--all").said)
            store(*facts)  # type: ignore[arg-type]

        mocker.patch.object(moves, "_store", check_and_store)
        assert world.machine.command("out-of-service", "vg1").code == 0
        assert NotMounted.number not in said


class TestWhatGoesWrong:
    def test_an_overrun_is_a_reason_to_look_and_is_told_once_a_minute(self, world: World) -> None:
        world.unmount()
        world.tell(OVERRUN)
        assert world.machine.mounts[-1].point == POINT
        world.tell(OVERRUN)
        assert [type(message) for message in world.told] == [NewsLost]
        world.until_quiet(60)
        world.tell(OVERRUN)
        assert len(world.told) == 2

    @pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGHUP])
    def test_whoever_lets_it_go_on_or_asks_it_gets_a_look(self, world: World, number: int) -> None:
        world.unmount()
        world.signal(number)
        world.until_quiet()
        assert world.machine.mounts[-1].point == POINT

    def test_after_it_stood_still_it_looks_at_everything(self, world: World) -> None:
        world.unmount()
        with world.machine.running():
            world.watcher._planned = 1000.0 + world.machine.slept
        world.machine.slept += 11
        world.until_quiet()
        assert [type(message) for message in world.told] == [NewsLost]
        assert world.machine.mounts[-1].point == POINT

    def test_after_the_machine_was_suspended_it_looks_at_everything(self, world: World, mocker: MockerFixture) -> None:
        world.unmount()
        mocker.patch.object(loop, "_suspended", return_value=world.watcher._offset + 3600)
        world.turn()
        world.until_quiet()
        assert (world.answers, len(world.told)) == (1, 1)

    def test_a_look_that_hangs_is_given_up_and_there_is_another_one(self, world: World) -> None:
        AtOnce.hangs = True
        world.watcher._agenda.ask_for(0.0)
        world.turn()
        given_up = world.child()
        world.turn()
        assert world.child() is given_up
        world.machine.slept += LOOK_DEADLINE
        world.turn()
        assert (given_up.signals, [type(message) for message in world.told]) == ([signal.SIGKILL], [LookFailed])
        assert [remark.number for remark in world.last.sight.trouble] == [f"{LookFailed.number:06d}"]
        AtOnce.hangs = False
        world.unmount()
        world.until_quiet(11)
        assert (world.last.sight.trouble, world.machine.mounts[-1].point) == ((), POINT)

    def test_one_that_cannot_even_begin_is_told_once(self, world: World, mocker: MockerFixture) -> None:
        mocker.patch.object(world.watcher, "_make_child", side_effect=OSError(12, "Cannot allocate memory"))
        world.until_quiet(100)
        assert [type(message) for message in world.told] == [LookFailed]
        mocker.stopall()
        world.until_quiet(11)
        assert world.last.sight.trouble == ()

    def test_many_that_hang_are_told_once_and_not_joined_by_more(self, world: World, mocker: MockerFixture) -> None:
        stuck = [MOST_STUCK]
        mocker.patch("lvmkit.watch.child.stuck", side_effect=lambda: stuck[0])
        before = len(world.reports)
        world.until_quiet(100)
        assert world.watcher._child is None
        assert [type(message) for message in world.told] == [LookFailed]
        assert len(world.reports) > before
        stuck[0] = 0
        world.until_quiet(11)
        assert world.last.sight.trouble == ()

    def test_device_mapper_that_does_not_answer_is_told_once_and_is_no_fault(self, world: World) -> None:
        world.machine.dm.listing = False
        world.said()
        world.until_quiet(50)
        assert (world.said(), world.answers) == ([KernelUnreadable.number], 0)
        assert [remark.number for remark in world.last.sight.trouble] == [f"{KernelUnreadable.number:06d}"]
        world.machine.dm.listing = True
        world.until_quiet(11)
        assert (world.last.sight.trouble, world.failed) == ((), set())

    def test_a_source_that_breaks_is_opened_again_and_everything_is_looked_at(
        self, world: World, mocker: MockerFixture
    ) -> None:
        mocker.patch.object(Source, "take", side_effect=OSError(5, "Input/output error"))
        world.unmount()
        Source.news = (CHANGE,)
        world.turn()
        Source.news = ()
        mocker.stopall()
        world.until_quiet(1)
        assert world.machine.mounts[-1].point == POINT
        assert len(world.ears.masks) == 1

    def test_a_setting_that_is_not_valid_is_not_told_at_each_look(self, tmp_path: Path) -> None:
        world = World(tmp_path, "LVMKIT_WATCH_INTERVAL=often\n")
        world.said()
        world.until_quiet(50)
        assert SettingIgnored.number not in world.said()
        world.ears.close()

    def test_verdicts_that_cannot_be_written_stop_nothing(self, world: World) -> None:
        os.unlink(world.machine.paths.watch)
        os.mkdir(world.machine.paths.watch)
        world.said()
        world.unmount()
        world.tell(CHANGE)
        world.until_quiet(60)
        assert world.machine.mounts[-1].point == POINT

    def test_that_they_cannot_be_written_is_told_once_each_time(self, world: World) -> None:
        path = world.machine.paths.watch
        world.publisher = entry.Publisher(world.machine.paths, VOICE, 10)  # that has not written any yet
        for _ in range(2):
            os.unlink(path)
            os.mkdir(path)
            world.said()
            world.until_quiet(50)
            assert world.said() == [StateNotStored.number]
            os.rmdir(path)
            world.until_quiet(11)
            assert os.path.isfile(path)


class TestTheEnd:
    def test_told_to_end_it_gives_up_a_look(self, world: World) -> None:
        AtOnce.hangs = True
        world.watcher._agenda.ask_for(0.0)
        world.turn()
        running = world.child()
        world.signal(signal.SIGTERM)
        world.watcher._end_child()
        assert (world.watcher._exit, running.signals) == (0, [signal.SIGKILL])

    def test_a_recovery_is_told_to_end_and_waited_for(self, world: World, mocker: MockerFixture) -> None:
        AtOnce.hangs = True
        world.watcher._begin_answer(0.0)
        running = world.child()
        os.close(running._ends[1])
        mocker.patch.object(running, "hear", return_value=True)
        world.watcher._end_child()
        assert running.signals == [signal.SIGTERM]

    def test_a_recovery_that_takes_an_hour_is_told_to_end_before_it_is_killed(self, world: World) -> None:
        AtOnce.hangs = True
        with world.machine.running():
            world.watcher._begin_answer(1000.0 + world.machine.slept)
        running = world.child()
        world.machine.slept += loop.ANSWER_DEADLINE
        world.turn()
        assert (running.signals, world.child()) == ([signal.SIGTERM], running)
        world.machine.slept += STOP_PATIENCE
        world.turn()
        assert running.signals == [signal.SIGTERM, signal.SIGKILL]

    def test_when_nobody_wants_it_any_more_it_ends(self, world: World) -> None:
        Path(world.machine.paths.defaults).write_text("LVMKIT_WATCH=no\n")
        world.watcher._agenda.ask_for(0.0)
        world.turn()
        assert world.watcher._exit == OFF

    @pytest.mark.parametrize(
        ("library", "is_replaced"), [("other", True), ("missing", False), (os.path.dirname(lvmkit.__file__), False)]
    )
    def test_a_look_after_another_kit_was_installed_only_says_so(
        self, world: World, tmp_path: Path, library: str, is_replaced: bool
    ) -> None:
        (tmp_path / "other").mkdir()
        with world.machine.running():
            said = entry.look(replace(world.post, library=str(tmp_path / library)), Sight())
        seen = sight.unpacked(said)
        assert seen is not None
        assert (seen.is_replaced, bool(seen.resources)) == (is_replaced, not is_replaced)

    def test_when_another_engine_is_in_use_it_is_begun_anew(self, world: World) -> None:
        Path(world.machine.paths.cib).write_text("<cib/>")
        Path(world.machine.paths.defaults).write_text("LVMKIT_WATCH=yes\n")
        world.watcher._agenda.ask_for(0.0)
        world.turn()
        assert world.watcher._exit == DONE


class TestVerdicts:
    def test_they_say_what_was_seen(self, world: World) -> None:
        world.machine.detach(world.disks[0])
        world.tell(CHANGE)
        text = Path(world.machine.paths.watch).read_text()
        seen = json.loads(text)
        strict("watch").validate(seen)
        assert text.count("\n") == 1, "on one line"
        verdicts = {each["tag"]: each["verdict"] for each in seen["resources"]}
        assert (seen["well"], verdicts["vg1"], verdicts["/data"]) == (False, "fail", "ok")
        (faults,) = [each["faults"] for each in seen["resources"] if each["tag"] == "vg1"]
        assert {fault["number"] for fault in faults} == {f"{PvGone.number:06d}"}

    def test_status_shows_those_of_a_watcher_that_runs(self, world: World) -> None:
        world.tell(CHANGE)
        lock = os.open(world.machine.paths.watch_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(world.machine.paths.watch, (0, time.time() - 5))
        shown = world.machine.command("status")
        assert (shown.said, shown.out[-1]) == ([], "Watched by lvmkit-watch.service, which looked 5 s ago.")
        answer = json.loads("".join(world.machine.command("status", "--format", "json").out))
        strict("status").validate(answer)
        watched = answer["watcher"]
        assert (watched["server"], watched["well"], watched["news"]) == ("n1", True, ["everything"])
        assert {each["tag"] for each in watched["resources"]} >= {"/data", "vg1/data", "vg1"}
        os.close(lock)
        shown = world.machine.command("status")
        assert (shown.said, "Watched" in shown.out[-1]) == ([WatcherMissing.number], False)
        answer = json.loads("".join(world.machine.command("status", "--format", "json").out))
        assert answer["watcher"] is None

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
    def test_a_file_of_another_form_is_none(self, world: World, text: str) -> None:
        lock = os.open(world.machine.paths.watch_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        Path(world.machine.paths.watch).write_text(text)
        answer = json.loads("".join(world.machine.command("status", "--format", "json").out))
        assert answer["watcher"] is None
        os.close(lock)


class TestEars:
    def test_a_source_that_is_missing_is_told_once_and_tried_again(self) -> None:
        told: list[Message] = []
        is_there: list[bool] = []

        def kind() -> Source:
            if not is_there:
                raise OSError(19, "No such device")
            return Source()

        ears = Ears(told.append, 10, (kind,))
        for _ in range(3):
            ears.open()
        assert ([type(message) for message in told], ears.masks) == ([SourceMissing], {})
        is_there.append(True)
        ears.open()
        assert len(ears.masks) == 1
        ears.close()
        assert ears.masks == {}

    def test_a_source_that_cannot_follow_what_there_is_is_told_and_made_anew(self, mocker: MockerFixture) -> None:
        told: list[Message] = []
        ears = Ears(told.append, 10, (Source,))
        ears.open()
        mocker.patch.object(Source, "refresh", side_effect=OSError(24, "Too many open files"))
        before = len(os.listdir("/proc/self/fd"))
        ears.open()
        assert ([type(message) for message in told], len(ears.masks)) == ([SourceMissing], 1)
        assert len(os.listdir("/proc/self/fd")) == before
        ears.close()
