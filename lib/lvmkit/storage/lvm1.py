"""Disks that carry the metadata of LVM1, which LVM reads no more since 2.02.178.

Layout: pv_disk_t of LVM1 (HM, a version, the places of four tables, then three names of 128 bytes: of the physical
volume, the volume group, the host), as LVM2 had it in lib/format1/disk-rep.h; libblkid calls such a disk LVM1_member.
"""

from __future__ import annotations

import os

from lvmkit.model.messages.service import VgNotFound
from lvmkit.model.messages.storage import Lvm1Metadata
from lvmkit.storage import probe, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.model.messages import Message

_MAGICS = (b"HM\x01\x00", b"HM\x02\x00")
_GROUP_AT, _LONGEST = 0xAC, 128
_SIZE = 512


def groups(*, deadline: float) -> dict[str, tuple[str, ...]]:
    """The volume groups of LVM1 that this server's disks carry: name to the paths of the disks.

    A disk that no group has counts under ''.  deadline: seconds for reading a sector of all disks; one that does not
    answer, or fails, counts as one without such metadata.
    """
    devices = [f"/dev/{name.replace('!', '/')}" for name in _block_devices()]
    disks: dict[str, list[str]] = {}
    for device, ending in zip(devices, probe.all_bounded(list(map(_reader, devices)), deadline)):
        if ending.result.startswith(_MAGICS):
            disks.setdefault(_group_in(ending.result), []).append(device)
    return {group: tuple(paths) for group, paths in disks.items()}


def not_found(vg: str, uuid: str, *, deadline: float) -> Message:
    """What to say of a volume group of which LVM knows nothing. uuid: or what is said in its place."""
    disks = groups(deadline=deadline).get(vg)
    return Lvm1Metadata(vg, disks) if disks else VgNotFound(vg, uuid)


def _block_devices() -> list[str]:
    """Kernel names of disks, partitions and arrays; what device-mapper lays on them is left out."""
    names = []
    for disk in sysfs.entries(f"{sysfs.ROOT}/block"):
        if disk.startswith("dm-"):
            continue
        names.append(disk)
        parts = sysfs.entries(f"{sysfs.ROOT}/block/{disk}")
        names += [part for part in parts if os.path.exists(f"{sysfs.ROOT}/block/{disk}/{part}/partition")]
    return names


def _group_in(sector: bytes) -> str:
    return sector[_GROUP_AT : _GROUP_AT + _LONGEST].partition(b"\0")[0].decode("ascii", "backslashreplace")


def _reader(device: str) -> Callable[[], bytes]:
    return lambda: _first_sector(device)


def _first_sector(device: str) -> bytes:
    """Raises OSError. The file is left to the end of the process, as closing it may wait for the disk."""
    return os.pread(os.open(device, os.O_RDONLY | os.O_CLOEXEC), _SIZE, 0)
