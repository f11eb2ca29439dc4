"""The owner in a volume group's metadata (LVM system ID), given at create and given back at delete.

In between only a start changes it (guards/system_id.py). Without an owner a host that the cluster has fenced, or one
that is no part of it, could activate the volume group by itself.
"""

from __future__ import annotations

from lvmkit.guards import metadata
from lvmkit.model.messages import Failure
from lvmkit.model.messages.ownership import OwnerNotWritten
from lvmkit.model.messages.pacemaker import OwnerKept
from lvmkit.model.phrase import Phrase
from lvmkit.model.settings import SYSTEM_ID
from lvmkit.plan import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit


class ChangeOwner(Step):
    """Write another owner where the present one is as expected; '' is none.

    One that cannot be written is a warning where the plan does not depend on it.
    """

    vg: str
    vg_uuid: str
    old: str
    new: str
    required: bool
    devices: tuple[str, ...] = ()
    """of its disks, by names that no clone can get: where it is looked for first"""

    def describe(self) -> str:
        """What the step does."""
        owner = self.new or Phrase("nobody")
        return Phrase("make {owner} the owner of volume group {vg} (LVM system ID)", owner=owner, vg=self.vg)

    def apply(self, kit: Kit) -> None:
        """Write it and read it back."""
        self._change(kit, self.old, self.new, self.required)

    def undo(self, kit: Kit) -> None:
        """Write back what it was; a warning where the disks don't let us, or where another one owns it by now."""
        self._change(kit, self.new, self.old, False)

    def finish(self, kit: Kit) -> None:
        """Write it where the owner is still the one that was met; a warning elsewhere."""
        self._change(kit, self.old, self.new, False)

    def _change(self, kit: Kit, old: str, new: str, required: bool) -> None:
        try:
            vg = self._find(kit, self.devices)
            if vg.system_id == old != new:
                metadata.refuse_disks_below(vg)
                kit.lvm.set_system_id(vg.name, new, old=old, devices=vg.devices)
                vg = self._find(kit, vg.devices)
            if vg.system_id != new:
                raise Failure(OwnerNotWritten(self.vg, new, vg.system_id))
        except Failure as failure:
            if required:
                raise
            kit.tell(OwnerKept(self.vg, new or "nobody", str(failure)))

    def _find(self, kit: Kit, devices: tuple[str, ...]) -> VolumeGroup:
        """The volume group, whatever its name is now. devices: where it is looked for first.

        Raises Failure (OwnerNotWritten) where it is not there.
        """
        vg = kit.lvm.find(self.vg_uuid, self.vg, devices)
        if vg is None or vg.uuid != self.vg_uuid:
            raise Failure(OwnerNotWritten(self.vg, self.new, "not to be found"))
        return vg


def is_wanted(kit: Kit) -> bool:
    """Whether volume groups get an owner: in a cluster, unless the settings say otherwise."""
    return kit.port.capabilities.several_servers and kit.settings.ownership == SYSTEM_ID


def taking(vg: VolumeGroup, kit: Kit) -> tuple[ChangeOwner, ...]:
    """The step that makes this server the owner; none where it is, or where nobody is to be."""
    server = kit.port.local_server()
    if not is_wanted(kit) or vg.system_id == server:
        return ()
    return (ChangeOwner(vg.name, vg.uuid, vg.system_id, server, True),)


def giving_back(group: VgFacts, kit: Kit) -> tuple[ChangeOwner, ...]:
    """The step of a delete that gives the volume group the owner that it had before create."""
    server = kit.port.local_server()
    if group.owner_before is None or group.owner_before == server:
        return ()
    disks = metadata.trusted(device.id for device in group.devices)
    return (ChangeOwner(group.name, group.uuid, server, group.owner_before, False, disks),)
