"""Facts and the info field: nothing is lost on the way, whoever wrote it, and what is missing is said."""

from __future__ import annotations

import pytest

from lvmkit.model.facts import DeviceFacts, FilesystemFacts, LvFacts, VgFacts, devices_below, volumes_in_service
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, FILESYS, LVMLV, LVMVG, OSU, Dependency, Instance, unpack_info
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import MissingInformation
from lvmkit.model.value import replace
from tests.unit.fakes import LV_UUID, VG_UUID, data_hierarchy, instance

VG = instance(LVMVG, "vg1", "lvmvg-vg1", vg_uuid=VG_UUID)
LV = instance(LVMLV, "vg1/data", "/dev/vg1/data", vg_uuid=VG_UUID, lv_uuid=LV_UUID)

WRITTEN_BY_FIRST_VERSIONS = [
    (LVMVG, "lvmvg-vg1", f"vg_uuid={VG_UUID}\x02autoactivation=y"),
    (LVMVG, "lvmvg-vg1", f"vg_uuid={VG_UUID}\x02autoactivation=n\x02ownership=system_id\x02owner_before="),
    (LVMVG, "lvmvg-vg1", f"vg_uuid={VG_UUID}\x02autoactivation=y\x02ownership=system_id\x02owner_before=n9"),
    (LVMVG, "lvmvg-vg1", f"vg_uuid={VG_UUID}\x02missing_pv=degraded"),
    (LVMLV, "/dev/vg1/data", f"vg_uuid={VG_UUID}\x02lv_uuid={LV_UUID}\x02kind=linear\x02ownership=system_id"),
    (FILESYS, "/data", "device=/dev/vg1/data\x02fstype=ext4\x02options=rw,noatime\x02uuid=u-u"),
    (DISK, "/dev/disk/by-id/A", "path=/dev/sda\x02kind=disk\x02serial=A\x02pv_uuid=P"),
    (DEVICE, "/dev/disk/by-id/A-part1", "path=/dev/sda1\x02kind=part\x02pv_uuid=P"),
]
"""info fields"""


def packed_again(found: Instance) -> str:
    kinds = {LVMVG: VgFacts, LVMLV: LvFacts, FILESYS: FilesystemFacts, DEVICE: DeviceFacts, DISK: DeviceFacts}
    packed: str = kinds[found.type].unpack(found).pack()  # type: ignore[attr-defined]
    return packed


@pytest.mark.parametrize(("kind", "resource_id", "info"), WRITTEN_BY_FIRST_VERSIONS)
@pytest.mark.parametrize("more", ["", "\x02from_a_later_version=7=8"])
def test_what_another_version_wrote_survives_being_read_and_written(
    kind: str, resource_id: str, info: str, more: str
) -> None:
    found = replace(instance(kind, "t", resource_id), info=info + more)
    assert unpack_info(packed_again(found)) == unpack_info(info + more)


def test_facts_that_are_changed_keep_what_is_not_known() -> None:
    disk = DeviceFacts.unpack(instance(DISK, "d", "/dev/x", pv_uuid="OLD", later="1"))
    assert unpack_info(replace(disk, pv_uuid="NEW").pack()) == {"pv_uuid": "NEW", "later": "1"}


def test_an_owner_before_create_and_none_at_all_are_told_apart() -> None:
    nobody = VgFacts.unpack(instance(LVMVG, "vg1", "lvmvg-vg1", vg_uuid=VG_UUID, owner_before=""))
    assert (nobody.owner_before, VgFacts.unpack(VG).owner_before) == ("", None)


@pytest.mark.parametrize(
    ("kind", "resource_id", "given", "lacking"),
    [
        (LVMVG, "lvmvg-vg1", {}, "vg_uuid"),
        (LVMVG, "vg1", {"vg_uuid": VG_UUID}, "name"),
        (LVMLV, "/dev/vg1/data", {"lv_uuid": LV_UUID}, "vg_uuid"),
        (LVMLV, "/dev/vg1/data", {"vg_uuid": VG_UUID}, "lv_uuid"),
        (LVMLV, "data", {"vg_uuid": VG_UUID, "lv_uuid": LV_UUID}, "name"),
        (FILESYS, "/data", {"fstype": "ext4"}, "device"),
        (FILESYS, "/data", {"device": "/dev/vg1/data"}, "fstype"),
    ],
)
def test_an_instance_that_lacks_what_actions_need_says_what(
    kind: str, resource_id: str, given: dict[str, str], lacking: str
) -> None:
    with pytest.raises(Failure) as caught:
        packed_again(instance(kind, "t", resource_id, **given))
    assert caught.value.messages == (MissingInformation("t", lacking),)


def test_an_instance_that_lacks_everything_can_still_be_read() -> None:
    assert VgFacts.noted(instance(LVMVG, "t", "lvmvg-vg1")) == VgFacts("t", "lvmvg-vg1", "vg1", "")
    assert LvFacts.noted(instance(LVMLV, "t", "/dev/vg1/x")) == LvFacts("t", "/dev/vg1/x", "vg1", "x", "", "")


def test_a_file_system_without_options_is_mounted_with_the_usual_ones() -> None:
    bare = FilesystemFacts.unpack(instance(FILESYS, "/data", "/data", device="/dev/vg1/my-lv", fstype="ext4", uuid="u"))
    assert bare.options == "defaults"
    assert bare.device_names == ("/dev/vg1/my-lv", "/dev/mapper/vg1-my--lv")


def test_the_hierarchy_tells_the_devices_of_a_group_and_of_the_volumes_on_it() -> None:
    known = [(device.pv_uuid, device.id) for device in VgFacts.unpack(VG, data_hierarchy()).devices]
    assert known == [("A", "/dev/disk/by-id/A"), ("B", "/dev/disk/by-id/B")]
    volume = LvFacts.unpack(LV, data_hierarchy())
    assert [(device.pv_uuid, device.id) for device in volume.group.devices] == known
    assert (volume.group.name, volume.group.uuid, volume.group.id) == ("vg1", VG_UUID, "lvmvg-vg1")
    assert VgFacts.unpack(VG).devices == ()
    assert devices_below(data_hierarchy(), "nothing") == ()


def test_only_volumes_that_nobody_took_out_of_service_are_expected() -> None:
    other = instance(LVMLV, "vg1/www", "/dev/vg1/www", OSU, vg_uuid=VG_UUID, lv_uuid="W")
    both = Hierarchy((VG, LV, other), (Dependency("vg1/data", "vg1"), Dependency("vg1/www", "vg1")))
    assert [volume.tag for volume in volumes_in_service(both, "vg1")] == ["vg1/data"]
