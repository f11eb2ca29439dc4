"""The record that the checks compare with, written anew from what the kernel holds now."""

from __future__ import annotations

from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import VgImpostor, VgNotFound
from lvmkit.model.phrase import Phrase
from lvmkit.plan import Step
from lvmkit.resources import locks
from lvmkit.resources.bringing_up import held, observed
from lvmkit.storage import dm, records
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit


class RenewRecord(Step):
    """Write anew what the checks compare with, from what the kernel holds now."""

    tag: str

    def describe(self) -> str:
        """What the step does."""
        return Phrase("renew what the checks of {tag} expect", tag=self.tag)

    def apply(self, kit: Kit) -> None:
        """Observe and store; a group that is not in service has no record. One under an older name goes."""
        group = VgFacts.unpack(find(kit.port.hierarchy(), self.tag))
        vg = find_group(group, kit) if dm.of_vg(dm.list_devices(), group.uuid) else None
        with locks.starting(group.uuid, group.name, kit.host):
            if vg is not None and dm.of_vg(dm.list_devices(), group.uuid):
                records.store(kit.paths, observed(vg, group, held()))
            for resource_id in records.ids_of(kit.paths, group.uuid):
                if resource_id != group.id:
                    records.drop(kit.paths, resource_id)

    def finish(self, kit: Kit) -> None:
        """The same, where the group is still protected here."""
        if kit.port.hierarchy().by_tag(self.tag) is not None:
            self.apply(kit)

    def undo(self, kit: Kit) -> None:
        """Nothing: the record states what the kernel holds, whatever the hierarchy says."""


def find_group(group: VgFacts, kit: Kit) -> VolumeGroup:
    """The volume group as LVM sees it. Raises Failure (VgNotFound, VgImpostor) where it is not to be found."""
    vg = kit.lvm.find(group.uuid, group.name)
    if vg is None:
        raise Failure(VgNotFound(group.name, group.uuid))
    if vg.uuid != group.uuid:
        raise Failure(VgImpostor(vg.name, vg.uuid, group.uuid))
    return vg
