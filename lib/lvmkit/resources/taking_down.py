"""The parts of a stop: see that nobody uses it, and take it out of the kernel, with LVM or without.

A stop is complete when device-mapper holds nothing of the volume group. Plain volumes are removed by the ioctl that LVM
would use. For others LVM is asked first where its disks answer; where they don't, the dead devices are removed by their
UUIDs, because a server that cannot let go of a dead volume group would have to be killed for it. Metadata is never
written.
"""

from __future__ import annotations

import time

from lvmkit.model import names
from lvmkit.model.messages import Failure, errors
from lvmkit.model.messages.service import LvBusy, LvsStillUp, TakenDownWithoutLvm
from lvmkit.model.value import replace
from lvmkit.resources import kernel, notes
from lvmkit.storage import dm, probe, records, vitals
from lvmkit.storage.mapped import MappedDevices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.storage.dm import Device
    from lvmkit.storage.holders import Holder

ALREADY_DOWN = "already down"
STAYS_TIED = "unused now; a snapshot and its origin go down together, with their volume group"
_PLAIN_TARGETS = frozenset({"linear", "striped", "error", "zero"})
"""targets that nothing watches from outside (no dmeventd, pool or snapshot): LVM itself only calls the same ioctl"""
_TIED_TARGETS = frozenset({"snapshot", "snapshot-origin", "snapshot-merge"})
"""targets of a snapshot and its origin. LVM only takes them down together, and the kernel must not lose one of them
alone: what is written to the origin after that would be missing in the snapshot (dm's snapshot.rst)"""
_RETRY_PAUSE = 0.1
_AT_ONCE = 32
"""children that try a removal at the same time"""
_GIVEN_UP = "given up to another server"
_UNSEEN = "the kernel itself (an export, a target)"


def take_down_group(facts: VgFacts, host: Host) -> str:
    """Deactivate a volume group, whose lock is held. Raises Failure where it is in use or stays up.

    LVM commands: none for plain volumes, or where the disks don't answer; otherwise one.
    """
    mine = _held(facts, host)
    if not mine.all:
        _forget(facts, host)
        return ALREADY_DOWN
    if all(_kinds(device, mine) <= _PLAIN_TARGETS for device in mine.all):
        return _let_go(facts, host, "", mine)
    why = _disks_silent(facts.id, host)
    if not why:
        why = _deactivate(facts, mine.all, host)
    left = _held_of_group(facts)
    if not left.all:
        _forget(facts, host)
        return "deactivated"
    return _let_go(facts, host, why or "it left devices behind", left)


def give_up_group(facts: VgFacts, host: Host) -> str:
    """Take a volume group, whose lock is held, out of the kernel without asking LVM or a disk."""
    return _let_go(facts, host, _GIVEN_UP, _held(facts, host))


def take_down_volume(facts: LvFacts, host: Host, *, given_up: bool) -> str:
    """Take one volume down; the lock of its group is held. Raises Failure where it is in use or stays up.

    A plain volume is removed by the ioctl that LVM would use; others need LVM to unregister them. Volumes that a
    snapshot ties together stay up until their group goes.
    given_up: another server takes it, so LVM is not asked.
    """
    mine = _wait_until_free(_held_volume(facts), names.lvmvg_id(facts.vg), host)
    if not mine.all:
        return ALREADY_DOWN
    kinds = _kinds(mine.all[0], mine)
    if kinds & _TIED_TARGETS:
        return STAYS_TIED
    _forget_in_record(facts, host)
    why = ""
    if not kinds <= _PLAIN_TARGETS:
        why = _GIVEN_UP if given_up else _deactivate_volume(facts, mine.all[0], host)
    _let_go_volume(facts, host, why)
    return "deactivated"


def _deactivate_volume(facts: LvFacts, device: Device, host: Host) -> str:
    """Ask LVM to take one volume down, if its disks answer; returns why it was not asked or failed, '' for success."""
    silent = _disks_silent(names.lvmvg_id(facts.vg), host)
    if silent:
        return silent
    vg_name, lv_name, _ = names.split_dm_name(device.name) or (facts.vg, facts.name, "")
    try:
        answer = host.lvm.deactivate_lv(vg_name, lv_name, devices=_disks(facts.group, host))
    except Failure as failure:
        return str(failure)
    return answer.stderr.strip() if answer.status else ""


def _let_go_volume(facts: LvFacts, host: Host, why: str) -> None:
    """Remove the volume's own device if it is left; hidden parts that LVM did not remove go with the group."""
    _remove_all(_held_volume(facts), lambda: _held_volume(facts), facts.vg, host)
    if why:
        host.tell(TakenDownWithoutLvm(f"{facts.vg}/{facts.name}", 1, why))


def _held_volume(facts: LvFacts) -> MappedDevices:
    """The kernel's device of the volume, if there is one."""
    return MappedDevices(device for device in dm.list_devices() if device.uuid == facts.dm_uuid)


def _held_of_group(facts: VgFacts) -> MappedDevices:
    return MappedDevices(dm.of_vg(dm.list_devices(), facts.uuid))


def _held(facts: VgFacts, host: Host) -> MappedDevices:
    """The kernel's devices of the group, once nothing outside of it uses them. Raises Failure that names the users."""
    return _wait_until_free(MappedDevices(dm.of_vg(kernel.listed(), facts.uuid)), facts.id, host)


def _disks_silent(group_id: str, host: Host) -> str:
    """Why LVM should not be asked: '' when every disk of the record answers a direct read."""
    record = records.load(host.paths, group_id)
    if record is None:
        return ""
    dead = errors(vitals.record_faults(replace(record, logical=()), MappedDevices(dm.list_devices())))
    if not dead:
        patience = host.settings.probe_deadline
        dead = tuple(probe.pv_read_faults(record.physical, lambda disks: probe.probe(disks, deadline=patience)))
    return "; ".join(fault.text for fault in dead)


def _disks(facts: VgFacts, host: Host) -> tuple[str, ...]:
    """The disks of the record, else those that the volumes stand on: LVM waits for no others, and sees no other group
    of the same name."""
    view = kernel.group(facts, kernel.Glance(host.paths))
    record = view.record or kernel.stand_in(facts.tag, facts.name, view)
    return tuple(pv.device for pv in record.physical)


def _deactivate(facts: VgFacts, mine: tuple[Device, ...], host: Host) -> str:
    """Ask LVM to deactivate the group; returns why it was not asked, or what LVM printed on stderr."""
    vg = names.split_dm_name(mine[0].name)
    if vg is None:
        return f"device {mine[0].name} has no volume group in its name"
    try:
        answer = host.lvm.deactivate(vg[0], uuid=facts.uuid, devices=_disks(facts, host))
    except Failure as failure:
        return str(failure)
    return answer.stderr.strip()


def _let_go(facts: VgFacts, host: Host, why: str, mine: MappedDevices) -> str:
    """Remove the devices from the kernel, tops before what they stand on."""
    _remove_all(mine, lambda: _held_of_group(facts), facts.name, host)
    _forget(facts, host)
    count = len(mine.all)
    if count and why:
        host.tell(TakenDownWithoutLvm(facts.name, count, why))
    return f"{count} devices removed from device-mapper"


def _remove_all(left: MappedDevices, held: Callable[[], MappedDevices], vg: str, host: Host) -> None:
    """Remove devices, tops before what they stand on, and wait for udev's short opens to end.

    left: what was held a moment ago.  held: asks for what is left.
    Raises Failure (LvsStillUp) where nothing has gone for settings.busy_patience, or the action's time is over.
    """
    end = time.monotonic() + host.settings.busy_patience
    while left.all:
        before = len(left.all)
        refused = _remove(dm.removal_order(left.all, left.below), host)
        left = held()
        now = time.monotonic()
        if len(left.all) < before:
            end = now + max(host.settings.busy_patience, _RETRY_PAUSE)
        if left.all and now >= min(end, host.end):
            raise Failure(LvsStillUp(vg, tuple(device.name for device in left.all)), *refused)
        if left.all:
            time.sleep(_RETRY_PAUSE)


def _remove(devices: tuple[Device, ...], host: Host) -> tuple[Message, ...]:
    """Remove devices. One whose removal waits for a dead disk gets a table of `error` first; returns refusals of that.

    One after the other, each with its own time. From the first that hangs on, some at a time: many may hang.
    """
    patience = host.settings.probe_deadline
    steps = list(map(_removal, devices))
    rest = devices[probe.in_turn(steps, patience=patience, end=host.end) :]
    refused: tuple[Message, ...] = ()
    if time.monotonic() >= host.end:
        return refused
    for first in range(0, len(rest), _AT_ONCE):
        stuck = _remove_at_once(rest[first : first + _AT_ONCE], patience)
        refused += dm.wipe([device.uuid for device in stuck], deadline=patience)
        _remove_at_once(stuck, patience)
    return refused


def _remove_at_once(devices: tuple[Device, ...], patience: float) -> tuple[Device, ...]:
    """Try to remove devices, each in a child of its own; returns those whose removal does not end."""
    endings = probe.all_bounded(list(map(_removal, devices)), patience, acts=True)
    return tuple(device for device, ending in zip(devices, endings) if ending.hung)


def _removal(device: Device) -> Callable[[], bytes]:
    return lambda: dm.remove(device.uuid).encode()


def _wait_until_free(mine: MappedDevices, group_id: str, host: Host) -> MappedDevices:
    """Give udev's short opens time to end; returns the same devices as they were asked about last.

    Raises Failure that names the users when the patience is over: LvBusy (110021), FilesystemKept (110317), UsersWait
    (110463).
    """
    end = time.monotonic() + host.settings.busy_patience
    pause = 0.02
    while True:
        busy = _in_use(mine)
        if not busy:
            return mine
        if time.monotonic() >= end:
            raise Failure(*(_obstacle(device, group_id, host) for device in busy))
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
        mine = MappedDevices(mine.all)


def _obstacle(device: Device, group_id: str, host: Host) -> Message:
    """Who uses a device, and what they wait for, where that is why they cannot be ended."""
    from lvmkit.resources import waiting  # only a busy volume needs it
    from lvmkit.storage import holders

    users = _users(device)
    fault = waiting.fault_below(records.load(host.paths, group_id), device.uuid)
    if not fault:
        return in_the_way(device, users)
    from lvmkit.model.messages.filesystems import UsersWait

    return UsersWait(device.name, holders.described(users) or (_UNSEEN,), fault)


def in_the_way(device: Device, users: tuple[Holder, ...]) -> Message:
    """The message about a device in use. A user that only the kernel knows has no name, but must not look like nobody.

    users: of holders.of_device().
    """
    from lvmkit.storage import holders  # only a busy volume needs it

    if [user.kind for user in users] == [holders.UNENDED]:
        from lvmkit.model.messages.filesystems import FilesystemKept

        return FilesystemKept(device.name)
    return LvBusy(device.name, holders.described(users) or (_UNSEEN,))


def _users(device: Device) -> tuple[Holder, ...]:
    from lvmkit.storage import holders  # only a busy volume needs it

    return holders.of_device(device.number)


def _in_use(mine: MappedDevices) -> tuple[Device, ...]:
    """Devices opened by something that is not a device of the same group."""
    stacked: dict[str, int] = {}
    for device in mine.all:
        for number in mine.below(device):
            stacked[number] = stacked.get(number, 0) + 1
    in_use = []
    for device in mine.all:
        status = mine.status(device)
        if status is not None and status.open_count > stacked.get(device.number, 0):
            in_use.append(device)
    return tuple(in_use)


def _kinds(device: Device, mapped: MappedDevices) -> frozenset[str]:
    return frozenset(kernel.kinds(mapped.status(device)))


def _forget(facts: VgFacts, host: Host) -> None:
    """Drop the record of the group's start; the record of another group that had the name stays."""
    record = records.load(host.paths, facts.id)
    if record is None or record.vg_uuid == facts.uuid:
        notes.drop(host.paths, facts.id, host)


def _forget_in_record(facts: LvFacts, host: Host) -> None:
    """A volume that is down on purpose is not missed by the checks of its group."""
    record = records.load(host.paths, names.lvmvg_id(facts.vg))
    if record:
        kept = tuple(lv for lv in record.logical if lv.uuid != facts.uuid)
        notes.store(replace(record, logical=kept), host.paths, host)
