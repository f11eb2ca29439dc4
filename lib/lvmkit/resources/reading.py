"""Read the disks that volumes stand on, past the page cache, under a deadline.

A shallow check asks the kernel what it knows; a disk that would not answer may still look well there.
"""

from __future__ import annotations

from lvmkit.model.messages.faults import PvDegraded, PvReadFailed
from lvmkit.storage import dm, probe, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.storage.dm import Device


def read_faults(record: Record, devices: Sequence[Device], deadline: float) -> list[Message]:
    """Disks that don't answer. An error of one that no volume needs (a leg of RAID) is a warning, a hang never is.

    deadline: seconds for all disks together.
    """
    faults = probe.pv_read_faults(record.physical, deadline=deadline)
    lost = {fault.device for fault in faults if isinstance(fault, PvReadFailed)}
    if not lost or not record.logical:
        return faults
    stack = vitals.DeviceStack(devices, status=dm.status, below=dm.dependencies)
    for pv in record.physical:
        if pv.device in lost:
            stack.write_off(pv.number)
    if not vitals.serves_all(record, stack):
        return faults
    return list(map(_as_warning, faults))


def _as_warning(fault: Message) -> Message:
    if isinstance(fault, PvReadFailed):
        return PvDegraded(fault.device, fault.uuid, f"not readable ({fault.why}), but every volume serves without it")
    return fault
