"""Whether a volume group that nobody protects yet is active on another server of the cluster.

Before it has an owner LVM lets every server activate it, and the cluster knows nothing of it. Another server's kernel
is asked over ssh: a group that is in use there must not come up here as well.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown
from lvmkit.model.messages.service import MayBeActiveElsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit


def refuse_active_elsewhere(vg: VolumeGroup, kit: Kit, *, is_up_here: bool) -> None:
    """Refuse a group that another server that is online holds active; changes nothing.

    A server that does not answer is told of (110229); where the group is not up here either, that is not enough.
    Raises Failure: 110217 for each server that has it, 110036.
    """
    found: list[Message] = []
    silent: list[str] = []
    for server, volumes in _asked(vg, kit).items():
        if isinstance(volumes, Failure):
            kit.tell(ActivityUnknown(vg.name, server, str(volumes)))
            silent.append(server)
        elif volumes:
            found.append(ActiveOutsideCluster(vg.name, server, volumes))
    found += [MayBeActiveElsewhere(vg.name, tuple(silent))] if silent and not is_up_here else []
    if found:
        raise Failure(*found)


def _others(kit: Kit) -> tuple[str, ...]:
    if not kit.port.is_shared:
        return ()
    seen = kit.port.overview()
    return tuple(server.name for server in seen.servers if server.online and server.name != seen.local)


def _asked(vg: VolumeGroup, kit: Kit) -> dict[str, tuple[str, ...] | Failure]:
    """For each other server the device-mapper names of the group's volumes there, or why it does not say."""
    others = _others(kit)
    if not others:
        return {}
    from lvmkit.peer import ask  # only where there are other servers
    from lvmkit.peer.remote import remote_kit

    kits = [remote_kit(server, kit.paths, kit.settings) for server in others]
    return ask.active_volumes_on_each(kits, vg.uuid, deadline=kit.settings.command_deadline)
