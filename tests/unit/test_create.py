"""create: which hierarchy a mount point gets, what is refused, and that what fails leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, FILESYS, LVMLV, LVMVG, OSU, Dependency
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages import service as said
from lvmkit.model.messages.command import FstabWillMount, InvalidName, ProtectedUnderOldName
from lvmkit.model.messages.engine import StepDone
from lvmkit.model.messages.guards import VgShared
from lvmkit.model.messages.guide import (
    ErrorCreatingResource,
    FailedCreation,
    IdInUse,
    InsCreateFailed,
    LkvgsNotUpdated,
    RemovingAfterCreateError,
    ResourceExists,
    SwitchbackMismatch,
)
from lvmkit.model.messages.storage import CommandFailed, MountedTwice, NotAMountPoint, SystemStorage
from lvmkit.model.record import Record
from lvmkit.model.volumes import Layer, VolumeGroup
from lvmkit.plan import finish_interrupted
from lvmkit.steps import BringInService, Commit, ListVg, SetAutoactivation
from lvmkit.storage import lkvgs, records, stack
from lvmkit.workflow.create import CreateRequest, create, draft_creation
from lvmkit.workflow.reconfigure import reconfigure
from tests.unit.fakes import FakePort, has_journal, instance, killed, kit
from tests.unit.local_storage import BY_ID, OTHER_UUID, VG_UUID, Storage, lv_uuid, pv_uuid
from tests.unit.machine import SharedDisk, make_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.cluster.port import Change
    from lvmkit.plan import Kit, Step

STEPS = (SetAutoactivation, ListVg, Commit, BringInService)
REASON = CommandFailed("lvm", "5", "no")


class World:
    """Storage, engine and the kit on both."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.storage = Storage(folder, monkeypatch)
        self.port = FakePort()
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)

    def said(self) -> set[type[Message]]:
        return set(map(type, self.told))

    def tags(self) -> set[str]:
        return set(self.port.now.tags)

    def listed(self) -> tuple[str, ...]:
        return lkvgs.listed(self.kit.paths.lkvgs)

    def left(self) -> tuple[Any, ...]:
        """All that a creation changes."""
        return self.port.now, self.listed(), self.storage.groups(), self.port.in_service(), self.journal()

    def journal(self) -> bool:
        return has_journal(self.kit)

    def store_record(self) -> None:
        records.store(self.kit.paths, Record("vg1", "vg1", VG_UUID, (), ()))

    def has_record(self) -> bool:
        return records.load(self.kit.paths, "lvmvg-vg1") is not None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def refusal(world: World, request: CreateRequest) -> tuple[Message, ...]:
    before = world.left()
    with pytest.raises(Failure) as caught:
        create(request, world.kit)
    assert world.left() == before
    assert not world.storage.written
    assert [type(m) for m in caught.value.messages[-2:]] == [ErrorCreatingResource, FailedCreation]
    return caught.value.messages[:-2]


def kinds(now: Hierarchy) -> dict[str, str]:
    return {i.tag: i.type for i in now.instances}


class TestHierarchy:
    def test_a_mount_point_is_protected_down_to_its_disks(self, world: World) -> None:
        assert create(CreateRequest("/data"), world.kit) == "/data"
        assert kinds(world.port.now) == {
            "/data": FILESYS, "vg1/data": LVMLV, "vg1": LVMVG, "disk-A": DISK, "disk-B": DISK,
        }  # fmt: skip
        assert set(world.port.now.dependencies) == {
            Dependency("/data", "vg1/data"), Dependency("vg1/data", "vg1"),
            Dependency("vg1", "disk-A"), Dependency("vg1", "disk-B"),
        }  # fmt: skip
        assert world.port.in_service() == world.tags()

    def test_it_remembers_what_is_needed_to_bring_it_back(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        facts = {i.tag: i.details for i in world.port.now.instances}
        assert facts["/data"] == {
            "device": "/dev/vg1/data", "fstype": "ext4", "options": "rw,noatime", "uuid": "uuid-of-data",
            "vg_uuid": VG_UUID, "lv_uuid": lv_uuid("data"),
        }  # fmt: skip
        assert facts["vg1/data"] == {"vg_uuid": VG_UUID, "lv_uuid": lv_uuid("data"), "kind": "linear"}
        assert facts["vg1"] == {"vg_uuid": VG_UUID, "autoactivation": "y"}
        assert facts["disk-A"]["pv_uuid"] == pv_uuid("a")

    def test_the_boot_may_not_activate_it_any_more(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        assert (world.storage.autoactivation(), world.listed(), world.journal()) == (False, ("vg1",), False)

    def test_steps_are_told_in_order(self, world: World) -> None:
        plan = draft_creation(CreateRequest("/data"), world.kit).plan
        assert tuple(map(type, plan.steps)) == STEPS
        create(CreateRequest("/data"), world.kit)
        assert [m.step for m in world.told if isinstance(m, StepDone)] == [s.describe() for s in plan.steps]

    def test_a_draft_changes_nothing(self, world: World) -> None:
        before = world.left()
        draft_creation(CreateRequest("/data"), world.kit)
        assert (world.left(), world.port.calls, world.storage.written) == (before, [], [])

    def test_autoactivation_that_was_off_is_remembered_so(self, world: World) -> None:
        world.storage.change(autoactivation=False)
        create(CreateRequest("/data"), world.kit)
        assert world.storage.written == []
        assert world.port.now.by_id("lvmvg-vg1").details["autoactivation"] == "n"  # type: ignore[union-attr]

    def test_a_second_mount_point_shares_the_volume_group(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        before = world.tags()
        assert create(CreateRequest("/www"), world.kit) == "/www"
        assert world.tags() - before == {"/www", "vg1/www"}
        assert set(world.port.now.parents("vg1")) == {"vg1/data", "vg1/www"}
        assert world.storage.written == [("vg1", False)]

    def test_a_volume_without_a_file_system_is_protected_by_its_path(self, world: World) -> None:
        assert create(CreateRequest("/dev/vg1/www"), world.kit) == "vg1/www"
        assert FILESYS not in kinds(world.port.now).values()

    @pytest.mark.parametrize(("top", "root"), [(LVMLV, "lv"), (LVMVG, "lv")])
    def test_a_parent_kit_may_end_it_lower(self, world: World, top: str, root: str) -> None:
        assert create(CreateRequest("/data", root, "INTELLIGENT", top), world.kit) == root
        found = world.port.now.by_tag(root)
        assert found is not None
        assert (found.type, world.port.now.roots()) == (top, (root,))

    def test_what_exists_as_wished_is_brought_in_service_again(self, world: World) -> None:
        create(CreateRequest("/dev/vg1/data", "lv"), world.kit)
        world.port.take_out_of_service("lv", world.told.append)
        before = world.tags()
        assert create(CreateRequest("/dev/vg1/data", "lv"), world.kit) == "lv"
        assert (world.tags(), world.port.in_service()) == (before, before)


class TestTags:
    def test_the_root_gets_the_tag_that_was_given(self, world: World) -> None:
        assert create(CreateRequest("/data", "payroll"), world.kit) == "payroll"

    def test_characters_that_a_tag_may_not_hold_are_replaced(self, world: World) -> None:
        world.storage.lose()
        world.storage.put("a+b")
        world.storage.mount("/da ta", "a+b", "data")
        create(CreateRequest("/da ta"), world.kit)
        assert kinds(world.port.now).keys() == {"/da_ta", "a_b/data", "a_b", "disk-A", "disk-B"}

    def test_taken_tags_get_a_number(self, world: World) -> None:
        world.port.now = Hierarchy(
            (instance(DISK, "vg1", "x"), instance(DISK, "disk-A", "y"), instance(DISK, "disk-A-2", "z"))
        )
        create(CreateRequest("/data"), world.kit)
        assert {"vg1-2", "disk-A-3", "disk-B"} <= world.tags()

    def test_the_tag_wished_for_the_root_is_kept_for_it(self, world: World) -> None:
        assert create(CreateRequest("/data", "vg1"), world.kit) == "vg1"
        assert kinds(world.port.now)["vg1"] == FILESYS
        assert kinds(world.port.now)["vg1-2"] == LVMVG

    def test_a_long_name_that_is_taken_still_gets_a_tag(self, world: World) -> None:
        path = "/" + "d" * 300
        world.storage.mount(path, "vg1", "data")
        world.port.now = Hierarchy((instance(DISK, path[:256], "x"),))
        assert names.is_tag(create(CreateRequest(path), world.kit))

    def test_a_tag_that_is_taken_is_refused_before_anything_is_done(self, world: World) -> None:
        world.port.now = Hierarchy((instance(DISK, "payroll", "x"),))
        assert refusal(world, CreateRequest("/data", "payroll")) == (ResourceExists("payroll"),)

    @pytest.mark.parametrize("tag", ["a b", "-rf", "../x", "x" * 257, "a\nb", "\udcff"])
    def test_what_cannot_be_a_tag_is_refused(self, world: World, tag: str) -> None:
        assert refusal(world, CreateRequest("/data", tag)) == (InvalidName(tag, "tag"),)


def disk(letter: str, serial: str | None = None) -> Layer:
    """The disk /dev/sd<letter> with a serial number."""
    serial = letter.upper() if serial is None else serial
    stable = f"{BY_ID}{letter.upper()}" if serial else f"/dev/sd{letter}"
    return Layer(f"/dev/sd{letter}", "disk", f"8:{ord(letter)}", stable, serial)


class TestDevices:
    """What lsblk is read to say of the devices (test_stack.py) as instances."""

    def stand_on(self, world: World, **layers: Layer) -> None:
        """Let physical volumes, by their kernel names, stand on something else than a disk."""

        def devices_of(vg: VolumeGroup, *, deadline: float) -> tuple[tuple[str, Layer], ...]:
            return tuple((pv.uuid, layers[pv.device[len("/dev/") :]]) for pv in vg.physical)

        world.monkeypatch.setattr(stack, "devices_of", devices_of)

    def layers(self, world: World, layer: Layer) -> dict[str, str]:
        world.storage.lose()
        world.storage.put("vg1", letters="a")
        self.stand_on(world, sda=layer)
        create(CreateRequest("/data"), world.kit)
        return {tag: kind for tag, kind in kinds(world.port.now).items() if kind in (DEVICE, DISK)}

    def test_a_partition_stands_on_its_disk(self, world: World) -> None:
        part = Layer("/dev/sda1", "part", "8:1", "/dev/disk/by-id/A-part1", below=(disk("a"),))
        assert self.layers(world, part) == {"device-A-part1": DEVICE, "disk-A": DISK}
        assert Dependency("device-A-part1", "disk-A") in world.port.now.dependencies

    def test_a_partition_of_an_nvme_disk(self, world: World) -> None:
        nvme = Layer("/dev/nvme0n1", "disk", "259:0", "/dev/disk/by-id/N", "S1")
        part = Layer("/dev/nvme0n1p2", "part", "259:2", "/dev/disk/by-id/N-part2", below=(nvme,))
        assert self.layers(world, part) == {"device-S1-part2": DEVICE, "disk-S1": DISK}

    def test_an_array_stands_on_all_its_disks(self, world: World) -> None:
        array = Layer("/dev/md0", "raid1", "9:0", "/dev/disk/by-id/md-uuid-1", below=(disk("a"), disk("b")))
        assert self.layers(world, array) == {"device-md0": DEVICE, "disk-A": DISK, "disk-B": DISK}
        assert set(world.port.now.children("device-md0")) == {"disk-A", "disk-B"}

    def test_a_partition_of_an_array_is_not_taken_for_one_of_a_disk(self, world: World) -> None:
        array = Layer("/dev/md126", "raid1", "9:126", "/dev/disk/by-id/md-uuid-1", below=(disk("a"), disk("b")))
        part = Layer("/dev/md126p1", "part", "259:0", "/dev/disk/by-id/md-uuid-1-part1", below=(array,))
        assert set(self.layers(world, part)) == {"device-md126p1", "device-md126", "disk-A", "disk-B"}

    def test_multipath_is_named_after_the_disk_behind_its_paths(self, world: World) -> None:
        paths = tuple(Layer(f"/dev/sd{c}", "disk", f"8:{c}", f"/dev/sd{c}", "LUN1") for c in "xy")
        mpath = Layer("/dev/dm-3", "mpath", "253:3", "/dev/disk/by-id/dm-uuid-mpath-3600", below=paths)
        assert self.layers(world, mpath) == {"disk-LUN1": DISK}

    def test_no_tag_follows_the_order_in_which_mapped_devices_came_up(self, world: World) -> None:
        mapped = Layer("/dev/dm-3", "mpath", "253:3", "/dev/mapper/mpatha", below=(disk("a", ""), disk("b", "")))
        assert set(self.layers(world, mapped)) == {"disk-mpatha"}

    def test_disks_with_the_longest_names_that_begin_alike(self, world: World) -> None:
        """The longest serial number of SCSI has 252 bytes, the longest name of a file 255, a tag 256 characters."""
        serials = {letter: "L" * 250 + letter for letter in "cd"}
        world.storage.lose()
        for letter, serial in serials.items():
            world.storage.disks[letter] = SharedDisk(serial, pv_uuid=pv_uuid(letter))
            world.storage.machine.attach(world.storage.disks[letter], f"sd{letter}")
        world.storage.put("vg1", "data", "cd")
        create(CreateRequest("/data"), world.kit)
        found = {each.id: each.tag for each in world.port.now.instances if each.type == DISK}
        assert set(found) == {f"{BY_ID}{serial}" for serial in serials.values()}
        assert len(set(found.values())) == 2
        assert all(map(names.is_tag, found.values()))

    def test_partitions_of_a_disk_with_the_longest_serial_number_have_tags_of_their_own(self, world: World) -> None:
        whole = Layer("/dev/sdc", "disk", "8:32", f"{BY_ID}{'L' * 251}", "L" * 252)
        part = Layer("/dev/sdc1", "part", "8:33", f"{BY_ID}{'L' * 245}-part1", below=(whole,))
        tags = self.layers(world, part)
        assert sorted(tags.values()) == sorted((DEVICE, DISK))
        assert all(map(names.is_tag, tags))

    def test_disks_without_a_serial_number_are_known_by_their_kernel_names(self, world: World) -> None:
        world.storage.lose()
        for letter in "cd":
            world.storage.disks[letter] = SharedDisk("", pv_uuid=pv_uuid(letter))
            world.storage.machine.attach(world.storage.disks[letter], f"sd{letter}")
        world.storage.put("vg1", "data", "cd")
        create(CreateRequest("/data"), world.kit)
        found = {each.id: each.tag for each in world.port.now.instances if each.type == DISK}
        assert found == {"/dev/sdc": "disk-sdc", "/dev/sdd": "disk-sdd"}

    def test_two_groups_share_a_disk(self, world: World) -> None:
        parts = [
            Layer(f"/dev/sdc{n}", "part", f"8:{n}", f"/dev/disk/by-id/C-part{n}", below=(disk("c"),)) for n in (1, 2)
        ]
        world.storage.lose()
        world.storage.put("vg1", "data", "a")
        world.storage.put("vg2", "other", "b")
        self.stand_on(world, sda=parts[0], sdb=parts[1])
        create(CreateRequest("/data"), world.kit)
        create(CreateRequest("/other"), world.kit)
        assert set(world.port.now.parents("disk-C")) == {"device-C-part1", "device-C-part2"}

    def test_a_disk_that_now_carries_another_physical_volume_is_remembered_so(self, world: World) -> None:
        old = instance(DISK, "disk-A", f"{BY_ID}A", pv_uuid=pv_uuid("z"))
        world.port.now = Hierarchy((old,))
        create(CreateRequest("/data"), world.kit)
        assert world.port.now.by_tag("disk-A").details["pv_uuid"] == pv_uuid("a")  # type: ignore[union-attr]


def exported(storage: Storage) -> None:
    storage.change(exported=True)


def shared(storage: Storage) -> None:
    storage.change(lock_type="sanlock")


def anothers(storage: Storage) -> None:
    storage.change(system_id="n2")


def without_a_disk(storage: Storage) -> None:
    storage.machine.detach(storage.disks["b"])


def cloned(storage: Storage) -> None:
    storage.machine.attach(storage.disks["b"].clone("Z"))


class TestRefusals:
    def test_a_path_that_is_nothing(self, world: World) -> None:
        assert refusal(world, CreateRequest("/nowhere")) == (NotAMountPoint("/nowhere"),)

    def test_a_device_where_a_mount_point_is_asked_for(self, world: World) -> None:
        assert refusal(world, CreateRequest("/dev/vg1/data", top=FILESYS)) == (NotAMountPoint("/dev/vg1/data"),)

    def test_a_file_system_that_is_protected_already(self, world: World) -> None:
        create(CreateRequest("/data", "mine"), world.kit)
        world.storage.forget()
        assert refusal(world, CreateRequest("/data")) == (ResourceExists("mine"),)

    def test_a_file_system_that_is_protected_at_another_place(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        world.storage.mount("/again", "vg1", "data")
        world.storage.forget()
        assert refusal(world, CreateRequest("/again")) == (MountedTwice("/again", "/data", "vg1/data"),)

    def test_another_tag_for_a_volume_that_is_protected_already(self, world: World) -> None:
        create(CreateRequest("/dev/vg1/data"), world.kit)
        world.storage.forget()
        assert refusal(world, CreateRequest("/dev/vg1/data", "other")) == (IdInUse("/dev/vg1/data"),)

    def test_a_group_that_only_has_the_name_of_the_protected_one(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        world.storage.lose()
        world.storage.put("vg1", uuid=OTHER_UUID)
        world.storage.forget()
        assert refusal(world, CreateRequest("/www")) == (IdInUse("lvmvg-vg1"),)

    def test_a_volume_that_only_has_the_name_of_the_protected_one(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        world.storage.remake_volume("data", lv_uuid("new"))
        world.storage.mount("/again", "vg1", "data")
        world.storage.forget()
        assert refusal(world, CreateRequest("/again")) == (IdInUse("/dev/vg1/data"),)

    def test_the_system_s_own_storage(self, world: World) -> None:
        world.storage.machine.swap_on("/dev/vg1/www")
        assert refusal(world, CreateRequest("/data")) == (SystemStorage("vg1", "swap in use"),)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (exported, said.VgExported),
            (shared, VgShared),
            (anothers, said.VgForeign),
            (without_a_disk, said.PvsMissing),
            (cloned, said.DuplicatePv),
        ],
    )
    def test_a_group_that_must_not_be_activated_here(
        self, world: World, change: Callable[[Storage], None], message: type[Message]
    ) -> None:
        change(world.storage)
        assert [type(m) for m in refusal(world, CreateRequest("/data"))] == [message]
        with pytest.raises(Failure) as dry_run:
            draft_creation(CreateRequest("/data"), world.kit)
        assert [type(m) for m in dry_run.value.messages] == [message]

    def test_names_that_device_mapper_cannot_hold(self, world: World) -> None:
        world.storage.lose()
        make_group("v" * 100, (world.storage.disk("a"),), "l" * 100)
        assert [type(m) for m in refusal(world, CreateRequest(f"/dev/{'v' * 100}/{'l' * 100}"))] == [InvalidName]

    def test_a_renamed_group_is_not_protected_a_second_time(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        assert world.storage.machine.by_hand("vgrename", VG_UUID, "new") == 0
        with pytest.raises(Failure) as caught:
            create(CreateRequest("/www"), world.kit)
        assert caught.value.messages[0] == ProtectedUnderOldName("new", "lvmvg-vg1", "vg1")
        assert "/www" not in world.port.now.tags
        reconfigure("vg1", world.kit)
        create(CreateRequest("/www"), world.kit)
        assert [i.id for i in world.port.now.instances if i.type == LVMVG] == ["lvmvg-new"]


class TestWarnings:
    def test_switchback_that_differs_between_parent_and_child(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        create(CreateRequest("/www", switchback="AUTOMATIC"), world.kit)
        assert SwitchbackMismatch("vg1/www", "vg1", "n1") in world.told

    @pytest.mark.parametrize("source", ["/dev/vg1/data", "/dev/mapper/vg1-data", "UUID=uuid-of-data", "LABEL=x"])
    def test_fstab_that_would_mount_it(self, world: World, source: str) -> None:
        place = "/data" if source == "LABEL=x" else "/elsewhere"
        Path(world.kit.paths.fstab).write_text(f"{source} {place} ext4 defaults 0 2\n")
        create(CreateRequest("/data"), world.kit)
        (said,) = (message for message in world.told if isinstance(message, FstabWillMount))
        assert (said.place, said.vg) == (f"line 1 of {world.kit.paths.fstab}", "vg1")
        assert said.remedy == f"Write in its place: {source} {place} ext4 defaults,noauto,nofail 0 2"

    def test_fstab_that_leaves_it_alone(self, world: World) -> None:
        Path(world.kit.paths.fstab).write_text("/dev/vg1/data /data ext4 noauto,nofail 0 2\n/dev/sda1 /www ext4\n")
        create(CreateRequest("/data"), world.kit)
        assert FstabWillMount not in world.said()

    def test_fstab_that_would_mount_another_volume_of_the_group(self, world: World) -> None:
        Path(world.kit.paths.fstab).write_text("/dev/vg1/data /data ext4 noauto,nofail 0 2\n/dev/vg1/www /www ext4\n")
        create(CreateRequest("/data"), world.kit)
        (said,) = (message for message in world.told if isinstance(message, FstabWillMount))
        assert said.entry == "/dev/vg1/www /www ext4"

    def test_a_list_of_groups_that_cannot_be_written_stops_nothing(self, world: World) -> None:
        Path(world.kit.paths.lkvgs).mkdir()
        create(CreateRequest("/data"), world.kit)
        assert LkvgsNotUpdated in world.said()
        assert world.port.in_service() == world.tags() != set()


def _broken(step: type[Step], monkeypatch: pytest.MonkeyPatch, error: BaseException, applied: bool) -> None:
    """Let a kind of step fail or be interrupted, before or after it did its work."""
    work: Callable[[Any, Kit], None] = step.apply

    def apply(self: Any, tools: Kit) -> None:
        if applied:
            work(self, tools)
        raise error

    monkeypatch.setattr(step, "apply", apply)


class TestBackOut:
    @pytest.mark.parametrize("applied", [False, True])
    @pytest.mark.parametrize("step", STEPS)
    def test_a_failure_leaves_everything_as_it_was(self, world: World, step: type[Step], applied: bool) -> None:
        before = world.left()
        _broken(step, world.monkeypatch, Failure(REASON), applied)
        with pytest.raises(Failure) as caught:
            create(CreateRequest("/data"), world.kit)
        assert caught.value.messages == (REASON, ErrorCreatingResource("/data", "n1"), FailedCreation("/data", "n1"))
        assert world.left() == before

    @pytest.mark.parametrize("applied", [False, True])
    @pytest.mark.parametrize("step", STEPS)
    def test_a_signal_leaves_everything_as_it_was(self, world: World, step: type[Step], applied: bool) -> None:
        before = world.left()
        _broken(step, world.monkeypatch, Interruption("SIGTERM"), applied)
        with pytest.raises(Interruption):
            create(CreateRequest("/data"), world.kit)
        assert FailedCreation("/data", "n1") in world.told
        assert world.left() == before

    @pytest.mark.parametrize("step", STEPS)
    def test_what_a_kill_leaves_is_taken_back_by_the_next_run_unless_it_is_in_service(
        self, world: World, step: type[Step]
    ) -> None:
        before = world.left()
        with killed(world.monkeypatch) as patched:
            _broken(step, patched, RuntimeError("stands for a kill"), True)
            with pytest.raises(RuntimeError):
                create(CreateRequest("/data"), world.kit)
        assert world.journal()
        finish_interrupted(world.kit)
        if step is BringInService:
            assert world.port.in_service() == {"/data", "vg1/data", "vg1", "disk-A", "disk-B"}
            assert not world.journal()
        else:
            assert world.left() == before

    def test_every_instance_that_is_taken_away_again_is_told(self, world: World) -> None:
        _broken(BringInService, world.monkeypatch, Failure(REASON), False)
        with pytest.raises(Failure):
            create(CreateRequest("/data"), world.kit)
        removed = {m.tag for m in world.told if isinstance(m, RemovingAfterCreateError)}
        assert removed == {"/data", "vg1/data", "vg1", "disk-A", "disk-B"}

    def test_an_engine_that_refuses_is_told_in_the_guide_s_words(self, world: World) -> None:
        def commit(_change: Change) -> None:
            raise Failure(ResourceExists("vg1"))

        world.monkeypatch.setattr(world.port, "commit", commit)
        with pytest.raises(Failure) as caught:
            create(CreateRequest("/data"), world.kit)
        kinds = [type(m) for m in caught.value.messages]
        assert kinds == [ResourceExists, InsCreateFailed, ErrorCreatingResource, FailedCreation]
        assert not world.journal()

    def test_a_group_that_was_listed_before_stays_listed(self, world: World) -> None:
        lkvgs.add(world.kit.paths.lkvgs, "vg1")
        before = world.left()
        _broken(BringInService, world.monkeypatch, Failure(REASON), False)
        with pytest.raises(Failure):
            create(CreateRequest("/data"), world.kit)
        assert world.left() == before

    def test_a_hierarchy_that_was_there_keeps_what_it_had(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        world.store_record()
        before = world.left()
        _broken(BringInService, world.monkeypatch, Failure(REASON), True)
        with pytest.raises(Failure):
            create(CreateRequest("/www"), world.kit)
        assert world.left() == before
        assert world.has_record()

    def test_the_note_for_the_checks_goes_with_the_group(self, world: World) -> None:
        _broken(BringInService, world.monkeypatch, Failure(REASON), True)
        world.store_record()
        with pytest.raises(Failure):
            create(CreateRequest("/data"), world.kit)
        assert not world.has_record()

    def test_storage_that_was_down_is_down_again_from_the_group_on(self, world: World) -> None:
        world.storage.take_down()
        world.port.failing = {}
        _broken(BringInService, world.monkeypatch, Failure(REASON), True)
        with pytest.raises(Failure):
            create(CreateRequest("/dev/vg1/data"), world.kit)
        assert world.port.moves == [("restore", "vg1/data"), ("remove", "vg1")]

    def test_storage_that_was_up_stays_up(self, world: World) -> None:
        _broken(BringInService, world.monkeypatch, Failure(REASON), True)
        with pytest.raises(Failure):
            create(CreateRequest("/data"), world.kit)
        assert world.port.moves == [("restore", "/data")]

    def test_metadata_that_cannot_be_written_stops_the_creation(self, world: World) -> None:
        world.storage.machine.lvm.is_full = True
        before = world.left()
        with pytest.raises(Failure) as caught:
            create(CreateRequest("/data"), world.kit)
        assert isinstance(caught.value.messages[0], CommandFailed)
        assert said.AutoactivationUnchanged in world.said()
        assert world.left() == before

    def test_the_lock_is_held_all_the_time(self, world: World) -> None:
        create(CreateRequest("/data"), world.kit)
        assert (world.port.calls[0], world.port.calls[-1]) == (("lock",), ("unlock",))

    def test_a_disk_s_new_physical_volume_is_forgotten_again(self, world: World) -> None:
        world.port.now = Hierarchy((instance(DISK, "disk-A", f"{BY_ID}A", OSU, pv_uuid=pv_uuid("z")),))
        before = world.left()
        _broken(BringInService, world.monkeypatch, Failure(REASON), False)
        with pytest.raises(Failure):
            create(CreateRequest("/data"), world.kit)
        assert world.left() == before
