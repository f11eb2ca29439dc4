"""What sysfs knows of a block device, found by its major:minor.

Reading sysfs takes no lock that a dead disk can hold and sends no I/O, so these facts can be had at any time. Names and
meanings are those of Documentation/ABI/{stable,testing}/sysfs-block, sysfs-devices... and admin-guide/md.rst of the
kernel. Every function takes the place where sysfs is mounted, so that tests can bring their own tree.
"""

from __future__ import annotations

import os
import stat

from lvmkit.model.value import Value

ROOT = "/sys"

_WELL_STATES = ("running", "live")
"""scsi_device_state_name() in drivers/scsi/scsi_sysfs.c; nvme_sysfs_show_state() in drivers/nvme/host/sysfs.c"""

_BAD_ARRAY_STATES = ("clear", "inactive", "suspended", "broken")
"""admin-guide/md.rst, array_state: no array, no I/O allowed, I/O blocked, lost members that it cannot do without"""


_OF_DRBD = "147:"
"""the kernel's admin-guide/devices.txt: DRBD has this major number for itself"""


class Block(Value):
    """A block device as sysfs names it."""

    name: str
    """kernel name: sda1, dm-3, md0"""
    number: str
    """major:minor"""


class ArraySlot(Value):
    """One slot of an md array; number is '' and in_sync False where the slot is empty."""

    number: str
    in_sync: bool


class Array(Value):
    """An md array: its level as md writes it (raid1, linear ...) and its slots."""

    level: str
    slots: tuple[ArraySlot, ...]


def condition(number: str, root: str = ROOT) -> str:
    """What is wrong with a device itself, '' when nothing is: "gone", "offline", "of size 0" ...

    number: major:minor of a disk, partition, md array, loop or device-mapper device. A partition shares its disk's
    condition. What the device stands on is not looked at, see slaves(). A degraded md array that runs counts as well.
    """
    device = _device(number, root)
    if not os.path.isdir(device):
        return "gone"
    disk = _disk(device)
    return _driver_state(disk) or _array_state(disk) or _emptiness(device, disk)


def number_of(path: str) -> str:
    """The major:minor of the block device that a path names, links followed; '' where there is none.

    path: below /dev, which is in memory: the question never reaches a disk.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    if not stat.S_ISBLK(status.st_mode):
        return ""
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def sequence(number: str, root: str = ROOT) -> str:
    """The kernel's serial number of the whole disk (diskseq, kernel 5.15), '' where it has none.

    It is never given twice during one boot: another value means that another disk took the major:minor.
    """
    return _text(f"{_disk(_device(number, root))}/diskseq")


def kernel_name(number: str, root: str = ROOT) -> str:
    """The name under /dev: sda1, dm-3, cciss/c0d0 (sysfs writes '!' for '/'); '' where there is no such device."""
    device = _device(number, root)
    return os.path.basename(os.path.realpath(device)).replace("!", "/") if os.path.isdir(device) else ""


def whole_disk(number: str, root: str = ROOT) -> str:
    """The major:minor of the disk that a partition is on; the number itself for anything else."""
    return _text(f"{_disk(_device(number, root))}/dev") or number


def read_only(number: str, root: str = ROOT) -> bool:
    """Whether the kernel refuses to write to the device."""
    return _text(f"{_device(number, root)}/ro") == "1"


def is_drbd(number: str) -> bool:
    """Whether a device (major:minor) is DRBD's, by its number: names prove nothing."""
    return number.startswith(_OF_DRBD)


def write_protected(number: str, root: str = ROOT) -> bool:
    """Whether the kernel refuses to write to the device or to one that it stands on."""
    return read_only(number, root) or any(write_protected(below.number, root) for below in slaves(number, root))


def holders(number: str, root: str = ROOT) -> tuple[Block, ...]:
    """Devices that stand directly on this one; for a whole disk also those on its partitions."""
    device = _device(number, root)
    blocks = list(_blocks(f"{device}/holders"))
    for name in entries(device):
        if os.path.exists(f"{device}/{name}/partition"):
            blocks += _blocks(f"{device}/{name}/holders")
    return tuple(blocks)


def dm_uuid(number: str, root: str = ROOT) -> str:
    """The device-mapper UUID of a device; '' for one that is not device-mapper's."""
    return _text(f"{_device(number, root)}/dm/uuid")


def dm_name(number: str, root: str = ROOT) -> str:
    """The device-mapper name of a device; '' for one that is not device-mapper's."""
    return _text(f"{_device(number, root)}/dm/name")


def number_of_dm(uuid: str, root: str = ROOT) -> str:
    """The major:minor of the device with a device-mapper UUID; '' where there is none."""
    for name in entries(f"{root}/block"):
        if name.startswith("dm-") and _text(f"{root}/block/{name}/dm/uuid") == uuid:
            return _text(f"{root}/block/{name}/dev")
    return ""


def slaves(number: str, root: str = ROOT) -> tuple[Block, ...]:
    """Devices that this one stands on directly: of a device-mapper or md device; () for a disk or partition."""
    return _blocks(f"{_device(number, root)}/slaves")


def stack(number: str, root: str = ROOT) -> set[str]:
    """A device and all that it stands on, through whatever layers, by number."""
    found: set[str] = set()
    waiting = [number]
    while waiting:
        this = waiting.pop()
        if this and this not in found:
            found.add(this)
            waiting += (whole_disk(this, root), *(block.number for block in slaves(this, root)))
    return found


def array(number: str, root: str = ROOT) -> Array | None:
    """The md array behind a number, None where it is not one. Source: admin-guide/md.rst, raid_disks, rdNN, state."""
    md = f"{_device(number, root)}/md"
    if not os.path.isdir(md):
        return None
    count = _text(f"{md}/raid_disks")
    slots = []
    for place in range(int(count) if count.isdigit() else 0):
        slots.append(_slot(f"{md}/rd{place}"))
    return Array(_text(f"{md}/level"), tuple(slots))


def _slot(path: str) -> ArraySlot:
    state = _text(f"{path}/state").split(",")
    return ArraySlot(_text(f"{path}/block/dev"), "in_sync" in state and "faulty" not in state)


def _driver_state(disk: str) -> str:
    """The state a SCSI or NVMe driver gives the device; '' when it works, or when the driver gives none (virtio, loop).

    An NVMe namespace with several paths belongs to a subsystem that has no state of its own: one live controller is
    enough.
    """
    state = _text(f"{disk}/device/state")
    states = [state] if state else _controller_states(f"{disk}/device")
    return ", ".join(states) if set(states).isdisjoint(_WELL_STATES) else ""


def _controller_states(subsystem: str) -> list[str]:
    """The states of all NVMe controllers that lead to a namespace."""
    states = []
    for name in entries(subsystem):
        state = _text(f"{subsystem}/{name}/state") if name.startswith("nvme") else ""
        if state:
            states.append(state)
    return states


def _array_state(disk: str) -> str:
    state = _text(f"{disk}/md/array_state")
    return f"an md array in state {state}" if state in _BAD_ARRAY_STATES else ""


def _emptiness(device: str, disk: str) -> str:
    if os.path.basename(os.path.realpath(disk)).startswith("loop") and not os.path.exists(f"{disk}/loop/backing_file"):
        return "a loop device without a backing file"
    return "of size 0" if _text(f"{device}/size") in ("", "0") else ""


def _device(number: str, root: str) -> str:
    return f"{root}/dev/block/{number}"


def _disk(device: str) -> str:
    """The directory of the whole disk: sysfs keeps a partition's directory inside its disk's."""
    return f"{device}/.." if os.path.exists(f"{device}/partition") else device


def _blocks(directory: str) -> tuple[Block, ...]:
    blocks = []
    for name in entries(directory):
        number = _text(f"{directory}/{name}/dev")
        if number:
            blocks.append(Block(name.replace("!", "/"), number))
    return tuple(blocks)


def entries(directory: str) -> list[str]:
    """What is in a folder, in order; nothing where it cannot be read."""
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _text(path: str) -> str:
    """One attribute without its line end; '' where there is none or the device went away while it was read."""
    try:
        with open(path, "rb") as attribute:
            return attribute.read().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
