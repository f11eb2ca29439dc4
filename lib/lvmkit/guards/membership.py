"""Has the previous owner of a volume group let go of it? What the cluster says of it, and what that means for a start.

Unknown is not gone. An owner counts as gone when the cluster has fenced it, or when the cluster's own history says that
it stopped the volume group there, or found it down. All else is refused, each state by a message of its own.
"""

from __future__ import annotations

from lvmkit.model.messages.guards import OwnerHistoryUnclear, OwnerLeftRunning, OwnerNotFenced
from lvmkit.model.messages.ownership import OwnerActive, OwnerUnknown
from lvmkit.model.standing import ACTIVE, GONE, LEFT, STRANGER, UNFENCED
from lvmkit.storage.lvm import is_system_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.model.standing import Standing
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.lvm import Lvm


def against(vg: VolumeGroup, standing: Standing, tag: str, server: str, lvm: Lvm) -> tuple[Message, ...]:
    """Why this server must not take a volume group over from its owner; () where it may.

    standing: of the owner.  tag: the resource.  server: this one.  lvm: is asked who it is itself:
    an owner that is no server of the cluster may be this host under LVM's own name for it.
    """
    owner = vg.system_id
    if not is_system_id(owner):
        return (OwnerUnknown(vg.name, owner),)
    if standing.kind in GONE:
        return ()
    if standing.kind == ACTIVE:
        return (OwnerActive(vg.name, owner, standing.why),)
    if standing.kind == LEFT:
        return (OwnerLeftRunning(vg.name, owner, tag, standing.why),)
    if standing.kind == UNFENCED:
        return (OwnerNotFenced(vg.name, owner, tag, standing.why),)
    if standing.kind == STRANGER:
        return () if owner == lvm.own_system_id() else (OwnerUnknown(vg.name, owner),)
    return (OwnerHistoryUnclear(vg.name, owner, tag, standing.why, server),)
