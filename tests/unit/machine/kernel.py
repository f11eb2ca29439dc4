"""Device-mapper as its ioctl shows it: the buffer of include/uapi/linux/dm-ioctl.h comes in, and the answer is in it.

The layout is written down here once more, so that a mistake in the kit's own one is seen.
"""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lvmkit.model import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.machine.disks import SharedDisk

MAJOR = 253
_HEADER = "=3IIIIiIIIQ128s129s7x"
_HEADER_SIZE = struct.calcsize(_HEADER)
_DIRECTION = 0xC138FD
"""_IOWR(0xfd, ..., 312 bytes)"""
_READ_ONLY, _SUSPENDED, _TABLE, _LIVE, _FULL = 1, 2, 16, 32, 256
_SECTOR = 512


class Hung(BaseException):
    """A call that does not come back. What runs it under a deadline takes it for that."""


@dataclass
class Mapped:
    """One device of device-mapper."""

    name: str
    uuid: str
    number: str
    kind: str
    """target type of its only line; '' without a live table"""
    below: tuple[str, ...]
    """numbers of the devices in its table"""
    legs: tuple[SharedDisk, ...] = ()
    """the disks that its data goes to, whatever becomes of their numbers"""
    size: int = 1 << 30
    status: str = ""
    """the line that its target reports of itself"""
    suspended: bool = False
    read_only: bool = False
    stuck: bool = False
    """removing it waits for a dead disk, until the table is an error target"""
    opens: int = 0
    """how often it is open, besides by mounts and by devices on it"""
    loaded: str | None = None
    """target type of the table that waits for a resume"""
    marks: set[str] = field(default_factory=set)


class DeviceMapper:
    """The devices of one kernel, by number."""

    def __init__(self, is_mounted: Callable[[str], bool], changed: Callable[[str, Mapped], None]) -> None:
        """is_mounted: whether a device (major:minor) carries a mounted file system.  changed: hears of each change."""
        self.devices: dict[str, Mapped] = {}
        self.version = (4, 47, 0)
        self.listing = True
        """whether the kernel answers at all"""
        self._is_mounted, self._changed = is_mounted, changed
        self._commands: dict[int, Callable[[bytearray, int, Mapped], bytes]] = {
            4: self._remove, 6: self._suspend, 7: self._status, 9: self._load, 10: self._clear, 11: self._dependencies,
            12: self._lines,
        }  # fmt: skip

    def create(self, name: str, uuid: str, kind: str, below: tuple[str, ...], legs: tuple[SharedDisk, ...]) -> Mapped:
        """A new device with a live table. Raises OSError (EBUSY) where the name or the UUID is taken."""
        if any(name == device.name or uuid == device.uuid for device in self.devices.values()):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        minor = next(number for number in range(1 << 20) if f"{MAJOR}:{number}" not in self.devices)
        device = Mapped(name, uuid, f"{MAJOR}:{minor}", kind, below, legs)
        self.devices[device.number] = device
        self._changed("create", device)
        return device

    def by_uuid(self, uuid: str) -> Mapped | None:
        """The device with this UUID."""
        return next((device for device in self.devices.values() if device.uuid == uuid), None)

    def by_name(self, name: str) -> Mapped:
        """The device with this name."""
        return next(device for device in self.devices.values() if device.name == name)

    def of_group(self, vg_uuid: str) -> tuple[Mapped, ...]:
        """The devices of a volume group."""
        return tuple(device for device in self.devices.values() if device.uuid.startswith(names.dm_uuid(vg_uuid)))

    def open_count(self, device: Mapped) -> int:
        """As the kernel counts: once for all mounts of its file system, once for each device on it."""
        on_it = sum(device.number in other.below for other in self.devices.values())
        return device.opens + on_it + self._is_mounted(device.number)

    def discard(self, device: Mapped) -> None:
        """Take a device out of the kernel. Raises OSError (EBUSY) while it is open."""
        if self.open_count(device):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        if device.stuck and device.kind != "error":
            raise Hung
        self._changed("remove", device)
        del self.devices[device.number]

    def ioctl(self, _control: int, request: int, buffer: bytearray) -> None:
        """Answer one request in its buffer, or raise OSError."""
        assert request >> 8 == _DIRECTION, hex(request)
        words = struct.unpack_from(_HEADER, buffer)
        assert words[0] == 4, "interface version"
        assert words[3] == len(buffer), "data_size"
        if not self.listing:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        command, flags = request & 0xFF, words[7]
        if command == 2:
            _reply(buffer, self.version, None, 0, 0, self._list())
            return
        assert command in self._commands, f"ioctl {command} of device-mapper is not known to the fake"
        device = self._addressed(words)
        data = self._commands[command](buffer, flags, device)
        count = 1 if command == 12 and device.kind else 0
        _reply(buffer, self.version, device, self.open_count(device), count, data)

    def _addressed(self, words: tuple[bytes, ...]) -> Mapped:
        name, uuid = (words[place].split(b"\0")[0].decode() for place in (11, 12))
        assert bool(name) != bool(uuid), "the kernel takes one of name and UUID"
        for device in self.devices.values():
            if (uuid and device.uuid == uuid) or (name and device.name == name):
                return device
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))

    def _list(self) -> bytes:
        entries = [_listed(device) for device in self.devices.values()]
        chained = [
            entry[:8] + struct.pack("=I", len(entry) if place + 1 < len(entries) else 0) + entry[12:]
            for place, entry in enumerate(entries)
        ]
        return b"".join(chained) or b"\0" * 16

    def _remove(self, _buffer: bytearray, _flags: int, device: Mapped) -> bytes:
        self.discard(device)
        return b""

    def _suspend(self, _buffer: bytearray, flags: int, device: Mapped) -> bytes:
        device.suspended = bool(flags & _SUSPENDED)
        if not device.suspended and device.loaded is not None:
            device.kind, device.loaded, device.status = device.loaded, None, ""
            device.below, device.legs = (), ()
        self._changed("suspend" if device.suspended else "resume", device)
        return b""

    def _status(self, _buffer: bytearray, _flags: int, _device: Mapped) -> bytes:
        return b""

    def _load(self, buffer: bytearray, _flags: int, device: Mapped) -> bytes:
        _start, length, _status, _next, kind = struct.unpack_from("=QQiI16s", buffer, _HEADER_SIZE)
        assert length == device.size // _SECTOR, "a table that covers the device"
        device.loaded = kind.rstrip(b"\0").decode()
        assert device.loaded == "error", f"the kit loads no {device.loaded}"
        return b""

    def _clear(self, _buffer: bytearray, _flags: int, device: Mapped) -> bytes:
        device.loaded = None
        return b""

    def _dependencies(self, _buffer: bytearray, _flags: int, device: Mapped) -> bytes:
        numbers = [_packed(number) for number in device.below]
        return struct.pack("=I4x", len(numbers)) + b"".join(struct.pack("=Q", number) for number in numbers)

    def _lines(self, _buffer: bytearray, flags: int, device: Mapped) -> bytes:
        if not device.kind:
            return b""
        params = " ".join(f"{number} 2048" for number in device.below) if flags & _TABLE else device.status
        head = struct.pack("=QQi", 0, device.size // _SECTOR, 0)
        body = _aligned(b"\0" * 40 + params.encode() + b"\0")
        return head + struct.pack("=I16s", len(body), device.kind.encode()) + body[40:]


def _packed(number: str) -> int:
    major, _, minor = number.partition(":")
    return os.makedev(int(major), int(minor))


def _aligned(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 8) * 8, b"\0")


def _listed(device: Mapped) -> bytes:
    head = _aligned(struct.pack("=QI", _packed(device.number), 0) + device.name.encode() + b"\0")
    tail = struct.pack("=II", 0, 1 if device.uuid else 2)
    return head + (_aligned(tail + device.uuid.encode() + b"\0") if device.uuid else tail)


def _reply(
    buffer: bytearray, version: tuple[int, ...], device: Mapped | None, opened: int, count: int, data: bytes
) -> None:
    flags = 0
    if device is not None:
        flags = _READ_ONLY * device.read_only | _SUSPENDED * device.suspended | _LIVE * bool(device.kind)
    if len(data) > len(buffer) - _HEADER_SIZE:
        flags, data = flags | _FULL, b""
    name, uuid = (device.name.encode(), device.uuid.encode()) if device else (b"", b"")
    number = _packed(device.number) if device else 0
    struct.pack_into(
        _HEADER, buffer, 0, *version, len(buffer), _HEADER_SIZE, count, opened, flags, 0, 0, number, name, uuid
    )
    buffer[_HEADER_SIZE : _HEADER_SIZE + len(data)] = data
