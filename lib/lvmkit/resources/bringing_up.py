"""The parts of a start: see what LVM has, become the owner, activate, and ask the kernel what came of it."""

from __future__ import annotations

import os
from functools import partial

from lvmkit import guards
from lvmkit.guards import metadata, system_id
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import (
    ActivationUnended,
    ForeignTableInUse,
    LvNotInVg,
    LvsNotUp,
    NoRoomForUdev,
    StaleTables,
    UnprotectedLvsNotUp,
    VgNotFound,
    VgRenamed,
)
from lvmkit.model.messages.storage import CommandHung, VgNameAmbiguous
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.value import replace
from lvmkit.resources import kernel, notes, protection
from lvmkit.storage import dm, lvm1, records, sysfs, udev
from lvmkit.storage.mapped import MappedDevices
from lvmkit.storage.run import KILLED, Finished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
    from lvmkit.storage.dm import DeviceStatus

_NO_UUID = "by its name"


def refuse_replica(facts: VgFacts) -> None:
    """Raises Failure (110424, 110425) where a replica below the group cannot be used here. LVM is not asked."""
    reasons = against_replica(facts)
    if reasons:
        raise Failure(*reasons)


def against_replica(facts: VgFacts) -> tuple[Message, ...]:
    """Why the replicated devices among the group's recorded disks keep it from being started here."""
    if not any(device.id.startswith(names.DRBD_VOLUMES) for device in facts.devices):
        return ()
    from lvmkit.resources import replicated  # most groups do without

    return replicated.against_start(facts)


def find_group(facts: VgFacts, host: Host) -> VolumeGroup:
    """The volume group as LVM sees it, by its UUID or, where none is given, the only one of its name.

    Raises Failure: VgNotFound (110013), VgNameAmbiguous (110070), and as Lvm.report() does.
    """
    if not facts.uuid:
        return _find_group_by_name(facts.name, host)
    vg = host.lvm.find(facts.uuid, facts.name, devices=_known_paths(facts))
    if vg is None:
        raise Failure(VgNotFound(facts.name, facts.uuid))
    return vg


def _find_group_by_name(name: str, host: Host) -> VolumeGroup:
    groups = host.lvm.report(name)
    same = [vg for vg in groups if vg.name == name]
    if not same:
        raise Failure(lvm1.not_found(name, _NO_UUID, deadline=host.settings.probe_deadline))
    if len(same) > 1:
        raise Failure(VgNameAmbiguous(name, tuple(vg.uuid for vg in same)))
    return same[0]


def find_volume(vg: VolumeGroup, facts: LvFacts) -> LogicalVolume:
    """The volume in its group, by its UUID or, where none is given, by its name. Raises Failure (LvNotInVg, 110028)."""
    for lv in vg.logical:
        is_meant = lv.uuid == facts.uuid if facts.uuid else lv.name == facts.name
        if is_meant:
            return lv
    raise Failure(LvNotInVg(vg.name, facts.name, facts.uuid or _NO_UUID))


def identify_volume(facts: LvFacts, host: Host) -> tuple[LvFacts, VolumeGroup | None]:
    """The facts with both UUIDs: the kernel's where the volume is up, else LVM's, with the group as LVM sees it."""
    view = kernel.volume(facts, kernel.Glance(host.paths))
    if view.mine:
        uuids = kernel.vg_uuid_of(view.mine[0]), kernel.lv_uuid_of(view.mine[0])
        return replace(facts, vg_uuid=uuids[0], uuid=uuids[1]), None
    vg = find_group(facts.group, host)
    return replace(facts, vg_uuid=facts.vg_uuid or vg.uuid, uuid=find_volume(vg, facts).uuid), vg


def refuse_lack_of_room(vg: VolumeGroup, volumes: Sequence[LogicalVolume]) -> None:
    """Raises Failure (NoRoomForUdev, 110352) where activating these volumes would not end. Asked before all else."""
    reasons = against_lack_of_room(vg, volumes)
    if not reasons:
        return
    before = held()
    if not all(_is_up(vg, lv, before) for lv in volumes):
        raise Failure(*reasons)


def against_lack_of_room(vg: VolumeGroup, volumes: Sequence[LogicalVolume]) -> tuple[NoRoomForUdev, ...]:
    """What to say where these volumes could not be activated, should they be down."""
    why = udev.lack_of_room(len(volumes))
    return (NoRoomForUdev(vg.name, why),) if why else ()


def admit(vg: VolumeGroup, facts: VgFacts, host: Host, *, by_name: bool) -> VolumeGroup:
    """Let the guards decide whether the group may be activated here; returns it as it is after that (guards.admit).

    by_name: its resource does not give a UUID.
    """
    admitted = guards.admit_by_name(vg, facts, host) if by_name else guards.admit(vg, facts, host)
    _tell_renamed(vg, facts, host)
    return admitted


def admit_volume(vg: VolumeGroup, facts: VgFacts, host: Host) -> None:
    """The same for one volume of a group, which never changes the group's owner."""
    guards.admit_volume(vg, facts, host)
    _tell_renamed(vg, facts, host)


def held() -> MappedDevices:
    """What device-mapper holds at present: to be asked for again after a change. Raises Failure (110052)."""
    return MappedDevices(dm.list_devices())


def activate(vg: VolumeGroup, before: MappedDevices, facts: VgFacts, host: Host) -> Finished | None:
    """Have LVM bring all volumes up; its answer, or None where the kernel holds all of them already.

    before: held(). Raises Failure (ForeignTableInUse, 110320).
    """
    if all(_is_up(vg, lv, before) for lv in vg.expected):
        return None
    _clear_foreign(vg, vg.expected, before)
    lvm, degraded = host.lvm_for(facts), bool(vg.missing)
    activation = partial(lvm.activate, vg.name, uuid=vg.uuid, devices=vg.devices, degraded=degraded)
    return _outcome(activation, vg, vg.expected, host)


def activate_volume(vg: VolumeGroup, lv: LogicalVolume, facts: LvFacts, host: Host) -> Finished:
    """Have LVM bring one volume up; its answer. Raises Failure (ForeignTableInUse, 110320)."""
    _clear_foreign(vg, (lv,), held())
    lvm, degraded = host.lvm_for(facts.group), bool(vg.missing)
    activation = partial(lvm.activate_lv, vg.name, lv.name, devices=vg.devices, degraded=degraded)
    return _outcome(activation, vg, (lv,), host)


def _outcome(
    activation: Callable[[], Finished], vg: VolumeGroup, volumes: Sequence[LogicalVolume], host: Host
) -> Finished:
    """LVM's answer. Where it was killed waiting for udev, and the kernel has all the volumes, that is told."""
    try:
        return activation()
    except Failure as failure:
        hung = failure.messages[0]
        if not isinstance(hung, CommandHung) or hung.fate != KILLED:
            raise
        after = held()
        if not all(_is_up(vg, lv, after) for lv in volumes):
            raise
        host.tell(ActivationUnended(vg.name, hung.seconds))
        return Finished((), 0, "", "", hung.seconds)


def verify_group(
    vg: VolumeGroup, after: MappedDevices, answer: Finished | None, facts: VgFacts, host: Host, *, is_new_owner: bool
) -> None:
    """Raises Failure unless the kernel holds every volume that is protected, on disks that are there.

    after: held() after the activation.
    is_new_owner: this start wrote the owner. Where LVM then refuses to activate, the owner is read back, and is the
    reason where it is another one (OwnerNotWritten, 110137).
    """
    if answer is None:
        _refuse_stale(vg, after)
        return
    try:
        verify(vg, _needed(vg, after, answer, facts, host), answer, after)
    except Failure as failure:
        if is_new_owner and isinstance(failure.messages[0], LvsNotUp):
            system_id.confirm(vg, host.server, host.lvm)
        raise


def verify(vg: VolumeGroup, wanted: Iterable[LogicalVolume], answer: Finished, after: MappedDevices) -> None:
    """Raises Failure unless the kernel holds every wanted volume, on disks that are there. after: held()."""
    down = _down(vg, wanted, after)
    if down:
        raise Failure(LvsNotUp(vg.name, down, _said(answer)))
    _refuse_stale(vg, after)


def _needed(
    vg: VolumeGroup, after: MappedDevices, answer: Finished, facts: VgFacts, host: Host
) -> tuple[LogicalVolume, ...]:
    """The volumes that must be up; of the others those that are not are told."""
    if not _down(vg, vg.expected, after):
        return vg.expected
    needed = protection.needed(vg, facts, host)
    required = {lv.uuid for lv in needed}
    down = _down(vg, (lv for lv in vg.expected if lv.uuid not in required), after)
    if down:
        host.tell(UnprotectedLvsNotUp(vg.name, down, _said(answer)))
    return needed


def _down(vg: VolumeGroup, volumes: Iterable[LogicalVolume], mapped: MappedDevices) -> tuple[str, ...]:
    return tuple(lv.name for lv in volumes if not _is_up(vg, lv, mapped))


def _said(answer: Finished) -> str:
    words = answer.stderr.strip()
    return f" LVM said: {words}" if words else ""


def detail(vg: VolumeGroup, answer: Finished | None) -> str:
    """What was done, in a few words."""
    if answer is None:
        return "already up"
    return f"{len(vg.expected)} logical volumes up, {answer.seconds:.1f} s"


def observed(vg: VolumeGroup, facts: VgFacts, mapped: MappedDevices) -> Record:
    """The record of what device-mapper and sysfs show for the volume group now. mapped: held()."""
    logical = []
    for lv in vg.logical:
        status = mapped.status_of(names.dm_uuid(vg.uuid, lv.uuid))
        if kernel.is_live(status):
            logical.append(ExpectedLv(lv.uuid, lv.name, _kinds(lv, status)))
    name = names.vg_of_lvmvg_id(facts.id) or vg.name
    return Record(facts.tag, name, vg.uuid, tuple(logical), _expected_pvs(vg.physical))


def expect_in_record(facts: LvFacts, host: Host) -> None:
    """Have the group's checks expect the volume, also where it had been taken down on its own."""
    record = records.load(host.paths, facts.group.id)
    if record and not any(lv.uuid == facts.uuid for lv in record.logical):
        lv = ExpectedLv(facts.uuid, facts.name, kernel.kinds(dm.status(facts.dm_uuid)))
        notes.store(replace(record, logical=(*record.logical, lv)), host.paths, host)


def _tell_renamed(vg: VolumeGroup, facts: VgFacts, host: Host) -> None:
    if vg.name != facts.name:
        host.tell(VgRenamed(facts.name, vg.name))


def _is_up(vg: VolumeGroup, lv: LogicalVolume, mapped: MappedDevices) -> bool:
    """Whether the kernel holds the volume with a table that serves."""
    status = mapped.status_of(names.dm_uuid(vg.uuid, lv.uuid))
    return kernel.is_live(status) and not _foreign_kinds(lv, status)


def _foreign_kinds(lv: LogicalVolume, status: DeviceStatus | None) -> tuple[str, ...]:
    """Targets that somebody else put in the place of the volume's own; LVM itself may make it of `error` or `zero`."""
    return tuple(kind for kind in kernel.foreign_kinds(status) if kind != lv.kind)


def _kinds(lv: LogicalVolume, status: DeviceStatus | None) -> tuple[str, ...]:
    """The target types that the volume is to have. A table that is not its own is no example."""
    return () if _foreign_kinds(lv, status) else kernel.kinds(status)


def _clear_foreign(vg: VolumeGroup, volumes: Iterable[LogicalVolume], mapped: MappedDevices) -> None:
    """Take volumes with another table out of the kernel, for LVM takes what is there for active and leaves it so.

    Raises Failure (ForeignTableInUse, 110320) for those that are in use.
    """
    refused = []
    for lv in volumes:
        uuid = names.dm_uuid(vg.uuid, lv.uuid)
        kinds = _foreign_kinds(lv, mapped.status_of(uuid))
        if kinds and dm.remove(uuid) == dm.BUSY:
            refused.append(ForeignTableInUse(f"{vg.name}/{lv.name}", "+".join(kinds), _users(uuid)))
    if refused:
        raise Failure(*refused)


def _users(dm_uuid: str) -> tuple[str, ...]:
    """Who holds a device, in words."""
    from lvmkit.storage import holders  # only a volume in use needs it

    status = dm.status(dm_uuid)
    return holders.described(holders.of_device(status.number)) if status else ()


def _known_paths(facts: VgFacts) -> tuple[str, ...]:
    """Device paths of the group's physical volumes, for LVM's --devices.

    Empty when any of them does not exist: then LVM must search all devices.
    """
    paths = metadata.trusted(device.id for device in facts.devices)
    return paths if all(map(os.path.exists, paths)) else ()


def _refuse_stale(vg: VolumeGroup, mapped: MappedDevices) -> None:
    """Raises Failure (StaleTables) for volumes that lost their disk, also where it came back under another number."""
    below = {device.name: mapped.below(device) for device in mapped.of_group(vg.uuid)}
    gone = {number for number in set().union(*below.values()) if sysfs.condition(number) == "gone"}
    stale = tuple(name for name, numbers in below.items() if not gone.isdisjoint(numbers))
    if stale:
        raise Failure(StaleTables(vg.name, stale))


def _expected_pvs(physical: Iterable[PhysicalVolume]) -> tuple[ExpectedPv, ...]:
    expected = []
    for pv in physical:
        if not pv.missing:
            number = sysfs.number_of(pv.device)
            expected.append(ExpectedPv(pv.uuid, pv.device, number, sysfs.sequence(number)))
    return tuple(expected)
