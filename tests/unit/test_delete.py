"""delete: what goes, what stays because another hierarchy needs it, and that data and mounts are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model.facts import LvFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DISK, FILESYS, LVMVG, Dependency
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import HasDependents
from lvmkit.model.messages.guide import LkvgsNotUpdated, ResourceNotFound
from lvmkit.model.messages.service import AutoactivationUnchanged, RecordLeft
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.record import Record
from lvmkit.model.value import replace
from lvmkit.plan import finish_interrupted
from lvmkit.resources import dispatch, kernel, scripts
from lvmkit.steps import Commit, ListVg, SetAutoactivation
from lvmkit.storage import lkvgs, records
from lvmkit.storage.run import Finished
from lvmkit.workflow.create import CreateRequest, create
from lvmkit.workflow.delete import delete, draft_deletion
from tests.unit.fakes import FakePort, has_journal, instance, killed, kit
from tests.unit.local_storage import VG_UUID, Storage
from tests.unit.outlived import at_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.plan import Kit, Step

STEPS = (Commit, ListVg, SetAutoactivation)


class World:
    """/data and /www on one volume group, both protected."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.storage = Storage(folder, monkeypatch)
        self.port = FakePort()
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)
        for path in ("/data", "/www"):
            create(CreateRequest(path), self.kit)
        self.store_record()
        self.storage.forget()
        self.port.calls.clear()

    def left(self) -> tuple[Any, ...]:
        now = self.port.now
        journal = has_journal(self.kit)
        tags = {i.tag: i for i in now.instances}
        return tags, set(now.dependencies), self.listed(), self.storage.groups(), journal

    def listed(self) -> tuple[str, ...]:
        return lkvgs.listed(self.kit.paths.lkvgs)

    def store_record(self) -> None:
        records.store(self.kit.paths, Record("vg1", "vg1", VG_UUID, (), ()))

    def has_record(self) -> bool:
        return records.load(self.kit.paths, "lvmvg-vg1") is not None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_one_of_two_leaves_what_the_other_needs(world: World) -> None:
    assert delete("/data", world.kit) == ("/data", "vg1/data")
    assert set(world.port.now.tags) == {"/www", "vg1/www", "vg1", "disk-A", "disk-B"}
    assert (world.listed(), world.storage.written, world.has_record()) == (("vg1",), [], True)


def test_the_last_takes_everything_and_lets_the_boot_activate_the_group_again(world: World) -> None:
    delete("/data", world.kit)
    assert set(delete("/www", world.kit)) == {"/www", "vg1/www", "vg1", "disk-A", "disk-B"}
    assert world.port.now == Hierarchy()
    assert (world.listed(), world.storage.written, world.has_record()) == ((), [("vg1", True)], False)


def test_a_start_that_outlived_a_killed_run_leaves_no_record(world: World) -> None:
    delete("/data", world.kit)
    with at_work(world.kit.paths, VG_UUID, world.store_record):
        delete("/www", world.kit)
    assert not world.has_record()


def test_no_other_change_comes_before_the_record_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might protect the group anew, and the record would be its."""
    delete("/data", world.kit)
    monkeypatch.setattr(records, "drop", lambda *_: world.port.calls.append(("record",)))
    delete("/www", world.kit)
    assert world.port.calls[-2:] == [("record",), ("unlock",)]


def test_a_start_that_does_not_end_is_told_for_the_hierarchy_is_gone(world: World) -> None:
    impatient = replace(world.kit, settings=replace(world.kit.settings, lock_patience=0.0))
    delete("/data", impatient)
    with at_work(world.kit.paths, VG_UUID):
        assert "vg1" in delete("/www", impatient)
    assert type(world.told[-1]) is RecordLeft


def test_a_group_whose_id_is_none_of_ours_leaves_no_record(world: World) -> None:
    world.port.now = Hierarchy((instance(LVMVG, "vg9", "of another kit"),))
    delete("vg9", world.kit)
    assert not [each for each in world.told if type(each) is RecordLeft]


def test_parents_go_before_what_they_require(world: World) -> None:
    delete("/data", world.kit)
    gone = delete("/www", world.kit)
    assert gone[:3] == ("/www", "vg1/www", "vg1")


def test_nothing_is_taken_out_of_service(world: World) -> None:
    delete("/data", world.kit)
    delete("/www", world.kit)
    assert world.port.moves == []


def test_autoactivation_that_was_off_before_stays_off(world: World) -> None:
    group = instance(LVMVG, "vg9", "lvmvg-vg9", vg_uuid=VG_UUID, autoactivation="n")
    world.port.now = Hierarchy((group,))
    delete("vg9", world.kit)
    assert world.storage.written == []


def test_what_something_else_requires_is_refused_with_its_name(world: World) -> None:
    before = world.left()
    with pytest.raises(Failure) as caught:
        delete("vg1", world.kit)
    assert caught.value.messages == (HasDependents("vg1", ("vg1/data", "vg1/www")),)
    assert world.left() == before


def test_an_unknown_tag_is_refused_before_the_lock_is_taken(world: World) -> None:
    with pytest.raises(Failure) as caught:
        delete("nothing", world.kit)
    assert caught.value.messages == (ResourceNotFound("nothing"),)
    assert world.port.calls == []


def test_a_dead_group_is_deleted_all_the_same_with_a_warning(world: World) -> None:
    world.storage.machine.lvm.is_full = True
    delete("/data", world.kit)
    delete("/www", world.kit)
    assert world.port.now == Hierarchy()
    assert [m.vg for m in world.told if isinstance(m, AutoactivationUnchanged)] == ["vg1"]


def test_a_list_that_cannot_be_written_is_a_warning(world: World) -> None:
    Path(world.kit.paths.lkvgs).unlink()
    Path(world.kit.paths.lkvgs).mkdir()
    delete("/data", world.kit)
    delete("/www", world.kit)
    assert world.port.now == Hierarchy()
    assert LkvgsNotUpdated in map(type, world.told)


def test_a_group_that_another_hand_took_off_the_list_is_not_put_there_by_a_back_out(world: World) -> None:
    delete("/data", world.kit)
    lkvgs.remove(world.kit.paths.lkvgs, "vg1")
    _broken(SetAutoactivation, world.monkeypatch, Interruption("SIGTERM"))
    with pytest.raises(Interruption):
        delete("/www", world.kit)
    assert world.listed() == ()


def test_a_disk_that_two_groups_share_stays_with_the_other(world: World) -> None:
    other = instance(LVMVG, "vg2", "lvmvg-vg2", vg_uuid="x")
    now = world.port.now
    world.port.now = Hierarchy((*now.instances, other), (*now.dependencies, Dependency("vg2", "disk-A")))
    delete("/data", world.kit)
    delete("/www", world.kit)
    assert set(world.port.now.tags) == {"vg2", "disk-A"}


def test_a_resource_that_carries_no_uuid_can_be_deleted(world: World) -> None:
    world.port.now = Hierarchy((instance(LVMVG, "old", "lvmvg-old"), instance(FILESYS, "fs", "/old")))
    assert delete("old", world.kit) == ("old",)
    assert delete("fs", world.kit) == ("fs",)


def test_a_draft_changes_nothing(world: World) -> None:
    before = world.left()
    gone, plan = draft_deletion("/data", world.kit)
    assert [i.tag for i in gone] == ["/data", "vg1/data"]
    assert [type(step) for step in plan.steps] == [Commit]
    assert (world.left(), world.port.calls) == (before, [])


def _broken(step: type[Step], monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let a kind of step end badly after it did its work."""
    work: Callable[[Any, Kit], None] = step.apply

    def apply(self: Any, tools: Kit) -> None:
        work(self, tools)
        raise error

    monkeypatch.setattr(step, "apply", apply)


@pytest.mark.parametrize("error", [Failure(CommandFailed("lvm", "5", "no")), Interruption("SIGTERM")])
@pytest.mark.parametrize("step", STEPS)
def test_what_fails_or_is_interrupted_is_protected_as_before(
    world: World, step: type[Step], error: BaseException
) -> None:
    delete("/data", world.kit)
    before = world.left()
    _broken(step, world.monkeypatch, error)
    with pytest.raises(type(error)):
        delete("/www", world.kit)
    assert world.left() == before


@pytest.mark.parametrize("step", STEPS)
def test_what_a_kill_leaves_once_the_records_are_gone_is_finished_by_the_next_run(
    world: World, step: type[Step]
) -> None:
    delete("/data", world.kit)
    with killed(world.monkeypatch) as patched:
        _broken(step, patched, RuntimeError("stands for a kill"))
        with pytest.raises(RuntimeError):
            delete("/www", world.kit)
    finish_interrupted(world.kit)
    assert (world.port.now, world.listed(), has_journal(world.kit)) == (Hierarchy(), (), False)
    assert world.storage.autoactivation()


def test_what_a_kill_leaves_before_the_records_go_stays_protected(world: World) -> None:
    before = world.left()
    with killed(world.monkeypatch) as patched:
        patched.setattr(Commit, "apply", _die)
        with pytest.raises(RuntimeError):
            delete("/www", world.kit)
    finish_interrupted(world.kit)
    assert world.left() == before


def _die(*_: object) -> None:
    raise RuntimeError("stands for a kill")


class TestDeleteAction:
    """The delete action, by which another engine ends what create did outside of it."""

    def test_a_group_is_released(self, world: World) -> None:
        dispatch.release(world.port.now.by_tag("vg1"), world.kit.host)  # type: ignore[arg-type]
        assert (world.listed(), world.storage.written, world.has_record()) == ((), [("vg1", True)], False)

    def test_it_waits_for_a_start_that_writes_its_record(self, world: World) -> None:
        group = world.port.now.by_tag("vg1")
        assert group
        with at_work(world.kit.paths, VG_UUID, world.store_record):
            dispatch.release(group, world.kit.host)
        assert not world.has_record()

    def test_so_it_does_for_the_record_of_a_volume(self, world: World) -> None:
        volume = world.port.now.by_tag("vg1/data")
        assert volume
        place = kernel.volume_paths(world.kit.paths, LvFacts.noted(volume))
        record = Record("vg1/data", "vg1", VG_UUID, (), ())
        with at_work(world.kit.paths, VG_UUID, lambda: records.store(place, record)):
            dispatch.release(volume, world.kit.host)
        assert records.load(place, "lvmvg-vg1") is None

    def test_it_can_be_run_again(self, world: World) -> None:
        for _ in range(2):
            dispatch.release(world.port.now.by_tag("vg1"), world.kit.host)  # type: ignore[arg-type]
        assert world.listed() == ()

    def test_a_group_without_uuid_is_released_too(self, world: World) -> None:
        lkvgs.add(world.kit.paths.lkvgs, "old")
        dispatch.release(instance(LVMVG, "old", "lvmvg-old"), world.kit.host)
        assert world.listed() == ("vg1",)

    def test_what_the_boot_did_not_activate_before_stays_so(self, world: World) -> None:
        dispatch.release(instance(LVMVG, "vg1", "lvmvg-vg1", autoactivation="n"), world.kit.host)
        assert world.storage.written == []

    def test_nothing_else_has_anything_to_release(self, world: World) -> None:
        before = world.left()
        for kind, resource_id in ((FILESYS, "/data"), (DISK, "/dev/sda")):
            dispatch.release(instance(kind, "x", resource_id), world.kit.host)
        assert (world.left(), world.storage.written) == (before, [])


def test_what_another_kit_did_is_undone_by_its_script_before_its_instance_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []

    def run(argv: tuple[str, ...], *_given: Any, **_how: Any) -> Finished:
        ran.append(argv)
        return Finished(argv, 0, "", "", 0.0)

    monkeypatch.setattr(scripts, "_run", run)
    database = replace(instance(DISK, "db", "/data/db"), type="pgsql", app="database")
    now = world.port.now
    world.port.now = Hierarchy((*now.instances, database), (*now.dependencies, Dependency("db", "/data")))
    script = Path(world.kit.paths.lkroot, "subsys/database/resources/pgsql/actions/delete")
    script.parent.mkdir(parents=True)
    script.touch()
    assert delete("db", world.kit) == ("db", "/data", "vg1/data")
    assert ran == [(str(script), "-t", "db", "-i", "/data/db")]
