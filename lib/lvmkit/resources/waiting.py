"""What those wait for who use a volume and cannot be ended: a request without an answer keeps its process."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import errors
from lvmkit.model.value import replace
from lvmkit.storage import dm, vitals
from lvmkit.storage.mapped import MappedDevices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.record import Record


def fault_below(record: Record | None, dm_uuid: str) -> str:
    """What is wrong with a volume or with the disks that it cannot do without, in words; '' for nothing.

    record: of the start of its group, where there is one.  dm_uuid: of the volume or of a part of it.
    Raises Failure (KernelUnreadable, 110052).
    """
    if record is None:
        return ""
    own = tuple(lv for lv in record.logical if dm_uuid.startswith(names.dm_uuid(record.vg_uuid, lv.uuid)))
    mapped = MappedDevices(dm.list_devices())
    return " ".join(fault.text for fault in errors(vitals.record_faults(replace(record, logical=own), mapped)))
