"""What LVM's metadata says, read through real LVM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.guards import metadata, system_id
from lvmkit.model import names
from lvmkit.model.messages.guards import VgShared
from lvmkit.model.messages.service import DuplicatePv, PvsMissing, VgExported, VgForeign
from lvmkit.model.settings import Settings
from lvmkit.storage import stack
from lvmkit.storage.lvm import Lvm

from .conftest import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup

    from .conftest import Host

ODD = "my-vg.1+a"
MIB = 1024 * 1024


def refusals(vg: VolumeGroup) -> tuple[Message, ...]:
    return (*metadata.against_any(vg, Settings()), *system_id.against(vg, Lvm(DEADLINE)))


def test_odd_names_sizes_and_flags_come_back(host: Host) -> None:
    disks = host.vg(ODD, 2)
    host.lv(ODD, "data--x", 2)
    host.lv(ODD, "+")
    vg = host.seen(ODD)
    assert (vg.name, vg.size, vg.exported, vg.system_id, vg.autoactivation) == (ODD, 2 * 28 * MIB, False, "", True)
    assert [(pv.device, pv.size, pv.missing, pv.duplicates) for pv in vg.physical] == [
        (disk, 28 * MIB, False, ()) for disk in disks
    ]
    assert [(lv.name, lv.kind, lv.size) for lv in vg.logical] == [
        ("+", "linear", 4 * MIB),
        ("data--x", "linear", 8 * MIB),
    ]
    assert all(names.is_lvm_uuid(item.uuid) for item in (vg, *vg.physical, *vg.logical))
    assert vg.expected == vg.logical
    assert refusals(vg) == ()


def test_a_group_without_volumes_and_one_without_room_are_whole(host: Host) -> None:
    host.vg("empty")
    host.vg("taken")
    host.lv("taken", "all", 7)
    assert host.seen("empty").logical == ()
    (volume,) = host.seen("taken").logical
    assert volume.size == host.seen("taken").size


def test_odd_tags_and_disks_without_a_group_do_not_disturb(host: Host) -> None:
    host.vg("vg1")
    host.lvm("vgchange", "--addtag", "a/b=!:&#+-_.", "vg1")
    (orphan,) = host.add_disks(1)
    host.lvm("pvcreate", "--quiet", orphan)
    host.add_disks(1)
    (vg,) = Lvm(DEADLINE).report()
    assert vg.name == "vg1"


def test_an_unknown_group_is_no_error(host: Host) -> None:
    host.vg("vg1")
    assert Lvm(DEADLINE).report("vg2") == ()
    assert Lvm(DEADLINE).report("vg2", devices=host.disks) == ()
    assert Lvm(DEADLINE).find("", "vg2") is None


def test_without_any_disk_there_is_nothing(host: Host) -> None:
    assert Lvm(DEADLINE).report() == ()
    assert Lvm(DEADLINE).report("vg1") == ()


def test_a_missing_disk_is_known_by_its_uuid(host: Host) -> None:
    first, second = host.vg("vg1", 2)
    host.lv("vg1", "data", 10)
    before = host.seen("vg1")
    host.pull(second)
    vg = host.seen("vg1")
    assert [(pv.uuid, pv.device) for pv in vg.missing] == [(before.physical[1].uuid, "")]
    assert vg.logical == before.logical
    assert vg.physical[0].device == first
    (message,) = refusals(vg)
    assert isinstance(message, PvsMissing)
    assert before.physical[1].uuid in message.missing[0]


def test_a_group_that_has_lost_every_disk_is_unknown(host: Host) -> None:
    (disk,) = host.vg("vg1")
    uuid = host.seen("vg1").uuid
    host.pull(disk)
    assert Lvm(DEADLINE).find(uuid, "vg1", (disk,)) is None


def test_a_cloned_disk_shows_as_a_duplicate(host: Host) -> None:
    first, _ = host.vg("vg1", 2)
    copies = {host.clone(first), host.clone(first)}
    vg = host.seen("vg1")
    (twice,) = (pv for pv in vg.physical if pv.duplicates)
    assert {twice.device, *twice.duplicates} == {first, *copies}
    (message,) = refusals(vg)
    assert isinstance(message, DuplicatePv)
    assert Lvm(DEADLINE).report() == (vg,)


def test_a_clone_that_is_not_asked_does_not_disturb(host: Host) -> None:
    (disk,) = host.vg("vg1")
    host.clone(disk)
    (vg,) = Lvm(DEADLINE).report("vg1", devices=(disk,))
    assert refusals(vg) == ()


def test_an_exported_group_is_shown_and_refused(host: Host) -> None:
    host.vg("vg1")
    host.lvm("vgexport", "vg1")
    vg = host.seen("vg1")
    assert vg.exported
    assert refusals(vg) == (VgExported("vg1"),)


@pytest.mark.parametrize(("written", "refused"), [("sanlock", True), ("dlm", True), ("none", False)])
def test_a_group_with_a_lock_type_is_shown_without_its_lock_manager_and_refused(
    host: Host, written: str, refused: bool
) -> None:
    host.vg("vg1")
    host.set_lock_type("vg1", written)
    vg = host.seen("vg1")
    assert refusals(vg) == ((VgShared("vg1", written),) if refused else ())


def test_a_group_of_another_host_is_shown_and_refused(host: Host) -> None:
    host.configure(local='system_id="n1"')
    host.vg("vg1")
    assert Lvm(DEADLINE).own_system_id() == "n1"
    assert refusals(host.seen("vg1")) == ()
    host.configure(local='system_id="n2"')
    assert Lvm(DEADLINE).own_system_id() == "n2"
    assert refusals(host.seen("vg1")) == (VgForeign("vg1", "n1", "n2"),)
    host.configure(local="")
    assert Lvm(DEADLINE).own_system_id() == ""
    (everywhere,) = Lvm(DEADLINE).report()
    assert refusals(everywhere) == (VgForeign("vg1", "n1", ""),)


@pytest.mark.parametrize("report", ["compact_output=1", "binary_values_as_numeric=1", 'list_item_separator=";"'])
def test_an_administrators_taste_in_reports_does_not_matter(host: Host, report: str) -> None:
    host.vg("vg1")
    host.lv("vg1", "data")
    before = host.seen("vg1")
    host.configure(report=report)
    assert host.seen("vg1") == before
    host.lvm("vgexport", "vg1")
    assert host.seen("vg1").exported


def test_disks_are_found_by_any_name_and_those_that_are_gone_are_passed_over(host: Host, tmp_path: Path) -> None:
    (disk,) = host.vg("vg1")
    link = tmp_path / "by-id \udce9"
    link.symlink_to(disk)
    (vg,) = Lvm(DEADLINE).report("vg1", devices=(str(link), "/dev/no-such-disk", "/etc/passwd"))
    assert vg.physical[0].device == disk


def test_filters_do_not_hide_the_disks_that_are_named(host: Host) -> None:
    (disk,) = host.vg("vg1")
    vg = host.seen("vg1")
    host.disks.remove(disk)
    host.configure()
    try:
        assert Lvm(DEADLINE).report("vg1") == ()
        assert Lvm(DEADLINE).find(vg.uuid, "vg1", (disk,)) == vg
    finally:
        host.disks.append(disk)


def test_the_stack_of_a_volume_that_is_down_is_known_by_name(host: Host) -> None:
    disks = host.vg(ODD, 2)
    host.lv(ODD, "data--x")
    for path in (f"/dev/{ODD}/data--x", "/dev/mapper/my--vg.1+a-data----x"):
        found = stack.stack_of(path, Lvm(DEADLINE))
        assert (found.vg, found.lv.name, found.filesystem) == (host.seen(ODD), "data--x", None)
        assert [(uuid, layer.path, layer.kind) for uuid, layer in found.devices] == [
            (pv.uuid, disk, "loop") for pv, disk in zip(found.vg.physical, disks)
        ]
        assert all(layer.size == 32 * MIB and layer.below == () for _, layer in found.devices)
    assert stack.system_use(found.vg, deadline=DEADLINE) is None
