"""SCSI commands to a disk past its driver (SG_IO), and which SCSI disks a physical volume stands on.

A command may hang as a read may: callers are children that can be left behind (storage/probe.py). The kernel's own
ioctls for persistent reservations (linux/pr.h) are not used: they always ask for what some targets refuse (APTPL), tell
errors as positive results, and cannot read before Linux 6.19.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from lvmkit.model.value import Value
from lvmkit.storage import sysfs

GOOD, CHECK_CONDITION, BUSY, RESERVATION_CONFLICT, TASK_SET_FULL = 0x00, 0x02, 0x08, 0x18, 0x28
"""status codes (SAM-5)"""
ILLEGAL_REQUEST, UNIT_ATTENTION = 0x5, 0x6
"""sense keys (SPC-4)"""

_SG_IO, _INTERFACE = 0x2285, ord("S")
_NO_DATA, _TO_DEVICE, _FROM_DEVICE = -1, -2, -3
_HEADER = "@iiBBHIPPPIIiPBBBBHHiII0P"
"""struct sg_io_hdr of scsi/sg.h, to its last padding: the kernel writes all of it"""
_STATUS, _SENSE_LENGTH, _HOST_STATUS = 13, 16, 17
"""places of the answer in it"""
_SENSE_SIZE = 64
_TIMEOUT = 30_000
"""milliseconds, as the kernel gives its own commands: what follows a timeout may reset the disk for all its users"""
_MULTIPATH, _PARTITION = "mpath-", "part"
"""how the device-mapper UUIDs of multipath maps, and of partitions on them (kpartx), begin"""
_NO_PATH = "a map of dm-multipath without a SCSI path"
_KINDS = (
    ("nvme", "NVMe"), ("vd", "virtio-blk"), ("xvd", "a Xen disk"), ("md", "an md array"), ("drbd", "DRBD"),
    ("loop", "a loop device"), ("nbd", "a network block device"), ("dm-", "a mapping that is not multipath"),
)  # fmt: skip
"""what kernel names begin with, and what to call such a device"""


class Reply(Value):
    """What a disk answered to a command."""

    status: int
    data: bytes = b""
    sense_key: int = 0
    sense_code: int = 0
    """additional sense code and qualifier: 0x2a03"""

    @property
    def is_illegal(self) -> bool:
        """Whether the disk does not know the command, or something in it."""
        return self.status == CHECK_CONDITION and self.sense_key == ILLEGAL_REQUEST

    @property
    def words(self) -> str:
        """What a reader can look up."""
        if self.status == RESERVATION_CONFLICT:
            return "reservation conflict"
        if self.status == CHECK_CONDITION:
            return f"check condition, sense {self.sense_key:x}/{self.sense_code:04x}"
        return f"status {self.status:#04x}"


class ScsiDisk(Value):
    """The disk that a physical volume is on, as a whole."""

    device: str
    """/dev/sda, /dev/dm-3"""
    paths: tuple[str, ...]
    """the SCSI disks through which it is reached; () where it is no SCSI disk"""
    is_multipath: bool = False
    kind: str = ""
    """what it is, where it is no SCSI disk, or has no path"""


def disk_below(device: str, root: str = sysfs.ROOT) -> ScsiDisk:
    """The disk that a device is, or is a partition of. Nothing is sent to it.

    device: path of a block device.
    """
    number = sysfs.whole_disk(sysfs.number_of(device), root)
    uuid = sysfs.dm_uuid(number, root)
    if uuid.startswith(_PARTITION) and _MULTIPATH in uuid:
        number = next((block.number for block in sysfs.slaves(number, root)), number)
        uuid = sysfs.dm_uuid(number, root)
    path = f"/dev/{sysfs.kernel_name(number, root)}"
    if uuid.startswith(_MULTIPATH):
        below = tuple(f"/dev/{block.name}" for block in sysfs.slaves(number, root) if _is_scsi(block.number, root))
        return ScsiDisk(path, below, is_multipath=True, kind="" if below else _NO_PATH)
    if _is_scsi(number, root):
        return ScsiDisk(path, (path,))
    return ScsiDisk(path, (), kind=_kind(path))


def _is_scsi(number: str, root: str) -> bool:
    """Source: Documentation/ABI/testing/sysfs-bus-scsi and scsi_sysfs.c: every SCSI device has a level of the standard,
    no other driver shows one."""
    return os.path.exists(f"{root}/dev/block/{number}/device/scsi_level")


def _kind(path: str) -> str:
    name = path.rpartition("/")[2]
    return next((kind for start, kind in _KINDS if name.startswith(start)), "not a SCSI disk")


def execute(path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
    """Send one command and wait for its end, which may take for ever.

    path: of a SCSI disk.  command: the CDB.  out: data for the disk.  room: bytes for data of the disk.
    Raises OSError: the disk cannot be opened, or the command did not reach it.
    """
    import ctypes  # only where a reservation is wanted

    data = ctypes.create_string_buffer(out, max(len(out), room, 1))
    cdb = ctypes.create_string_buffer(command, len(command))
    sense = ctypes.create_string_buffer(_SENSE_SIZE)
    length = len(out) or room
    places = map(ctypes.addressof, (data, cdb, sense))
    head = _INTERFACE, _direction(out, room), len(command), _SENSE_SIZE, 0, length
    header = bytearray(struct.pack(_HEADER, *head, *places, _TIMEOUT, *[0] * 12))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, _SG_IO, header)
    finally:
        os.close(handle)
    return _reply(struct.unpack(_HEADER, header), data.raw[:room], sense.raw)


def _direction(out: bytes, room: int) -> int:
    if out:
        return _TO_DEVICE
    return _FROM_DEVICE if room else _NO_DATA


def _reply(fields: tuple[int, ...], data: bytes, sense: bytes) -> Reply:
    """Raises OSError where the command did not reach the disk. A conflict counts, whatever the kernel makes of it."""
    status = fields[_STATUS]
    if status == GOOD and fields[_HOST_STATUS]:
        raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} (host status {fields[_HOST_STATUS]:#x})")
    return Reply(status, data, *sense_of(sense[: fields[_SENSE_LENGTH]]))


def sense_of(sense: bytes) -> tuple[int, int]:
    """(sense key, additional code and qualifier) of sense data, in either of their forms (SPC-4, 4.5); 0 for none."""
    form = sense[0] & 0x7F if sense else 0
    if form in (0x70, 0x71) and len(sense) >= 14:
        return sense[2] & 0xF, sense[12] << 8 | sense[13]
    if form in (0x72, 0x73) and len(sense) >= 4:
        return sense[1] & 0xF, sense[2] << 8 | sense[3]
    return 0, 0
