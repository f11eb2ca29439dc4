"""Whether volumes and disks do what they were brought up for: decisions on what device-mapper and sysfs say.

A volume can be "up" and useless: suspended, wiped to an error table, a snapshot that overflowed, a pool that went
read-only, a disk without paths. Each target says so in its status line; the forms are those of the kernel's
Documentation/admin-guide/device-mapper (dm-raid, snapshot, thin-provisioning, cache, writecache, vdo) and, where that
is silent, of the target's own status function (dm-raid1.c for mirror, dm-mpath.c for multipath, dm-stripe.c).
Nothing here runs a command, forks, or sends I/O to a disk.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages.faults import (
    LvDegraded,
    LvGone,
    LvSuspended,
    LvUnhealthy,
    LvWrongTable,
    PvDegraded,
    PvGone,
    PvNotRunning,
)
from lvmkit.model.value import Value
from lvmkit.storage import dm, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.model.messages import Message
    from lvmkit.model.record import ExpectedLv, ExpectedPv, Record

NEARLY_FULL = 95
"""percent of a pool or snapshot from which its end is near enough to warn of"""

_LVM_KINDS = frozenset(
    (
        "linear", "striped", "mirror", "raid", "snapshot", "snapshot-origin", "snapshot-merge", "thin", "thin-pool",
        "cache", "writecache", "vdo", "integrity",
    )
)  # fmt: skip
"""targets between which LVM changes a volume while it is in use: lvconvert, lvcreate --snapshot, pvmove"""

_HEALTH_LAYERS = (
    "-tpool",
    "-tdata",
    "-tmeta",
    "-vpool",
    "-vdata",
    "-cdata",
    "-cmeta",
    "-cvol",
    "-cpool",
    "-real",
    "-cow",
)
"""ends of the UUIDs of hidden devices whose own status matters; RAID legs and mirror legs are judged by their volume"""

_BEARABLE_LOSSES: dict[str, Callable[[int], int]] = {
    "raid1": lambda members: members - 1,
    "raid4": lambda members: 1,
    "raid5": lambda members: 1,
    "raid6": lambda members: 2,
    "raid10": lambda members: members // 2,
}
"""how many of its members an array can lose; for raid10, where it depends on which, the most that it can"""

_GONE = "gone"
"""as sysfs.condition() says it"""


class Verdict(Value):
    """What is wrong: dead says why it does not serve, worn what redundancy is lost or which limit is near, or ''."""

    dead: str = ""
    worn: str = ""


_WELL = Verdict()


def record_faults(
    record: Record,
    devices: Iterable[dm.Device],
    *,
    root: str = sysfs.ROOT,
    status: Callable[..., dm.DeviceStatus | None] = dm.status,
    below: Callable[..., tuple[str, ...]] = dm.dependencies,
) -> list[Message]:
    """All that is wrong with what a record says was brought up; [] when all is well.

    devices: dm.list_devices(), so that one list serves many records.  root: where sysfs is.
    status, below: how to ask device-mapper; one question for each volume and for each hidden layer that has a health of
    its own, more only for disks that are device-mapper devices themselves, and where a disk has failed.
    Raises Failure (110052) where device-mapper cannot be asked.
    """
    known = tuple(devices)
    by_uuid = {device.uuid: device for device in known if device.uuid}
    found: list[Message] = []
    for lv in record.logical:
        uuid = names.dm_uuid(record.vg_uuid, lv.uuid)
        found += lv_faults(lv, record.vg, status(uuid) if uuid in by_uuid else None)
    for device in _layers_below(record, by_uuid, root):
        found += _layer_faults(device, status(device.uuid))
    return found + _disk_faults(record, Stack(known, root, status, below))


def lv_faults(expected: ExpectedLv, vg: str, status: dm.DeviceStatus | None) -> list[Message]:
    """What is wrong with one volume.

    expected: what restore saw.  vg: name of its group.  status: what device-mapper says now, None for "no such device".
    A target of another kind than recorded is a fault only where LVM would not have put it there: taking a snapshot
    turns `linear` into `snapshot-origin` without any harm, `error` and `zero` serve no data.
    """
    lv = f"{vg}/{expected.name}"
    if status is None:
        return [LvGone(lv)]
    if status.suspended:
        return [LvSuspended(lv, status.name)]
    strange = set(status.kinds) - set(expected.kinds) - _LVM_KINDS
    if strange or not status.targets:
        return [LvWrongTable(lv, "+".join(status.kinds) or "nothing", "+".join(expected.kinds) or "LVM's")]
    return _target_faults(lv, status)


def pv_faults(expected: ExpectedPv, stack: Stack) -> list[Message]:
    """What is wrong with one physical volume's device and all that it stands on, down to the disks.

    A device number that another disk has taken since restore (its diskseq differs) counts as gone.
    Raises Failure (110052) where device-mapper must be asked and cannot.
    """
    now = sysfs.sequence(expected.number, stack.root)
    if expected.sequence and now and now != expected.sequence:
        stack.write_off(expected.number)
    verdict = stack.verdict(expected.number)
    if verdict.dead == _GONE:
        return [PvGone(expected.device, expected.uuid)]
    if verdict.dead:
        return [PvNotRunning(expected.device, expected.uuid, verdict.dead)]
    return [PvDegraded(expected.device, expected.uuid, verdict.worn)] if verdict.worn else []


def target_verdict(target: dm.Target) -> Verdict:
    """What a target's status line says of its health; well for a target that reports none.

    target: of dm.status(). A line in a form that is not known is taken for well: a newer kernel is no fault.
    """
    judge = _JUDGES.get(target.kind)
    words = target.params.split()
    if judge is None or not words:
        return _WELL
    try:
        return judge(words)
    except (IndexError, ValueError):
        return _WELL


class Stack:
    """Block devices standing on each other; each is judged once, however many stand on it."""

    def __init__(
        self,
        devices: Iterable[dm.Device],
        root: str = sysfs.ROOT,
        status: Callable[..., dm.DeviceStatus | None] = dm.status,
        below: Callable[..., tuple[str, ...]] = dm.dependencies,
    ) -> None:
        self.root = root
        self._status, self._below = status, below
        self._mapped = {device.number: device for device in devices}
        self._verdicts: dict[str, Verdict] = {}

    def verdict(self, number: str) -> Verdict:
        """What is wrong with a device (major:minor) or anything that it cannot do without."""
        if number not in self._verdicts:
            self._verdicts[number] = _WELL  # a loop cannot be, but would end here
            self._verdicts[number] = self._judged(number)
        return self._verdicts[number]

    def write_off(self, number: str) -> None:
        """The device that is meant is gone, whatever has its number now."""
        self._verdicts[number] = Verdict(_GONE)

    def serves(self, uuid: str) -> bool:
        """Whether the device with this UUID is there and all that it cannot do without."""
        numbers = [device.number for device in self._mapped.values() if device.uuid == uuid]
        return bool(numbers) and not self.verdict(numbers[0]).dead

    def _judged(self, number: str) -> Verdict:
        own = sysfs.condition(number, self.root)
        if own:
            return Verdict(own)
        disk = sysfs.whole_disk(number, self.root)
        if disk != number:
            return self.verdict(disk)
        if number in self._mapped:
            return self._dm_verdict(self._mapped[number])
        array = sysfs.array(number, self.root)
        if array is not None:
            return self._array_verdict(array)
        return _joined([self.verdict(block.number) for block in sysfs.slaves(number, self.root)])

    def _array_verdict(self, array: sysfs.Array) -> Verdict:
        legs = [self.verdict(leg.number) if leg.in_sync else Verdict("not in the array") for leg in array.legs]
        dead = sum(bool(leg.dead) for leg in legs)
        return _by_losses(f"md {array.level}", dead, len(legs), _bearable(array.level, len(legs))) or _joined(legs)

    def _dm_verdict(self, device: dm.Device) -> Verdict:
        """A device-mapper device: a volume, or a disk by multipath, crypt, kpartx, a volume of another group."""
        whom = {"uuid": device.uuid} if device.uuid else {"name": device.name}
        status = self._status(**whom)
        if status is None:
            return Verdict(_GONE)
        if status.suspended:
            return Verdict("suspended")
        if not status.targets or "error" in status.kinds:
            return Verdict("cut off (its table is an error target)" if status.targets else "without a table")
        own = _joined([target_verdict(target) for target in status.targets])
        # The kernel's own list: sysfs forgets a disk that was pulled out from under the device.
        return own if own.dead else _joined([own, self._support(status, self._below(**whom))])

    def _support(self, status: dm.DeviceStatus, below: tuple[str, ...]) -> Verdict:
        """What a device-mapper device makes of the state of those that it stands on."""
        verdicts = [self.verdict(number) for number in below]
        dead = sum(bool(one.dead) for one in verdicts)
        if not dead or len(status.targets) > 1:
            return _joined(verdicts)
        kind, words = status.targets[0].kind, status.targets[0].params.split()
        if kind in ("multipath", "mirror"):
            return _by_losses(kind, dead, len(below), len(below) - 1) or _WELL
        if kind == "raid" and len(words) > 1 and words[1].isdigit():
            members = int(words[1])
            lost = -(-dead * members // len(below))  # each member is a device for data and mostly one for metadata
            return _by_losses(words[0], lost, members, _bearable(words[0], members)) or _WELL
        return _joined(verdicts)


def _disk_faults(record: Record, stack: Stack) -> list[Message]:
    """Of a group's disks. A disk that is lost is only a warning while every volume serves without it.

    That is so for a leg of RAID volumes, or a disk that no volume lies on: to stop what still serves would not help.
    A record without volumes is asked for the disks' own sake.
    """
    faults = [fault for pv in record.physical for fault in pv_faults(pv, stack)]
    lost = [fault for fault in faults if isinstance(fault, (PvGone, PvNotRunning))]
    if not lost or not record.logical:
        return faults
    if not all(stack.serves(names.dm_uuid(record.vg_uuid, lv.uuid)) for lv in record.logical):
        return faults
    return [_softened(fault) for fault in faults]


def _softened(fault: Message) -> Message:
    if isinstance(fault, PvNotRunning):
        return PvDegraded(fault.device, fault.uuid, f"{fault.condition}, but every volume serves without it")
    if isinstance(fault, PvGone):
        return PvDegraded(fault.device, fault.uuid, "gone from the kernel, but every volume serves without it")
    return fault


def _target_faults(lv: str, status: dm.DeviceStatus) -> list[Message]:
    found: list[Message] = []
    for target in status.targets:
        verdict = target_verdict(target)
        if verdict.dead:
            found.append(LvUnhealthy(lv, target.kind, verdict.dead))
        elif verdict.worn:
            found.append(LvDegraded(lv, target.kind, verdict.worn))
    return list(dict.fromkeys(found))


def _layers_below(record: Record, by_uuid: dict[str, dm.Device], root: str) -> list[dm.Device]:
    """The hidden devices of the group that the recorded volumes stand on and that have a health of their own.

    A group without such devices costs nothing: only where there are some, the volumes are followed downwards.
    """
    hidden = {
        device.number: device
        for device in dm.of_vg(by_uuid.values(), record.vg_uuid)
        if device.uuid.endswith(_HEALTH_LAYERS)
    }
    volumes = (by_uuid.get(names.dm_uuid(record.vg_uuid, lv.uuid)) for lv in record.logical)
    ahead = [volume.number for volume in volumes if volume is not None] if hidden else []
    reached: dict[str, None] = {}
    while ahead:
        number = ahead.pop()
        if number not in reached:
            reached[number] = None
            ahead += [block.number for block in sysfs.slaves(number, root)]
    return [hidden[number] for number in reached if number in hidden]


def _layer_faults(device: dm.Device, status: dm.DeviceStatus | None) -> list[Message]:
    """Of a hidden part of a volume: the pool below a thin volume, the RAID below a pool."""
    if status is None:
        return []
    parts = names.split_dm_name(device.name)
    lv = f"{parts[0]}/{parts[1]}" if parts else device.name
    return [LvSuspended(lv, device.name)] if status.suspended else _target_faults(lv, status)


def _joined(verdicts: Iterable[Verdict]) -> Verdict:
    """Of things that are all needed: dead when one is, worn when one is."""
    some = list(verdicts)
    return Verdict(
        "; ".join(dict.fromkeys(one.dead for one in some if one.dead)),
        "; ".join(dict.fromkeys(one.worn for one in some if one.worn)),
    )


def _by_losses(what: str, lost: int, total: int, bearable: int) -> Verdict | None:
    """Of things that stand in for each other; None where none is lost. Without any there is nothing to say."""
    if not lost:
        return None
    said = f"{what} with {lost} of {total} lost"
    return Verdict(dead=said) if lost > bearable else Verdict(worn=said)


def _bearable(level: str, members: int) -> int:
    """How many members an array of this level can lose. level: as md or dm-raid writes it, raid5_ls for instance."""
    rule = _BEARABLE_LOSSES.get(level.partition("_")[0])
    return rule(members) if rule else 0


def _raid(words: list[str]) -> Verdict:
    """dm-raid.rst: type, count, health characters, sync ratio, sync action ...

    A alive and in sync, a alive and not in sync, D dead, - not there. A leg that is not in sync holds no data yet where
    others are in sync or, having been rebuilt from, are lost; where none is in sync and none lost, the array is being
    synchronised for the first time and all legs hold its data.
    """
    level, count, health, done, doing = words[0], int(words[1]), words[2], words[3], words[4]
    lost = sum(mark in "D-" for mark in health)
    rebuilt = health.count("a") if "A" in health or (lost and doing == "recover") else 0
    verdict = _by_losses(level, lost + rebuilt, count, _bearable(level, count)) or _WELL
    return verdict if lost or verdict.dead or not rebuilt else Verdict(worn=f"rebuilding, {done} done")


def _mirror(words: list[str]) -> Verdict:
    """Device count, devices, sync ratio, 1, health characters ... (dm-raid1.c, mirror_status); only A is well."""
    count = int(words[0])
    health = words[count + 3]
    return _by_losses("mirror", sum(mark != "A" for mark in health), count, count - 1) or _WELL


def _striped(words: list[str]) -> Verdict:
    """Count, devices, 1, one character each: D where a stripe has had I/O errors since it was activated."""
    failed = words[int(words[0]) + 2].count("D")
    return Verdict(worn=f"{failed} of {words[0]} stripes have had I/O errors") if failed else _WELL


def _snapshot(words: list[str]) -> Verdict:
    """snapshot.rst: allocated/total metadata; or Invalid, Overflow, Merge failed in their place."""
    if "/" not in words[0]:
        return Verdict(dead=" ".join(words).lower())
    return Verdict(worn=_fullness("", words[0]))


def _thin_pool(words: list[str]) -> Verdict:
    """thin-provisioning.rst: transaction, metadata, data, held root, mode, options ..., needs_check; or Fail, Error."""
    if words[0] in ("Fail", "Error"):
        return Verdict(dead=words[0].lower())
    metadata, data, mode = words[1], words[2], words[4]
    dead = [{"ro": "read-only", "out_of_data_space": "out of data space"}.get(mode, "")]
    dead.append("its metadata needs a check" if "needs_check" in words[5:] else "")
    worn = (_fullness("metadata ", metadata), _fullness("data ", data))
    return Verdict(", ".join(filter(None, dead)), ", ".join(filter(None, worn)))


def _thin(words: list[str]) -> Verdict:
    """thin-provisioning.rst: mapped sectors, highest; or Fail, Error."""
    return Verdict(dead=words[0].lower()) if words[0] in ("Fail", "Error") else _WELL


def _cache(words: list[str]) -> Verdict:
    """cache.rst: ..., metadata mode, needs_check or -; or Fail, Error. A full cache is what a cache is for."""
    if words[0] in ("Fail", "Error"):
        return Verdict(dead=words[0].lower())
    dead = (
        "its metadata is read-only" if "ro" in words[-2:] else "",
        "its metadata needs a check" * (words[-1] == "needs_check"),
    )
    return Verdict(", ".join(filter(None, dead)), _fullness("metadata ", words[1]))


def _writecache(words: list[str]) -> Verdict:
    """writecache.rst: an error indicator, 0 while there was none, then block counts."""
    return Verdict(dead=f"an I/O error ({words[0]})") if words[0] != "0" else _WELL


def _vdo(words: list[str]) -> Verdict:
    """vdo.rst: device, operating mode, in recovery, index state, compression, used and total physical blocks."""
    dead = "read-only" if words[1] == "read-only" else ""
    return Verdict(dead, "recovering" if words[1] == "recovering" else _fullness("", f"{words[5]}/{words[6]}"))


def _multipath(words: list[str]) -> Verdict:
    """Each path is a device number followed by A (active) or F (failed): dm-mpath.c, multipath_status."""
    states = [after for word, after in zip(words, words[1:]) if ":" in word and after in ("A", "F")]
    return _by_losses("multipath", states.count("F"), len(states), len(states) - 1) or _WELL


def _fullness(what: str, ratio: str) -> str:
    """'data 97 % full' where a used/total pair is that full, else ''."""
    used, total = map(int, ratio.split("/"))
    percent = 100 * used // total if total else 0
    return f"{what}{percent} % full" if percent >= NEARLY_FULL else ""


_JUDGES: dict[str, Callable[[list[str]], Verdict]] = {
    "raid": _raid,
    "mirror": _mirror,
    "striped": _striped,
    "snapshot": _snapshot,
    "snapshot-merge": _snapshot,
    "thin-pool": _thin_pool,
    "thin": _thin,
    "cache": _cache,
    "writecache": _writecache,
    "vdo": _vdo,
    "multipath": _multipath,
}
