"""Whose a volume group is: the owner in its metadata (LVM system ID) is the cluster's name of the node that runs it.

The owner is written by a start and by create, once, and read back. A stop leaves it, because a stop must also work
where no disk can be written any more. So the owner that a start finds is the node that had the volume group last, and
whether it may be taken over is the question of membership.py.

The ID is always the node's name in the cluster, also where lvm.conf gives the host another one: the other nodes can
tell only from this name who the owner is.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guards import OwnerNeedsDisks
from lvmkit.model.messages.ownership import NodeNameUnusable, OwnerNotWritten, OwnerUnknown
from lvmkit.model.messages.service import VgForeign
from lvmkit.model.value import replace
from lvmkit.storage import lvmconf, lvmsight
from lvmkit.storage.lvm import UNKNOWN_OPTION, is_system_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.lvm import Lvm


_ALL_ASKED_FOR = "LVM asks for all of them before version 2.03.17"


def against(vg: VolumeGroup, lvm: Lvm) -> tuple[Message, ...]:
    """Why a volume group whose owner the kit does not change is another host's: lvmsystemid(7), by LVM's own ID.

    A group without a system ID is anybody's; LVM is asked who it is only where there is one.
    """
    own = lvm.own_system_id() if vg.system_id else ""
    return (VgForeign(vg.name, vg.system_id, own),) if vg.system_id not in ("", own) else ()


def against_protection(vg: VolumeGroup, server: str, lvm: Lvm) -> tuple[Message, ...]:
    """Why a volume group cannot be put under protection here: this server's name in the cluster counts as its own."""
    return () if vg.system_id == server else against(vg, lvm)


def against_extension(vg: VolumeGroup, server: str, servers: Iterable[str], lvm: Lvm) -> tuple[Message, ...]:
    """Why a start on this server can't become the owner: its name, or an owner that is no server of its cluster."""
    return (*against_name(server), *strangers(vg, servers, lvm))


def strangers(vg: VolumeGroup, servers: Iterable[str], lvm: Lvm) -> tuple[Message, ...]:
    """Whether the owner is no server of the cluster, nor this host under LVM's own name for it."""
    if vg.system_id in ("", *servers) or vg.system_id == lvm.own_system_id():
        return ()
    return (OwnerUnknown(vg.name, vg.system_id),)


def against_name(server: str) -> tuple[Message, ...]:
    """Why a server's name cannot be an owner."""
    return () if is_system_id(server) else (NodeNameUnusable(server),)


def against_minority(vg: VolumeGroup, server: str) -> tuple[Message, ...]:
    """Why LVM would not write another owner into what is left of a volume group: it asks for more than half of it."""
    if vg.system_id == server or 2 * len(vg.missing) < len(vg.physical):
        return ()
    return (_needs_disks(vg, server, "LVM asks for more than half of them"),)


def against_lack_of_disks(vg: VolumeGroup, server: str, lvm: Lvm) -> tuple[Message, ...]:
    """The same, also where this LVM asks for all of them; it is asked for its version where any lacks."""
    if vg.system_id == server or not vg.missing:
        return ()
    if lvmsight.asks_for_all_disks(lvmconf.version(lvm)):
        return (_needs_disks(vg, server, _ALL_ASKED_FOR),)
    return against_minority(vg, server)


def _needs_disks(vg: VolumeGroup, server: str, why: str) -> OwnerNeedsDisks:
    return OwnerNeedsDisks(vg.name, vg.system_id or "nobody", server, len(vg.missing), len(vg.physical), why)


def take(vg: VolumeGroup, server: str, lvm: Lvm) -> VolumeGroup:
    """Make a server the owner of a volume group; returns the group as it is then. All guards must have agreed.

    server: this one's name in the cluster. No LVM command where it is the owner already, one to take over from
    another, two where there was no owner.
    What was written is read back: here where there was no owner, because anybody may activate such a group, and where
    there is nothing to activate; else by the activation, which LVM refuses unless it reads this node's name from the
    disks (seen with 2.03.16, also where lvm.conf's extra_system_ids lets this host access the group).
    Raises Failure: OwnerNotWritten, OwnerNeedsDisks where this LVM does not write to a group that lacks disks, and as
    the commands do.
    """
    if vg.system_id == server:
        return vg
    try:
        lvm.set_system_id(vg.name, server, old=vg.system_id, devices=vg.devices, lacks_disks=bool(vg.missing))
    except Failure as failure:
        if vg.missing and UNKNOWN_OPTION in str(failure):
            raise Failure(_needs_disks(vg, server, _ALL_ASKED_FOR)) from failure
        raise
    if not vg.system_id or not vg.expected:
        return confirm(vg, server, lvm)
    return replace(vg, system_id=server)


def confirm(vg: VolumeGroup, server: str, lvm: Lvm) -> VolumeGroup:
    """Read the owner from the disks; returns the group as it is there.

    For an activation under this node's name that LVM refused, too: it tells whether the owner was the reason.
    Raises Failure: OwnerNotWritten where it is another one, and as lvm.find() does.
    """
    read = lvm.find(vg.uuid, vg.name, vg.devices)
    if read is None or (read.uuid, read.system_id) != (vg.uuid, server):
        raise Failure(OwnerNotWritten(vg.name, server, read.system_id if read else "nothing"))
    return read
