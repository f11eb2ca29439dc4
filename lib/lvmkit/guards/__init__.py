"""Who may activate a volume group here: the guards, and their order, which only this module knows.

1. metadata: it is the right one, whole, once, not exported, and on disks that nothing else has a claim on;
2. membership: its previous owner was fenced, or the cluster has stopped it there;
3. elsewhere: no other server's kernel holds it, as far as they can be asked;
4. reservation, where it is wanted: its disks refuse the writes of all other servers;
5. system_id: this server becomes its owner, or it has none.

Each module has against(), which tells every reason and changes nothing. There is no value that leaves a guard out:
what does not apply is another question, and has a function of its own.
"""

from __future__ import annotations

from lvmkit.guards import elsewhere, membership, metadata, system_id
from lvmkit.guards.elsewhere import Holdings
from lvmkit.model.messages import Failure, errors, raise_errors
from lvmkit.model.messages.extend import ActivityUnknown
from lvmkit.model.messages.ownership import OwnerChanged
from lvmkit.model.messages.service import MayBeActiveElsewhere
from lvmkit.model.standing import FENCED, VOUCHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from lvmkit.host import Host, Membership
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup


FENCED_PATIENCE = 2.0
"""seconds for the answer of a server that was fenced: a failover waits for it"""


def admit(vg: VolumeGroup, group: VgFacts, host: Host) -> VolumeGroup:
    """Let a protected volume group be activated here; returns it as it is then.

    vg: as LVM reports it.  group: as its resource describes it; where that has an owner, it is this server then.
    Nothing was changed where it raises Failure, with every reason of the first guard that refuses: 110014-110019,
    110134, 110135, 110138, 110217, 110240-110244, 110331, 110471, 110480, 110481; and as asking LVM and the cluster
    does. Disks may be reserved then: 110472-110474 where one of them cannot be, 110137 if the owner that was written is
    not read back. A stop gives them up.
    """
    return _admit(vg, group, host, metadata.against(vg, group, host.settings))


def admit_by_name(vg: VolumeGroup, group: VgFacts, host: Host) -> VolumeGroup:
    """The same for a resource that names the volume group and does not say its UUID, as an agent's may.

    It cannot be guarded by reservations: a stop that finds nothing would not know what to give up.
    """
    told = metadata.against_any(vg, host.settings, group)
    if group.is_reserved:
        from lvmkit.model.messages.reservation import ReservationNeedsOwner  # most groups do without

        told = (*told, ReservationNeedsOwner(vg.name, "its resource does not give its UUID (vg_uuid)"))
    return _admit(vg, group, host, told)


def admit_volume(vg: VolumeGroup, group: VgFacts, host: Host) -> None:
    """The same for one volume of a group, which never changes the owner. Raises Failure as admit()."""
    _refuse(metadata.against(vg, group, host.settings), host)
    _refuse_foreign(vg, group, host)


def against_start(vg: VolumeGroup, group: VgFacts, host: Host) -> tuple[Message, ...]:
    """Why a start here would be refused, as far as one report of LVM tells. No other server is asked."""
    foreign = () if group.has_owner else system_id.against(vg, host.lvm)
    told = (*metadata.against(vg, group, host.settings), *foreign)
    return errors(told)


def against_protection(vg: VolumeGroup, host: Host) -> tuple[Message, ...]:
    """Why a volume group that nothing protects yet cannot be protected here, as it is; also warnings."""
    foreign = system_id.against_protection(vg, host.server, host.lvm)
    return (*metadata.against_any(vg, host.settings), *foreign)


def refuse_active_elsewhere(vg: VolumeGroup, host: Host, *, is_up_here: bool) -> None:
    """Ask every other server before a volume group that nothing protects yet is protected here; changes nothing.

    A server that does not answer is told of (110229); where the group is not up here either, that is not enough.
    Raises Failure: 110217 for each server that has it, 110036.
    """
    answers = held(vg.name, vg.uuid, _others(host), host)
    refused = [*elsewhere.against(vg.name, answers)]
    if answers.silent and not is_up_here:
        refused.append(MayBeActiveElsewhere(vg.name, tuple(server for server, _ in answers.silent)))
    if refused:
        raise Failure(*refused)


def refuse_held(vg: str, vg_uuid: str, servers: tuple[str, ...], host: Host) -> None:
    """Refuse to bring in service what a kernel holds on a server where the cluster has not started it.

    servers: those on which it is not started; this one may be among them. Who does not answer is told of (110229), and
    is no refusal: whether the volume group may be taken over, its start will ask. Raises Failure (110217).
    """
    answers = held(vg, vg_uuid, servers, host)
    refused = elsewhere.against(vg, answers)
    if refused:
        raise Failure(*refused)


def held(vg: str, vg_uuid: str, servers: tuple[str, ...], host: Host) -> Holdings:
    """Which of these servers' kernels hold a volume group; who does not answer is told of (110229)."""
    if not servers:
        return Holdings()
    answers = elsewhere.ask(servers, vg_uuid, host.server, host.peers, patience=host.settings.peer_patience)
    for server, why in answers.silent:
        host.tell(ActivityUnknown(vg, server, why))
    return answers


def _admit(vg: VolumeGroup, group: VgFacts, host: Host, told: tuple[Message, ...]) -> VolumeGroup:
    """The guards in their order. told: by the first one."""
    _refuse(told, host)
    if group.is_reserved:
        _refuse(_reservation().against(vg, group, host), host)
    if not group.has_owner or host.membership is None:
        _refuse_foreign(vg, group, host)
        return vg
    _refuse(system_id.against_name(host.server), host)
    if vg.system_id != host.server:
        _refuse_change(vg, group, host, host.membership)
    if group.is_reserved:
        _reservation().claim(vg.name, vg.uuid, vg.devices, host)
    return vg if vg.system_id == host.server else _take(vg, host)


def _reservation() -> ModuleType:
    from lvmkit.guards import reservation  # most groups do without

    return reservation


def _refuse_change(vg: VolumeGroup, group: VgFacts, host: Host, members: Membership) -> None:
    """Raises Failure unless this server may become the owner in the place of another, or of nobody."""
    _refuse(system_id.against_minority(vg, host.server), host)
    if vg.system_id:
        _refuse_owner(vg, group, host, members)
    _refuse_held(vg, group, host)


def _refuse_foreign(vg: VolumeGroup, group: VgFacts, host: Host) -> None:
    """Raises Failure where the owner is another one and is not changed here; or, where there is none, another server
    holds the volume group."""
    if group.has_owner:
        _refuse(system_id.against_protection(vg, host.server, host.lvm), host)
    else:
        _refuse(system_id.against(vg, host.lvm), host)
    if not vg.system_id:
        _refuse_held(vg, group, host)


def _refuse_owner(vg: VolumeGroup, group: VgFacts, host: Host, members: Membership) -> None:
    """Raises Failure unless the previous owner has let go."""
    standing = members.standing(vg.system_id, group.tag)
    _refuse(membership.against(vg, standing, group.tag, host.server, host.lvm), host)


def _refuse_held(vg: VolumeGroup, group: VgFacts, host: Host) -> None:
    """Raises Failure where another server says that it holds the volume group.

    Silence is no refusal where the owner has let go, for LVM keeps all others from it. It is one where there is no
    owner and the cluster does not vouch for the server.
    """
    members = host.membership
    if members is None:
        return
    standings = {each: members.standing(each, group.tag).kind for each in _others(host)}
    asked = tuple(server for server, kind in standings.items() if kind != FENCED)
    answers = held(vg.name, vg.uuid, asked, host)
    _refuse(elsewhere.against(vg.name, answers), host)
    _refuse_fenced_alive(vg, tuple(server for server in standings if server not in asked), host)
    doubtful = tuple(server for server, _ in answers.silent if standings[server] not in VOUCHED)
    if doubtful and not vg.system_id:
        raise Failure(MayBeActiveElsewhere(vg.name, doubtful))


def _refuse_fenced_alive(vg: VolumeGroup, servers: tuple[str, ...], host: Host) -> None:
    """Raises Failure where a server that counts as fenced says that it holds the volume group.

    A device may report a fencing that has not happened, as one by sbd where no sbd runs on the server. Whoever is dead
    says nothing, so the others are not kept waiting for it.
    """
    if not servers:
        return
    patience = min(FENCED_PATIENCE, host.settings.peer_patience)
    answers = elsewhere.ask(servers, vg.uuid, host.server, host.peers, patience=patience)
    _refuse(elsewhere.against(vg.name, answers), host)


def _others(host: Host) -> tuple[str, ...]:
    members = host.membership.servers() if host.membership else ()
    return tuple(server for server in members if server != host.server)


def _take(vg: VolumeGroup, host: Host) -> VolumeGroup:
    owned = system_id.take(vg, host.server, host.lvm)
    host.tell(OwnerChanged(vg.name, owned.system_id, vg.system_id))
    return owned


def _refuse(told: tuple[Message, ...], host: Host) -> None:
    """Tell the warnings. Raises Failure with the errors, and then tells nothing."""
    raise_errors(told)
    for warning in told:
        host.tell(warning)
