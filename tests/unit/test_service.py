"""restore, remove and quickCheck against a small kernel and a small LVM that count what is asked of them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.guards import metadata
from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DISK, LVMLV, LVMVG, OSU, Dependency, Instance, pack_info
from lvmkit.model.messages import ERROR, Failure, Message
from lvmkit.model.messages import service as said
from lvmkit.model.messages.faults import LvGone, LvWrongTable, PvDegraded, PvGone, PvHung, PvReadFailed, RecordLost
from lvmkit.model.messages.storage import CommandHung
from lvmkit.model.settings import DEGRADED, Paths, Settings
from lvmkit.model.value import replace
from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
from lvmkit.plan import Kit
from lvmkit.resources import dispatch
from lvmkit.resources.locks import starting
from lvmkit.resources.lvmvg import ALREADY_DOWN, ALREADY_UP
from lvmkit.resources.taking_down import STAYS_TIED
from lvmkit.storage import claims, dm, holders, locks, probe, records, sysfs
from lvmkit.storage.lvm import Lvm
from lvmkit.storage.run import Finished
from tests.unit.conftest import PATIENCE
from tests.unit.fakes import ONE_SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

VG_UUID = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
OTHER_VG = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
LV_UUIDS = ("UC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5", "VC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5")
PV_UUID = "PC2RRa-Y6Dy-tsmu-z4Fv-zSJc-N9Gg-VNRuJ5"
GROUP = VolumeGroup(
    VG_UUID, "my-vg", 1 << 30, False, "", False,
    (PhysicalVolume(PV_UUID, "/dev/sda", 1 << 30),),
    tuple(LogicalVolume(uuid, name, "linear", 1 << 20) for uuid, name in zip(LV_UUIDS, ("data--x", "www"))),
)  # fmt: skip
VG = Instance("n1", "scsi", LVMVG, "vg", "lvmvg-my-vg", pack_info({"vg_uuid": VG_UUID}))
LV = Instance("n1", "scsi", LVMLV, "lv", "/dev/my-vg/data--x", pack_info({"vg_uuid": VG_UUID, "lv_uuid": LV_UUIDS[0]}))
LV_DM = names.dm_uuid(VG_UUID, LV_UUIDS[0])


class World:
    """A kernel that holds devices, and an LVM that brings them up and down; every LVM command is noted."""

    def __init__(self) -> None:
        self.vg: VolumeGroup | None = GROUP
        self.up: dict[str, dm.DeviceStatus] = {}
        self.commands: list[str] = []
        self.conditions: dict[str, str] = {}
        self.stuck: set[str] = set()
        """LV names that LVM cannot bring up or down"""
        self.lvm_hangs = False
        self.silent = False
        self.asked: tuple[str, ...] = ()
        """devices that LVM was told to look at"""
        """disks do not answer direct reads"""
        self.system_id = ""
        self.kind = "linear"
        self.slept = 0.0

    def appear(self, lv: LogicalVolume, *, opened: int = 0, kind: str = "") -> None:
        number = f"253:{len(self.up)}"
        uuid = names.dm_uuid(VG_UUID, lv.uuid)
        lines = (dm.Target(0, 8, kind or self.kind, ""),)
        name = names.dm_name("my-vg", lv.name)
        self.up[uuid] = dm.DeviceStatus(name, uuid, number, opened, False, False, True, lines)

    def find(self, *_where: object, devices: tuple[str, ...] = (), **_how: object) -> VolumeGroup | None:
        self.commands.append("fullreport")
        self.asked = devices
        return self.vg

    def own_system_id(self, **_how: object) -> str:
        self.commands.append("systemid")
        return self.system_id

    def activate(self, _vg: str, **_how: object) -> Finished:
        self.commands.append("vgchange -ay")
        for lv in GROUP.logical:
            if lv.name not in self.stuck and names.dm_uuid(VG_UUID, lv.uuid) not in self.up:
                self.appear(lv)
        return Finished(("lvm",), 0, "", "", 0.1)

    def activate_lv(self, _vg: str, name: str, **_how: object) -> Finished:
        self.commands.append("lvchange -ay")
        for lv in GROUP.logical:
            if lv.name == name and name not in self.stuck:
                self.appear(lv)
        return Finished(("lvm",), 0, "", "", 0.1)

    def deactivate(self, _vg: str, **_how: object) -> Finished:
        self.commands.append("vgchange -an")
        if self.lvm_hangs:
            raise Failure(CommandHung("vgchange", 60.0, "killed"))
        self.up = {uuid: s for uuid, s in self.up.items() if s.name.rsplit("-", 1)[-1] in self.stuck}
        return Finished(("lvm",), 5 if self.up else 0, "", "cannot" if self.up else "", 0.1)

    def deactivate_lv(self, _vg: str, lv: str, **_how: object) -> Finished:
        self.commands.append("lvchange -an")
        if lv in self.stuck:
            return Finished(("lvm",), 5, "", "cannot", 0.1)
        self.up.pop(LV_DM, None)
        return Finished(("lvm",), 0, "", "", 0.1)

    def devices(self) -> tuple[dm.Device, ...]:
        return tuple(dm.Device(s.name, s.uuid, s.number) for s in self.up.values())

    def take(self, uuid: str) -> str:
        return dm.REMOVED if self.up.pop(uuid, None) else dm.ABSENT

    def read(self, physical: Sequence[Any], *_how: object) -> list[Message]:
        return [PvHung(pv.device, pv.uuid, 5.0) for pv in physical] if self.silent else []


class OneVg:
    """A port that knows the volume group, a volume on it, and its disk."""

    capabilities = ONE_SERVER
    membership = None

    def local_server(self) -> str:
        return "n1"

    def hierarchy(self) -> Hierarchy:
        return Hierarchy((VG, LV), (Dependency("lv", "vg"),))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    fakes: dict[Any, dict[str, Callable[..., Any]]] = {
        Lvm: {
            name: getattr(world, name)
            for name in ("find", "own_system_id", "activate", "activate_lv", "deactivate", "deactivate_lv")
        },
        dm: {
            "list_devices": world.devices,
            "status": lambda uuid="", **_: world.up.get(uuid),
            "dependencies": lambda *_, **__: ("8:0",),
            "remove": world.take,
            "removal_order": lambda devices, _below: tuple(devices),
        },
        claims: {"on": lambda devices, *_, **__: (claims.Claim(),) * len(devices)},
        sysfs: {
            "number_of": lambda _path: "8:0",
            "sequence": lambda *_: "7",
            "condition": lambda number, *_: world.conditions.get(number, ""),
            "slaves": lambda *_: (),
            "array": lambda *_: None,
        },
        probe: {
            "pv_read_faults": world.read,
            "in_turn": lambda works, **_: len([work() for work in works]),
        },
        holders: {"of_device": lambda *_: (), "described": lambda *_: ("bash (77)",)},
    }
    for module, functions in fakes.items():
        for name, function in functions.items():
            monkeypatch.setattr(module, name, function)
    sleep = time.sleep

    def pause(seconds: float) -> None:
        sleep(seconds)
        world.slept += seconds
        assert world.slept < PATIENCE, "it waits for ever"

    monkeypatch.setattr(time, "sleep", pause)
    return world


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def kit(tmp_path: Path, told: list[Message]) -> Kit:
    port: Any = OneVg()
    settings = Settings(busy_patience=0.0, lock_patience=0.0)
    return Kit(port, Paths(run=f"{tmp_path}/run", state=f"{tmp_path}/state"), settings, told.append)


def faults(_world: World, kit: Kit, instance: Instance) -> list[Message]:
    return list(dispatch.check(instance, kit.port.hierarchy(), kit.host))


def restore(instance: Instance, kit: Kit) -> str:
    return dispatch.restore(instance, kit.port.hierarchy(), kit.host)


def remove(instance: Instance, kit: Kit) -> str:
    return dispatch.remove(instance, kit.port.hierarchy(), kit.host)


def give_up(instance: Instance, kit: Kit) -> str:
    return dispatch.give_up(instance, kit.port.hierarchy(), kit.host)


def refused(kit: Kit, instance: Instance = VG) -> list[type[Message]]:
    with pytest.raises(Failure) as caught:
        restore(instance, kit)
    return [type(message) for message in caught.value.messages]


def test_restore_brings_every_volume_up_with_two_lvm_commands(world: World, kit: Kit) -> None:
    restore(VG, kit)
    assert world.commands == ["fullreport", "vgchange -ay"]
    assert len(world.up) == 2
    assert faults(world, kit, VG) == []


def test_restore_of_what_is_up_and_recorded_asks_lvm_nothing(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.commands.clear()
    assert restore(VG, kit) == ALREADY_UP
    assert world.commands == []


def test_restore_of_what_is_up_but_not_recorded_only_looks(world: World, kit: Kit) -> None:
    for lv in GROUP.logical:
        world.appear(lv)
    assert restore(VG, kit) == ALREADY_UP
    assert world.commands == ["fullreport"]
    assert records.load(kit.paths, "lvmvg-my-vg")


def test_one_volume_of_two_is_not_up(world: World, kit: Kit) -> None:
    world.stuck = {"data--x"}
    with pytest.raises(Failure) as caught:
        restore(VG, kit)
    assert caught.value.messages == (said.LvsNotUp("my-vg", ("data--x",)),)
    assert records.load(kit.paths, "lvmvg-my-vg") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exported": True}, said.VgExported),
        ({"uuid": OTHER_VG}, said.VgImpostor),
        ({"system_id": "n2"}, said.VgForeign),
        ({"physical": (PhysicalVolume(PV_UUID, "", 0, True),)}, said.PvsMissing),
        ({"physical": (PhysicalVolume(PV_UUID, "/dev/sda", 0, False, ("/dev/sdb",)),)}, said.DuplicatePv),
    ],
)
def test_restore_refuses_and_activates_nothing(world: World, kit: Kit, change: dict[str, Any], message: Any) -> None:
    world.vg = replace(GROUP, **change)
    assert refused(kit) == [message]
    assert "vgchange -ay" not in world.commands
    assert not world.up


def test_a_group_that_no_disk_carries_is_named(world: World, kit: Kit) -> None:
    world.vg = None
    assert refused(kit) == [said.VgNotFound]


def test_the_degraded_policy_goes_on_with_a_warning(world: World, kit: Kit, told: list[Message]) -> None:
    world.vg = replace(GROUP, physical=(*GROUP.physical, PhysicalVolume("x", "", 0, True)))
    restore(VG, replace(kit, settings=replace(kit.settings, missing_pv=DEGRADED)))
    assert said.DegradedActivation("my-vg", ("x",)) in told
    assert len(world.up) == 2


def test_own_system_id_costs_the_third_command_and_no_more(world: World, kit: Kit) -> None:
    world.vg, world.system_id = replace(GROUP, system_id="n1"), "n1"
    restore(VG, kit)
    assert world.commands == ["fullreport", "systemid", "vgchange -ay"]


def test_a_renamed_group_is_followed(world: World, kit: Kit, told: list[Message]) -> None:
    world.vg = replace(GROUP, name="new-name")
    restore(VG, kit)
    assert said.VgRenamed("my-vg", "new-name") in told


def test_volumes_on_a_disk_that_is_gone_are_not_called_up(world: World, kit: Kit) -> None:
    for lv in GROUP.logical:
        world.appear(lv)
    world.conditions["8:0"] = "gone"
    assert refused(kit) == [said.StaleTables]


def test_a_volume_that_its_group_activated_is_success_at_once(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.commands.clear()
    assert restore(LV, kit) == ALREADY_UP
    assert world.commands == []


def test_a_volume_goes_down_and_comes_back_alone_and_its_group_does_not_miss_it(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.commands.clear()
    remove(LV, kit)
    assert (world.commands, LV_DM in world.up) == ([], False)
    assert faults(world, kit, VG) == []
    restore(LV, kit)
    assert world.commands == ["fullreport", "lvchange -ay"]
    world.up.pop(LV_DM)
    assert [type(m) for m in faults(world, kit, VG)] == [LvGone]


def test_a_volume_that_others_watch_is_taken_down_by_lvm(world: World, kit: Kit) -> None:
    world.appear(GROUP.logical[0], kind="raid")
    remove(LV, kit)
    assert world.commands == ["lvchange -an"]


@pytest.mark.parametrize("trouble", ["stuck", "gone", "silent"])
def test_a_volume_that_lvm_cannot_take_down_is_taken_out_of_the_kernel(
    world: World, kit: Kit, told: list[Message], trouble: str
) -> None:
    restore(VG, kit)
    world.appear(GROUP.logical[0], kind="raid")
    world.commands.clear()
    world.stuck = {"data--x"} if trouble == "stuck" else set()
    world.conditions = {"8:0": "gone"} if trouble == "gone" else {}
    world.silent = trouble == "silent"
    remove(LV, kit)
    assert (world.commands, LV_DM in world.up) == (["lvchange -an"] if trouble == "stuck" else [], False)
    (direct,) = (message for message in told if isinstance(message, said.TakenDownWithoutLvm))
    assert (direct.vg, direct.count) == ("my-vg/data--x", 1)
    assert ("cannot" if trouble == "stuck" else "/dev/sda") in direct.why


def test_a_volume_given_up_to_another_server_goes_without_lvm(world: World, kit: Kit) -> None:
    world.appear(GROUP.logical[0], kind="raid")
    give_up(LV, kit)
    assert (world.commands, world.up) == ([], {})


@pytest.mark.parametrize("kind", ["snapshot", "snapshot-origin", "snapshot-merge"])
def test_a_snapshot_and_its_origin_stay_up_until_their_group_goes(world: World, kit: Kit, kind: str) -> None:
    restore(VG, kit)
    world.appear(GROUP.logical[0], kind=kind)
    world.commands.clear()
    assert remove(LV, kit) == STAYS_TIED
    assert (world.commands, LV_DM in world.up, faults(world, kit, VG)) == ([], True, [])
    remove(VG, kit)
    assert world.up == {}


def test_a_snapshot_in_use_is_not_out_of_service(world: World, kit: Kit) -> None:
    world.appear(GROUP.logical[0], kind="snapshot", opened=1)
    with pytest.raises(Failure) as caught:
        remove(LV, kit)
    assert [type(message) for message in caught.value.messages] == [said.LvBusy]


def test_a_holder_that_nobody_can_see_is_not_shown_as_nobody(
    world: World, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "described", lambda *_: ())
    world.appear(GROUP.logical[0], opened=1)
    with pytest.raises(Failure) as caught:
        remove(VG, kit)
    (busy,) = caught.value.messages
    assert isinstance(busy, said.LvBusy)
    assert busy.holders


@pytest.mark.parametrize(("kind", "commands"), [("linear", []), ("thin", ["vgchange -an"])])
def test_remove_needs_at_most_one_lvm_command_and_leaves_nothing(
    world: World, kit: Kit, kind: str, commands: list[str]
) -> None:
    world.kind = kind
    restore(VG, kit)
    world.commands.clear()
    remove(VG, kit)
    assert (world.commands, world.up) == (commands, {})
    assert records.load(kit.paths, "lvmvg-my-vg") is None
    assert remove(VG, kit) == ALREADY_DOWN


def test_remove_names_who_holds_a_volume_and_changes_nothing(world: World, kit: Kit) -> None:
    world.appear(GROUP.logical[0], opened=1)
    with pytest.raises(Failure) as caught:
        remove(VG, kit)
    assert caught.value.messages == (said.LvBusy("my--vg-data----x", ("bash (77)",)),)
    assert world.commands == []
    assert len(world.up) == 1


@pytest.mark.parametrize(
    ("trouble", "why"),
    [("lvm_hangs", "vgchange"), ("stuck", "cannot"), ("gone", "/dev/sda"), ("silent", "/dev/sda")],
)
def test_a_dead_group_is_taken_out_of_the_kernel_by_its_uuids(
    world: World, kit: Kit, told: list[Message], trouble: str, why: str
) -> None:
    world.kind = "thin"
    restore(VG, kit)
    world.commands.clear()
    world.lvm_hangs, world.silent = trouble == "lvm_hangs", trouble == "silent"
    world.stuck = {"www"} if trouble == "stuck" else set()
    world.conditions = {"8:0": "gone"} if trouble == "gone" else {}
    remove(VG, kit)
    assert world.up == {}
    (direct,) = (message for message in told if isinstance(message, said.TakenDownWithoutLvm))
    assert why in direct.why
    assert world.commands == ([] if trouble in ("gone", "silent") else ["vgchange -an"])


def test_giving_up_to_another_server_asks_lvm_nothing(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.commands.clear()
    give_up(VG, kit)
    assert (world.commands, world.up) == ([], {})


def test_a_removal_that_may_be_left_behind_keeps_the_lock_of_its_group(
    world: World, kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_in_child(_uuid: str) -> str:
        (tmp_path / "lock").write_text(os.readlink(f"/proc/self/fd/{locks.for_programs()}"))
        return dm.REMOVED

    restore(VG, kit)
    monkeypatch.setattr(dm, "remove", remove_in_child)
    monkeypatch.setattr(probe, "in_turn", lambda *_, **__: 0)
    with pytest.raises(Failure):
        give_up(VG, kit)
    assert (tmp_path / "lock").read_text().startswith(f"{tmp_path}/run")


def test_a_stranger_with_the_same_name_is_left_alone(world: World, kit: Kit) -> None:
    uuid = names.dm_uuid(OTHER_VG, LV_UUIDS[0])
    world.up[uuid] = dm.DeviceStatus("my--vg-data----x", uuid, "253:9", 0, False, False, True, ())
    assert remove(VG, kit) == ALREADY_DOWN
    assert uuid in world.up


def test_the_check_sees_a_lost_volume_and_a_lost_disk(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.up.pop(LV_DM)
    world.conditions["8:0"] = "gone"
    assert {type(message) for message in faults(world, kit, VG)} == {LvGone, PvGone}


def test_without_a_record_the_check_compares_with_the_hierarchy_and_says_so(world: World, kit: Kit) -> None:
    found = faults(world, kit, VG)
    assert [type(m) for m in found] == [RecordLost, LvGone]
    assert [m.level for m in found][1] == ERROR


def test_without_a_record_a_volume_out_of_service_is_not_missed(world: World, kit: Kit) -> None:
    hierarchy = Hierarchy((VG, replace(LV, state=OSU)), (Dependency("lv", "vg"),))
    found = dispatch.check(VG, hierarchy, kit.host)
    assert [type(m) for m in found] == [RecordLost]


def test_a_volume_whose_table_was_wiped_is_not_taken_for_up(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.appear(GROUP.logical[0], kind="error")
    assert [type(m) for m in faults(world, kit, VG)] == [LvWrongTable]
    restore(VG, kit)
    assert faults(world, kit, VG) == []


def test_a_volume_that_lvm_made_of_an_error_segment_is_up(world: World, kit: Kit) -> None:
    world.kind = "error"
    world.vg = replace(GROUP, logical=tuple(replace(lv, kind="error") for lv in GROUP.logical))
    restore(VG, kit)
    assert faults(world, kit, VG) == []


def test_without_a_record_what_the_kernel_holds_is_judged_too(world: World, kit: Kit) -> None:
    for lv in GROUP.logical:
        world.appear(lv, kind="linear" if lv.name == "www" else "error")
    assert [type(m) for m in faults(world, kit, VG)] == [RecordLost, LvWrongTable]
    world.appear(GROUP.logical[0])
    world.conditions["8:0"] = "gone"
    assert [type(m) for m in faults(world, kit, VG)] == [RecordLost, PvGone]


def test_the_record_of_another_group_that_had_the_name_stays(world: World, kit: Kit) -> None:
    restore(VG, kit)
    assert remove(replace(VG, info=pack_info({"vg_uuid": OTHER_VG})), kit) == ALREADY_DOWN
    assert records.load(kit.paths, "lvmvg-my-vg") is not None


def test_a_volume_answers_for_its_disk_only_where_its_group_does_not(world: World, kit: Kit) -> None:
    restore(LV, kit)
    world.conditions["8:0"] = "gone"
    assert [type(m) for m in faults(world, kit, LV)] == [PvGone]
    world.conditions.clear()
    restore(VG, kit)
    world.conditions["8:0"] = "gone"
    assert faults(world, kit, LV) == []
    assert [type(m) for m in faults(world, kit, VG)] == [PvGone]


def test_a_stop_waits_for_the_lock_also_where_nothing_is_up(world: World, kit: Kit) -> None:
    with starting(VG_UUID, "my-vg", kit.host), pytest.raises(Failure) as caught:
        remove(VG, kit)
    assert [type(m) for m in caught.value.messages] == [said.AlreadyBusy]


def test_without_any_record_a_wiped_volume_is_not_well(world: World, kit: Kit) -> None:
    world.appear(GROUP.logical[0], kind="error")
    assert [type(m) for m in faults(world, kit, LV)] == [LvWrongTable]


def test_a_volume_that_stayed_up_when_it_was_stopped_is_watched_again_after_its_start(world: World, kit: Kit) -> None:
    restore(VG, kit)
    world.appear(GROUP.logical[0], kind="snapshot-origin")
    assert remove(LV, kit) == STAYS_TIED
    assert restore(LV, kit) == ALREADY_UP
    world.appear(GROUP.logical[0], kind="error")
    assert [type(m) for m in faults(world, kit, LV)] == [LvWrongTable]


def test_a_volume_alone_is_brought_up_under_the_same_guards_as_its_group(world: World, kit: Kit) -> None:
    world.vg = replace(GROUP, exported=True)
    assert refused(kit, LV) == [said.VgExported]
    world.vg, world.stuck = GROUP, {"data--x"}
    assert refused(kit, LV) == [said.LvsNotUp]
    assert world.up == {}


@pytest.mark.parametrize("present", [True, False])
def test_lvm_looks_at_the_known_devices_only_where_all_of_them_are_there(
    world: World, kit: Kit, tmp_path: Path, present: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "_STABLE", (f"{tmp_path}/",))
    known = [f"{tmp_path}/a", f"{tmp_path}/b"]
    for path in known if present else known[:1]:
        open(path, "w").close()
    disks = tuple(Instance("n1", "scsi", DISK, path[-1], path) for path in known)
    links = tuple(Dependency("vg", disk.tag) for disk in disks)
    dispatch.restore(VG, Hierarchy((VG, *disks), links), kit.host)
    assert world.asked == (tuple(known) if present else ())


@pytest.mark.parametrize(("marks", "kind"), [("raid1 2 AA 8/8 idle 0 0 -", PvDegraded), ("", PvReadFailed)])
def test_a_disk_that_cannot_be_read_is_a_warning_where_every_volume_serves_without_it(
    world: World, kit: Kit, monkeypatch: pytest.MonkeyPatch, marks: str, kind: type[Message]
) -> None:
    restore(VG, kit)
    for uuid, status in world.up.items():
        lines = (dm.Target(0, 8, "raid" if marks else "linear", marks),)
        world.up[uuid] = replace(status, targets=lines)
    monkeypatch.setattr(dm, "dependencies", lambda *_, **__: ("8:0", "8:16"))
    monkeypatch.setattr(sysfs, "whole_disk", lambda number, *_: number)
    monkeypatch.setattr(probe, "pv_read_faults", lambda pvs, *_: [PvReadFailed(p.device, p.uuid, "no") for p in pvs])
    assert [type(m) for m in dispatch.deep_check(VG, kit.port.hierarchy(), kit.host)] == [kind]
