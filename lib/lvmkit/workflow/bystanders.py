"""Who would keep a volume group from going out of service, though it is no part of the hierarchy.

A volume of the group that somebody mounted by hand, swap, a loop or a nested volume group: the cluster knows nothing
of them. Its stop of the group would fail, and a server whose stop fails is fenced. So they are named before that.
"""

from __future__ import annotations

from lvmkit.model.instance import FILESYS, LVMVG
from lvmkit.model.messages.service import LvBusy
from lvmkit.storage import dm, holders
from lvmkit.workflow.subject import vg_subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.storage.dm import Device
    from lvmkit.storage.holders import Holder

_LASTING = (holders.MOUNT, holders.SWAP, holders.NESTED_PV, holders.LOOP, holders.MD)
"""a process may have a volume open for a moment only, as udev does; remove waits for it, and names it"""


def bystanders(tags: Iterable[str], now: Hierarchy) -> tuple[LvBusy, ...]:
    """Who holds volumes of the groups among these tags on this server, beside the file systems of the hierarchy.

    Nothing where the group is not active here. Raises Failure where device-mapper cannot be asked.
    """
    leaving = [instance for instance in map(now.by_tag, tags) if instance is not None]
    groups = [vg_subject(instance).uuid for instance in leaving if instance.type == LVMVG]
    devices = dm.list_devices() if groups else ()
    own = {instance.id for instance in leaving if instance.type == FILESYS}
    found = [(d, _strangers(d, own)) for uuid in groups for d in dm.of_vg(devices, uuid)]
    return tuple(LvBusy(device.name, holders.described(some)) for device, some in found if some)


def _strangers(device: Device, own: set[str]) -> tuple[Holder, ...]:
    lasting = (holder for holder in holders.of_device(device.number) if holder.kind in _LASTING)
    return tuple(holder for holder in lasting if not (holder.kind == holders.MOUNT and holder.name in own))
