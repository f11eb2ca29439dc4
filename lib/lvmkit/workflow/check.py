"""quickCheck: is what was brought up still there and well? Kernel facts only: no LVM command, no process started."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts, LvFacts, VgFacts, volumes_in_service
from lvmkit.model.instance import FILESYS, LVMLV, LVMVG, Instance
from lvmkit.model.messages.faults import LvGone, RecordLost
from lvmkit.model.record import ExpectedLv, Record
from lvmkit.model.value import replace
from lvmkit.storage import records, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths
    from lvmkit.storage.dm import Device


def quick_check(instance: Instance, paths: Paths, devices: Sequence[Device], hierarchy: Hierarchy) -> list[Message]:
    """What is wrong with a resource that should be in service; an empty list when nothing is.

    devices: one dm.list_devices(), which may serve many resources. hierarchy: only looked at where the record is lost.
    """
    if instance.type == LVMVG:
        return vg_faults(VgFacts.unpack(instance), paths, devices, hierarchy)
    if instance.type == LVMLV:
        return lv_faults(LvFacts.unpack(instance), paths, devices)
    if instance.type == FILESYS:
        from lvmkit.workflow.filesystem_check import faults

        return faults(FilesystemFacts.unpack(instance))
    return []


def faults_by_record(resource_id: str, record: Record, devices: Sequence[Device]) -> list[Message]:
    """The check of a lvmvg or lvmlv by its record alone, without asking the engine anything."""
    lv = names.vg_lv_of_lvmlv_id(resource_id)
    if lv is None:
        return vitals.record_faults(record, devices)
    wanted = tuple(expected for expected in record.logical if expected.name == lv[1])
    if not wanted:
        return [LvGone(resource_id)]
    return vitals.record_faults(replace(record, logical=wanted, physical=()), devices)


def vg_faults(group: VgFacts, paths: Paths, devices: Sequence[Device], hierarchy: Hierarchy) -> list[Message]:
    """Every volume that restore saw must be live, and every disk below must be there and running."""
    record = records.load(paths, group.id)
    if record is not None and record.vg_uuid == group.uuid:
        return vitals.record_faults(record, devices)
    volumes = tuple(ExpectedLv(lv.uuid, lv.name, ()) for lv in volumes_in_service(hierarchy, group.tag))
    stand_in = Record(group.tag, group.name, group.uuid, volumes, ())
    return [RecordLost(group.tag), *vitals.record_faults(stand_in, devices)]


def lv_faults(volume: LvFacts, paths: Paths, devices: Sequence[Device]) -> list[Message]:
    """The one volume must be live, with the kind of table it had."""
    record = records.load(paths, names.lvmvg_id(volume.vg))
    if record is None or record.vg_uuid != volume.vg_uuid:
        record = Record(volume.tag, volume.vg, volume.vg_uuid, (), ())
    known = [lv for lv in record.logical if lv.uuid == volume.uuid]
    wanted = (known[0] if known else ExpectedLv(volume.uuid, volume.name, ()),)
    return vitals.record_faults(replace(record, logical=wanted, physical=()), devices)
