"""Which volume a file system is on, and which device that is at present. It follows the volume's UUIDs.

Names change hands: after a vgrename the path that was recorded is nobody's, or another group's.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.value import replace
from lvmkit.storage import sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.model.settings import Paths
    from lvmkit.resources.kernel import Glance


def identified(facts: FilesystemFacts, paths: Paths, glance: Glance | None = None) -> FilesystemFacts:
    """The facts with the UUIDs of the volume, as far as anything tells them.

    An agent of an older configuration is given a path alone. There the record of the start of the volume group that had
    this name when it was protected says which volume is meant. No process is started.
    glance: where the caller has one.
    """
    volume = None if facts.dm_uuid else names.vg_lv_of_lvmlv_id(facts.device)
    if volume is None:
        return facts
    from lvmkit.storage import records  # most checks don't need it

    vg, lv = volume
    group_id = names.lvmvg_id(vg)
    record = glance.record(group_id) if glance else records.load(paths, group_id)
    for expected in record.logical if record else ():
        if record and expected.name == lv:
            return replace(facts, vg_uuid=record.vg_uuid, lv_uuid=expected.uuid)
    return facts


def number(facts: FilesystemFacts, hint: str = "", glance: Glance | None = None) -> str:
    """major:minor of the volume; '' where the kernel does not hold it, whatever the node of its path is.

    hint: what it probably is.  glance: where the caller has one.
    Where only the path is known, its name in device-mapper must be that of the path.
    """
    if glance and facts.dm_uuid:
        device = glance.mapped.by_uuid(facts.dm_uuid)
        return device.number if device else ""
    named = sysfs.number_of(facts.device)
    if not facts.dm_uuid:
        volume = names.vg_lv_of_lvmlv_id(facts.device)
        is_other = volume is not None and sysfs.dm_name(named) != names.dm_name(*volume)
        return "" if is_other else named
    for candidate in (hint, named):
        if candidate and sysfs.dm_uuid(candidate) == facts.dm_uuid:
            return candidate
    return sysfs.number_of_dm(facts.dm_uuid)


def path_to(number: str, facts: FilesystemFacts) -> str:
    """A path whose node is this very device; '' where there is none. The name that udev gives it comes first."""
    for path in (f"/dev/mapper/{sysfs.dm_name(number)}", facts.device, f"/dev/{sysfs.kernel_name(number)}"):
        if sysfs.number_of(path) == number:
            return path
    return ""
