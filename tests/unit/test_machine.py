"""The fake of a machine itself: what the kit and an administrator find on it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.storage import dm, holders, lvm, mountinfo, stack, sysfs
from lvmkit.storage import run as run_module
from lvmkit.storage.lvm import Lvm
from tests.unit.machine import Machine, SharedDisk, make_group

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 10.0


@pytest.fixture
def disks() -> tuple[SharedDisk, SharedDisk]:
    return SharedDisk("A"), SharedDisk("B")


@pytest.fixture
def machine(tmp_path: Path, disks: tuple[SharedDisk, SharedDisk]) -> Machine:
    machine = Machine(tmp_path)
    make_group("vg1", disks)
    for disk in disks:
        machine.attach(disk)
    return machine


def test_the_kit_sees_the_group_its_volumes_and_its_disks(machine: Machine) -> None:
    with machine.running():
        (vg,) = Lvm(DEADLINE).report()
        assert (vg.name, [pv.device for pv in vg.physical]) == ("vg1", ["/dev/sda", "/dev/sdb"])
        assert dm.list_devices() == ()
        assert Lvm(DEADLINE).activate("vg1", devices=("/dev/disk/by-id/wwn-A", "/dev/sdb")).status == 0
        devices = dm.list_devices()
        assert [device.name for device in devices] == ["vg1-data", "vg1-www"]
        status = dm.status(devices[0].uuid)
        assert status is not None
        assert (status.live, status.kinds, status.open_count) == (True, ("linear",), 0)
        assert dm.dependencies(devices[0].uuid) == ("8:0", "8:16")
        assert [block.name for block in sysfs.slaves(devices[0].number)] == ["sda", "sdb"]
        assert sysfs.condition("8:0") == ""
        assert sysfs.number_of("/dev/vg1/data") == devices[0].number
        assert stack.stack_of("/dev/vg1/data", Lvm(DEADLINE)).devices[0][1].stable == "/dev/disk/by-id/wwn-A"
    assert machine.lvm_commands() == ["fullreport", "vgchange -ay", "fullreport"]


def test_nothing_of_a_machine_is_left_outside_of_its_block(machine: Machine) -> None:
    before = run_module.run, os.stat, os.kill, time.sleep, vars(lvm)["run"]
    with machine.running():
        assert vars(lvm)["run"] == machine.run
    assert (run_module.run, os.stat, os.kill, time.sleep, vars(lvm)["run"]) == before


def test_two_machines_share_disks_and_nothing_else(
    tmp_path: Path, machine: Machine, disks: tuple[SharedDisk, SharedDisk]
) -> None:
    other = Machine(tmp_path, "n2")
    other.attach(disks[0], "sdc")
    other.attach(disks[1], "sdd")
    with machine.running():
        Lvm(DEADLINE).set_system_id("vg1", "n1", old="")
        with other.running():
            (vg,) = Lvm(DEADLINE).report()
            assert (vg.system_id, vg.physical[0].device, os.uname().nodename) == ("n1", "/dev/sdc", "n2")
            assert Lvm(DEADLINE).activate("vg1").status == 5
        assert Lvm(DEADLINE).speaking_as("n1").activate("vg1").status == 0
    assert (machine.active(), other.active()) == (["vg1-data", "vg1-www"], [])


def test_what_is_mounted_keeps_its_volume(machine: Machine) -> None:
    assert machine.by_hand("vgchange", "-ay", "vg1") == 0
    machine.mount_at("/srv/data", "vg1/data")
    with machine.running():
        (mount,) = mountinfo.of("253:0")
        assert mount.mount_point == "/srv/data"
        uuid = dm.list_devices()[0].uuid
        assert dm.remove(uuid) == dm.BUSY
        machine.start_process(77, "postgres", "/srv/data")
        assert holders.described(holders.of_mount("/srv/data")) == ("process 77 (postgres): working directory",)
    assert machine.by_hand("vgchange", "-an", "vg1") == 5
    assert machine.active() == ["vg1-data"]


def test_a_wiped_device_is_an_error_target_that_can_be_removed(machine: Machine) -> None:
    machine.by_hand("vgchange", "-ay", "vg1")
    for device in machine.dm.devices.values():
        device.stuck = True
    with machine.running():
        (first, _) = dm.list_devices()
        assert dm.wipe([first.uuid]) == ()
        assert dm.remove(first.uuid) == dm.REMOVED
    assert machine.active() == ["vg1-www"]


def test_a_clone_is_a_duplicate_and_keeps_the_group_down(
    machine: Machine, disks: tuple[SharedDisk, SharedDisk]
) -> None:
    machine.attach(disks[0].clone("C"))
    with machine.running():
        (vg,) = Lvm(DEADLINE).report()
        assert vg.physical[0].duplicates == ("/dev/sdc",)
        assert Lvm(DEADLINE).activate("vg1").status == 5
        with pytest.raises(Failure):
            Lvm(DEADLINE).set_autoactivation("vg1", False)
        assert Lvm(DEADLINE).activate("vg1", devices=("/dev/sda", "/dev/sdb")).status == 0


def test_a_disk_that_was_away_has_the_older_metadata(machine: Machine, disks: tuple[SharedDisk, SharedDisk]) -> None:
    machine.detach(disks[1])
    with machine.running():
        (vg,) = Lvm(DEADLINE).report()
        assert [pv.missing for pv in vg.physical] == [False, True]
        assert Lvm(DEADLINE).activate("vg1").status == 5
        assert sysfs.condition("8:16") == "gone"
    machine.attach(disks[1])
    assert machine.by_hand("vgrename", "vg1", "vg2") == 0
    metadata = disks[1].metadata
    assert metadata is not None
    assert metadata.name == "vg2"


def test_records_go_to_the_disks_below_and_a_reboot_keeps_them(
    machine: Machine, disks: tuple[SharedDisk, SharedDisk]
) -> None:
    machine.by_hand("vgchange", "-ay", "vg1")
    machine.mount_at("/srv/data", "vg1/data")
    assert machine.append("/srv/data", "1")
    machine.set_state(disks[0], "fails")
    assert not machine.append("/srv/data", "2")
    machine.reboot()
    assert (machine.active(), machine.mounts) == ([], [])
    lv = disks[1].metadata.volumes[0].uuid  # type: ignore[union-attr]
    assert disks[1].contents[lv].records == ["1"]
    with machine.running():
        assert names.dm_name("vg1", "data") not in {device.name for device in dm.list_devices()}


def test_an_unknown_program_or_ioctl_is_an_error_of_the_test(machine: Machine) -> None:
    with machine.running():
        with pytest.raises(AssertionError, match="not known"):
            run_module.run(("/usr/sbin/vgremove", "vg1"), deadline=1.0)
        with pytest.raises(AssertionError, match="not known"):
            Lvm(DEADLINE).command("vgremove", "vg1")
