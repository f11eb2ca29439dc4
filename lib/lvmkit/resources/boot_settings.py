"""What keeps the boot from activating a volume group: the list, and the property in its metadata."""

from __future__ import annotations

from lvmkit.guards import metadata
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import AutoactivationUnchanged, VgNotFound
from lvmkit.storage import lkvgs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.host import Host
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.lvm import Lvm


def set_listed(vg: str, uuid: str, listed: bool, path: str, tell: Callable[[Message], None]) -> None:
    """Name the group in /etc/lkvgs, or take it off. A list that cannot be written is told (110007), not raised."""
    try:
        (lkvgs.add if listed else lkvgs.remove)(path, vg, uuid)
    except Failure as failure:
        for message in failure.messages:
            tell(message)


def identify(vg: VolumeGroup, facts: VgFacts, host: Host) -> None:
    """Have /etc/lkvgs say which volume group it means, where an older version named it only. What fails is told."""
    if vg.name != facts.name:
        return
    try:
        lkvgs.identify(host.paths.lkvgs, vg.name, vg.uuid)
    except Failure as failure:
        for message in failure.messages:
            host.tell(message)


def set_autoactivation(vg: str, uuid: str, on: bool, lvm: Lvm) -> None:
    """Whether the boot may activate the group (lvmautoactivation(7)), whatever its name is now.

    uuid: '' where only the name is known. Raises Failure: VgNotFound (110013); 110243, 110244 for disks that are below
    something else; and as LVM's commands do.
    """
    if not uuid:
        lvm.set_autoactivation(vg, on)
        return
    group = lvm.find(uuid, vg)
    if group is None or group.uuid != uuid:
        raise Failure(VgNotFound(vg, uuid))
    metadata.refuse_disks_below(group)
    lvm.set_autoactivation(group.name, on, devices=group.devices)


def allow_autoactivation(facts: VgFacts, host: Host) -> None:
    """Let the boot activate the group again. Where its disks refuse, that is only told."""
    try:
        set_autoactivation(facts.name, facts.uuid, True, host.lvm_for(facts))
    except Failure as failure:
        host.tell(AutoactivationUnchanged(facts.name, str(failure)))
