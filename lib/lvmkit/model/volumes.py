"""What LVM's metadata says about a volume group: values parsed from one report, no I/O."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.value import Value


class PhysicalVolume(Value):
    """One physical volume. Where no disk with this UUID is seen, device is '' and missing is True."""

    uuid: str
    device: str
    size: int
    """bytes"""
    missing: bool = False
    duplicates: tuple[str, ...] = ()
    """further devices that carry the same PV UUID"""


class LogicalVolume(Value):
    """One visible logical volume. kind is the type of its segments, as lvs prints it: linear, raid1, thin"""

    uuid: str
    name: str
    kind: str
    size: int
    """bytes"""
    skips_activation: bool = False
    """carries LVM's activation-skip flag: a plain vgchange -ay leaves it down"""
    origin: str = ""
    """name of the LV that this one is a snapshot of"""
    pool: str = ""
    """name of the thin pool it lives in"""
    snapshot_target: bool = False
    """other LVs are snapshots of this one, so device-mapper has another kind for it than LVM"""


class VolumeGroup(Value):
    """One volume group with all its physical and visible logical volumes."""

    uuid: str
    name: str
    size: int
    """bytes"""
    exported: bool
    system_id: str
    """the owner, as lvmsystemid(7) has it; '' when nobody owns the group"""
    autoactivation: bool
    physical: tuple[PhysicalVolume, ...]
    logical: tuple[LogicalVolume, ...]
    lock_type: str = ""
    """sanlock, dlm or clvm where a lock manager decides who may activate it (lvmlockd(8))"""

    @property
    def missing(self) -> tuple[PhysicalVolume, ...]:
        """Physical volumes that no disk here carries."""
        return tuple(pv for pv in self.physical if pv.missing)

    @property
    def devices(self) -> tuple[str, ...]:
        """The paths of the physical volumes that are there."""
        return tuple(pv.device for pv in self.physical if not pv.missing)

    @property
    def expected(self) -> tuple[LogicalVolume, ...]:
        """Logical volumes that a plain activation brings up."""
        return tuple(lv for lv in self.logical if not lv.skips_activation)

    def lv(self, uuid: str) -> LogicalVolume | None:
        """The logical volume with this UUID."""
        for lv in self.logical:
            if lv.uuid == uuid:
                return lv
        return None

    def lv_path(self, lv: LogicalVolume) -> str:
        """The path under which udev offers the volume."""
        return names.lvmlv_id(self.name, lv.name)


class Layer(Value):
    """One block device of the stack below a PV: partition, disk, md, multipath, another dm device, loop."""

    path: str
    """/dev/<kernel name>"""
    kind: str
    """lsblk's TYPE: disk, part, raid1, mpath, loop, lvm, crypt ..."""
    number: str
    """major:minor"""
    stable: str
    """the best persistent name, /dev/disk/by-id/... or /dev/mapper/...; path itself where there is none"""
    serial: str = ""
    size: int = 0
    """bytes"""
    below: tuple[Layer, ...] = ()
    """what this device stands on; empty for a disk"""


class MountedFilesystem(Value):
    """One mounted file system, as findmnt tells it."""

    mount_point: str
    source: str
    """device path as mounted"""
    number: str
    """major:minor"""
    type: str
    options: str
    uuid: str = ""
    label: str = ""


class Stack(Value):
    """Everything from a mount point or volume down to the disks."""

    vg: VolumeGroup
    lv: LogicalVolume
    filesystem: MountedFilesystem | None
    devices: tuple[tuple[str, Layer], ...]
    """(PV UUID, the PV's device with all below it)"""
