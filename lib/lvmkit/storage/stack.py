"""From a mount point or a volume down to the disks.

findmnt says what is mounted where, device-mapper's UUID in sysfs says which logical volume a device is, LVM says on
which physical volumes it lies, lsblk says what these stand on. Devices are compared by number, never by name: one
device has many names.
"""

from __future__ import annotations

import json
import os

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import LvNotInVg, VgNotFound
from lvmkit.model.messages.storage import (
    CommandFailed,
    CommandGarbled,
    NotAMountPoint,
    NotOnLvm,
    PartOfFilesystem,
    RawDriverGone,
    VgNameAmbiguous,
)
from lvmkit.model.value import Value
from lvmkit.model.volumes import Layer, MountedFilesystem, Stack
from lvmkit.storage import files, lasting, lvm1, rawbind, sysfs
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from lvmkit.model.volumes import LogicalVolume, VolumeGroup
    from lvmkit.storage.lvm import Lvm
    from lvmkit.storage.run import Finished

    Result = TypeVar("Result")

LSBLK, FINDMNT = "/usr/bin/lsblk", "/usr/bin/findmnt"

SYSTEM_MOUNTS = {
    "/": "the root file system",
    "/usr": "/usr",
    "/boot": "/boot",
    "/boot/efi": "/boot/efi",
    "/etc": "/etc",
    "/var": "/var",
    "/var/lib": "/var/lib",
    "/var/log": "/var/log",
    "/opt/LifeKeeper": "/opt/LifeKeeper",
}
"""mount points without which this server does not run, and their names in messages"""

_SYS, _SWAPS = "/sys", "/proc/swaps"
_SWAP = "[SWAP]"
_LSBLK_COLUMNS = "KNAME,NAME,MAJ:MIN,TYPE,SERIAL,SIZE,MOUNTPOINTS"
_FINDMNT_COLUMNS = "TARGET,SOURCE,MAJ:MIN,FSTYPE,OPTIONS,UUID,FSROOT,LABEL"
_LVM_PREFIX = "LVM-"
_DISK_PATIENCE = 5.0
"""seconds for a sector of every disk, where LVM does not know a volume group"""
_UUID_LENGTH = 32
_DRBD = "drbd"
"""the kind of DRBD's devices, which lsblk shows as disks"""


class Node(Value):
    """One block device as lsblk shows it."""

    path: str
    name: str
    number: str
    kind: str
    serial: str
    size: int
    mount_points: tuple[str, ...]
    parents: tuple[str, ...] = ()
    """numbers of the devices that it stands on"""


class Blocks(Value):
    """All block devices of this server by number, as lsblk saw them at one moment."""

    nodes: dict[str, Node]

    def above(self, numbers: tuple[str, ...]) -> tuple[Node, ...]:
        """These devices and all that stand on them."""
        reached = {number: self.nodes[number] for number in numbers if number in self.nodes}
        before = -1
        while len(reached) > before:
            before = len(reached)
            for node in self.nodes.values():
                if not reached.keys().isdisjoint(node.parents):
                    reached[node.number] = node
        return tuple(reached.values())


def filesystem_at(mount_point: str, *, deadline: float) -> MountedFilesystem | None:
    """The file system mounted at a path: the visible one where several cover each other; None where none is.

    mount_point: absolute; a trailing slash does not matter, and a symbolic link is followed on purpose, as mount(8)
    does: the kernel knows the mount by the real path, which is the one in the result.  deadline: seconds.
    Raises Failure: PartOfFilesystem for a bind mount of a folder; CommandMissing, CommandHung, CommandGarbled.
    """
    if not os.path.isabs(mount_point):
        return None
    path = os.path.realpath(mount_point)
    answer = run((FINDMNT, "--json", "--nofsroot", "--mountpoint", path, "-o", _FINDMNT_COLUMNS), deadline=deadline)
    if answer.status != 0 and not answer.stderr.strip():  # findmnt(8): 1 when nothing was found
        return None
    _raise_unless_printed(answer)
    return _parsed(answer, lambda data: _filesystem(data["filesystems"][-1]))


def stack_of(path: str, lvm: Lvm) -> Stack:
    """Everything below a mount point or a logical volume.

    path: a mount point, or any name of a volume's device. A volume that is down is known as /dev/VG/LV and
    /dev/mapper/VG-LV.
    Returns a Stack; its file system is None where a device was named.
    Raises Failure: NotAMountPoint, PartOfFilesystem, NotOnLvm, VgNotFound, VgNameAmbiguous, LvNotInVg, RawDriverGone,
    and those of Lvm.report().
    """
    number = sysfs.number_of(path)
    filesystem = None if number else filesystem_at(path, deadline=lvm.time_left)
    if filesystem:
        number = filesystem.number
    if number:
        vg, lv = _volume_behind(path, number, filesystem, lvm)
    else:
        vg, lv = _volume_named(path, lvm)
    return Stack(vg, lv, filesystem, devices_of(vg, deadline=lvm.time_left))


def devices_of(vg: VolumeGroup, *, deadline: float) -> tuple[tuple[str, Layer], ...]:
    """(PV UUID, its device with all below it) for each physical volume that is there.

    deadline: seconds for lsblk. Raises Failure: CommandFailed, CommandMissing, CommandHung, CommandGarbled.
    """
    blocks, links = _blocks(deadline), lasting.links()
    return tuple(
        (pv.uuid, _layer(sysfs.number_of(pv.device), pv.device, blocks, links)) for pv in vg.physical if pv.device
    )


def system_use(vg: VolumeGroup, *, deadline: float) -> str | None:
    """What this server itself needs the volume group for: the root file system, swap in use; None for nothing.

    Everything on its physical volumes counts, also through encryption or RAID.  deadline: seconds for lsblk.
    Raises Failure: CommandFailed, CommandMissing, CommandHung, CommandGarbled.
    """
    physical = tuple(sysfs.number_of(pv.device) for pv in vg.physical if pv.device)
    mounted: set[str] = set()
    numbers: set[str] = set()
    for node in _blocks(deadline).above(physical):
        mounted.update(node.mount_points)
        numbers.add(node.number)
    uses = [use for point, use in SYSTEM_MOUNTS.items() if point in mounted]
    if _SWAP in mounted or _swap_file_devices() & numbers:
        uses.append("swap in use")
    return ", ".join(uses) or None


def _dev(number: int) -> str:
    return f"{os.major(number)}:{os.minor(number)}"


def _volume_behind(
    path: str, number: str, filesystem: MountedFilesystem | None, lvm: Lvm
) -> tuple[VolumeGroup, LogicalVolume]:
    """The volume that a device number is, as device-mapper has it; Failure(NotOnLvm) where it is none."""
    folder = f"{_SYS}/dev/block/{number}/dm"
    uuid = (files.read(f"{folder}/uuid") or "").strip()
    name = (files.read(f"{folder}/name") or "").strip()
    vg_name, lv_name, _ = names.split_dm_name(name) or ("", "", "")
    packed = uuid[len(_LVM_PREFIX) :]
    # A longer UUID carries a layer: a thin pool, a hidden origin, nothing that a file system lies on.
    if not uuid.startswith(_LVM_PREFIX) or len(packed) != 2 * _UUID_LENGTH or not vg_name:
        raise Failure(NotOnLvm(path, _described(number, filesystem, lvm.time_left)))
    vg_uuid, lv_uuid = names.lvm_uuid(packed[:_UUID_LENGTH]), names.lvm_uuid(packed[_UUID_LENGTH:])
    vg = lvm.find(vg_uuid, vg_name)
    if vg is None or vg.uuid != vg_uuid:
        raise Failure(VgNotFound(vg_name, vg_uuid))
    lv = vg.lv(lv_uuid)
    if lv is None:
        raise Failure(LvNotInVg(vg.name, lv_name, lv_uuid))
    return vg, lv


def _described(number: str, filesystem: MountedFilesystem | None, deadline: float) -> str:
    """What lsblk says a device is, for the message."""
    node = _blocks(deadline).nodes.get(number)
    if node:
        return f"{node.path} ({node.kind})"
    return f"{filesystem.source} ({filesystem.type})" if filesystem else number


def _volume_named(path: str, lvm: Lvm) -> tuple[VolumeGroup, LogicalVolume]:
    """The volume of a path that has no device node now."""
    vg_name, lv_name = _split_path(path)
    groups = lvm.report(vg_name)
    path = names.lvmlv_id(vg_name, lv_name)
    if not groups and rawbind.is_name(path) and not rawbind.is_in_kernel():
        raise Failure(RawDriverGone(path))
    if not groups:
        raise Failure(lvm1.not_found(vg_name, "UUID not known", deadline=min(lvm.time_left, _DISK_PATIENCE)))
    if len(groups) > 1:
        raise Failure(VgNameAmbiguous(vg_name, tuple(vg.uuid for vg in groups)))
    for lv in groups[0].logical:
        if lv.name == lv_name:
            return groups[0], lv
    raise Failure(LvNotInVg(vg_name, lv_name, "UUID not known"))


def _split_path(path: str) -> tuple[str, str]:
    """(VG, LV) of a volume's path; Failure(NotAMountPoint) for any other path, and where something else is there."""
    folder, name = os.path.split(path)
    if folder == "/dev/mapper":
        mapped = names.split_dm_name(name)
        volume = mapped[:2] if mapped and not mapped[2] and names.is_vg_name(mapped[0]) else None
    else:
        volume = names.vg_lv_of_lvmlv_id(path)
    if volume is None or os.path.exists(path):
        raise Failure(NotAMountPoint(path))
    return volume


def _swap_file_devices() -> set[str]:
    """Numbers of the devices that hold swap files in use: lsblk shows swap devices only."""
    devices = set()
    for line in (files.read(_SWAPS) or "").splitlines()[1:]:
        row = line.split()
        if len(row) > 1 and row[1] == "file":
            devices.add(_device_of_file(row[0]))
    return devices


def _device_of_file(path: str) -> str:
    try:
        return _dev(os.stat(path).st_dev)
    except OSError:
        return ""


def _blocks(deadline: float) -> Blocks:
    # --all, because lsblk leaves out RAM disks otherwise.
    answer = run((LSBLK, "--all", "--json", "--bytes", "--output", _LSBLK_COLUMNS), deadline=deadline)
    _raise_unless_printed(answer)
    return _parsed(answer, _tree)


def _tree(data: dict[str, Any]) -> Blocks:
    """The devices by number. lsblk repeats a device below each of its parents; here it is once, with all of them."""
    nodes: dict[str, Node] = {}
    for row, parent in _rows(data["blockdevices"]):
        node = _node(row)
        before = nodes.get(node.number, node).parents
        parents = before if parent in (None, *before) else (*before, parent)
        nodes[node.number] = Node(**{**node.as_dict(), "parents": parents})
    return Blocks(nodes)


def _rows(top: list[Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """(row, number of its parent) for every place in lsblk's tree, parents first."""
    waiting = [(row, None) for row in reversed(top)]
    while waiting:
        row, parent = waiting.pop()
        yield row, parent
        for child in reversed(row.get("children") or []):
            waiting.append((child, row["maj:min"]))


def _node(row: dict[str, Any]) -> Node:
    return Node(
        path="/dev/" + _word(row, "kname"),
        name=_word(row, "name"),
        number=_word(row, "maj:min"),
        kind=_DRBD if sysfs.is_drbd(_word(row, "maj:min")) else _word(row, "type"),
        serial=(row["serial"] or "").strip(),
        size=int(row["size"] or 0),
        mount_points=tuple(str(point) for point in row["mountpoints"] if point),
    )


def _filesystem(row: dict[str, Any]) -> MountedFilesystem:
    root, source = _word(row, "fsroot"), _word(row, "source")
    number = _word(row, "maj:min")
    if number.startswith("0:"):  # btrfs shows a number of its own; its source is the device
        number = sysfs.number_of(source) or number
    if root != "/" and source.startswith("/dev/"):
        raise Failure(PartOfFilesystem(_word(row, "target"), root, source))
    label = row.get("label") or ""
    return MountedFilesystem(
        mount_point=_word(row, "target"),
        source=source,
        number=number,
        type=_word(row, "fstype"),
        options=_word(row, "options"),
        uuid=row["uuid"] or "",
        label=label if label.isprintable() else "",
    )


def _word(row: dict[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} is {value!r}")
    return value.strip()


def _parsed(answer: Finished, parse: Callable[[Any], Result]) -> Result:
    """What parse makes of a command's JSON; Failure(CommandGarbled) when it is not what the command documents."""
    try:
        return parse(json.loads(answer.stdout, strict=False))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise Failure(CommandGarbled(answer.command, f"{type(error).__name__}: {error}")) from error


def _raise_unless_printed(answer: Finished) -> None:
    """lsblk ends with 64 where one device of many could not be read, so output counts, not the status."""
    if not answer.stdout.strip():
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "no output"))


def _layer(number: str, path: str, blocks: Blocks, links: dict[str, tuple[str, ...]]) -> Layer:
    node = blocks.nodes.get(number)
    if node is None:  # appeared after lsblk had looked
        return Layer(path, "unknown", number, path)
    below = tuple(_layer(parent, "", blocks, links) for parent in node.parents)
    return Layer(node.path, node.kind, number, _stable(node, links), node.serial, node.size, below)


def _stable(node: Node, links: dict[str, tuple[str, ...]]) -> str:
    """The name that this device keeps over reboots and on every server that sees it, if it has one."""
    own = f"/dev/mapper/{node.name}" if node.path.startswith("/dev/dm-") else node.path
    return lasting.best(node.number, links) or own
