"""Whether a volume group that nobody protects yet is active on another server of the cluster.

Before it has an owner LVM lets every server activate it, and the cluster knows nothing of it. Another server's kernel
is asked over ssh: a group that is in use there must not come up here as well.
"""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.extend import ActiveOutsideCluster, ActivityUnknown
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.messages.storage import CommandFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit

DMSETUP = ("/usr/sbin/dmsetup", "info", "-c", "--noheadings", "--separator", " ", "-o", "name,uuid")


def refuse_active_elsewhere(vg: VolumeGroup, kit: Kit, *, is_up_here: bool) -> None:
    """Refuse a group that another server that is online holds active; changes nothing.

    A server that does not answer is told of (110229); where the group is not up here either, that is not enough.
    Raises Failure: 110217 for each server that has it, 110036.
    """
    found: list[Message] = []
    silent: list[str] = []
    for server in _others(kit):
        try:
            volumes = _active_on(server, vg, kit)
        except Failure as failure:
            kit.tell(ActivityUnknown(vg.name, server, str(failure)))
            silent.append(server)
            continue
        found += [ActiveOutsideCluster(vg.name, server, volumes)] if volumes else []
    found += [MayBeActiveElsewhere(vg.name, tuple(silent))] if silent and not is_up_here else []
    if found:
        raise Failure(*found)


def _others(kit: Kit) -> tuple[str, ...]:
    if not kit.port.is_shared:
        return ()
    seen = kit.port.overview()
    return tuple(server.name for server in seen.servers if server.online and server.name != seen.local)


def _active_on(server: str, vg: VolumeGroup, kit: Kit) -> tuple[str, ...]:
    """The device-mapper names of the group's volumes that another server's kernel holds. Raises Failure."""
    from lvmkit.cluster import transport  # only where there are other servers

    answer = transport.run_on(server, DMSETUP, kit.settings, deadline=kit.settings.command_deadline)
    if answer.status:
        raise Failure(CommandFailed(answer.command, str(answer.status), answer.stderr.strip() or "it did not say why"))
    rows = (line.strip().partition(" ") for line in answer.stdout.splitlines())
    return tuple(name for name, _, uuid in rows if uuid.startswith(names.dm_uuid(vg.uuid)))
