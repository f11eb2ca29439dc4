"""monitor: what the kernel says of a resource. At level 0 without any other process; at 10 its disks are read as well.

| the kernel holds | record of a start | answer |
|---|---|---|
| nothing | no | 7 |
| nothing, though something should be up | yes | 1; a probe: 7 |
| all of it, well | yes | 0 |
| a part of it, or something faulty | yes | 1 |
| something, all of it well | no | 0, with a warning at a probe |
| something, not all of it well | no | 1 |
"""

from __future__ import annotations

from lvmkit.entry.ocf import kernel
from lvmkit.entry.ocf.answer import Answer
from lvmkit.model import names
from lvmkit.model.messages import ERROR, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS
from lvmkit.model.messages.faults import LvGone, PvDegraded, PvReadFailed
from lvmkit.model.messages.ownership import UpWithoutRecord
from lvmkit.model.messages.service import LvsStillUp
from lvmkit.storage import dm, records, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Request
    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.model.settings import Paths


def group_state(request: Request, paths: Paths, probe_deadline: float = 0.0) -> Answer:
    """The state of a volume group. probe_deadline: seconds for reading its disks, where the request is a deep one.

    Raises Failure (110052, 110070) where nothing can be said.
    """
    view = kernel.group(request, paths)
    if view.record is None and not view.mine:
        return Answer(OCF_NOT_RUNNING)
    record = view.record or kernel.stand_in(request, view)
    if view.record is None and not record.logical:
        return Answer(OCF_ERR_GENERIC, (LvsStillUp(request.vg, tuple(device.name for device in view.mine)),))
    told = _without_record(f"volume group {request.vg}", request) if view.record is None else ()
    return _judged(record, view, request, probe_deadline, told)


def volume_state(request: Request, paths: Paths, probe_deadline: float = 0.0) -> Answer:
    """The state of a logical volume. As group_state()."""
    view = kernel.volume(request, paths)
    if view.record is not None and not view.record.logical:
        return Answer(OCF_NOT_RUNNING)
    if not view.mine:
        if view.record is None or request.probe:
            return Answer(OCF_NOT_RUNNING)
        return Answer(OCF_ERR_GENERIC, (LvGone(f"{request.vg}/{request.lv}"),))
    record = view.record or kernel.stand_in(request, view)
    known = view.record or _came_with_its_group(view, request, paths)
    told = () if known else _without_record(f"logical volume {request.vg}/{request.lv}", request)
    return _judged(record, view, request, probe_deadline, told)


def _judged(
    record: Record, view: kernel.View, request: Request, probe_deadline: float, told: tuple[Message, ...]
) -> Answer:
    faults = vitals.record_faults(record, view.devices, status=dm.status, below=dm.dependencies)
    if request.deep:
        faults += _read_faults(record, view, probe_deadline)
    if not any(fault.level == ERROR for fault in faults):
        return Answer(OCF_SUCCESS, (*told, *faults))
    if request.probe and not view.mine:
        return Answer(OCF_NOT_RUNNING)
    return Answer(OCF_ERR_GENERIC, tuple(faults))


def _read_faults(record: Record, view: kernel.View, deadline: float) -> list[Message]:
    """Disks that don't answer. An error of one that no volume needs (a leg of RAID) is a warning, a hang never is."""
    from lvmkit.storage import probe  # it forks, and only the deep monitor does

    faults = probe.pv_read_faults(record.physical, deadline=deadline)
    lost = [fault for fault in faults if isinstance(fault, PvReadFailed)]
    if not lost or not record.logical:
        return faults
    stack = vitals.Stack(view.devices, status=dm.status, below=dm.dependencies)
    for number in (pv.number for pv in record.physical if pv.device in {fault.device for fault in lost}):
        stack.write_off(number)
    if not all(stack.serves(names.dm_uuid(record.vg_uuid, lv.uuid)) for lv in record.logical):
        return faults
    return [_softened(fault) for fault in faults]


def _softened(fault: Message) -> Message:
    if isinstance(fault, PvReadFailed):
        return PvDegraded(fault.device, fault.uuid, f"not readable ({fault.why}), but every volume serves without it")
    return fault


def _came_with_its_group(view: kernel.View, request: Request, paths: Paths) -> bool:
    """Whether the start of the volume group brought the volume up, which is how it should be."""
    record = records.load(paths, request.id)
    return record is not None and any(lv.uuid == kernel.lv_uuid_of(view.mine[0]) for lv in record.logical)


def _without_record(what: str, request: Request) -> tuple[Message, ...]:
    return (UpWithoutRecord(what),) if request.probe else ()
