"""Bring one resource in service on this server.

The kernel decides: what device-mapper already holds is success at once, and after LVM's activation device-mapper, not
LVM's exit code, says whether every volume came up. No metadata is written here and nothing is repaired.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, Instance
from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.service import LvNotInVg, LvsNotUp, StaleTables, VgNotFound, VgRenamed
from lvmkit.model.record import ExpectedLv, ExpectedPv, Record
from lvmkit.model.value import replace
from lvmkit.storage import dm, guard, lvm, records, sysfs, vitals
from lvmkit.workflow import filesystem
from lvmkit.workflow.locks import working_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
    from lvmkit.plan import Kit
    from lvmkit.storage.dm import Device
    from lvmkit.storage.run import Finished

ALREADY_UP = "already up"


def restore(instance: Instance, kit: Kit) -> str:
    """Bring the resource in service; returns in a few words what was done. Raises Failure when it is not in service."""
    if instance.type == LVMVG:
        return restore_vg(VgFacts.unpack(instance, kit.port.hierarchy()), kit)
    if instance.type == LVMLV:
        return restore_lv(LvFacts.unpack(instance, kit.port.hierarchy()), kit)
    if instance.type == FILESYS:
        return filesystem.mount(FilesystemFacts.unpack(instance), kit)
    return ALREADY_UP


def restore_vg(group: VgFacts, kit: Kit) -> str:
    """Activate a volume group and write the record that checks compare with. At most three LVM commands."""
    with working_on(group.uuid, group.name, kit):
        record = records.load(kit.paths, group.id)
        if record and record.vg_uuid == group.uuid and _stands(record):
            return ALREADY_UP
        vg = _examined(group, kit)
        detail = _activated(vg, kit)
        records.store(kit.paths, observed(vg, group, kit))
        return detail


def restore_lv(volume: LvFacts, kit: Kit) -> str:
    """Success at once where the volume group's activation brought the volume up; otherwise activate this one volume."""
    with working_on(volume.vg_uuid, volume.vg, kit):
        if _is_live(volume.dm_uuid):
            _expect_in_record(volume, kit)
            return ALREADY_UP
        vg = _examined(volume.group, kit)
        lv = vg.lv(volume.uuid)
        if lv is None:
            raise Failure(LvNotInVg(vg.name, volume.name, volume.uuid))
        answer = lvm.activate_lv(
            vg.name, lv.name, devices=_devices(vg), degraded=bool(vg.missing), deadline=kit.settings.command_deadline
        )
        _verify(vg, (lv,), answer)
        _expect_in_record(volume, kit)
        return "activated"


def observed(vg: VolumeGroup, group: VgFacts, kit: Kit) -> Record:
    """The record of what device-mapper and sysfs show for the volume group now."""
    up = [lv for lv in vg.logical if _is_live(names.dm_uuid(vg.uuid, lv.uuid))]
    logical = tuple(ExpectedLv(lv.uuid, lv.name, _kinds(names.dm_uuid(vg.uuid, lv.uuid))) for lv in up)
    return Record(group.tag, names.vg_of_lvmvg_id(group.id) or vg.name, vg.uuid, logical, _expected_pvs(vg.physical))


def _stands(record: Record) -> bool:
    """Whether all that was brought up is still up and well."""
    return not any(fault.level == ERROR for fault in vitals.record_faults(record, dm.list_devices()))


def _examined(group: VgFacts, kit: Kit) -> VolumeGroup:
    """The volume group as LVM sees it, if it may be activated here; Failure with every reason against it."""
    vg = lvm.find(group.uuid, group.name, devices=_known_paths(group), deadline=kit.settings.command_deadline)
    if vg is None:
        raise Failure(VgNotFound(group.name, group.uuid))
    own = lvm.own_system_id(deadline=kit.settings.command_deadline) if vg.system_id else ""
    found = guard.refusals(
        vg,
        expected_uuid=group.uuid,
        own_system_id=own,
        policy=kit.settings.missing_pv,
        last_known={device.pv_uuid: device.id for device in group.devices if device.pv_uuid},
    )
    against = tuple(message for message in found if message.level == ERROR)
    if against:
        raise Failure(*against)
    for warning in found:
        kit.tell(warning)
    if vg.name != group.name:
        kit.tell(VgRenamed(group.name, vg.name))
    return vg


def _known_paths(group: VgFacts) -> tuple[str, ...]:
    """Device paths of the group's physical volumes, for LVM's --devices.

    Empty when any of them does not exist: then LVM must search all devices.
    """
    paths = tuple(device.id for device in group.devices)
    return paths if all(map(os.path.exists, paths)) else ()


def _activated(vg: VolumeGroup, kit: Kit) -> str:
    if all(_is_live(names.dm_uuid(vg.uuid, lv.uuid)) for lv in vg.expected):
        _refuse_stale(vg)
        return ALREADY_UP
    answer = lvm.activate(
        vg.name, devices=_devices(vg), degraded=bool(vg.missing), deadline=kit.settings.command_deadline
    )
    _verify(vg, vg.expected, answer)
    return f"{len(vg.expected)} logical volumes up, {answer.seconds:.1f} s"


def _verify(vg: VolumeGroup, wanted: Iterable[LogicalVolume], answer: Finished) -> None:
    """Raises Failure unless the kernel holds every wanted volume, on disks that are there."""
    down = tuple(lv.name for lv in wanted if not _is_live(names.dm_uuid(vg.uuid, lv.uuid)))
    if down:
        raise Failure(LvsNotUp(vg.name, down, f" LVM said: {answer.stderr.strip()}" if answer.stderr.strip() else ""))
    _refuse_stale(vg)


def _refuse_stale(vg: VolumeGroup) -> None:
    """Volumes that were up before their disk went and came back under another number still stand on nothing."""
    stale = tuple(device.name for device in dm.of_vg(dm.list_devices(), vg.uuid) if _stands_on_nothing(device))
    if stale:
        raise Failure(StaleTables(vg.name, stale))


def _stands_on_nothing(device: Device) -> bool:
    return any(sysfs.condition(number) == "gone" for number in dm.dependencies(device.uuid))


def _is_live(dm_uuid: str) -> bool:
    """Whether device-mapper holds the device with a live table that is not suspended."""
    status = dm.status(dm_uuid)
    return status is not None and status.live and not status.suspended


def _kinds(dm_uuid: str) -> tuple[str, ...]:
    """The target types of a live table, each once."""
    status = dm.status(dm_uuid)
    return status.kinds if status else ()


def _devices(vg: VolumeGroup) -> tuple[str, ...]:
    return tuple(pv.device for pv in vg.physical if not pv.missing)


def _expected_pvs(physical: Iterable[PhysicalVolume]) -> tuple[ExpectedPv, ...]:
    found = []
    for pv in physical:
        if not pv.missing:
            number = sysfs.number_of(pv.device)
            found.append(ExpectedPv(pv.uuid, pv.device, number, sysfs.sequence(number)))
    return tuple(found)


def _expect_in_record(volume: LvFacts, kit: Kit) -> None:
    """A volume that was taken down by itself counts again."""
    record = records.load(kit.paths, names.lvmvg_id(volume.vg))
    if record and not any(lv.uuid == volume.uuid for lv in record.logical):
        lv = ExpectedLv(volume.uuid, volume.name, _kinds(volume.dm_uuid))
        records.store(kit.paths, replace(record, logical=(*record.logical, lv)))
