"""Volume groups, mounts and disks in memory, in the place of what touches storage; for tests of create, delete and
reconfigure. /etc/lkvgs, fstab, records and the journal are real files in a folder of the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.storage import CommandFailed, NotAMountPoint
from lvmkit.model.value import replace
from lvmkit.model.volumes import Layer, LogicalVolume, MountedFilesystem, PhysicalVolume, Stack, VolumeGroup
from lvmkit.storage import claims, dm, stack, sysfs
from lvmkit.storage.lvm import Lvm

if TYPE_CHECKING:
    import pytest

VG_UUID = "eZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
OTHER_UUID = "aZLYNF-60RB-HoX8-hEsD-z8RN-RvTJ-gHkArK"
BY_ID = "/dev/disk/by-id/"
BOOT_MAY_ACTIVATE = True


def lv_uuid(name: str) -> str:
    """An LV UUID made of a name."""
    return names.lvm_uuid(f"{name:x<32}"[:32])


def pv_uuid(letter: str) -> str:
    """A PV UUID made of a letter."""
    return names.lvm_uuid(letter * 32)


def disk(letter: str, serial: str | None = None) -> Layer:
    """The disk /dev/sd<letter> with a serial number."""
    serial = letter.upper() if serial is None else serial
    stable = f"{BY_ID}{letter.upper()}" if serial else f"/dev/sd{letter}"
    return Layer(f"/dev/sd{letter}", "disk", f"8:{ord(letter)}", stable, serial)


def group(name: str = "vg1", volumes: str = "data www", disks: str = "ab", uuid: str = VG_UUID) -> VolumeGroup:
    """A volume group on whole disks, its volumes linear."""
    physical = tuple(PhysicalVolume(pv_uuid(letter), f"/dev/sd{letter}", 1 << 30) for letter in disks)
    logical = tuple(LogicalVolume(lv_uuid(lv), lv, "linear", 1 << 20) for lv in volumes.split())
    return VolumeGroup(uuid, name, 1 << 30, False, "", BOOT_MAY_ACTIVATE, physical, logical)


class FakeStorage:
    """What LVM, device-mapper and the mount table say; every write of LVM metadata is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *groups: VolumeGroup) -> None:
        self.groups = {vg.name: vg for vg in groups or (group(),)}
        self.mounts: dict[str, tuple[str, str]] = {}
        """mount point: (volume group, logical volume)"""
        self.layers: dict[str, Layer] = {}
        """PV device: what it is; by default a disk"""
        self.up: set[str] = {vg.uuid for vg in self.groups.values()}
        """UUIDs of active volume groups"""
        self.use: str | None = None
        self.unwritable = False
        """LVM cannot write metadata"""
        self.written: list[tuple[str, bool]] = []
        for vg in self.groups.values():
            for lv in vg.logical:
                self.mounts[f"/{lv.name}"] = (vg.name, lv.name)
        for module, functions in self._functions().items():
            for name, function in functions.items():
                monkeypatch.setattr(module, name, function)

    def _functions(self) -> dict[object, dict[str, object]]:
        return {
            stack: {"stack_of": self.stack_of, "devices_of": self.devices_of, "system_use": lambda *_, **__: self.use},
            Lvm: {
                "find": self.find,
                "own_system_id": lambda *_: "n1",
                "set_autoactivation": self.set_autoactivation,
            },
            claims: {"on": lambda devices, *_, **__: (claims.Claim(),) * len(devices)},
            dm: {"list_devices": self.devices, "status": self.status},
            sysfs: {"number_of": lambda path: f"8:{ord(path[-1])}", "sequence": lambda _number: "1"},
        }

    def autoactivation(self, vg: str = "vg1") -> bool:
        """Whether the boot may activate the group."""
        return self.groups[vg].autoactivation

    def change(self, vg: str = "vg1", **facts: object) -> None:
        """Give a group other facts."""
        self.groups[vg] = replace(self.groups[vg], **facts)

    def stack_of(self, path: str, lvm: Lvm) -> Stack:
        """The stack of a mount point, or of a volume by its path."""
        place = self.mounts.get(path) or names.vg_lv_of_lvmlv_id(path)
        vg = self.groups.get(place[0]) if place else None
        if place is None or vg is None:
            raise Failure(NotAMountPoint(path))
        lv = next(lv for lv in vg.logical if lv.name == place[1])
        mounted = MountedFilesystem(
            path, f"/dev/mapper/{names.dm_name(*place)}", "253:0", "ext4", "rw,seclabel,noatime", f"uuid-of-{lv.name}"
        )
        return Stack(vg, lv, mounted if path in self.mounts else None, self.devices_of(vg, deadline=lvm.time_left))

    def devices_of(self, vg: VolumeGroup, *, deadline: float) -> tuple[tuple[str, Layer], ...]:
        """The devices below a group; it takes no time."""
        assert deadline > 0
        return tuple((pv.uuid, self.layer(pv.device)) for pv in vg.physical if pv.device)

    def layer(self, device: str) -> Layer:
        """What a PV's device is."""
        return self.layers.get(device) or disk(device[-1])

    def find(self, uuid: str, name: str, devices: object = ()) -> VolumeGroup | None:
        """As Lvm.find(): by UUID, else by name."""
        by_uuid = [vg for vg in self.groups.values() if vg.uuid == uuid]
        return next(iter([*by_uuid, *(vg for vg in self.groups.values() if vg.name == name)]), None)

    def set_autoactivation(self, vg: str, on: bool, *, devices: object = ()) -> None:
        """Write the property, or fail."""
        if self.unwritable or vg not in self.groups:
            raise Failure(CommandFailed(f"vgchange {vg}", "5", "no"))
        self.written.append((vg, on))
        self.change(vg, autoactivation=on)

    def devices(self) -> tuple[dm.Device, ...]:
        """Every volume of the groups that are up."""
        return tuple(
            dm.Device(names.dm_name(vg.name, lv.name), names.dm_uuid(vg.uuid, lv.uuid), "253:0")
            for vg in self.groups.values()
            for lv in vg.logical
            if vg.uuid in self.up
        )

    def status(self, uuid: str) -> dm.DeviceStatus | None:
        """A live linear table for what is up."""
        found = next((d for d in self.devices() if d.uuid == uuid), None)
        if found is None:
            return None
        return dm.DeviceStatus(found.name, uuid, found.number, 0, False, False, True, (dm.Target(0, 8, "linear", ""),))
