"""Whose a volume group is: the owner in its metadata (LVM system ID) is the cluster's name of the node that runs it.

The owner is written by a start and by nothing else, once, and read back. A stop leaves it, because a stop must also
work where no disk can be written any more. So the owner that a start finds is the node that had the volume group last:
it may be taken over when the cluster says that this node has let go of it, or is gone for good (fenced or shut down).

The ID is always the node's name in the cluster, also where lvm.conf gives the host another one: the other nodes can
tell only from this name who the owner is.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.ownership import NodeNameUnusable, OwnerActive, OwnerNotWritten, OwnerUnknown
from lvmkit.model.messages.storage import CommandFailed, CommandGarbled, CommandMissing
from lvmkit.model.value import Value, replace
from lvmkit.storage import lvm
from lvmkit.storage.run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.run import Finished

CRM_MON = "/usr/sbin/crm_mon"

ACTIVE, GONE, STRANGER = "active", "gone", "stranger"


class Standing(Value):
    """What the cluster says of a node: ACTIVE, it may still use the resource; GONE, it does not; STRANGER, no node."""

    kind: str
    why: str = ""
    """for ACTIVE"""


def take(vg: VolumeGroup, node: str, standing: Callable[[str], Standing], *, deadline: float) -> VolumeGroup:
    """Make this node the owner of a volume group; returns the group as it is then.

    node: this node's name in the cluster.  standing: what the cluster says of another node; asked only about a
    previous owner.  deadline: seconds for each command. No LVM command where the node is the owner already, one to
    take over from another, one more where that is no node of the cluster; two where there was no owner.
    What was written is read back: here where there was no owner, because anybody may activate such a group, and where
    there is nothing to activate; else by the activation, which LVM refuses unless it reads this node's name from the
    disks (seen with 2.03.16, also where lvm.conf's extra_system_ids lets this host access the group).
    Raises Failure: NodeNameUnusable, OwnerActive, OwnerUnknown, OwnerNotWritten, and as the commands do.
    """
    if not lvm.is_system_id(node):
        raise Failure(NodeNameUnusable(node))
    if vg.system_id == node:
        return vg
    if vg.system_id:
        _refuse_living(vg, standing(vg.system_id), deadline)
    disks = tuple(pv.device for pv in vg.physical if not pv.missing)
    lvm.set_system_id(vg.name, node, old=vg.system_id, devices=disks, deadline=deadline)
    if not vg.system_id or not vg.expected:
        return confirm(vg, node, deadline=deadline)
    return replace(vg, system_id=node)


def confirm(vg: VolumeGroup, node: str, *, deadline: float) -> VolumeGroup:
    """Read the owner from the disks; returns the group as it is there.

    For an activation under this node's name that LVM refused, too: it tells whether the owner was the reason.
    Raises Failure: OwnerNotWritten where it is another one, and as lvm.find() does.
    """
    disks = tuple(pv.device for pv in vg.physical if not pv.missing)
    now = lvm.find(vg.uuid, vg.name, disks, deadline=deadline)
    if now is None or (now.uuid, now.system_id) != (vg.uuid, node):
        raise Failure(OwnerNotWritten(vg.name, node, now.system_id if now else "nothing"))
    return now


def pacemaker_standing(owner: str, resource: str, *, deadline: float) -> Standing:
    """What Pacemaker says of the previous owner of a volume group.

    owner: a system ID, which is a node's name.  resource: the primitive that starts the volume group.
    A node that is to be fenced and is not yet may still write, and so may one on which the resource has not stopped:
    both are ACTIVE. A node that is up and where the resource is stopped has let go of it: that is the planned move.
    Where Pacemaker is not installed every owner is a STRANGER.
    Raises Failure: CommandFailed, CommandHung, CommandGarbled. Source: crm_mon(8), --output-as=xml.
    """
    try:
        answer = run((CRM_MON, "--output-as=xml"), deadline=deadline)
    except Failure as failure:
        if isinstance(failure.messages[0], CommandMissing):
            return Standing(STRANGER)
        raise
    if answer.status != 0:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    return _standing(_parsed(answer), owner, resource)


def _refuse_living(vg: VolumeGroup, standing: Standing, deadline: float) -> None:
    """Raises Failure unless the previous owner has let go, or is this host itself under LVM's own name for it."""
    if standing.kind == ACTIVE:
        raise Failure(OwnerActive(vg.name, vg.system_id, standing.why))
    if not lvm.is_system_id(vg.system_id):
        raise Failure(OwnerUnknown(vg.name, vg.system_id))
    if standing.kind == STRANGER and vg.system_id != lvm.own_system_id(deadline=deadline):
        raise Failure(OwnerUnknown(vg.name, vg.system_id))


def _parsed(answer: Finished) -> Element:
    from xml.etree import ElementTree  # only a change of owner needs it

    try:
        root = ElementTree.fromstring(answer.stdout)  # noqa: S314 - Pacemaker's own tool, run as root
    except ElementTree.ParseError as error:
        raise Failure(CommandGarbled(answer.command, str(error))) from error
    if root.find("nodes") is None or root.find("resources") is None:
        raise Failure(CommandGarbled(answer.command, "no nodes or no resources"))
    return root


def _standing(status: Element, owner: str, resource: str) -> Standing:
    node = next((node for node in status.findall("nodes/node") if node.get("name") == owner), None)
    if node is None:
        return Standing(STRANGER)
    if node.get("unclean") != "false":
        return Standing(ACTIVE, "it is unclean, and not fenced yet")
    if node.get("online") == "true" and owner in _runs_on(status, resource):
        return Standing(ACTIVE, f"resource {resource} has not stopped there")
    return Standing(GONE)


def _runs_on(status: Element, resource: str) -> list[str | None]:
    """The nodes on which the resource is not stopped, whatever group or clone it is in."""
    mine = [each for each in status.findall("resources//resource") if each.get("id") == resource]
    return [node.get("name") for each in mine for node in each.findall("node")]
