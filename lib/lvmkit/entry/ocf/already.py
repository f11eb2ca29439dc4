"""The usual start of a logical volume: its group's start has brought it up, so there is only something to note.

A module of its own, because a real start needs several times as much to be imported as this does. Every file system's
start waits for it.
"""

from __future__ import annotations

from lvmkit.entry.ocf import kernel
from lvmkit.entry.ocf.request import parsed
from lvmkit.model.messages import Failure
from lvmkit.storage import dm, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.ocf.request import Errand, Request
    from lvmkit.model.settings import Paths


def came_with_its_group(errand: Errand) -> bool:
    """Whether the volume is up, with a live table, and in the record of its group's start; its own is written then.

    False also where the request does not name the volume by both UUIDs, and where anything is wrong: the start says
    what. No other process is started.
    """
    try:
        return _came(parsed(errand), errand.paths)
    except Failure:
        return False


def _came(request: Request, paths: Paths) -> bool:
    group = records.load(paths, request.id) if request.vg_uuid and request.lv_uuid else None
    if group is None or group.vg_uuid != request.vg_uuid or request.lv_uuid not in (lv.uuid for lv in group.logical):
        return False
    view = kernel.volume(request, paths)
    if not view.mine or not _is_live(view.mine[0].uuid):
        return False
    records.store(kernel.volume_paths(paths, request), kernel.stand_in(request, view))
    return True


def _is_live(uuid: str) -> bool:
    status = dm.status(uuid)
    return status is not None and status.live and not status.suspended
