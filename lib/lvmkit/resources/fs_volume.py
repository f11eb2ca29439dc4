"""Which volume a file system is on, and which device that is at present. It follows the volume's UUIDs.

Names change hands: after a vgrename the path that was recorded is nobody's, or another group's.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.model.settings import Paths


def identified(facts: FilesystemFacts, paths: Paths) -> FilesystemFacts:
    """The facts with the UUIDs of the volume, as far as anything tells them.

    An agent of an older configuration is given a path alone. There the record of the start of the volume group that had
    this name when it was protected says which volume is meant. No process is started.
    """
    volume = None if facts.dm_uuid else names.vg_lv_of_lvmlv_id(facts.device)
    if volume is None:
        return facts
    from lvmkit.storage import records  # most checks don't need it

    vg, lv = volume
    record = records.load(paths, names.lvmvg_id(vg))
    for expected in record.logical if record else ():
        if record and expected.name == lv:
            return replace(facts, vg_uuid=record.vg_uuid, lv_uuid=expected.uuid)
    return facts


def present_path(facts: FilesystemFacts) -> str:
    """The path of the volume's device as it is now; '' where the kernel does not hold the volume.

    Where the facts don't say which volume it is, the path that was recorded.
    Raises Failure (KernelUnreadable, 110052) where device-mapper cannot be asked.
    """
    if not facts.dm_uuid:
        return facts.device
    from lvmkit.storage import dm  # a check does not ask for a path

    for device in dm.list_devices():
        if device.uuid == facts.dm_uuid:
            return f"/dev/mapper/{device.name}"
    return ""
