"""The UUID of a file system as its superblock has it, read by a child, because the disk may not answer.

Layouts: struct ext4_super_block in fs/ext4/ext4.h, struct xfs_dsb in fs/xfs/libxfs/xfs_format.h, struct
btrfs_super_block in include/uapi/linux/btrfs_tree.h, struct f2fs_super_block in include/linux/f2fs_fs.h.
"""

from __future__ import annotations

import errno
import os

from lvmkit.model.value import Value
from lvmkit.storage import probe

_UUID_SIZE = 16
_HEXADECIMAL_GROUPS = (8, 4, 4, 4, 12)


class Layout(Value):
    """Where things are in a superblock, in bytes from the start of the device."""

    magic: bytes
    magic_at: int
    uuid_at: int


_EXT = Layout(b"\x53\xef", 1024 + 0x38, 1024 + 0x68)
_LAYOUTS = {
    "ext2": _EXT,
    "ext3": _EXT,
    "ext4": _EXT,
    "xfs": Layout(b"XFSB", 0, 32),
    "btrfs": Layout(b"_BHRfS_M", 65536 + 0x40, 65536 + 0x20),
    "f2fs": Layout(b"\x10\x20\xf5\xf2", 1024, 1024 + 108),
}


def uuid_on(device: str, number: str, kind: str, *, deadline: float) -> str | None:
    """The UUID of the file system on a device, as blkid(8) prints it.

    device: its path.  number: major:minor that it must have.  kind: the type of file system that is looked for.
    deadline: seconds.  Returns '' where that cannot be told: another type of file system, one whose layout is not known
    here, an error. None where the device did not answer in time.
    """
    layout = _LAYOUTS.get(kind)
    if layout is None:
        return ""
    ending = probe.bounded(lambda: _uuid_bytes(device, number, layout), deadline=deadline)
    return None if ending.hung else _printed(ending.result.hex())


def _uuid_bytes(device: str, number: str, layout: Layout) -> bytes:
    start, end = (
        min(layout.magic_at, layout.uuid_at),
        max(layout.magic_at + len(layout.magic), layout.uuid_at + _UUID_SIZE),
    )
    block = read_part(device, number, start, end - start)
    if not block[layout.magic_at - start :].startswith(layout.magic):
        return b""
    return block[layout.uuid_at - start :][:_UUID_SIZE]


def read_part(device: str, number: str, start: int, size: int) -> bytes:
    """A part of a device, from the page cache where that has it. The file is left to the end of the process, as closing
    it may wait for the disk.

    Raises OSError: ENXIO where it is another device.
    """
    handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    seen = os.fstat(handle).st_rdev
    if f"{os.major(seen)}:{os.minor(seen)}" != number:
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    return os.pread(handle, size, start)


def _printed(digits: str) -> str:
    """The UUID as 8-4-4-4-12; '' for none."""
    groups = []
    for size in _HEXADECIMAL_GROUPS:
        groups.append(digits[:size])
        digits = digits[size:]
    return "-".join(groups).strip("-")
