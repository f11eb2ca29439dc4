"""Disks that several machines can see: what is written on them, and nothing of who has them open.

The metadata of a volume group is a value, and each disk carries a copy of its own, as in reality: a disk that was away
while something was written comes back with the older copy, and a clone keeps what its origin had.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

from lvmkit.model import names
from tests.unit.machine.target import Target

GIB = 1 << 30


def uuid_of(text: str) -> str:
    """An LVM UUID made of some characters that LVM allows."""
    return names.lvm_uuid(f"{''.join(filter(str.isalnum, text)):x<32}"[:32])


@dataclass(frozen=True)
class Volume:
    """One logical volume in the metadata."""

    uuid: str
    name: str
    kind: str = "linear"
    """type of its segments, which is also the target that device-mapper gets: linear, striped, raid1 ..."""
    disks: tuple[str, ...] = ()
    """UUIDs of the physical volumes that it lies on; () for all of the group's"""
    skips_activation: bool = False
    size: int = GIB


@dataclass(frozen=True)
class Metadata:
    """A volume group as it stands on one disk."""

    uuid: str
    name: str
    disks: tuple[str, ...]
    """UUIDs of its physical volumes"""
    volumes: tuple[Volume, ...] = ()
    system_id: str = ""
    exported: bool = False
    autoactivation: bool = True
    lock_type: str = ""
    """of lvmlockd(8)"""
    sequence: int = 1
    """raised by every write"""

    def below(self, volume: Volume) -> tuple[str, ...]:
        """UUIDs of the physical volumes that a volume lies on."""
        return volume.disks or self.disks


@dataclass
class Content:
    """What was written into a logical volume, as far as one disk holds it."""

    kind: str = "ext4"
    """type of the file system"""
    uuid: str = ""
    records: list[str] = field(default_factory=list)


@dataclass(eq=False)
class SharedDisk:
    """A disk; the machines that it is attached to share this object."""

    serial: str
    size: int = 10 * GIB
    pv_uuid: str = ""
    """'' where it is no physical volume"""
    metadata: Metadata | None = None
    contents: dict[str, Content] = field(default_factory=dict)
    """by UUID of the logical volume"""
    drops_writes: bool = False
    """it acknowledges writes of metadata and forgets them"""
    target: Target = field(default_factory=Target)
    """its reservations"""

    def clone(self, serial: str) -> SharedDisk:
        """Another disk with the same bytes."""
        return SharedDisk(serial, self.size, self.pv_uuid, self.metadata, copy.deepcopy(self.contents))

    def wipe(self) -> None:
        """Nothing is left on it."""
        self.pv_uuid, self.metadata, self.contents = "", None, {}


def make_group(
    name: str, disks: tuple[SharedDisk, ...], volumes: str = "data www", *, uuid: str = "", kind: str = "linear"
) -> Metadata:
    """Put a volume group on disks; each volume lies on all of them and holds an ext4.

    volumes: their names.  uuid: of the group; made of its name by default.
    """
    for disk in disks:
        disk.pv_uuid = disk.pv_uuid or uuid_of(f"pv{disk.serial}")
    found = uuid or uuid_of(f"vg{name}")
    logical = tuple(Volume(uuid_of(f"{lv}{found[:6]}"), lv, kind) for lv in volumes.split())
    metadata = Metadata(found, name, tuple(disk.pv_uuid for disk in disks), logical)
    write(metadata, disks)
    for disk in disks:
        disk.contents = {lv.uuid: Content(uuid=f"uuid-of-{lv.name}") for lv in logical}
    return metadata


def write(metadata: Metadata, disks: tuple[SharedDisk, ...]) -> Metadata:
    """Put metadata on disks, as the next version."""
    following = replace(metadata, sequence=metadata.sequence + 1)
    for disk in disks:
        if not disk.drops_writes:
            disk.metadata = following
    return following
