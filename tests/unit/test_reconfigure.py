"""reconfigure (adddelpv): the hierarchy follows its volume group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DISK, FILESYS, OSU, Dependency
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import DifferenceChanged, SeenDifferently, UnknownDevices
from lvmkit.model.messages.engine import HasDependents
from lvmkit.model.messages.guide import (
    DeviceDependencyNotCreated,
    InvalidConstructorArgument,
    LkvgsNotUpdated,
    ResourceNotFound,
)
from lvmkit.model.messages.service import VgImpostor, VgNotFound
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.value import replace
from lvmkit.steps import BringInService, Commit
from lvmkit.storage import lkvgs, records
from lvmkit.workflow import everywhere
from lvmkit.workflow.create import CreateRequest, create
from lvmkit.workflow.delete import delete
from lvmkit.workflow.reconfigure import Difference, LvChange, PvChange, contents, difference, reconfigure
from lvmkit.workflow.renew import RenewRecord
from tests.unit.fakes import SEVERAL_SERVERS, FakePort, has_journal, instance, kit
from tests.unit.local_storage import BY_ID, OTHER_UUID, VG_UUID, Storage, lv_uuid, pv_uuid
from tests.unit.machine import Volume
from tests.unit.outlived import at_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.plan import Kit, Step

DISK_C = PvChange(f"{BY_ID}C", pv_uuid("c"))
DISK_B = PvChange(f"{BY_ID}B", pv_uuid("b"), "disk-B")


class World:
    """/data on vg1 on two disks, protected, in service and watched."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.storage = Storage(folder, monkeypatch)
        self.port = FakePort()
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)
        create(CreateRequest("/data"), self.kit)
        reconfigure("vg1", self.kit)  # writes the record that the restore script would have written
        self.port.calls.clear()
        self.told.clear()

    def grow(self, disks: str = "abc", volumes: str = "data www") -> None:
        self.storage.reshape(disks, volumes)

    def watched(self) -> tuple[set[str], set[str]]:
        """Names of the volumes and devices that the checks expect."""
        record = records.load(self.kit.paths, "lvmvg-vg1")
        assert record is not None
        return {lv.name for lv in record.logical}, {pv.device for pv in record.physical}

    def disks(self) -> set[str]:
        return set(self.port.now.children("vg1"))

    def left(self) -> tuple[Any, ...]:
        now = self.port.now
        listed = lkvgs.listed(self.kit.paths.lkvgs)
        journal = has_journal(self.kit)
        return {i.tag: i for i in now.instances}, set(now.dependencies), listed, journal


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def refusal(world: World, *arguments: Any) -> tuple[Message, ...]:
    before = world.left()
    with pytest.raises(Failure) as caught:
        reconfigure(*arguments, world.kit) if len(arguments) == 1 else reconfigure(
            arguments[0], world.kit, arguments[1]
        )
    assert world.left() == before
    return caught.value.messages


class TestDifference:
    def test_there_is_none_at_first(self, world: World) -> None:
        shown = replace(difference("vg1", world.kit), contents="")
        assert shown == Difference("vg1", "vg1", (), (), (LvChange("www", lv_uuid("www")),), ())
        assert difference("vg1", world.kit).is_empty

    def test_a_disk_that_came(self, world: World) -> None:
        world.grow()
        found = difference("vg1", world.kit)
        assert (found.added, found.removed, found.unwatched) == ((DISK_C,), (), True)

    def test_a_disk_that_went(self, world: World) -> None:
        world.grow("a")
        found = difference("vg1", world.kit)
        assert (found.added, found.removed) == ((), (DISK_B,))

    def test_a_disk_that_is_only_missing_did_not_go(self, world: World) -> None:
        world.storage.machine.detach(world.storage.disks["b"])
        assert difference("vg1", world.kit).removed == ()

    def test_a_protected_volume_that_went(self, world: World) -> None:
        world.grow("ab", "www")
        found = difference("vg1", world.kit)
        assert found.gone_volumes == (LvChange("data", lv_uuid("data"), "vg1/data"),)

    def test_a_renamed_volume_did_not_go(self, world: World) -> None:
        volumes = tuple(Volume(lv.uuid, f"{lv.name}-old") for lv in world.storage.metadata().volumes)
        world.storage.change(volumes=volumes)
        assert difference("vg1", world.kit).gone_volumes == ()

    def test_a_group_that_the_list_does_not_name(self, world: World) -> None:
        lkvgs.remove(world.kit.paths.lkvgs, "vg1")
        assert difference("vg1", world.kit).unlisted

    def test_a_list_that_cannot_be_read_does_not_name_it(self, world: World) -> None:
        Path(world.kit.paths.lkvgs).unlink()
        Path(world.kit.paths.lkvgs).mkdir()
        assert difference("vg1", world.kit).unlisted

    def test_a_record_that_is_lost(self, world: World) -> None:
        records.drop(world.kit.paths, "lvmvg-vg1")
        assert difference("vg1", world.kit).unwatched

    def test_a_group_that_is_down_needs_no_record(self, world: World) -> None:
        records.drop(world.kit.paths, "lvmvg-vg1")
        world.storage.take_down()
        assert difference("vg1", world.kit).is_empty

    def test_it_changes_nothing(self, world: World) -> None:
        world.grow("ac", "www")
        before = world.left()
        difference("vg1", world.kit)
        assert (world.left(), world.port.calls) == (before, [])


class TestExpected:
    def test_what_was_shown_is_applied(self, world: World) -> None:
        world.grow()
        reconfigure("vg1", world.kit, expected=difference("vg1", world.kit).digest)
        assert world.disks() == {"disk-A", "disk-B", "disk-C"}

    def test_what_changed_since_is_refused_and_nothing_is_changed(self, world: World) -> None:
        world.grow()
        shown = difference("vg1", world.kit).digest
        world.grow("abcd")
        before = world.left()
        with pytest.raises(Failure) as caught:
            reconfigure("vg1", world.kit, expected=shown)
        now = difference("vg1", world.kit).digest
        assert (caught.value.messages, world.left()) == ((DifferenceChanged("vg1", shown, now),), before)

    def test_a_volume_that_nobody_protects_is_no_part_of_it(self, world: World) -> None:
        world.grow()
        shown = difference("vg1", world.kit)
        world.grow("abc", "data www scratch")
        assert difference("vg1", world.kit).digest == shown.digest

    @pytest.mark.parametrize(("disks", "volumes"), [("abd", "data www"), ("a", "data www"), ("abc", "www")])
    def test_two_differences_have_two_digests(self, world: World, disks: str, volumes: str) -> None:
        world.grow()
        shown = difference("vg1", world.kit)
        world.grow(disks, volumes)
        assert difference("vg1", world.kit).digest != shown.digest
        assert contents("vg1", world.kit) != shown.contents

    def test_another_server_is_told_what_the_group_consists_of_as_its_own_difference_is_another(
        self, world: World
    ) -> None:
        world.grow()
        there = contents("vg1", world.kit)
        reconfigure("vg1", world.kit)
        assert contents("vg1", world.kit) == there
        assert reconfigure("vg1", world.kit, here=True, expected=there).is_empty

    def test_the_other_servers_are_asked_before_anything_is_changed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(tag: str, _contents: str, _kit: Kit) -> None:
            raise Failure(SeenDifferently("n2", tag))

        monkeypatch.setattr(FakePort, "capabilities", SEVERAL_SERVERS)
        monkeypatch.setattr(everywhere, "refuse_another_view", refuse)
        world.grow()
        shown, before = difference("vg1", world.kit).digest, world.left()
        with pytest.raises(Failure) as caught:
            reconfigure("vg1", world.kit, expected=shown)
        assert (caught.value.messages, world.left()) == ((SeenDifferently("n2", "vg1"),), before)


class TestApplied:
    def test_a_disk_that_came_is_added_in_service_and_watched(self, world: World) -> None:
        world.grow()
        reconfigure("vg1", world.kit)
        assert world.disks() == {"disk-A", "disk-B", "disk-C"}
        assert "disk-C" in world.port.in_service()
        assert world.watched()[1] == {"/dev/sda", "/dev/sdb", "/dev/sdc"}
        assert difference("vg1", world.kit).is_empty

    def test_a_disk_that_came_to_a_group_out_of_service_stays_out(self, world: World) -> None:
        world.port.take_out_of_service("vg1", world.told.append)
        world.storage.take_down()
        world.grow()
        reconfigure("vg1", world.kit)
        assert world.port.now.by_tag("disk-C").state == OSU  # type: ignore[union-attr]

    def test_a_disk_that_went_is_removed(self, world: World) -> None:
        world.grow("a")
        reconfigure("vg1", world.kit)
        assert (world.disks(), world.port.now.by_tag("disk-B")) == ({"disk-A"}, None)
        assert world.watched()[1] == {"/dev/sda"}

    def test_a_disk_that_another_group_uses_is_only_unlinked(self, world: World) -> None:
        other = instance("lvmvg", "vg2", "lvmvg-vg2", vg_uuid=OTHER_UUID)
        now = world.port.now
        world.port.now = Hierarchy((*now.instances, other), (*now.dependencies, Dependency("vg2", "disk-B")))
        world.grow("a")
        reconfigure("vg1", world.kit)
        assert world.port.now.parents("disk-B") == ("vg2",)

    def test_a_disk_that_was_made_a_physical_volume_anew_stays(self, world: World) -> None:
        world.storage.remake("b", pv_uuid("z"))
        reconfigure("vg1", world.kit)
        assert world.disks() == {"disk-A", "disk-B"}
        assert world.port.now.by_tag("disk-B").details["pv_uuid"] == pv_uuid("z")  # type: ignore[union-attr]
        assert difference("vg1", world.kit).is_empty

    def test_a_lost_volume_goes_with_the_file_system_that_was_on_it(self, world: World) -> None:
        create(CreateRequest("/www"), world.kit)
        world.grow("ab", "www")
        reconfigure("vg1", world.kit)
        assert world.port.now.by_tag("vg1/data") is None
        assert world.port.now.roots() == ("/www",)
        assert difference("vg1", world.kit).is_empty

    def test_a_lost_volume_that_another_kit_requires_is_named_and_all_stays(self, world: World) -> None:
        now = world.port.now
        database = replace(instance(DISK, "db", "db"), type="pgsql", app="database")
        world.port.now = Hierarchy((*now.instances, database), (*now.dependencies, Dependency("db", "/data")))
        world.grow("abc", "www")
        assert refusal(world, "vg1") == (HasDependents("vg1/data", ("db",)),)

    def test_a_file_system_on_two_volumes_does_not_go_with_one(self, world: World) -> None:
        now = world.port.now
        other = instance(FILESYS, "/more", "/more", device="/dev/vg9/x", fstype="ext4")
        links = (*now.dependencies, Dependency("/more", "vg1/data"), Dependency("/more", "disk-A"))
        world.port.now = Hierarchy((*now.instances, other), links)
        world.grow("ab", "www")
        assert refusal(world, "vg1") == (HasDependents("vg1/data", ("/more",)),)

    def test_a_file_system_within_a_lost_one_stays(self, world: World) -> None:
        now = world.port.now
        other = instance(FILESYS, "/data/more", "/data/more", device="/dev/vg9/x", fstype="ext4")
        links = (*now.dependencies, Dependency("/data/more", "/data"), Dependency("/data/more", "disk-A"))
        world.port.now = Hierarchy((*now.instances, other), links)
        world.grow("ab", "www")
        reconfigure("vg1", world.kit)
        assert world.port.now.by_tag("/data") is None
        assert world.port.now.children("/data/more") == ("disk-A",)

    def test_the_list_names_the_group_again(self, world: World) -> None:
        lkvgs.remove(world.kit.paths.lkvgs, "vg1")
        reconfigure("vg1", world.kit)
        assert lkvgs.listed(world.kit.paths.lkvgs) == ("vg1",)

    def test_a_list_that_cannot_be_written_is_a_warning(self, world: World) -> None:
        Path(world.kit.paths.lkvgs).unlink()
        Path(world.kit.paths.lkvgs).mkdir()
        world.grow()
        reconfigure("vg1", world.kit)
        assert "disk-C" in world.disks()
        assert LkvgsNotUpdated in map(type, world.told)

    def test_a_new_volume_is_watched_at_once(self, world: World) -> None:
        world.grow("ab", "data www new")
        assert [lv.name for lv in difference("vg1", world.kit).new_volumes] == ["www", "new"]
        reconfigure("vg1", world.kit)
        assert world.watched()[0] == {"data", "www", "new"}

    def test_nothing_to_do_changes_nothing(self, world: World) -> None:
        before = world.left()
        assert reconfigure("vg1", world.kit).is_empty
        assert (world.left(), world.port.calls) == (before, [("lock",), ("unlock",)])

    def test_the_lock_is_held_while_it_looks(self, world: World) -> None:
        world.grow()
        reconfigure("vg1", world.kit)
        assert (world.port.calls[0], world.port.calls[-1]) == (("lock",), ("unlock",))

    def test_a_stop_that_goes_on_is_waited_for_before_the_record_is_written(self, world: World) -> None:
        records.drop(world.kit.paths, "lvmvg-vg1")
        with at_work(world.kit.paths, VG_UUID, world.storage.take_down):
            RenewRecord("vg1").apply(world.kit)
        assert records.load(world.kit.paths, "lvmvg-vg1") is None

    def test_a_run_that_was_killed_writes_it_later(self, world: World) -> None:
        records.drop(world.kit.paths, "lvmvg-vg1")
        RenewRecord("vg1").finish(world.kit)
        assert world.watched()[0] == {"data", "www"}

    def test_but_not_of_a_group_that_is_protected_no_more(self, world: World) -> None:
        delete("/data", world.kit)
        RenewRecord("vg1").finish(world.kit)
        assert records.load(world.kit.paths, "lvmvg-vg1") is None

    def test_a_record_under_an_older_name_goes(self, world: World) -> None:
        record = records.load(world.kit.paths, "lvmvg-vg1")
        assert record
        records.store(world.kit.paths, replace(record, vg="old"))
        RenewRecord("vg1").apply(world.kit)
        assert records.ids_of(world.kit.paths, VG_UUID) == ("lvmvg-vg1",)


class TestLists:
    @pytest.mark.parametrize("word", [f"{BY_ID}C", pv_uuid("c")])
    def test_only_what_is_named_is_added(self, world: World, word: str) -> None:
        world.grow("acd")
        reconfigure("vg1", world.kit, ((word,), ()))
        assert world.disks() == {"disk-A", "disk-B", "disk-C"}

    @pytest.mark.parametrize("word", [f"{BY_ID}B", pv_uuid("b"), "disk-B"])
    def test_only_what_is_named_is_removed(self, world: World, word: str) -> None:
        world.grow("acd")
        reconfigure("vg1", world.kit, ((), (word,)))
        assert world.disks() == {"disk-A"}

    def test_the_device_that_the_link_leads_to_is_meant_too(self, world: World) -> None:
        world.grow()
        reconfigure("vg1", world.kit, (("/dev/sdc",), ()))
        assert len(world.disks()) == 3

    def test_what_did_not_change_is_refused_by_name(self, world: World) -> None:
        world.grow()
        assert refusal(world, "vg1", ((f"{BY_ID}C", "/dev/sdx"), ("disk-A",))) == (
            UnknownDevices("vg1", ("/dev/sdx", "disk-A")),
        )

    def test_a_disk_that_came_cannot_be_removed(self, world: World) -> None:
        world.grow()
        assert refusal(world, "vg1", ((), (f"{BY_ID}C",))) == (UnknownDevices("vg1", (f"{BY_ID}C",)),)

    def test_lost_volumes_are_left_for_another_time(self, world: World) -> None:
        world.grow("abc", "www")
        reconfigure("vg1", world.kit, ((f"{BY_ID}C",), ()))
        assert world.port.now.by_tag("vg1/data") is not None


class TestRefusals:
    def test_an_unknown_tag(self, world: World) -> None:
        assert refusal(world, "nothing") == (ResourceNotFound("nothing"),)

    def test_a_tag_of_another_type(self, world: World) -> None:
        assert refusal(world, "vg1/data") == (InvalidConstructorArgument("lvmvg", "vg1/data"),)

    def test_a_group_that_is_not_there(self, world: World) -> None:
        world.storage.lose()
        assert refusal(world, "vg1") == (VgNotFound("vg1", VG_UUID),)

    def test_a_group_that_only_has_the_name(self, world: World) -> None:
        world.storage.lose()
        world.storage.put("vg1", letters="cd", uuid=OTHER_UUID)
        assert refusal(world, "vg1") == (VgImpostor("vg1", OTHER_UUID, VG_UUID),)


@pytest.mark.parametrize("error", [Failure(CommandFailed("lvm", "5", "no")), Interruption("SIGTERM")])
@pytest.mark.parametrize("step", [Commit, BringInService])
def test_what_fails_or_is_interrupted_leaves_the_hierarchy_as_it_was(
    world: World, step: type[Step], error: BaseException
) -> None:
    world.grow("acd", "www")
    world.storage.remake("a", pv_uuid("z"))
    before = world.left()
    work: Callable[[Any, Kit], None] = step.apply

    def apply(self: Any, tools: Kit) -> None:
        work(self, tools)
        raise error

    world.monkeypatch.setattr(step, "apply", apply)
    with pytest.raises(type(error)) as caught:
        reconfigure("vg1", world.kit)
    if isinstance(caught.value, Failure):
        assert [type(m) for m in caught.value.messages[1:]] == [DeviceDependencyNotCreated] * 3
    after = world.left()
    new_states = {tag: replace(i, state=before[0][tag].state) for tag, i in after[0].items()}
    assert (new_states, *after[1:]) == before
