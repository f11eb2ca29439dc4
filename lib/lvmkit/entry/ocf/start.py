"""start and validate-all: the restore of the kit, after the owner of the volume group has been seen to."""

from __future__ import annotations

import os

from lvmkit.entry.ocf import kernel, monitor
from lvmkit.model import names
from lvmkit.model.facts import LvFacts, VgFacts
from lvmkit.model.messages import ERROR, OCF_SUCCESS, Failure
from lvmkit.model.messages.ownership import NodeNameUnusable, OwnerChanged
from lvmkit.model.messages.service import LvNotInVg, LvsNotUp, VgNotFound
from lvmkit.model.messages.storage import CommandMissing, VgNameAmbiguous
from lvmkit.model.value import replace
from lvmkit.storage import guard, lvm, ownership, records
from lvmkit.workflow.locks import working_on
from lvmkit.workflow.restore import ALREADY_UP, restore_lv, restore_vg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Request
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit

_NO_UUID = "by its name"


def start_group(request: Request, kit: Kit) -> str:
    """Bring a volume group up; returns in a few words what was done. Raises Failure when it is not up.

    LVM commands: none where it is up and recorded; else a report and the activation, one more where this node's own
    LVM system ID must be asked for, one more where the owner changes, two where there was none (written, read back).
    """
    if _is_up(request, kit):
        return ALREADY_UP
    found = _group(request, kit)
    vg = _owned(found, request, kit) if request.owns else found
    subject = VgFacts(request.tag, request.id, request.vg, request.vg_uuid or vg.uuid)
    try:
        with lvm.knowing(vg, system_id=request.node if request.owns else ""):
            return restore_vg(subject, kit)
    except Failure as failure:
        if isinstance(failure.messages[0], LvsNotUp) and vg.system_id != found.system_id:
            ownership.confirm(vg, request.node, deadline=kit.settings.command_deadline)
        raise


def start_volume(request: Request, kit: Kit) -> str:
    """Bring a logical volume up, and note what the monitor will compare with. Returns and raises as start_group()."""
    view = kernel.volume(request, kit.paths)
    vg = None if view.mine else _group(request, kit)
    vg_uuid = request.vg_uuid or (vg.uuid if vg else view.vg_uuid)
    lv_uuid = _lv_uuid(vg, request) if vg else kernel.lv_uuid_of(view.mine[0])
    lv_id = names.lvmlv_id(request.vg, request.lv)
    with lvm.knowing(vg, system_id=request.node if request.owns else ""):
        detail = restore_lv(LvFacts(request.tag, lv_id, request.vg, request.lv, vg_uuid, lv_uuid), kit)
    up = kernel.volume(replace(request, vg_uuid=vg_uuid, lv_uuid=lv_uuid), kit.paths)
    records.store(kernel.volume_paths(kit.paths, request), kernel.stand_in(request, up))
    return detail


def validate(request: Request, kit: Kit) -> None:
    """See that a start could be tried here: LVM is installed and the node's name can own a volume group.

    At OCF_CHECK_LEVEL 10 also that LVM sees the volume group, by one report. Raises Failure.
    """
    if not any(os.access(path, os.X_OK) for path in lvm.LVM_PATHS):
        raise Failure(CommandMissing(lvm.LVM_PATHS[0]))
    if request.owns and not lvm.is_system_id(request.node):
        raise Failure(NodeNameUnusable(request.node))
    if request.deep:
        _group(request, kit)


def _is_up(request: Request, kit: Kit) -> bool:
    """Whether a start brought it up and all of it still is."""
    view = kernel.group(request, kit.paths)
    return view.record is not None and monitor.group_state(replace(request, deep=False), kit.paths).code == OCF_SUCCESS


def _group(request: Request, kit: Kit) -> VolumeGroup:
    """The volume group as LVM sees it, by its UUID or, where none is given, the only one of its name."""
    deadline = kit.settings.command_deadline
    if request.vg_uuid:
        vg = lvm.find(request.vg_uuid, request.vg, deadline=deadline)
    else:
        found = [vg for vg in lvm.report(request.vg, deadline=deadline) if vg.name == request.vg]
        if len(found) > 1:
            raise Failure(VgNameAmbiguous(request.vg, tuple(vg.uuid for vg in found)))
        vg = next(iter(found), None)
    if vg is None:
        raise Failure(VgNotFound(request.vg, request.vg_uuid or _NO_UUID))
    return vg


def _owned(vg: VolumeGroup, request: Request, kit: Kit) -> VolumeGroup:
    """The volume group with this node as its owner. Nothing is written where it could not be activated afterwards."""
    against = guard.refusals(
        vg, expected_uuid=request.vg_uuid, own_system_id=vg.system_id, policy=kit.settings.missing_pv
    )
    if any(message.level == ERROR for message in against):
        raise Failure(*(message for message in against if message.level == ERROR))

    def standing(owner: str) -> ownership.Standing:
        return ownership.pacemaker_standing(owner, request.tag, deadline=kit.settings.command_deadline)

    with working_on(vg.uuid, vg.name, kit):
        owned = ownership.take(vg, request.node, standing, deadline=kit.settings.command_deadline)
    if owned.system_id != vg.system_id:
        kit.tell(OwnerChanged(vg.name, owned.system_id, vg.system_id))
    return owned


def _lv_uuid(vg: VolumeGroup, request: Request) -> str:
    """The UUID of the volume: the given one, or that of the volume with the name."""
    found = [lv for lv in vg.logical if (lv.uuid == request.lv_uuid if request.lv_uuid else lv.name == request.lv)]
    if not found:
        raise Failure(LvNotInVg(vg.name, request.lv, request.lv_uuid or _NO_UUID))
    return found[0].uuid
