"""Whether volumes and disks do what they were brought up for: decisions on what device-mapper and sysfs say.

A volume can be "up" and useless: suspended, wiped to an error table, a snapshot that overflowed, a pool that went
read-only, a disk without paths. Each target says so in its status line; the forms are those of the kernel's
Documentation/admin-guide/device-mapper (dm-raid, snapshot, thin-provisioning, cache, writecache, vdo) and, where that
is silent, of the target's own status function (dm-raid1.c for mirror, dm-mpath.c for multipath, dm-stripe.c).
Nothing here runs a command, forks, or sends I/O to a disk.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.value import Value
from lvmkit.storage import dm, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.model.messages import Message
    from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
    from lvmkit.storage.mapped import MappedDevices

NEARLY_FULL = 95
"""percent of a pool or snapshot from which its end is near enough to warn of"""

_BEARABLE_LOSSES: dict[str, Callable[[int], int]] = {
    "raid1": lambda members: members - 1,
    "raid4": lambda members: 1,
    "raid5": lambda members: 1,
    "raid6": lambda members: 2,
    "raid10": lambda members: members // 2,
}
"""how many of its members an array can lose; for raid10, where it depends on which, the most that it can"""

_PASSING = frozenset(("blocked", "quiesce", "created-block", "resetting", "connecting", "new", "suspended"))
"""states that a SCSI or NVMe driver leaves by itself, and that of a device whose table is being exchanged"""
_PASSING_BEGINNINGS = ("multipath with ", "an md array in state suspended")
_NO_SPACE = "out of data space"
_OF_LVM = "LVM's"
_GONE = "gone"
"""as sysfs.condition() says it"""


class Condition(Value):
    """What is wrong with a device, '' for nothing.

    dead: why it does not serve.  worn: which redundancy is lost, or which limit is near.
    """

    dead: str = ""
    worn: str = ""


_WELL = Condition()


def record_faults(record: Record, mapped: MappedDevices, *, root: str = sysfs.ROOT) -> list[Message]:
    """All that is wrong with what a record says was brought up; [] when all is well.

    mapped: may serve many records. It is asked about each volume, about each hidden layer that reports a health of its
    own, and about disks that are device-mapper devices themselves; about more only where a disk has failed.
    root: where sysfs is.
    Raises Failure (KernelUnreadable, 110052) where device-mapper cannot be asked.
    """
    faults: list[Message] = []
    for lv in record.logical:
        faults += lv_faults(lv, record.vg, mapped.status_of(names.dm_uuid(record.vg_uuid, lv.uuid)))
    for device in _layers_below(record, mapped, root):
        faults += _layer_faults(device, mapped.status(device))
    return faults + _disk_faults(record, DeviceStack(mapped, root))


def lv_faults(expected: ExpectedLv, vg: str, status: dm.DeviceStatus | None) -> list[Message]:
    """What is wrong with one volume.

    expected: what restore saw.  vg: name of its group.  status: what device-mapper says now, None for "no such device".
    A target of another kind than recorded is a fault only where LVM would not have put it there: taking a snapshot
    turns `linear` into `snapshot-origin` without any harm, `error` and `zero` serve no data.
    """
    lv = f"{vg}/{expected.name}"
    if status is not None and not status.suspended and status.targets:
        strange = set(status.kinds) - set(expected.kinds) - dm.OF_LVM
        if not strange:
            return _target_faults(lv, status)
    from lvmkit.model.messages.faults import LvGone, LvSuspended, LvWrongTable  # only where something is wrong

    if status is None:
        return [LvGone(lv)]
    if status.suspended:
        return [LvSuspended(lv, status.name)]
    return [LvWrongTable(lv, "+".join(status.kinds) or "nothing", "+".join(expected.kinds) or _OF_LVM)]


def pv_faults(expected: ExpectedPv, stack: DeviceStack) -> list[Message]:
    """What is wrong with one physical volume's device and all that it stands on, down to the disks.

    A device number that another disk has taken since restore (its diskseq differs) counts as gone.
    Raises Failure (KernelUnreadable, 110052) where device-mapper must be asked and cannot.
    """
    sequence = sysfs.sequence(expected.number, stack.root)
    if expected.sequence and sequence and sequence != expected.sequence:
        stack.write_off(expected.number)
    condition = stack.condition(expected.number)
    if not condition.dead and not condition.worn:
        return []
    from lvmkit.model.messages.faults import PvDegraded, PvGone, PvNotRunning  # only where something is wrong

    if condition.dead == _GONE:
        return [PvGone(expected.device, expected.uuid)]
    if condition.dead:
        return [PvNotRunning(expected.device, expected.uuid, condition.dead)]
    return [PvDegraded(expected.device, expected.uuid, condition.worn)]


def may_pass(fault: Message) -> bool:
    """Whether a fault may be over soon: a suspended volume, a pool that dmeventd extends, a disk whose driver waits."""
    from lvmkit.model.messages.faults import LvSuspended, LvUnhealthy, PvNotRunning

    if isinstance(fault, LvSuspended):
        return True
    if isinstance(fault, LvUnhealthy):
        return fault.condition == _NO_SPACE
    return isinstance(fault, PvNotRunning) and all(map(_is_passing, fault.condition.split("; ")))


def _is_passing(condition: str) -> bool:
    """Of several controllers of one disk one that comes back is enough."""
    return condition.startswith(_PASSING_BEGINNINGS) or not _PASSING.isdisjoint(condition.split(", "))


def target_condition(target: dm.Target) -> Condition:
    """What a target's status line says about its health; a target that reports none counts as well.

    target: from dm.status(). So does a line in an unknown form: a newer kernel is no fault.
    """
    judge = _JUDGES.get(target.kind)
    words = target.params.split()
    if judge is None or not words:
        return _WELL
    try:
        return judge(words)
    except (IndexError, ValueError):
        return _WELL


class DeviceStack:
    """Block devices standing on each other; each is judged once, however many stand on it."""

    def __init__(self, mapped: MappedDevices, root: str = sysfs.ROOT) -> None:
        self.root = root
        self._mapped = mapped
        self._conditions: dict[str, Condition] = {}

    def condition(self, number: str) -> Condition:
        """What is wrong with a device (major:minor) or anything that it cannot do without."""
        if number not in self._conditions:
            self._conditions[number] = _WELL  # ends a loop, which only damaged data could have
            self._conditions[number] = self._judge(number)
        return self._conditions[number]

    def write_off(self, number: str) -> None:
        """Note that the device meant is gone, whatever has its number now."""
        self._conditions[number] = Condition(_GONE)

    def serves(self, uuid: str) -> bool:
        """Whether the device with this UUID is there, with everything that it cannot do without."""
        device = self._mapped.by_uuid(uuid)
        return device is not None and not self.condition(device.number).dead

    def _judge(self, number: str) -> Condition:
        own = sysfs.condition(number, self.root)
        if own:
            return Condition(own)
        disk = sysfs.whole_disk(number, self.root)
        if disk != number:
            return self.condition(disk)
        device = self._mapped.by_number(number)
        if device is not None:
            return self._dm_condition(device)
        array = sysfs.array(number, self.root)
        if array is not None:
            return self._array_condition(array)
        below = _joined([self.condition(block.number) for block in sysfs.slaves(number, self.root)])
        return _borne(below) if sysfs.is_drbd(number) else below

    def _array_condition(self, array: sysfs.Array) -> Condition:
        members = []
        for slot in array.slots:
            members.append(self.condition(slot.number) if slot.in_sync else _NOT_IN_ARRAY)
        total = len(members)
        loss = _by_losses(f"md {array.level}", _count_dead(members), total, _bearable(array.level, total))
        return loss or _joined(members)

    def _dm_condition(self, device: dm.Device) -> Condition:
        """A device-mapper device: a volume, or a disk by multipath, crypt, kpartx, a volume of another group."""
        status = self._mapped.status(device)
        if status is None:
            return Condition(_GONE)
        if status.suspended:
            return Condition("suspended")
        if not status.targets:
            return Condition("without a table")
        if dm.CUT_OFF in status.kinds:
            return Condition("cut off (its table is an error target)")
        own = _joined(map(target_condition, status.targets))
        if own.dead:
            return own
        # The kernel's own list: sysfs forgets a disk that was pulled out from under the device.
        return _joined([own, self._support(status, self._mapped.below(device))])

    def _support(self, status: dm.DeviceStatus, below: tuple[str, ...]) -> Condition:
        """What the condition of the devices below means for a device-mapper device."""
        conditions = list(map(self.condition, below))
        dead = _count_dead(conditions)
        if not dead or len(status.targets) > 1:
            return _joined(conditions)
        kind, words = status.targets[0].kind, status.targets[0].params.split()
        if kind in ("multipath", "mirror"):
            return _by_losses(kind, dead, len(below), len(below) - 1) or _WELL
        if kind == "raid" and len(words) > 1 and words[1].isdigit():
            members = int(words[1])
            lost = -(-dead * members // len(below))  # each member is a device for data and mostly one for metadata
            return _by_losses(words[0], lost, members, _bearable(words[0], members)) or _WELL
        return _joined(conditions)


def _disk_faults(record: Record, stack: DeviceStack) -> list[Message]:
    """The faults of a group's disks. A lost disk is only a warning while every volume serves without it.

    That is so for a leg of RAID volumes, or a disk that no volume lies on: stopping what still serves would not help.
    Where the record has no volumes, the question is about the disks themselves.
    """
    faults: list[Message] = []
    for pv in record.physical:
        faults += pv_faults(pv, stack)
    if not faults:
        return []
    from lvmkit.model.messages.faults import PvGone, PvNotRunning  # only where something is wrong

    lost = [fault for fault in faults if isinstance(fault, (PvGone, PvNotRunning))]
    if lost and record.logical and serves_all(record, stack):
        return list(map(_as_warning, faults))
    return faults


def serves_all(record: Record, stack: DeviceStack) -> bool:
    """Whether every recorded volume serves."""
    return all(stack.serves(names.dm_uuid(record.vg_uuid, lv.uuid)) for lv in record.logical)


def _as_warning(fault: Message) -> Message:
    from lvmkit.model.messages.faults import PvDegraded, PvGone, PvNotRunning

    if isinstance(fault, PvNotRunning):
        return PvDegraded(fault.device, fault.uuid, f"{fault.condition}, but every volume serves without it")
    if isinstance(fault, PvGone):
        return PvDegraded(fault.device, fault.uuid, "gone from the kernel, but every volume serves without it")
    return fault


def _target_faults(lv: str, status: dm.DeviceStatus) -> list[Message]:
    faults: dict[Message, None] = {}
    for target in status.targets:
        condition = target_condition(target)
        if condition.dead or condition.worn:
            faults[_target_fault(lv, target.kind, condition)] = None
    return list(faults)


def _target_fault(lv: str, kind: str, condition: Condition) -> Message:
    from lvmkit.model.messages.faults import LvDegraded, LvUnhealthy  # only where something is wrong

    return LvUnhealthy(lv, kind, condition.dead) if condition.dead else LvDegraded(lv, kind, condition.worn)


def _layers_below(record: Record, mapped: MappedDevices, root: str) -> list[dm.Device]:
    """The hidden devices of the group that the recorded volumes stand on and that have a health of their own.

    A group without such devices costs nothing: only where there are some, the volumes are followed downwards.
    """
    hidden = mapped.layers_of(record.vg_uuid)
    if not hidden:
        return []
    ahead = []
    for lv in record.logical:
        volume = mapped.by_uuid(names.dm_uuid(record.vg_uuid, lv.uuid))
        if volume is not None:
            ahead.append(volume.number)
    return [hidden[number] for number in _all_below(ahead, root) if number in hidden]


def _all_below(numbers: Iterable[str], root: str) -> Iterable[str]:
    """These devices and all that they stand on, each once."""
    reached: dict[str, None] = {}
    ahead = list(numbers)
    while ahead:
        number = ahead.pop()
        if number not in reached:
            reached[number] = None
            for block in sysfs.slaves(number, root):
                ahead.append(block.number)
    return reached


def _layer_faults(device: dm.Device, status: dm.DeviceStatus | None) -> list[Message]:
    """The faults of a hidden part of a volume: the pool below a thin volume, the RAID below a pool."""
    if status is None:
        return []
    parts = names.split_dm_name(device.name)
    lv = f"{parts[0]}/{parts[1]}" if parts else device.name
    if not status.suspended and dm.OF_LVM.issuperset(status.kinds):
        return _target_faults(lv, status)
    from lvmkit.model.messages.faults import LvSuspended, LvWrongTable  # only where something is wrong

    if status.suspended:
        return [LvSuspended(lv, device.name)]
    return [LvWrongTable(lv, "+".join(status.kinds), _OF_LVM)]


_NOT_IN_ARRAY = Condition("not in the array")


def _joined(conditions: Iterable[Condition]) -> Condition:
    """The condition of things that are all needed: dead when one of them is, worn when one of them is."""
    dead: dict[str, None] = {}
    worn: dict[str, None] = {}
    for one in conditions:
        dead[one.dead] = worn[one.worn] = None
    return Condition("; ".join(filter(None, dead)), "; ".join(filter(None, worn)))


def _borne(below: Condition) -> Condition:
    """The condition of what goes on without what is below it."""
    return Condition(worn="; ".join(filter(None, (below.dead, below.worn))))


def _count_dead(conditions: Iterable[Condition]) -> int:
    return sum(bool(one.dead) for one in conditions)


def _by_losses(what: str, lost: int, total: int, bearable: int) -> Condition | None:
    """The condition of things that stand in for each other; None where none of them is lost.

    bearable: how many can be lost before nothing serves any more.
    """
    if not lost:
        return None
    losses = f"{what} with {lost} of {total} lost"
    return Condition(dead=losses) if lost > bearable else Condition(worn=losses)


def _bearable(level: str, members: int) -> int:
    """How many members an array of this level can lose. level: as md or dm-raid writes it, for example raid5_ls."""
    rule = _BEARABLE_LOSSES.get(level.partition("_")[0])
    return rule(members) if rule else 0


def _raid(words: list[str]) -> Condition:
    """dm-raid.rst: type, count, health characters, sync ratio, sync action ...

    A alive and in sync, a alive and not in sync, D dead, - not there. A leg that is not in sync holds no data yet where
    others are in sync or, having been rebuilt from, are lost; where none is in sync and none lost, the array is being
    synchronised for the first time and all legs hold its data.
    """
    level, count, health, done, doing = words[0], int(words[1]), words[2], words[3], words[4]
    lost = health.count("D") + health.count("-")
    rebuilt = health.count("a") if "A" in health or (lost and doing == "recover") else 0
    condition = _by_losses(level, lost + rebuilt, count, _bearable(level, count)) or _WELL
    return condition if lost or condition.dead or not rebuilt else Condition(worn=f"rebuilding, {done} done")


def _mirror(words: list[str]) -> Condition:
    """Device count, devices, sync ratio, 1, health characters ... (dm-raid1.c, mirror_status); only A is well."""
    count = int(words[0])
    health = words[count + 3]
    return _by_losses("mirror", len(health) - health.count("A"), count, count - 1) or _WELL


def _striped(words: list[str]) -> Condition:
    """Count, devices, 1, one character each: D where a stripe has had I/O errors since it was activated."""
    failed = words[int(words[0]) + 2].count("D")
    return Condition(worn=f"{failed} of {words[0]} stripes have had I/O errors") if failed else _WELL


def _snapshot(words: list[str]) -> Condition:
    """snapshot.rst: allocated/total metadata; or Invalid, Overflow, Merge failed in their place."""
    if "/" not in words[0]:
        return Condition(dead=" ".join(words).lower())
    return Condition(worn=_fullness("", words[0]))


def _thin_pool(words: list[str]) -> Condition:
    """thin-provisioning.rst: transaction, metadata, data, held root, mode, options ..., needs_check; or Fail, Error."""
    if words[0] in ("Fail", "Error"):
        return Condition(dead=words[0].lower())
    metadata, data, mode = words[1], words[2], words[4]
    dead = [{"ro": "read-only", "out_of_data_space": _NO_SPACE}.get(mode, "")]
    dead.append("its metadata needs a check" if "needs_check" in words[5:] else "")
    worn = (_fullness("metadata ", metadata), _fullness("data ", data))
    return Condition(", ".join(filter(None, dead)), ", ".join(filter(None, worn)))


def _thin(words: list[str]) -> Condition:
    """thin-provisioning.rst: mapped sectors, highest; or Fail, Error."""
    return Condition(dead=words[0].lower()) if words[0] in ("Fail", "Error") else _WELL


def _cache(words: list[str]) -> Condition:
    """cache.rst: ..., metadata mode, needs_check or -; or Fail, Error. A full cache is what a cache is for."""
    if words[0] in ("Fail", "Error"):
        return Condition(dead=words[0].lower())
    dead = (
        "its metadata is read-only" if "ro" in words[-2:] else "",
        "its metadata needs a check" * (words[-1] == "needs_check"),
    )
    return Condition(", ".join(filter(None, dead)), _fullness("metadata ", words[1]))


def _writecache(words: list[str]) -> Condition:
    """writecache.rst: an error indicator, 0 while there was none, then block counts."""
    return Condition(dead=f"an I/O error ({words[0]})") if words[0] != "0" else _WELL


def _vdo(words: list[str]) -> Condition:
    """vdo.rst: device, operating mode, in recovery, index state, compression, used and total physical blocks."""
    dead = "read-only" if words[1] == "read-only" else ""
    return Condition(dead, "recovering" if words[1] == "recovering" else _fullness("", f"{words[5]}/{words[6]}"))


def _multipath(words: list[str]) -> Condition:
    """Each path is a device number followed by A (active) or F (failed): dm-mpath.c, multipath_status."""
    states = []
    for device, state in zip(words, words[1:]):
        if ":" in device and state in ("A", "F"):
            states.append(state)
    return _by_losses("multipath", states.count("F"), len(states), len(states) - 1) or _WELL


def _fullness(what: str, ratio: str) -> str:
    """'data 97 % full' where a used/total pair is that full, else ''."""
    used, total = map(int, ratio.split("/"))
    percent = 100 * used // total if total else 0
    return f"{what}{percent} % full" if percent >= NEARLY_FULL else ""


_JUDGES: dict[str, Callable[[list[str]], Condition]] = {
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
