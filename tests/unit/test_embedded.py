"""The embedded engine as its users see it: order, states, kills and the admin lock."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lvmkit.cluster.embedded import Engine, database, flags, processes
from lvmkit.cluster.embedded.flags import REMOVE, RESTORE, ServiceMove
from lvmkit.cluster.port import Change
from lvmkit.model.instance import ILLSTATE, ISP, ISU, OSF, OSU, Dependency, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import (
    ActionFailed,
    ActionHung,
    AdminLockHeld,
    InterruptedWork,
    StateNotStored,
    StepDone,
)
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound, TypeNotInstalled
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from lvmkit.resources import scripts as scripts_of_types
from lvmkit.storage import boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.cluster.port import Port

HERE = os.uname().nodename
KINDS = {"fs": "filesys", "lv": "lvmlv", "vg": "lvmvg", "pv": "device"}
CHAIN = tuple(Instance(HERE, "scsi", kind, tag, f"id-{tag}", state=OSU) for tag, kind in KINDS.items())
LINKS = (Dependency("fs", "lv"), Dependency("lv", "vg"), Dependency("vg", "pv"))


class Scripts:
    """Stands for the action scripts: notes each run in a file, which outlives killed children, and fails on demand."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.failing: dict[str, Message] = {}
        self.deadly = ""
        """the run that kills the process which does it, unless that is the one of the tests"""
        self.tests = os.getpid()

    def perform(self, instance: Instance, action: str, _paths: Paths, _settings: Settings) -> None:
        run = f"{action} {instance.tag}"
        with self.log.open("a") as file:
            file.write(f"{run}\n")
        if run == self.deadly and os.getpid() != self.tests:
            os.kill(os.getpid(), signal.SIGKILL)
        if run in self.failing:
            raise Failure(self.failing[run])

    def ran(self) -> list[str]:
        """What ran since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(lkroot=f"{tmp_path}/lk", state=f"{tmp_path}/state", run=f"{tmp_path}/run")


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    fake = Scripts(tmp_path / "log")
    monkeypatch.setattr(scripts_of_types, "perform", fake.perform)
    return fake


@pytest.fixture
def engine(paths: Paths) -> Engine:
    made = Engine(paths, Settings(lock_patience=0.02, action_deadline=10.0))
    made.commit(Change(add=CHAIN, link=LINKS))
    return made


def states(engine: Engine) -> dict[str, str]:
    return {instance.tag: instance.state for instance in engine.hierarchy().instances}


def all_are(state: str) -> dict[str, str]:
    return dict.fromkeys(KINDS, state)


def ignore(_message: Message) -> None:
    return None


def refused(work: Callable[[], object]) -> tuple[Message, ...]:
    with pytest.raises(Failure) as caught:
        work()
    return caught.value.messages


def in_child(work: Callable[[], object]) -> int:
    """Do the work in another process; its exit status, -N when signal N ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_it_is_the_port(engine: Engine) -> None:
    port: Port = engine
    assert port.local_server() == HERE


def test_everything_comes_up_from_the_disks_and_goes_down_from_the_root(engine: Engine, scripts: Scripts) -> None:
    told: list[Message] = []
    engine.bring_in_service("fs", told.append)
    assert scripts.ran() == ["restore pv", "restore vg", "restore lv", "restore fs"]
    assert states(engine) == all_are(ISP)
    assert told[0] == StepDone(1, 4, "restore pv")
    engine.take_out_of_service("pv", told.append)
    assert scripts.ran() == ["remove fs", "remove lv", "remove vg", "remove pv"]
    assert states(engine) == all_are(OSU)
    assert told[-1] == StepDone(4, 4, "remove pv")
    assert engine.flags() == ()


def test_only_what_is_asked_for_moves(engine: Engine, scripts: Scripts) -> None:
    engine.bring_in_service("vg", ignore)
    assert scripts.ran() == ["restore pv", "restore vg"]
    assert states(engine) == {"fs": OSU, "lv": OSU, "vg": ISP, "pv": ISP}
    engine.bring_in_service("fs", ignore)
    assert scripts.ran() == ["restore lv", "restore fs"]
    engine.take_out_of_service("lv", ignore)
    assert scripts.ran() == ["remove fs", "remove lv"]
    assert states(engine) == {"fs": OSU, "lv": OSU, "vg": ISP, "pv": ISP}


def test_what_is_there_already_needs_no_script(engine: Engine, scripts: Scripts) -> None:
    engine.take_out_of_service("pv", ignore)
    engine.bring_in_service("fs", ignore)
    scripts.ran()
    engine.bring_in_service("fs", ignore)
    assert scripts.ran() == []


def test_unprotected_becomes_protected_without_a_script(engine: Engine, scripts: Scripts) -> None:
    engine.set_state("vg", ISU, "nearly full")
    engine.bring_in_service("vg", ignore)
    assert scripts.ran() == ["restore pv"]
    assert engine.find("vg", None).state == ISP


@pytest.mark.parametrize("state", [ISP, ISU, OSF, ILLSTATE])
def test_whatever_is_not_cleanly_out_is_removed(engine: Engine, scripts: Scripts, state: str) -> None:
    engine.set_state("lv", state)
    engine.take_out_of_service("vg", ignore)
    assert scripts.ran() == ["remove lv"]
    assert engine.find("lv", None).state == OSU


def test_a_failed_restore_is_marked_with_its_reason_and_stops(engine: Engine, scripts: Scripts) -> None:
    failed = ActionFailed(RESTORE, "vg", "exit status 1: 110014 lacks a disk")
    scripts.failing["restore vg"] = failed
    assert refused(lambda: engine.bring_in_service("fs", ignore)) == (failed, ErrorBringingInService("fs", HERE))
    assert scripts.ran() == ["restore pv", "restore vg"]
    assert states(engine) == {"fs": OSU, "lv": OSU, "vg": OSF, "pv": ISP}
    assert engine.find("vg", None).reason == "restore: exit status 1: 110014 lacks a disk"
    assert engine.flags() == ()
    scripts.failing.clear()
    engine.bring_in_service("fs", ignore)
    assert (states(engine), engine.find("vg", None).reason) == (all_are(ISP), "")


def test_a_failed_remove_is_marked_with_its_reason_and_stops(engine: Engine, scripts: Scripts) -> None:
    engine.bring_in_service("fs", ignore)
    scripts.ran()
    scripts.failing["remove lv"] = ActionHung(REMOVE, "lv", 300.0, "killed")
    assert refused(lambda: engine.take_out_of_service("vg", ignore)) == (scripts.failing["remove lv"],)
    assert scripts.ran() == ["remove fs", "remove lv"]
    assert states(engine) == {"fs": OSU, "lv": OSF, "vg": ISP, "pv": ISP}
    assert "300" in engine.find("lv", None).reason


def test_a_missing_type_marks_the_resource_as_failed(engine: Engine) -> None:
    messages = refused(lambda: engine.bring_in_service("fs", ignore))
    assert messages == (TypeNotInstalled("lvmvg", HERE), ErrorBringingInService("fs", HERE))
    assert states(engine) == {"fs": OSU, "lv": OSU, "vg": OSF, "pv": ISP}


def test_an_unknown_tag_is_not_found(engine: Engine, scripts: Scripts) -> None:
    for move in (engine.bring_in_service, engine.take_out_of_service):
        assert isinstance(refused(lambda move=move: move("none", ignore))[0], ResourceNotFound)  # type: ignore[misc]
    assert engine.flags() == ()


def test_when_the_result_cannot_be_stored_both_reasons_are_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = ActionFailed(RESTORE, "pv", "exit status 1")

    def refuse(*_any: object) -> None:
        raise Failure(StateNotStored("db", "full"))

    def fill_disk_and_fail(*_any: object) -> None:
        monkeypatch.setattr(database, "_migrate", refuse)
        raise Failure(failed)

    monkeypatch.setattr(scripts_of_types, "perform", fill_disk_and_fail)
    messages = refused(lambda: engine.bring_in_service("pv", ignore))
    assert messages == (failed, ErrorBringingInService("pv", HERE), StateNotStored("db", "full"))
    monkeypatch.undo()
    assert ServiceMove(RESTORE, "pv").flag in engine.flags()


def resumed(engine: Engine) -> list[Message]:
    told: list[Message] = []
    engine.resume(told.append)
    return told


def test_a_restore_killed_in_its_script_is_finished(engine: Engine, scripts: Scripts) -> None:
    scripts.deadly = "restore vg"
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    assert engine.interrupted() == (ServiceMove(RESTORE, "fs"),)
    scripts.ran()
    assert resumed(engine)[0] == InterruptedWork("restore fs", "finishing it")
    assert scripts.ran() == ["restore vg", "restore lv", "restore fs"]
    assert states(engine) == all_are(ISP)
    assert (engine.interrupted(), resumed(engine)) == ((), [])


def killed_at(stage: int, work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do the work in a process that is killed at the n-th begin or end of a transaction; False when it ended before."""
    connect, seen = database._connect, [0]

    def die_in_time(statement: str) -> None:
        seen[0] += statement.startswith(("BEGIN IMMEDIATE", "COMMIT"))
        if seen[0] == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect_and_die(path: str, options: str) -> object:
        connection = connect(path, options)
        connection.set_trace_callback(die_in_time)
        return connection

    def in_danger() -> None:
        monkeypatch.setattr(database, "_connect", connect_and_die)
        work()

    status = in_child(in_danger)
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize(("action", "start", "goal"), [(RESTORE, OSU, ISP), (REMOVE, ISP, OSU)])
def test_a_kill_at_any_point_loses_nothing(
    engine: Engine, scripts: Scripts, monkeypatch: pytest.MonkeyPatch, action: str, start: str, goal: str
) -> None:
    """Before and after each transaction is also before and after each script."""
    engine.commit(Change(remove=("fs", "lv")))
    begin = Change(update=tuple(replace(instance, state=start) for instance in CHAIN[2:]))
    move = engine.bring_in_service if action == RESTORE else engine.take_out_of_service
    stage = 1
    engine.commit(begin)
    while killed_at(stage, lambda: move("vg" if action == RESTORE else "pv", ignore), monkeypatch):
        began = scripts.ran()
        resumed(engine)
        again = scripts.ran()
        reached = goal if began or again else start
        assert states(engine) == {"vg": reached, "pv": reached}
        assert len({*began, *again}) in (0, 2)
        assert engine.interrupted() == ()
        engine.commit(begin)
        stage += 1
    assert stage == 13


def test_the_opposite_order_replaces_an_interrupted_one(engine: Engine, scripts: Scripts) -> None:
    engine.bring_in_service("fs", ignore)
    scripts.deadly = "remove lv"
    assert in_child(lambda: engine.take_out_of_service("vg", ignore)) == -signal.SIGKILL
    scripts.ran()
    engine.bring_in_service("fs", ignore)
    assert scripts.ran() == ["restore vg", "restore lv", "restore fs"], "lv may be half down although it was ISP"
    assert (states(engine), engine.interrupted()) == (all_are(ISP), ())


def test_what_an_interrupted_restore_half_brought_up_is_taken_down(engine: Engine, scripts: Scripts) -> None:
    scripts.deadly = "restore vg"
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    scripts.ran()
    engine.take_out_of_service("vg", ignore)
    assert scripts.ran() == ["remove fs", "remove lv", "remove vg"], "vg may be half up although it was OSU"
    assert engine.interrupted() == ()


def test_a_narrower_order_keeps_the_interrupted_one(engine: Engine, scripts: Scripts) -> None:
    scripts.deadly = "restore lv"
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    engine.bring_in_service("vg", ignore)
    assert engine.interrupted() == (ServiceMove(RESTORE, "fs"),)
    resumed(engine)
    assert states(engine) == all_are(ISP)


def test_what_was_deleted_meanwhile_is_not_resumed(engine: Engine, scripts: Scripts) -> None:
    scripts.deadly = "restore fs"
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    engine.commit(Change(remove=("fs",)))
    assert (engine.interrupted(), resumed(engine)) == ((), [])


def test_a_resumed_move_that_fails_is_not_tried_for_ever(engine: Engine, scripts: Scripts) -> None:
    scripts.deadly = "restore vg"
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    scripts.failing["restore vg"] = ActionFailed(RESTORE, "vg", "exit status 1")
    messages = refused(lambda: engine.resume(ignore))
    assert messages == (scripts.failing["restore vg"], ErrorBringingInService("fs", HERE))
    assert (states(engine)["vg"], engine.interrupted()) == (OSF, ())


def test_a_running_move_is_not_interrupted(engine: Engine, scripts: Scripts) -> None:
    seen: list[tuple[ServiceMove, ...]] = []
    engine.bring_in_service("pv", lambda _message: seen.append(engine.interrupted()))
    assert seen == [()]


def test_after_a_reboot_what_was_begun_is_interrupted_whatever_runs_under_its_number(
    engine: Engine, scripts: Scripts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(processes, "_start_time", lambda _pid: 1)

    def killed() -> None:
        monkeypatch.setattr(boot, "_BOOT_ID", str(tmp_path / "boot_id"))
        engine.bring_in_service("fs", ignore)

    scripts.deadly = "restore fs"
    assert in_child(killed) == -signal.SIGKILL
    assert engine.interrupted() == (ServiceMove(RESTORE, "fs"),)
    assert states(engine) == {"fs": OSU, "lv": ILLSTATE, "vg": ILLSTATE, "pv": ILLSTATE}
    assert "lv" in engine.wanted()


def test_real_scripts_run_in_order_and_survive_the_engine(disk_path: Path, tmp_path: Path) -> None:
    paths = Paths(lkroot=f"{disk_path}/lk", state=f"{tmp_path}/state")
    engine = Engine(paths, Settings())
    engine.commit(Change(add=CHAIN, link=LINKS))
    for kind in ("filesys", "lvmlv", "lvmvg"):
        script = Path(paths.lkroot, "subsys/scsi/resources", kind, "actions/restore")
        script.parent.mkdir(parents=True)
        script.write_text(f"""#!/bin/sh
echo "$2 $4" >> {tmp_path}/log
if [ "$2" = lv ] && mkdir {tmp_path}/once; then kill -9 $PPID; fi
echo still there >&2
""")
        script.chmod(0o755)
    assert in_child(lambda: engine.bring_in_service("fs", ignore)) == -signal.SIGKILL
    assert states(engine) == {"fs": OSU, "lv": OSU, "vg": ISP, "pv": ISP}
    resumed(engine)
    assert states(engine) == all_are(ISP)
    assert (tmp_path / "log").read_text().split("\n") == ["vg id-vg", "lv id-lv", "lv id-lv", "fs id-fs", ""]


def test_the_admin_lock_can_be_entered_again_by_its_holder(engine: Engine, scripts: Scripts) -> None:
    with engine.admin_lock("create /data"), engine.admin_lock("in-service"):
        engine.bring_in_service("fs", ignore)
    assert engine.flags() == ()


def test_another_process_waits_for_the_admin_lock_and_is_told_who_has_it(engine: Engine, tmp_path: Path) -> None:
    def try_it() -> None:
        with engine.admin_lock("other"):
            pass

    def report() -> None:
        (tmp_path / "answer").write_text(repr(refused(try_it)[0]))

    with engine.admin_lock("create /data: now"):
        (flag,) = engine.flags()
        assert in_child(report) == 0
    assert flag.startswith(f"!action!{os.getpid():05d}!")
    assert flag.endswith(f"!{HERE}:create /data: now")
    assert (tmp_path / "answer").read_text() == repr(AdminLockHeld(os.getpid(), "create /data: now", 0.02))
    assert in_child(try_it) == 0
    try_it()


def test_a_killed_holder_leaves_no_lock_and_no_flag(engine: Engine) -> None:
    def die() -> None:
        with engine.admin_lock("create"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(die) == -signal.SIGKILL
    assert engine.flags() == ()
    with engine.admin_lock("next"):
        assert len(engine.flags()) == 1


def test_a_failure_under_the_lock_is_passed_on_and_frees_it(engine: Engine) -> None:
    cause = Failure(ResourceNotFound("x"))
    with pytest.raises(Failure) as caught, engine.admin_lock("first"):
        raise cause
    assert caught.value is cause
    with engine.admin_lock("second"):
        assert "second" in engine.flags()[0]


def test_volatile_flags_end_with_the_boot_and_others_are_not_ours(
    engine: Engine, paths: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with database.writing(paths.database) as connection:
        for flag in ("!nofailover!n1", "!volatile!x", "!restore!of-somebody-else"):
            connection.execute("INSERT INTO flags (flag, boot) VALUES (?, ?)", (flag, boot.boot_id()))
    assert engine.flags() == ("!nofailover!n1", "!restore!of-somebody-else", "!volatile!x")
    assert engine.interrupted() == ()
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(boot, "_BOOT_ID", str(tmp_path / "boot_id"))
    assert engine.flags() == ("!nofailover!n1", "!restore!of-somebody-else")


class TestWhoeverLooksAllTheTime:
    def test_what_is_out_of_service_is_excused_and_what_is_in_service_is_not(
        self, engine: Engine, scripts: Scripts
    ) -> None:
        assert engine.excused() == {"fs", "lv", "vg", "pv"}
        engine.bring_in_service("lv", lambda _: None)
        assert engine.excused() == {"fs"}
        assert engine.in_charge() == {"lv", "vg", "pv"}
        assert engine.at_hand() == engine.hierarchy()

    def test_what_a_move_that_runs_is_about_is_excused_and_what_a_killed_one_left_is_not(
        self, engine: Engine, scripts: Scripts, paths: Paths
    ) -> None:
        engine.bring_in_service("fs", lambda _: None)
        with database.writing(paths.database) as connection:
            flags.note_move(connection, ServiceMove(REMOVE, "lv"))
        assert engine.excused() == {"fs", "lv"}
        with database.writing(paths.database) as connection:
            connection.execute("UPDATE flags SET started = started + 1")
        assert engine.excused() == frozenset()
