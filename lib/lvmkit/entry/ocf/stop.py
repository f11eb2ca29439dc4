"""stop: the remove of the kit. What is down is success, whatever the parameters, the disks or LVM are like."""

from __future__ import annotations

from lvmkit.entry.ocf import kernel
from lvmkit.model import names
from lvmkit.model.facts import LvFacts, VgFacts
from lvmkit.model.record import Record
from lvmkit.storage import records
from lvmkit.workflow.remove import ALREADY_DOWN, remove_lv, remove_vg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Request
    from lvmkit.plan import Kit


def stop_group(request: Request, kit: Kit) -> str:
    """Take a volume group down; returns in a few words what was done. At most one LVM command.

    Raises Failure when device-mapper still holds something of it.
    """
    view = kernel.group(request, kit.paths)
    if not view.mine and view.record is None:
        return ALREADY_DOWN
    return remove_vg(VgFacts(request.tag, request.id, request.vg, view.vg_uuid), kit)


def stop_volume(request: Request, kit: Kit) -> str:
    """Take a logical volume down. LVM commands: none for a linear or striped one, else one. As stop_group().

    A volume that a snapshot ties to others stays up until its group goes; it is stopped all the same: a note says so.
    """
    view = kernel.volume(request, kit.paths)
    detail = ALREADY_DOWN
    for device in view.mine:
        lv_id = names.lvmlv_id(request.vg, request.lv)
        lv_uuid = kernel.lv_uuid_of(device)
        detail = remove_lv(LvFacts(request.tag, lv_id, request.vg, request.lv, view.vg_uuid, lv_uuid), kit)
    own = kernel.volume_paths(kit.paths, request)
    if view.mine and kernel.volume(request, kit.paths).mine:
        records.store(own, Record(request.tag, request.vg, view.vg_uuid, (), ()))
    else:
        records.drop(own, request.id)
    return detail
