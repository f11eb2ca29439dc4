"""The watcher as a process: its children, its end, its lock, what systemd hears of it. Nothing of a machine is faked.

Nothing is protected here, so there is nothing to find.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import watch
from lvmkit.entry.report import Voice
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.messages.service import AlreadyBusy
from lvmkit.model.messages.watch import WatchOff
from lvmkit.model.resource_types import RESOURCE_TYPES
from lvmkit.model.settings import Paths
from lvmkit.resources import dispatch
from lvmkit.storage import locks
from lvmkit.watch import child, sight
from lvmkit.watch.child import Child
from lvmkit.watch.sight import Sight
from lvmkit.watch.watcher import DONE, OFF, STOP_PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from unittest.mock import Mock

    from pytest_mock import MockerFixture

LIB = Path(__file__).parents[2] / "lib"
PATIENCE = 30.0
VOICE = Voice(watch.PROGRAM, "kit", "watch")
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from lvmkit.entry import watch
from lvmkit.entry.boundary import guarded
from lvmkit.entry.report import Voice
from lvmkit.model.settings import Paths
from lvmkit.storage import locks
base = sys.argv[2]
state, run, lkvgs, defaults, own_defaults = (f"{base}/{name}" for name in ("state", "run", "lkvgs", "defaults", "own"))
paths = Paths(base, state, run, lkvgs, defaults, own_defaults, cib=f"{base}/cib")
voice = Voice("lvmkit-watch", "kit", "watch")
def work():
    with locks.locked(paths.watch_lock, what="the watch of this server", patience=0.0):
        return watch.watch(paths, voice, f"{base}/lib/lvmkit")
sys.exit(guarded(work, voice, "n1", lambda message: 1, interruptible=False))
"""


def paths_in(folder: Path) -> Paths:
    """As PROGRAM has them."""
    state, run, lkvgs, defaults, own = (f"{folder}/{name}" for name in ("state", "run", "lkvgs", "defaults", "own"))
    return Paths(str(folder), state, run, lkvgs, defaults, own, cib=f"{folder}/cib")


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def asleep() -> bytes:
    time.sleep(PATIENCE)
    return b""


class Service:
    """A watcher that runs, and the systemd that has started it."""

    def __init__(self, folder: Path, settings: str = "LVMKIT_WATCH_INTERVAL=1\n") -> None:
        self.folder = folder
        (folder / "run").mkdir(exist_ok=True)
        (folder / "defaults").write_text(settings)
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.systemd.bind(str(folder / f"notify-{time.monotonic_ns()}"))
        self.systemd.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [sys.executable, "-IS", "-c", PROGRAM, str(LIB), str(folder)],
            env={"NOTIFY_SOCKET": self.systemd.getsockname(), "WATCHDOG_USEC": "600000"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self, wanted: bytes) -> None:
        while self.systemd.recv(1000) != wanted:
            pass

    def looked(self) -> int:
        try:
            return (self.folder / "run/watch.json").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.process.kill()
    service.process.communicate()
    service.systemd.close()


def test_it_is_ready_alive_and_ends_when_it_is_told_to(service: Service) -> None:
    service.hear(b"READY=1")
    service.hear(b"WATCHDOG=1")
    service.hear(b"STATUS=Watching 0 resources; none has failed")
    service.hear(b"WATCHDOG=1")
    begun = time.monotonic()
    assert service.end()[0] == DONE
    assert time.monotonic() - begun < 5
    service.hear(b"STOPPING=1")


def test_there_is_one_at_a_time_and_it_is_seen_from_outside(service: Service, tmp_path: Path) -> None:
    service.hear(b"READY=1")
    lock = f"{tmp_path}/run/watch.lock"
    assert locks.is_held(lock)
    second = Service(tmp_path)
    code, said = second.process.communicate(timeout=PATIENCE), second.process.returncode
    assert (said, f"{AlreadyBusy.number}" in code[1]) == (1, True)
    second.systemd.close()
    service.end(signal.SIGKILL)
    assert not locks.is_held(lock)
    third = Service(tmp_path)
    third.hear(b"READY=1")
    assert third.end()[0] == DONE
    third.systemd.close()


def test_one_that_was_stopped_looks_at_once_when_it_goes_on(service: Service) -> None:
    service.hear(b"READY=1")
    until(service.looked)
    service.process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    before = service.looked()
    service.process.send_signal(signal.SIGCONT)
    until(lambda: service.looked() > before)


def test_it_goes_on_looking(service: Service) -> None:
    for _ in range(3):
        before = service.looked()
        until(lambda at=before: service.looked() > at)  # type: ignore[misc]
    assert json.loads((service.folder / "run/watch.json").read_text())["well"]
    assert len(os.listdir(f"/proc/{service.process.pid}/fd")) < 16


def test_where_nobody_wants_it_it_says_so_and_ends_which_is_no_failure(tmp_path: Path) -> None:
    service = Service(tmp_path, "LVMKIT_WATCH=no\n")
    service.hear(b"READY=1")
    _, said = service.process.communicate(timeout=PATIENCE)
    assert (service.process.returncode, f"{WatchOff.number}" in said) == (OFF, True)
    service.systemd.close()


def test_where_another_kit_was_installed_it_ends_so_that_systemd_starts_that_one(service: Service) -> None:
    service.hear(b"READY=1")
    library = service.folder / "lib"
    library.mkdir()
    (library / "lvmkit").symlink_to(LIB / "lvmkit")
    for _ in range(2):
        before = service.looked()
        until(lambda at=before: service.looked() > at)  # type: ignore[misc]
    assert service.process.poll() is None
    (library / "next").mkdir()
    os.symlink(library / "next", library / "new")
    os.replace(library / "new", library / "lvmkit")
    assert service.process.wait(PATIENCE) == DONE


def test_what_an_administrator_switches_off_ends_at_the_next_look(service: Service) -> None:
    service.hear(b"READY=1")
    (service.folder / "defaults").write_text("LVMKIT_WATCH=no\n")
    assert service.process.wait(PATIENCE) == OFF


class TestAChild:
    def finished(self, worker: Child) -> bytes:
        until(worker.hear)
        return worker.answer()

    def test_what_it_leaves_behind_does_not_keep_the_watcher_waiting(self) -> None:
        def work() -> bytes:
            if os.fork():
                return b"done"
            time.sleep(2)
            os._exit(0)

        begun = time.monotonic()
        assert self.finished(Child(work, 0.0)) == b"done"
        assert time.monotonic() - begun < 1

    def test_it_answers_and_says_what_it_has_cost(self) -> None:
        worker = Child(lambda: str(sum(range(3_000_000))).encode(), 0.0)
        assert self.finished(worker) == str(sum(range(3_000_000))).encode()
        assert worker.cost > 0.01

    def test_an_answer_that_is_longer_than_a_pipe_comes_whole(self) -> None:
        assert self.finished(Child(lambda: b"x" * 1_000_000, 0.0)) == b"x" * 1_000_000

    def test_one_that_was_killed_has_said_nothing(self) -> None:
        worker = Child(asleep, 0.0)
        worker.signal(signal.SIGKILL)
        assert self.finished(worker) == b""

    def test_one_that_is_given_up_leaves_nothing_behind(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        Child(asleep, 0.0).give_up()
        until(lambda: child.stuck() == 0)
        assert len(os.listdir("/proc/self/fd")) == before

    def test_it_has_none_of_the_watcher_s_locks(self, tmp_path: Path) -> None:
        with locks.locked(f"{tmp_path}/lock", what="it", patience=0.0):
            worker = Child(asleep, 0.0)
            time.sleep(0.1)
        assert not locks.is_held(f"{tmp_path}/lock")
        worker.give_up()

    def test_the_watcher_s_signal_handlers_are_not_its_own(self) -> None:
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            worker = Child(asleep, 0.0)
            time.sleep(0.1)
            worker.signal(signal.SIGTERM)
            assert self.finished(worker) == b""
        finally:
            signal.signal(signal.SIGTERM, before)


class TestTheUnit:
    UNITS = Path(__file__).parents[2] / "share/systemd"

    def settings(self, unit: str) -> dict[str, str]:
        lines = (self.UNITS / unit).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def test_what_a_recovery_starts_lives_as_if_an_administrator_had_started_it(self) -> None:
        """What a service sets, everything inherits that it starts: a namespace would hide mounts from both sides."""
        expected = {
            "Type", "ExecStart", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "SuccessExitStatus",
            "WatchdogSec", "WatchdogSignal", "KillMode", "TimeoutStopSec", "OOMPolicy", "StandardOutput",
            "StandardError", "Description", "Documentation", "PartOf", "After", "StartLimitIntervalSec",
        }  # fmt: skip
        assert set(self.settings("lvmkit-watch.service")) == expected

    def test_it_is_started_again_unless_nobody_wants_it(self) -> None:
        unit = self.settings("lvmkit-watch.service")
        assert (unit["Restart"], unit["RestartPreventExitStatus"]) == ("always", str(OFF))
        assert (unit["KillMode"], float(unit["TimeoutStopSec"]) > STOP_PATIENCE) == ("process", True)

    def test_the_watchdog_waits_longer_than_anything_that_the_loop_does(self) -> None:
        assert float(self.settings("lvmkit-watch.service")["WatchdogSec"]) / 3 > 1

    def test_whoever_stops_the_timer_has_stopped_the_watcher_and_whoever_starts_it_starts_both(self) -> None:
        assert self.settings("lvmkit-watch.service")["PartOf"] == "lvmkit-check.timer"
        assert self.settings("lvmkit-check.timer")["Wants"] == "lvmkit-watch.service"


@pytest.fixture
def interrupts() -> Iterator[None]:
    """What an interrupt does to this process is not changed for the tests that follow."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
class TestTheProgram:
    @pytest.fixture(autouse=True)
    def paths(self, tmp_path: Path, mocker: MockerFixture) -> Paths:
        mocker.patch("os.chdir")
        mocker.patch("os.geteuid", return_value=0)
        paths = paths_in(tmp_path)
        mocker.patch.object(watch, "installed", return_value=paths)
        return paths

    @pytest.fixture(autouse=True)
    def work(self, mocker: MockerFixture) -> Mock:
        """In the place of its work."""
        work: Mock = mocker.patch.object(watch, "watch", return_value=DONE)
        return work

    def call(self, *arguments: str) -> int:
        return watch.main("/x/bin/lvmkit-watch", list(arguments))

    def test_it_is_what_the_unit_starts(self) -> None:
        program = Path(__file__).parents[2] / "bin/lvmkit-watch"
        done = subprocess.run([program, "now"], capture_output=True, text=True, env={}, timeout=PATIENCE)
        assert (done.returncode, f"{UsageError.number:06d}" in done.stderr) == (1, True)

    @pytest.mark.parametrize(
        ("arguments", "user", "why"), [(["now"], 0, UsageError.number), ([], 1000, NotRoot.number)]
    )
    def test_it_takes_no_arguments_and_needs_root(
        self,
        work: Mock,
        mocker: MockerFixture,
        capfd: pytest.CaptureFixture[str],
        arguments: list[str],
        user: int,
        why: int,
    ) -> None:
        mocker.patch("os.geteuid", return_value=user)
        assert self.call(*arguments) == 1
        assert f":{why:06d}:" in capfd.readouterr().err
        work.assert_not_called()

    def test_the_notes_of_starts_beside_its_lock_can_be_read_by_everybody(self, paths: Paths) -> None:
        assert self.call() == DONE
        assert Path(paths.run).stat().st_mode & 0o777 == 0o755

    def test_until_it_watches_a_signal_does_what_it_did_before(self, work: Mock) -> None:
        before, handlers = signal.getsignal(signal.SIGTERM), []
        work.side_effect = lambda *_: handlers.append(signal.getsignal(signal.SIGTERM))
        self.call()
        assert handlers == [before]


@pytest.mark.usefixtures("interrupts")
class TestTheBeginning:
    """In this process, up to the loop."""

    @pytest.fixture
    def limited(self, mocker: MockerFixture) -> Mock:
        """In the place of what would limit the tests themselves."""
        limited: Mock = mocker.patch("resource.setrlimit")
        return limited

    @pytest.fixture(autouse=True)
    def loop(self, mocker: MockerFixture, limited: Mock) -> Mock:
        del limited
        mocker.patch("os.chdir")
        mocker.patch("resource.getrlimit", return_value=(7 << 30, 8 << 30))
        loop: Mock = mocker.patch.object(watch, "Watcher")
        loop.return_value.run.return_value = DONE
        return loop

    def test_where_nobody_wants_it_systemd_hears_that_it_was_ready_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Mock, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "defaults").write_text("LVMKIT_WATCH=no\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(f"{tmp_path}/notify")
            systemd.settimeout(PATIENCE)
            monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/notify")
            assert watch.watch(paths_in(tmp_path), VOICE) == OFF
            assert systemd.recv(100) == b"READY=1"
        assert f":{WatchOff.number:06d}:" in capfd.readouterr().err
        loop.assert_not_called()

    def test_it_may_not_grow_and_whoever_may_let_it_is_asked_as_before(self, tmp_path: Path, limited: Mock) -> None:
        assert watch.watch(paths_in(tmp_path), VOICE) == DONE
        limited.assert_called_once_with(resource.RLIMIT_DATA, (watch.MOST_MEMORY, 8 << 30))

    def test_its_looks_are_for_the_engine_that_is_in_use(self, tmp_path: Path, loop: Mock) -> None:
        watch.watch(paths_in(tmp_path), VOICE)
        seen = sight.unpacked(loop.call_args.args[0].look(Sight()))
        assert seen is not None
        assert (seen.server, seen.is_replaced, seen.trouble) == (os.uname().nodename, False, ())

    def test_what_its_children_need_is_loaded_once_and_shared(self, tmp_path: Path, mocker: MockerFixture) -> None:
        modules: Mock = mocker.patch.object(dispatch, "verbs_of")
        others: list[Mock] = [mocker.patch.object(watch, "catalogue")]
        others += [mocker.patch(f"gc.{name}") for name in ("collect", "freeze")]
        watch.watch(paths_in(tmp_path), VOICE)
        assert {call.args[0] for call in modules.call_args_list} == set(RESOURCE_TYPES)
        assert [each.call_count for each in others] == [1, 1, 1]

    def test_during_a_look_a_signal_does_what_it_did_before(self, tmp_path: Path, mocker: MockerFixture) -> None:
        before, handlers = signal.getsignal(signal.SIGTERM), []
        mocker.patch.object(watch, "kit", side_effect=lambda *_: handlers.append(signal.getsignal(signal.SIGTERM)))
        watch.look(watch.Post(paths_in(tmp_path), VOICE, (1, 1)), Sight())
        assert handlers == [before]
