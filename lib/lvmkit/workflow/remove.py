"""Take one resource out of service on this server.

The aim is a fact of the kernel: nothing of the volume group is left in device-mapper. Plain volumes go by the ioctl
that LVM would use. For others LVM is asked first where its disks answer; where they don't, the dead devices are taken
down by their UUIDs, because a server that cannot let go of a dead volume group would have to be killed for it. Metadata
is never written.
"""

from __future__ import annotations

import time

from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, Instance
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.service import LvBusy, LvsStillUp, TakenDownWithoutLvm
from lvmkit.model.value import replace
from lvmkit.storage import dm, lvm, probe, records, vitals
from lvmkit.workflow import filesystem
from lvmkit.workflow.locks import working_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device

ALREADY_DOWN = "already down"
STAYS_TIED = "unused now; a snapshot and its origin go down together, with their volume group"
_PLAIN_TARGETS = frozenset({"linear", "striped", "error", "zero"})
"""Targets that nothing watches from outside (no dmeventd, pool or snapshot): LVM itself only calls the same ioctl."""
_TIED_TARGETS = frozenset({"snapshot", "snapshot-origin", "snapshot-merge"})
"""Targets of a snapshot and its origin. LVM takes them down together only, and the kernel must not lose one of them
alone: what is then written to the origin would be missing in the snapshot (dm's snapshot.rst)."""
_RETRY_PAUSE = 0.1
_GIVEN_UP = "given up to another server"
_UNSEEN = "the kernel itself (an unmount that still waits for its disk, an export)"


def remove(instance: Instance, kit: Kit) -> str:
    """Take the resource out of service; returns in a few words what was done. Raises Failure when it is in use."""
    if instance.type == LVMVG:
        return remove_vg(VgFacts.unpack(instance), kit)
    if instance.type == LVMLV:
        return remove_lv(LvFacts.unpack(instance), kit)
    if instance.type == FILESYS:
        return filesystem.unmount(FilesystemFacts.unpack(instance), kit)
    return ALREADY_DOWN


def give_up(instance: Instance, kit: Kit) -> str:
    """remoteremove: another server takes the resource, so let go without looking at metadata or disks."""
    if instance.type == LVMVG:
        group = VgFacts.unpack(instance)
        with working_on(group.uuid, group.name, kit):
            return _let_go(group, kit, _GIVEN_UP, _held(group, kit))
    if instance.type == LVMLV:
        return remove_lv(LvFacts.unpack(instance), kit, given_up=True)
    return remove(instance, kit)


def remove_vg(group: VgFacts, kit: Kit) -> str:
    """Deactivate a volume group. At most one LVM command; none for plain volumes, or where the disks don't answer."""
    with working_on(group.uuid, group.name, kit):
        mine = _held(group, kit)
        if not mine:
            records.drop(kit.paths, group.id)
            return ALREADY_DOWN
        if all(_kinds(device) <= _PLAIN_TARGETS for device in mine):
            return _let_go(group, kit, "", mine)
        why = _disks_silent(group.id, kit) or _deactivated(mine, kit)
        left = dm.of_vg(dm.list_devices(), group.uuid)
        if not left:
            records.drop(kit.paths, group.id)
            return "deactivated"
        return _let_go(group, kit, why or "it left devices behind", left)


def remove_lv(volume: LvFacts, kit: Kit, *, given_up: bool = False) -> str:
    """Take one volume down. A plain one goes by the ioctl that LVM would use; others need LVM to unregister them.

    given_up: to another server, so LVM is not asked. Volumes tied by a snapshot stay up until their group goes.
    """
    with working_on(volume.vg_uuid, volume.vg, kit):
        mine = tuple(d for d in dm.list_devices() if d.uuid == volume.dm_uuid)
        if not mine:
            return ALREADY_DOWN
        _wait_until_free(mine, kit)
        kinds = _kinds(mine[0])
        if kinds & _TIED_TARGETS:
            return STAYS_TIED
        _forget_in_record(volume, kit)
        why = ""
        if not kinds <= _PLAIN_TARGETS:
            why = _GIVEN_UP if given_up else _lv_deactivated(volume, mine[0], kit)
        _let_go_lv(volume, kit, why)
        return "deactivated"


def _lv_deactivated(volume: LvFacts, device: Device, kit: Kit) -> str:
    """Ask LVM to take one volume down, if its disks answer; returns why it was not asked or did not do it."""
    silent = _disks_silent(names.lvmvg_id(volume.vg), kit)
    if silent:
        return silent
    lv = names.split_dm_name(device.name) or (volume.vg, volume.name, "")
    try:
        answer = lvm.deactivate_lv(lv[0], lv[1], deadline=kit.settings.command_deadline)
    except Failure as failure:
        return str(failure)
    return answer.stderr.strip() if answer.status else ""


def _let_go_lv(volume: LvFacts, kit: Kit, why: str) -> None:
    """Remove what is left of the volume's own device; its hidden parts, if LVM did not take them, go with the group."""
    left = _taken_down(lambda: tuple(d for d in dm.list_devices() if d.uuid == volume.dm_uuid), kit)
    if left:
        raise Failure(LvsStillUp(volume.vg, tuple(device.name for device in left)))
    if why:
        kit.tell(TakenDownWithoutLvm(f"{volume.vg}/{volume.name}", 1, why))


def _held(group: VgFacts, kit: Kit) -> tuple[Device, ...]:
    """The kernel's devices of the group, once nothing outside of it uses them. Raises Failure that names who does."""
    mine = dm.of_vg(dm.list_devices(), group.uuid)
    _wait_until_free(mine, kit)
    return mine


def _disks_silent(group_id: str, kit: Kit) -> str:
    """Why LVM should not be asked: '' when every disk of the record answers a direct read."""
    record = records.load(kit.paths, group_id)
    if record is None:
        return ""
    known = vitals.record_faults(replace(record, logical=()), dm.list_devices())
    dead = [fault for fault in known if fault.level == ERROR]
    dead = dead or list(probe.pv_read_faults(record.physical, deadline=kit.settings.probe_deadline))
    return "; ".join(fault.text for fault in dead)


def _deactivated(mine: tuple[Device, ...], kit: Kit) -> str:
    """Ask LVM; returns its words when it did not do everything."""
    vg = names.split_dm_name(mine[0].name)
    if vg is None:
        return f"device {mine[0].name} has no volume group in its name"
    try:
        answer = lvm.deactivate(vg[0], deadline=kit.settings.command_deadline)
    except Failure as failure:
        return str(failure)
    return answer.stderr.strip()


def _let_go(group: VgFacts, kit: Kit, why: str, mine: tuple[Device, ...]) -> str:
    """Remove the devices from the kernel, tops before what they stand on."""
    left = _taken_down(lambda: dm.of_vg(dm.list_devices(), group.uuid), kit)
    if left:
        raise Failure(LvsStillUp(group.name, tuple(device.name for device in left)))
    records.drop(kit.paths, group.id)
    if mine and why:
        kit.tell(TakenDownWithoutLvm(group.name, len(mine), why))
    return f"{len(mine)} devices removed from device-mapper"


def _taken_down(held: Callable[[], tuple[Device, ...]], kit: Kit) -> tuple[Device, ...]:
    """Remove what is held, tops before what they stand on; returns what stays. udev's short opens are waited out."""
    end = time.monotonic() + kit.settings.busy_patience
    left = held()
    while left:
        _take_down(dm.removal_order(left), kit.settings.probe_deadline)
        left = held()
        if not left or time.monotonic() >= end:
            break
        time.sleep(_RETRY_PAUSE)
    return left


def _take_down(devices: tuple[Device, ...], deadline: float) -> None:
    """Remove devices; where even that waits for a dead disk, replace their tables by 'error' first."""
    if not _removed_in_time(devices, deadline):
        for device in devices:
            dm.wipe(device.uuid, deadline=deadline)
        _removed_in_time(devices, deadline)


def _removed_in_time(devices: tuple[Device, ...], deadline: float) -> bool:
    """Whether all were tried: in a child, because the kernel may wait for a disk; one for all, because forks cost."""

    def removal() -> bytes:
        return "".join(dm.remove(device.uuid) for device in devices).encode()

    return not probe.bounded(removal, deadline=deadline, acts=True).hung


def _wait_until_free(mine: tuple[Device, ...], kit: Kit) -> None:
    """Give udev's brief opens time to end. Raises Failure that names who holds what when the patience is over."""
    end = time.monotonic() + kit.settings.busy_patience
    pause = 0.02
    while True:
        busy = _in_use(mine)
        if not busy:
            return
        if time.monotonic() >= end:
            raise Failure(*(LvBusy(d.name, _users(d)) for d in busy))
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _users(device: Device) -> tuple[str, ...]:
    """Who holds a device, in words. What only the kernel knows of has no name, but must not look like nobody."""
    from lvmkit.storage import holders  # only a busy volume needs it

    return holders.described(holders.of_device(device.number)) or (_UNSEEN,)


def _in_use(mine: tuple[Device, ...]) -> tuple[Device, ...]:
    """Devices opened by something that is not a device of the same group."""
    stacked = [number for device in mine for number in dm.dependencies(device.uuid)]
    found = []
    for device in mine:
        status = dm.status(device.uuid)
        if status is not None and status.open_count > stacked.count(device.number):
            found.append(device)
    return tuple(found)


def _kinds(device: Device) -> frozenset[str]:
    """The target types of a device's live table; none where it has gone or has no table."""
    status = dm.status(device.uuid)
    return frozenset(status.kinds if status else ())


def _forget_in_record(volume: LvFacts, kit: Kit) -> None:
    """A volume that is down on purpose is not missed by the checks of its group."""
    record = records.load(kit.paths, names.lvmvg_id(volume.vg))
    if record:
        kept = tuple(lv for lv in record.logical if lv.uuid != volume.uuid)
        records.store(kit.paths, replace(record, logical=kept))
