"""Before something is taken down to be started again: would the start be admitted, and is it still there at all?"""

from __future__ import annotations

from lvmkit import guards
from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import LvNotInVg
from lvmkit.model.value import replace
from lvmkit.resources import bringing_up, kernel, locks, notes, protection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.model.volumes import VolumeGroup


def of_group(facts: VgFacts, host: Host) -> tuple[Message, ...]:
    """Why a start of the group would be refused. Its record follows what LVM reports first."""
    try:
        bringing_up.refuse_replica(facts)
        vg = bringing_up.find_group(facts, host)
        follow(facts, host, vg)
    except Failure as failure:
        return failure.messages
    return (*guards.against_start(vg, facts, host), *bringing_up.against_lack_of_room(vg, vg.expected))


def of_volume(facts: LvFacts, host: Host) -> tuple[Message, ...]:
    """The same of one volume, which may have been removed from its group."""
    try:
        vg = bringing_up.find_group(facts.group, host)
    except Failure as failure:
        return failure.messages
    lv = vg.lv(facts.uuid)
    if lv is None:
        return (LvNotInVg(vg.name, facts.name, facts.uuid),)
    return (*guards.against_start(vg, facts.group, host), *bringing_up.against_lack_of_room(vg, (lv,)))


def follow(facts: VgFacts, host: Host, vg: VolumeGroup | None = None) -> None:
    """Take from the record what is gone from the kernel and is no fault.

    That is what nothing protected stands on, and what LVM does not have any more.
    vg: as LVM reports it, if it was asked.
    Raises Failure as locks.starting().
    """
    if _followed(facts, host, vg) is None:
        return
    with locks.starting(facts.uuid, facts.name, host):
        record = _followed(facts, host, vg)
        if record is not None:
            notes.store(record, host.paths, host)


def _followed(facts: VgFacts, host: Host, vg: VolumeGroup | None) -> Record | None:
    """The record without what is gone and is no fault; None where nothing of it is."""
    view = kernel.group(facts, kernel.Glance(host.paths))
    if view.record is None:
        return None
    held = {device.uuid for device in view.mine}
    counting = protection.counting(view.record, facts, host).logical
    gone = []
    for lv in view.record.logical:
        is_removed = vg is not None and vg.lv(lv.uuid) is None
        if names.dm_uuid(view.vg_uuid, lv.uuid) not in held and (is_removed or lv not in counting):
            gone.append(lv)
    left = tuple(lv for lv in view.record.logical if lv not in gone)
    return replace(view.record, logical=left) if gone else None
