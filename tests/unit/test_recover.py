"""The engine's round: finish what was interrupted, check everything, bring back once what broke."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ILLSTATE, ISP, LVMLV, OSF, OSU, Dependency
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import InterruptedWork, Recovered, RecoveryBegins, RecoveryFailed
from lvmkit.model.messages.faults import LvGone, NotMounted, RecordLost
from lvmkit.model.messages.guide import CallingSendevent
from lvmkit.model.messages.service import MissingInformation, MountFailed
from lvmkit.model.value import replace
from lvmkit.plan import Kit
from lvmkit.workflow.recover import check_all, recover, watch
from tests.unit.fakes import LV_UUID, VG_UUID, FakeCluster, FakeKernel, FakePort, Shell, data_hierarchy, instance, kit

GONE = LvGone("/dev/vg1/data")
DEAD = MountFailed("/dev/vg1/data", "/data", "bad superblock")


def two_filesystems(state: str = ISP) -> Hierarchy:
    """/data and /www on one volume group."""
    base = data_hierarchy(state)
    more = (
        instance(FILESYS, "/www", "/www", state, device="/dev/vg1/www", fstype="ext4"),
        instance(LVMLV, "vg1/www", "/dev/vg1/www", state, vg_uuid=VG_UUID, lv_uuid=LV_UUID),
    )
    links = (Dependency("/www", "vg1/www"), Dependency("vg1/www", "vg1"))
    return Hierarchy((*base.instances, *more), (*base.dependencies, *links))


class World:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel = FakeKernel(monkeypatch)
        self.port = FakePort(two_filesystems())
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)

    def state(self, tag: str) -> str:
        found = self.port.now.by_tag(tag)
        assert found is not None
        return found.state

    def reason(self, tag: str) -> str:
        found = self.port.now.by_tag(tag)
        assert found is not None
        return found.reason

    def kinds(self) -> list[type[Message]]:
        return [type(message) for message in self.told]

    def set(self, tag: str, state: str) -> None:
        changed = tuple(replace(i, state=state) if i.tag == tag else i for i in self.port.now.instances)
        self.port.now = Hierarchy(changed, self.port.now.dependencies)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


class TestCheck:
    def test_everything_in_service_is_checked_children_first(self, world: World) -> None:
        order = [finding.tag for finding in check_all(world.kit)]
        assert set(order) == set(world.port.now.tags)
        assert all(order.index(d.child) < order.index(d.parent) for d in world.port.now.dependencies)

    def test_one_look_at_the_kernel_serves_all(self, world: World) -> None:
        check_all(world.kit)
        assert world.kernel.looks == 1

    def test_what_is_out_of_service_is_not_checked(self, world: World) -> None:
        world.set("/www", OSU)
        world.set("vg1/www", OSF)
        world.port.unwanted = {"/data"}
        assert {f.tag for f in check_all(world.kit)} == {"vg1/data", "vg1", "disk-A", "disk-B"}

    def test_it_changes_nothing(self, world: World) -> None:
        world.kernel.faults["vg1"] = [GONE]
        check_all(world.kit)
        assert world.port.calls == []

    def test_a_warning_is_no_fault(self, world: World) -> None:
        world.kernel.faults["vg1"] = [RecordLost("vg1")]
        (found,) = [f for f in check_all(world.kit) if f.messages]
        assert not found.is_fault


class TestRecovery:
    def test_when_all_is_well_nothing_is_moved_and_nothing_said(self, world: World) -> None:
        watch(world.kit)
        assert (world.port.moves, world.told) == ([], [])

    def test_a_warning_is_said_and_nothing_moved(self, world: World) -> None:
        world.kernel.faults["vg1"] = [RecordLost("vg1")]
        watch(world.kit)
        assert (world.port.moves, world.told) == ([], [RecordLost("vg1")])

    def test_what_broke_goes_down_with_all_above_and_comes_back_once(self, world: World) -> None:
        world.kernel.faults["vg1/data"] = [GONE]
        watch(world.kit)
        assert world.port.moves == [("remove", "vg1/data"), ("restore", "vg1/data"), ("restore", "/data")]
        assert world.port.in_service() == set(world.port.now.tags)

    def test_it_is_told_from_the_finding_to_the_end(self, world: World) -> None:
        world.kernel.faults["vg1/data"] = [GONE]
        watch(world.kit)
        assert world.kinds() == [LvGone, CallingSendevent, RecoveryBegins, Recovered]
        assert RecoveryBegins("vg1/data", ("/data", "vg1/data")) in world.told

    def test_what_is_out_of_service_above_stays_so(self, world: World) -> None:
        world.set("/data", OSU)
        world.kernel.faults["vg1/data"] = [GONE]
        recover("vg1/data", world.kit)
        assert world.state("/data") == OSU

    def test_what_does_not_come_back_is_failed_with_the_first_cause(self, world: World) -> None:
        world.kernel.faults["vg1/data"] = [GONE]
        world.port.failing = {"/data": DEAD, "vg1/data": DEAD}
        assert recover("vg1/data", world.kit) == {"/data", "vg1/data"}
        assert (world.state("vg1/data"), world.reason("vg1/data")) == (OSF, GONE.text)
        assert world.state("/data") == OSF
        assert "vg1/data" in world.reason("/data")
        assert RecoveryFailed in world.kinds()

    def test_what_cannot_be_taken_down_is_failed_too(self, world: World) -> None:
        world.kernel.faults["/data"] = [NotMounted("/dev/vg1/data", "/data")]
        world.port.failing["/data"] = DEAD
        assert recover("/data", world.kit) == {"/data"}
        assert world.state("/data") == OSF

    def test_one_attempt_covers_what_broke_with_it(self, world: World) -> None:
        for tag in ("vg1/data", "/data"):
            world.kernel.faults[tag] = [GONE]
        world.port.failing["/data"] = DEAD
        watch(world.kit)
        assert world.port.moves.count(("remove", "vg1/data")) == 1
        assert ("remove", "/data") not in world.port.moves

    def test_one_that_does_not_come_back_does_not_stop_the_others(self, world: World) -> None:
        world.kernel.faults = {"/data": [GONE], "/www": [GONE]}
        world.port.failing["/data"] = DEAD
        watch(world.kit)
        assert ("restore", "/www") in world.port.moves
        assert (world.state("/data"), world.state("/www")) == (OSF, ISP)

    def test_what_was_mended_while_it_waited_for_the_lock_is_left_alone(self, world: World) -> None:
        assert recover("/data", world.kit) == set()
        assert world.port.moves == []

    def test_what_was_taken_out_while_it_waited_for_the_lock_stays_out(self, world: World) -> None:
        world.kernel.faults["/data"] = [GONE]
        world.set("/data", OSU)
        assert recover("/data", world.kit) == set()
        assert (world.port.moves, world.state("/data")) == ([], OSU)

    def test_what_was_deleted_while_it_waited_for_the_lock_is_no_fault(self, world: World) -> None:
        world.port.now = Hierarchy()
        assert recover("/data", world.kit) == set()

    def test_it_is_done_under_the_lock(self, world: World) -> None:
        world.kernel.faults["/data"] = [GONE]
        recover("/data", world.kit)
        assert (world.port.calls[0], world.port.calls[-1]) == (("lock",), ("unlock",))

    def test_a_sibling_that_came_back_is_in_service(self, world: World) -> None:
        world.kernel.faults["vg1"] = [GONE]
        world.port.failing["/www"] = DEAD
        assert recover("vg1", world.kit) == {"/www"}
        assert {tag: world.state(tag) for tag in ("/data", "vg1/data", "vg1")} == dict.fromkeys(
            ("/data", "vg1/data", "vg1"), ISP
        )
        assert world.state("/www") != ISP

    def test_a_check_that_cannot_be_made_does_not_stop_the_others(self, world: World) -> None:
        world.kernel.refusing["vg1/www"] = MissingInformation("vg1/www", "lv_uuid")
        world.kernel.faults["/data"] = [GONE]
        watch(world.kit)
        assert ("restore", "/data") in world.port.moves
        assert MissingInformation in world.kinds()


class TestInterrupted:
    def test_what_killed_runs_left_is_finished_first(self, world: World) -> None:
        watch(world.kit)
        assert world.port.calls[:3] == [("lock",), ("resume",), ("unlock",)]

    def test_a_move_that_fails_again_does_not_stop_the_round(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def resume(_tell: object) -> None:
            raise Failure(DEAD)

        monkeypatch.setattr(world.port, "resume", resume)
        world.kernel.faults["/www"] = [GONE]
        watch(world.kit)
        assert DEAD in world.told
        assert ("restore", "/www") in world.port.moves

    def test_a_journal_that_cannot_be_taken_back_does_not_stop_the_round(self, world: World) -> None:
        Path(world.kit.paths.state).mkdir()
        Path(world.kit.paths.state, "journal.json").write_text("rubbish")
        world.kernel.faults["/www"] = [GONE]
        watch(world.kit)
        assert ("restore", "/www") in world.port.moves
        assert InterruptedWork not in world.kinds()


class TestAfterBoot:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.port.now = two_filesystems(ILLSTATE)
        return world

    def test_what_was_in_service_comes_back_from_the_roots(self, world: World) -> None:
        watch(world.kit)
        assert world.port.moves == [("restore", "/data"), ("restore", "/www")]
        assert world.port.in_service() == set(world.port.now.tags)

    def test_what_was_taken_out_of_service_stays_out(self, world: World) -> None:
        world.port.unwanted = {"/www", "vg1/www"}
        watch(world.kit)
        assert world.port.moves == [("restore", "/data")]

    def test_a_root_that_was_out_of_service_does_not_hide_what_is_below(self, world: World) -> None:
        world.port.unwanted = {"/data", "/www"}
        watch(world.kit)
        assert world.port.moves == [("restore", "vg1/data"), ("restore", "vg1/www")]

    def test_one_that_does_not_come_back_does_not_stop_the_others(self, world: World) -> None:
        world.port.failing["/data"] = DEAD
        watch(world.kit)
        assert DEAD in world.told
        assert world.state("/www") == ISP


class TestInACluster:
    """There the cluster watches and recovers by itself."""

    @pytest.fixture
    def world(self, world: World) -> World:
        world.port = FakeCluster(two_filesystems())
        world.kit = replace(world.kit, port=world.port)
        return world

    def test_the_round_reports_and_changes_nothing(self, world: World) -> None:
        world.kernel.faults["vg1/data"] = [GONE]
        (found,) = [f for f in watch(world.kit) if f.messages]
        assert (found.tag, found.is_fault) == ("vg1/data", True)
        assert (world.told, world.port.calls) == ([GONE], [])

    def test_what_an_interrupted_change_left_waits_for_the_next_change(self, world: World) -> None:
        state = Path(world.kit.paths.state)
        state.mkdir()
        (state / "journal.json").write_text("damaged")
        watch(world.kit)
        assert (world.told, world.port.calls, len(list(state.iterdir()))) == ([], [], 1)

    def test_what_is_not_in_service_here_is_not_looked_at(self, world: World) -> None:
        for tag, state in (("/www", OSU), ("vg1/www", ILLSTATE), ("/data", OSF)):
            world.set(tag, state)
        assert {f.tag for f in watch(world.kit)} == {"vg1/data", "vg1", "disk-A", "disk-B"}

    def test_the_command_calls_it_a_failure_and_not_recovered(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.kernel.faults["vg1/data"] = [GONE]
        result = Shell(tmp_path, world.port, monkeypatch).run("check", "--all", "--quiet")
        assert (result.exit_code, result.stdout.split()[:2]) == (1, ["FAIL", "vg1/data"])
        assert world.port.calls == []
