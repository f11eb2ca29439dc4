"""Volume groups of one machine, for tests of the workflows: on disks, active and mounted, until a test changes that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DISK, FILESYS, ISP, LVMLV, LVMVG
from lvmkit.model.settings import Settings
from lvmkit.resources import lvmvg
from tests.unit.fakes import SERVER, data_hierarchy, instance
from tests.unit.machine import Machine, SharedDisk, Volume, disks, make_group, uuid_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.machine import Metadata

BY_ID = "/dev/disk/by-id/wwn-"
OPTIONS = "rw,seclabel,noatime"
VG_UUID = uuid_of("vgvg1")
OTHER_UUID = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"


def lv_uuid(name: str) -> str:
    """UUID of a volume of vg1."""
    return uuid_of(f"{name}{VG_UUID[:6]}")


def pv_uuid(letter: str) -> str:
    """UUID of the physical volume on /dev/sd<letter>."""
    return uuid_of(f"pv{letter.upper()}")


def protected(state: str = ISP) -> Hierarchy:
    """/data with all that it stands on, as create records it."""
    return Hierarchy(
        (
            instance(FILESYS, "/data", "/data", state, device="/dev/vg1/data", fstype="ext4", options="rw"),
            instance(LVMLV, "vg1/data", "/dev/vg1/data", state, vg_uuid=VG_UUID, lv_uuid=lv_uuid("data")),
            instance(LVMVG, "vg1", "lvmvg-vg1", state, vg_uuid=VG_UUID),
            instance(DISK, "disk-A", f"{BY_ID}A", state, pv_uuid=pv_uuid("a")),
            instance(DISK, "disk-B", f"{BY_ID}B", state, pv_uuid=pv_uuid("b")),
        ),
        data_hierarchy().dependencies,
    )


class Storage:
    """vg1 with data and www on two disks, /dev/sda and /dev/sdb, mounted at /data and /www."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.machine = Machine(folder, SERVER)
        self.machine.lvm.system_id = SERVER
        self.disks: dict[str, SharedDisk] = {}
        """by letter"""
        self.put("vg1")
        self.machine.take_over(patch)

    def disk(self, letter: str) -> SharedDisk:
        """/dev/sd<letter>, which is attached at the first call."""
        if letter not in self.disks:
            self.disks[letter] = SharedDisk(letter.upper())
            self.machine.attach(self.disks[letter], f"sd{letter}")
        return self.disks[letter]

    def put(self, name: str, volumes: str = "data www", letters: str = "ab", uuid: str = "") -> None:
        """Write a volume group to disks and bring it up; each volume is mounted at /NAME."""
        members = tuple(self.disk(letter) for letter in letters)
        make_group(name, members, volumes, uuid=uuid)
        self.machine.settle()
        self.activate(name)
        for volume in volumes.split():
            self.mount(f"/{volume}", name, volume)

    def activate(self, name: str = "vg1") -> None:
        """Bring a group up by hand, whoever its owner is."""
        owner = self.metadata(name).system_id or SERVER
        config = f'global/system_id_source="lvmlocal" local/system_id="{owner}"'
        assert self.machine.by_hand("vgchange", "--config", config, "-ay", name) == 0

    def note_start(self) -> None:
        """Let the kit find vg1 started, so that its checks have a record to compare with."""
        group = VgFacts("vg1", "lvmvg-vg1", "vg1", VG_UUID)
        lvmvg.restore(group, Host(self.machine.paths, Settings(), lambda _message: None))
        self.forget()

    def exchange_disk(self, letter: str = "b") -> None:
        """A disk goes and comes back: what stood on it still means the one that went."""
        self.machine.detach(self.disks[letter])
        self.machine.attach(self.disks[letter], f"sd{letter}")

    def mount(self, point: str, vg: str, lv: str) -> None:
        """Mount a volume that is up by hand."""
        path = f"/dev/mapper/{names.dm_name(vg, lv)}"
        self.machine.add_mount(point, self.machine.number_at(path), "ext4", path, OPTIONS, f"uuid-of-{lv}")

    def take_down(self) -> None:
        """Nothing is mounted or active any more."""
        for mount in list(self.machine.mounts):
            self.machine.unmount(mount.point)
        for device in list(self.machine.dm.devices.values()):
            self.machine.dm.discard(device)

    # -- metadata

    def groups(self) -> dict[str, Metadata]:
        """What the disks say of every group, by name; how often it was written does not count."""
        found = [disk.metadata for disk in self.disks.values() if disk.metadata is not None]
        return {each.name: replace(each, sequence=0) for each in sorted(found, key=lambda each: each.sequence)}

    def metadata(self, name: str = "vg1") -> Metadata:
        """What the disks say of one group."""
        return self.groups()[name]

    def autoactivation(self, name: str = "vg1") -> bool:
        """Whether the boot may activate a group."""
        return self.metadata(name).autoactivation

    def change(self, name: str = "vg1", **changes: Any) -> None:
        """Change a group's metadata, whoever does it."""
        members = tuple(disk for disk in self.disks.values() if disk.metadata and disk.metadata.name == name)
        newest = max((disk.metadata for disk in members if disk.metadata), key=lambda each: each.sequence)
        disks.write(replace(newest, **changes), members)

    def reshape(self, letters: str = "ab", volumes: str = "data www") -> None:
        """What vgextend, vgreduce, lvcreate and lvremove make of vg1: it has these disks and volumes."""
        before, was_up = self.metadata(), bool(self.machine.active(VG_UUID))
        known = {volume.name: volume for volume in before.volumes}
        for name in known.keys() - set(volumes.split()):
            self._remove_volume(name)
        members = tuple(self.disk(letter) for letter in letters)
        for disk in {*self.disks.values()} - {*members}:
            disk.wipe()
        for letter in letters:
            self.disks[letter].pv_uuid = self.disks[letter].pv_uuid or pv_uuid(letter)
        physical = tuple(disk.pv_uuid for disk in members)
        logical = tuple(known.get(lv) or Volume(lv_uuid(lv), lv) for lv in volumes.split())
        disks.write(replace(before, disks=physical, volumes=logical), members)
        self.machine.settle()
        if was_up:
            for device in self.machine.dm.of_group(VG_UUID):
                self.machine.lay_on(device, members)
            self.activate()

    def remake(self, letter: str, uuid: str) -> None:
        """A disk of vg1 is made a physical volume anew, as by pvcreate --uuid after vgreduce, and vgextend."""
        old, disk = self.disks[letter].pv_uuid, self.disks[letter]
        disk.pv_uuid = uuid
        self.change(disks=tuple(uuid if each == old else each for each in self.metadata().disks))
        self.machine.settle()

    def remake_volume(self, name: str, uuid: str) -> None:
        """A volume of vg1 is removed and made anew."""
        self._remove_volume(name)
        fresh = (replace(lv, uuid=uuid) if lv.name == name else lv for lv in self.metadata().volumes)
        self.change(volumes=tuple(fresh))
        self.activate()

    def lose(self) -> None:
        """Nothing is up, and nothing is on the disks any more."""
        self.take_down()
        for disk in self.disks.values():
            disk.wipe()

    def _remove_volume(self, name: str) -> None:
        device = self.machine.dm.by_uuid(names.dm_uuid(VG_UUID, lv_uuid(name)))
        if device is None:
            return
        for mount in [each for each in self.machine.mounts if each.number == device.number]:
            self.machine.unmount(mount.point)
        self.machine.dm.discard(device)

    # -- what the kit did

    @property
    def written(self) -> list[tuple[str, bool]]:
        """(volume group, whether the boot may activate it) that LVM was told to write."""
        changes = [argv for argv in self.machine.ran if "--setautoactivation" in argv]
        after = "--setautoactivation"
        return [(argv[argv.index("--config") - 1], argv[argv.index(after) + 1] == "y") for argv in changes]

    def forget(self) -> None:
        """Count the kit's commands and its looks at device-mapper from here."""
        self.machine.ran.clear()
        self.machine.asked.clear()
