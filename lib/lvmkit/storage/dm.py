"""What device-mapper holds, asked of the kernel itself.

An LVM command reads disks and waits for locks before it answers, so a dead disk makes it lie or hang. The ioctl on
/dev/mapper/control answers from the kernel's memory: it is the truth about which volumes are up, and it is cheap.
The layout is that of include/uapi/linux/dm-ioctl.h, interface version 4; the behaviour is drivers/md/dm-ioctl.c.

Devices are addressed by UUID wherever something is changed: names are reused, UUIDs are not.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.model.messages.faults import DeviceMapperRefused

CONTROL = "/dev/mapper/control"

REMOVED, BUSY, ABSENT = "removed", "busy", "absent"
CUT_OFF = "error"
"""the target of a table that serves nothing: every read and write fails"""

OF_LVM = frozenset(
    (
        "linear", "striped", "mirror", "raid", "snapshot", "snapshot-origin", "snapshot-merge", "thin", "thin-pool",
        "cache", "writecache", "vdo", "integrity",
    )
)  # fmt: skip
"""targets of LVM's tables, between which it changes a volume while it is in use: lvconvert, lvcreate --snapshot,
pvmove; it makes a volume of `error` or `zero` only where somebody asks for that"""

# struct dm_ioctl: version[3], data_size, data_start, target_count, open_count, flags, event_nr, -, dev, name, uuid
_HEADER = struct.Struct("=3IIIIiIIIQ128s129s7x")
_LIST_ENTRY = struct.Struct("=QI")  # dm_name_list: dev, next; the name follows
_LIST_EXTRA = struct.Struct("=II")  # after the name, aligned to 8: event_nr, flags; the UUID follows
_TARGET = struct.Struct("=QQiI16s")  # dm_target_spec: sector_start, length, status, next, target_type
_DEPENDENCY_COUNT = struct.Struct("=I4x")  # dm_target_deps: count, padding; dev[] follows
_ALIGNMENT = 8

# _IOWR(0xfd, command, struct dm_ioctl), the same number on every architecture
_REQUEST = 3 << 30 | _HEADER.size << 16 | 0xFD << 8
_LIST_DEVICES, _DEV_REMOVE, _DEV_SUSPEND, _DEV_STATUS = 2, 4, 6, 7
_TABLE_LOAD, _TABLE_CLEAR, _TABLE_DEPS, _TABLE_STATUS = 9, 10, 11, 12
_DEV_ARM_POLL = 16

_READ_ONLY, _SUSPEND, _STATUS_TABLE, _ACTIVE_PRESENT = 1 << 0, 1 << 1, 1 << 4, 1 << 5
_BUFFER_FULL, _SKIP_LOCKFS, _NOFLUSH, _WITH_UUID = 1 << 8, 1 << 10, 1 << 11, 1 << 14

_HAS_UUID, _HAS_NO_UUID = 1, 2  # DM_NAME_LIST_FLAG_*, kernel 5.13
_LIST_EXTRA_SINCE = (4, 37)  # interface version from which event_nr and flags follow the name, kernel 4.13

_FIRST_BUFFER = 1 << 12
"""for an answer about one device: the kernel clears and copies all of it"""
_FIRST_LIST = 1 << 16
_LARGEST_BUFFER = 1 << 24
_INTERRUPTIONS = 16

_controls: dict[str, int] = {}
"""descriptor of the control node by its path, open from the first question to the end of the process"""


class Device(Value):
    """One device-mapper device."""

    name: str
    uuid: str
    """'' where the device was created without one"""
    number: str
    """major:minor"""


class Target(Value):
    """One line of a device's live table, or of its status."""

    start: int
    """512-byte sectors"""
    length: int
    """512-byte sectors"""
    kind: str
    """name of the target: linear, striped, raid, thin, error ..."""
    params: str


class DeviceStatus(Value):
    """One device with its live table's lines; no targets where it has no live table."""

    name: str
    uuid: str
    number: str
    open_count: int
    suspended: bool
    read_only: bool
    live: bool
    """has a live table"""
    targets: tuple[Target, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The target types of the table, in order, each once."""
        return tuple(dict.fromkeys(target.kind for target in self.targets))


class _Answer(Value):
    """What came back from one ioctl: the header's fields and the whole buffer."""

    version: tuple[int, int]
    data_start: int
    target_count: int
    open_count: int
    flags: int
    device: Device
    data: bytearray


def list_devices() -> tuple[Device, ...]:
    """All device-mapper devices of this host, by one ioctl.

    Kernels before 5.13 leave the UUIDs out of the list; there each device is asked for its own.
    Raises Failure (KernelUnreadable, 110052) where device-mapper cannot be asked: that is never the same as "no
    devices". Where the module is not loaded yet, opening the control node loads it.
    """
    try:
        answer = _ask(_LIST_DEVICES, _WITH_UUID)
    except OSError as error:
        raise _unreadable(error) from error
    devices = []
    for name, uuid, number in _parsed_list(answer):
        device = _look_up(name) if uuid is None else Device(name, uuid, number)
        if device is not None:
            devices.append(device)
    return tuple(devices)


def status(uuid: str = "", *, name: str = "") -> DeviceStatus | None:
    """The state of one device and its targets' status lines, without making any target flush.

    uuid or name: exactly one, as device-mapper knows it.
    Returns None where the kernel has no such device. Raises Failure (KernelUnreadable, 110052) where device-mapper
    cannot be asked.
    """
    return _lines(uuid, name, _NOFLUSH)


def table(uuid: str = "", *, name: str = "") -> DeviceStatus | None:
    """The same as status(), with the table's parameters in place of the status lines."""
    return _lines(uuid, name, _NOFLUSH | _STATUS_TABLE)


def dependencies(uuid: str = "", *, name: str = "") -> tuple[str, ...]:
    """The devices (major:minor) that the live table of one device stands on; () where there is no such device.

    Raises Failure (110052) where device-mapper cannot be asked.
    """
    answer = _ask_about(_TABLE_DEPS, 0, uuid, name)
    if answer is None or not answer.flags & _ACTIVE_PRESENT:
        return ()
    (count,) = _DEPENDENCY_COUNT.unpack_from(answer.data, answer.data_start)
    numbers = struct.unpack_from(f"={count}Q", answer.data, answer.data_start + _DEPENDENCY_COUNT.size)
    return tuple(map(_number, numbers))


def arm_poll(control: int) -> None:
    """Let poll(2) on an open control node of the caller's own tell of every event of any device from now on.

    Raises OSError where the kernel does not know this (interface version 4.37, Linux 4.14).
    """
    _exchange(control, _DEV_ARM_POLL, _request(_HEADER.size, 0, "", "", b""))


def remove(uuid: str) -> str:
    """Remove one device by its UUID; returns REMOVED, BUSY (it is open) or ABSENT (no such device, which is no error).

    No udev cookie is sent (event_nr 0). libdm sends one, a semaphore's number below 16 bits of rule flags, in order to
    wait for udev; the rules that read it are for add and change events (10-dm.rules, 55-dm.rules on Debian) or tell the
    waiting process (95-dm-notify.rules), of which there is none here. On the remove event udev itself deletes the
    links that it made. So a removal without cookie leaves nothing behind; it is just not waited for.
    Can hang where a target waits for its disk: where that may be, wipe() it first.
    Raises Failure: KernelUnreadable (110052), DeviceMapperRefused (110053).
    """
    try:
        _ask(_DEV_REMOVE, 0, uuid=uuid)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENXIO):
            raise Failure(_refused("remove", uuid, os.strerror(error.errno or 0))) from error
        return BUSY if error.errno == errno.EBUSY else ABSENT
    return REMOVED


def wipe(uuids: Iterable[str], *, deadline: float = 10.0) -> tuple[DeviceMapperRefused, ...]:
    """Put an `error` target in the place of devices' tables, so that waiting I/O fails and they can be removed.

    A device is suspended without flushing and without freezing its file system: both would wait for the dead disk.
    I/O that is already on its way to a disk that never answers is waited for all the same, for at most deadline
    seconds for all devices together. The resume sends a change event without cookie, which udev's rules for
    device-mapper take for a spurious one: links stay, nothing is activated.
    One that is gone or has nothing to replace is passed over.
    Returns the refusals (110053): such a device has its old table. Raises Failure (KernelUnreadable, 110052).
    """
    from lvmkit.storage import probe  # a quickCheck must not pay for it

    devices = [device for uuid in dict.fromkeys(uuids) if (device := status(uuid)) and _has_table_to_lose(device)]
    endings = probe.all_bounded(list(map(_replacement, devices)), deadline, acts=True)
    refused = []
    for device, ending in zip(devices, endings):
        why = os.strerror(ending.error) if ending.error else ""
        if ending.hung:
            why = f"no answer within {deadline} s, as I/O on the way to its disk does not come back"
        if why:
            _forget_loaded_table(device.uuid)
            refused.append(_refused("wipe", device.uuid, why))
    return tuple(refused)


def of_vg(devices: Iterable[Device], vg_uuid: str) -> tuple[Device, ...]:
    """Those of the devices that belong to a volume group: volumes, their hidden parts and layers."""
    prefix = names.dm_uuid(vg_uuid)
    return tuple(device for device in devices if device.uuid.startswith(prefix))


def removal_order(devices: Iterable[Device], below: Callable[[Device], tuple[str, ...]]) -> tuple[Device, ...]:
    """The devices sorted so that each comes before those it stands on.

    below: tells what a device stands on (major:minor).
    """
    left = {device.number: device for device in devices}
    supports = {device.number: below(device) for device in left.values()}
    ordered: list[Device] = []
    while left:
        needed: set[str] = set()
        for number in left:
            needed.update(supports[number])
        tops = [number for number in left if number not in needed]
        for number in tops or list(left):
            ordered.append(left.pop(number))
    return tuple(ordered)


def _parsed_list(answer: _Answer) -> list[tuple[str, str | None, str]]:
    """(name, UUID, number) of each device in a DM_LIST_DEVICES answer; UUID None where the kernel did not say."""
    devices: list[tuple[str, str | None, str]] = []
    has_extra = answer.version >= _LIST_EXTRA_SINCE
    at, step = answer.data_start, 1
    while step:
        device, step = _LIST_ENTRY.unpack_from(answer.data, at)
        if device == 0:  # the list is empty
            break
        name_at = at + _LIST_ENTRY.size
        uuid = _listed_uuid(answer.data, answer.data.index(0, name_at) + 1) if has_extra else None
        devices.append((_string(answer.data, name_at), uuid, _number(device)))
        at += step
    return devices


def _listed_uuid(data: bytearray, after_name: int) -> str | None:
    at = _aligned(after_name)
    _event, flags = _LIST_EXTRA.unpack_from(data, at)
    if flags & _HAS_UUID:
        return _string(data, at + _LIST_EXTRA.size)
    return "" if flags & _HAS_NO_UUID else None


def _look_up(name: str) -> Device | None:
    """The device of that name with its UUID; None when it has gone since the list was made."""
    answer = _ask_about(_DEV_STATUS, 0, "", name)
    return None if answer is None else answer.device


def _lines(uuid: str, name: str, flags: int) -> DeviceStatus | None:
    answer = _ask_about(_TABLE_STATUS, flags, uuid, name)
    if answer is None:
        return None
    device, live = answer.device, bool(answer.flags & _ACTIVE_PRESENT)
    suspended, read_only = bool(answer.flags & _SUSPEND), bool(answer.flags & _READ_ONLY)
    targets = _parsed_targets(answer) if live else ()
    return DeviceStatus(device.name, device.uuid, device.number, answer.open_count, suspended, read_only, live, targets)


def _parsed_targets(answer: _Answer) -> tuple[Target, ...]:
    targets, at = [], answer.data_start
    for _ in range(answer.target_count):
        start, length, _status, following, kind = _TARGET.unpack_from(answer.data, at)
        params = _string(answer.data, at + _TARGET.size).rstrip(" ")
        targets.append(Target(start, length, _string(kind), params))
        at = answer.data_start + following
    return tuple(targets)


def _has_table_to_lose(device: DeviceStatus) -> bool:
    return bool(device.targets) and (device.kinds != (CUT_OFF,) or device.suspended)


def _replacement(device: DeviceStatus) -> Callable[[], bytes]:
    return lambda: _replace_table(device)


def _replace_table(device: DeviceStatus) -> bytes:
    """Load, suspend without waiting for more than must be, resume into the new table.

    Loading comes first: it is the step that can fail for lack of memory, and the device still runs then.
    """
    _ask(_TABLE_LOAD, _READ_ONLY if device.read_only else 0, uuid=device.uuid, data=_error_table(device))
    _ask(_DEV_SUSPEND, _SUSPEND | _NOFLUSH | _SKIP_LOCKFS, uuid=device.uuid)
    _ask(_DEV_SUSPEND, _NOFLUSH | _SKIP_LOCKFS, uuid=device.uuid)
    return b""


def _forget_loaded_table(uuid: str) -> None:
    """After a failed wipe nothing may be left that a later resume would make live."""
    try:
        _ask(_TABLE_CLEAR, 0, uuid=uuid)
    except OSError:
        return


def _error_table(device: DeviceStatus) -> bytes:
    """One `error` target as long as the whole device, with empty parameters."""
    length = sum(target.length for target in device.targets)
    size = _aligned(_TARGET.size + 1)
    return _TARGET.pack(0, length, 0, size, b"error").ljust(size, b"\0")


def _ask_about(command: int, flags: int, uuid: str, name: str) -> _Answer | None:
    """The answer to a question about one device; None where there is no such device."""
    try:
        return _ask(command, flags, uuid=uuid, name=name)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise _unreadable(error) from error


def _ask(command: int, flags: int, *, uuid: str = "", name: str = "", data: bytes = b"") -> _Answer:
    """One exchange with the kernel, repeated with a larger buffer while the answer does not fit.

    Raises OSError as the ioctl does, and Failure (110052) where there is no device-mapper to ask.
    """
    size = _FIRST_LIST if command == _LIST_DEVICES else _FIRST_BUFFER
    while size <= _LARGEST_BUFFER:
        answer = _exchange(_control(), command, _request(size, flags, uuid, name, data))
        if not answer.flags & _BUFFER_FULL:
            return answer
        size *= 4
    raise _silent(f"the answer does not fit in {_LARGEST_BUFFER} bytes")


def _control() -> int:
    """The control node, opened once; it holds no state. Raises Failure (110052)."""
    if CONTROL not in _controls:
        try:
            _controls[CONTROL] = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(error) from error
    return _controls[CONTROL]


def _request(size: int, flags: int, uuid: str, name: str, data: bytes) -> bytearray:
    header = _HEADER.pack(
        4, 0, 0, size, _HEADER.size, 1 if data else 0, 0, flags, 0, 0, 0, _bytes(name), _bytes(uuid)
    )  # fmt: skip
    return bytearray((header + data).ljust(size, b"\0"))


def _exchange(control: int, command: int, buffer: bytearray) -> _Answer:
    """Send one request; a signal in between is no answer, so the question is put again."""
    for _ in range(_INTERRUPTIONS):
        try:
            _ioctl(control, _REQUEST | command, buffer)
            return _parsed_answer(buffer)
        except InterruptedError:
            continue
    raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))


def _ioctl(control: int, request: int, buffer: bytearray) -> None:
    fcntl.ioctl(control, request, buffer, True)


def _parsed_answer(buffer: bytearray) -> _Answer:
    words = _HEADER.unpack_from(buffer)
    major, minor, _patch, _size, start, targets, opened, flags, _event, _pad, device, name, uuid = words
    about = Device(_string(name), _string(uuid), _number(device))
    return _Answer((major, minor), start, targets, opened, flags, about, buffer)


def _unreadable(error: OSError) -> Failure:
    return _silent(f"{CONTROL}: {os.strerror(error.errno or 0)}")


def _silent(why: str) -> Failure:
    from lvmkit.model.messages.faults import KernelUnreadable  # a check that finds all well has nothing to say

    return Failure(KernelUnreadable(why))


def _refused(what: str, uuid: str, why: str) -> DeviceMapperRefused:
    from lvmkit.model.messages.faults import DeviceMapperRefused  # the same

    return DeviceMapperRefused(what, uuid, why)


def _aligned(offset: int) -> int:
    return (offset + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _number(device: int) -> str:
    """major:minor of the kernel's 64-bit form (huge_encode_dev), which is that of stat(2) for numbers below 2^32."""
    return f"{os.major(device)}:{os.minor(device)}"


def _string(data: bytes | bytearray, at: int = 0) -> str:
    """The zero-terminated string at an offset; its end is also the end of the data."""
    end = data.find(0, at)
    return data[at : len(data) if end < 0 else end].decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
