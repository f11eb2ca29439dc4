"""Volume groups on replicated devices, as create and the moves have to do with them.

The order is that of every replicated device: the replica is protected first, and then what stands on it. What speaks
against a group is told before anything is done.
"""

from __future__ import annotations

import os

from lvmkit.model import names
from lvmkit.model.instance import AUTOMATIC
from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.replication import (
    DualPrimary,
    LvBelowReplica,
    MixedReplicas,
    ReplicaAlone,
    ReplicaDown,
    ReplicaFenced,
    ReplicaNotReady,
    ReplicaSwitchback,
    ReplicaUnmanaged,
    ReplicaWithoutName,
    SplitBrain,
)
from lvmkit.model.volumes import LogicalVolume, PhysicalVolume, VolumeGroup
from lvmkit.resources import replicated
from lvmkit.resources.replicated import Drbd
from lvmkit.storage import drbd, exports, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lvmkit.model.facts import DeviceFacts, LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import Layer, Stack
    from lvmkit.plan import Kit
    from lvmkit.resources.replicated import Replica

    Below = tuple[tuple[str, Layer], ...]
    """(PV UUID, the PV's device with all below it) of each physical volume"""

_PLAIN = "{device}, which is not replicated"


def refuse(storage: Stack, switchback: str, kit: Kit) -> None:
    """Raises Failure with all that replication says against protecting a stack; changes nothing.

    A replica that is not whole is told of. switchback: that the group is to have.
    Failures: 110426, 110431-110436, and as drbdsetup's and the engine's.
    """
    told = (*_against_volume(storage), *against_group(storage.vg, storage.devices, kit))
    found = replicas(storage.devices)
    if switchback == AUTOMATIC and found:
        told += (ReplicaSwitchback(storage.vg.name, found[0].name),)
    raise_errors(told)
    for warning in told:
        kit.tell(warning)


def against_group(vg: VolumeGroup, devices: Below, kit: Kit) -> Iterator[Message]:
    """What the replicated devices below a volume group that LVM sees here say against protecting it; also warnings."""
    yield from against_mixture(vg.name, devices, kit)
    resources: dict[str, None] = {}
    for replica in replicas(devices):
        if isinstance(replica, Drbd) and replica.named is None:
            yield ReplicaWithoutName(vg.name, replica.name)
        elif isinstance(replica, Drbd):
            resources[replica.resource] = None
    for resource in resources:
        yield from _against_resource(resource, vg.name, kit)


def against_mixture(vg: str, devices: Below, kit: Kit) -> Iterator[Message]:
    """Whether a group stands on several things that fail over one by one, where there is a server to go to."""
    units = tuple(dict.fromkeys(map(_unit, devices)))
    if len(units) > 1 and replicas(devices) and kit.port.capabilities.several_servers:
        yield MixedReplicas(vg, units)


def volumes(group: VgFacts) -> tuple[drbd.Volume, ...]:
    """The volumes of DRBD on which a group stands as it is recorded; () where anything else is among its disks.

    group: with its devices.
    """
    named = tuple(drbd.volume_at(device.id) for device in group.devices)
    known = tuple(volume for volume in named if volume is not None)
    return known if len(known) == len(named) else ()


def is_elsewhere(group: VgFacts) -> bool:
    """Whether the group's replicated devices cannot be read here: then LVM knows nothing of it, and is not asked."""
    numbers = (sysfs.number_of(volume.path) for volume in volumes(group))
    return any(not number or drbd.is_secondary(number) for number in numbers)


def stand_in(group: VgFacts, logical: Iterable[LvFacts] = ()) -> VolumeGroup:
    """A group as LVM would report it here, were its devices not Secondary; sizes are not known.

    group: as it is recorded, with its devices.  logical: its volumes, as far as they count.
    """
    physical = tuple(map(_stand_in, group.devices))
    known = tuple(LogicalVolume(volume.uuid, volume.name, volume.kind, 0) for volume in logical)
    return VolumeGroup(group.uuid, group.name, 0, False, "", False, physical, known)


def _stand_in(device: DeviceFacts) -> PhysicalVolume:
    is_there = bool(sysfs.number_of(device.id))
    return PhysicalVolume(device.pv_uuid, os.path.realpath(device.id) if is_there else "", 0, not is_there)


def against_takeover(group: VgFacts, kit: Kit, *, from_other: bool) -> Iterator[Message]:
    """Why the cluster would not promote the devices of a group here, or must not. Nothing is read from them.

    from_other: another server has it in service, so the two must see each other.
    """
    own = kit.port.local_server()
    for resource, own_volumes in _by_resource(group).items():
        lacking = [volume for volume in own_volumes if not sysfs.number_of(volume.path)]
        yield from (ReplicaDown(group.name, volume.path, resource) for volume in lacking)
        if lacking:
            continue
        try:
            state = drbd.state(resource, own, deadline=kit.settings.command_deadline)
        except Failure as failure:
            yield from failure.messages
            continue
        if state.is_stand_alone and drbd.is_split(own_volumes[0]):
            yield SplitBrain(group.name, resource, own, state.connection)
        elif not (state.is_ready if from_other else state.disk == drbd.UP_TO_DATE):
            yield ReplicaNotReady(own, group.name, resource, state.connection, state.disk)
        elif kit.port.fenced_off(resource, own):
            yield ReplicaFenced(own, group.name, resource, kit.port.fenced_off(resource, own))


def against_promoter(group: VgFacts, kit: Kit) -> Iterator[Message]:
    """Resources of a protected group that the engine would have to promote, and does not run."""
    for resource in _by_resource(group):
        if kit.port.promoter_of(resource) == "":
            yield ReplicaUnmanaged(group.name, resource)


def findings(group: VgFacts, kit: Kit) -> Iterator[Message]:
    """What there is to say of the replicated devices of a protected group on this server, in service or not."""
    own = kit.port.local_server()
    yield from against_promoter(group, kit)
    for resource, own_volumes in _by_resource(group).items():
        if not sysfs.number_of(own_volumes[0].path):
            yield ReplicaDown(group.name, own_volumes[0].path, resource)
            continue
        state = drbd.state(resource, own, deadline=kit.settings.command_deadline)
        if state.is_stand_alone and drbd.is_split(own_volumes[0]):
            yield SplitBrain(group.name, resource, own, state.connection)
            continue
        for volume in own_volumes:
            if state.wear(volume.number):
                yield ReplicaAlone(group.name, volume.path, state.wear(volume.number))


def _by_resource(group: VgFacts) -> dict[str, list[drbd.Volume]]:
    resources: dict[str, list[drbd.Volume]] = {}
    for volume in volumes(group):
        resources.setdefault(volume.resource, []).append(volume)
    return resources


def replicas(devices: Below) -> tuple[Replica, ...]:
    """The replicated devices on which physical volumes lie, also through other layers; each once."""
    found = (_first(layer) for _, layer in devices)
    return tuple(dict.fromkeys(replica for replica in found if replica is not None))


def _unit(device: tuple[str, Layer]) -> str:
    replica = _first(device[1])
    return replica.unit if replica else _PLAIN.format(device=device[1].path)


def _first(layer: Layer) -> Replica | None:
    """The uppermost replicated device of a stack."""
    here = replicated.replica_at(layer.number)
    below = (_first(each) for each in layer.below)
    return here or next((each for each in below if each is not None), None)


def _against_resource(resource: str, vg: str, kit: Kit) -> Iterator[Message]:
    if kit.port.promoter_of(resource) == "":
        yield ReplicaUnmanaged(vg, resource)
    try:
        state = drbd.state(resource, kit.port.local_server(), deadline=kit.settings.command_deadline)
    except Failure as failure:
        yield from failure.messages
        return
    if state.has_other_primary:
        yield DualPrimary(vg, resource)
    for volume, _ in state.disks:
        if state.wear(volume):
            yield ReplicaAlone(vg, drbd.Volume(resource, volume).path, state.wear(volume))


def _against_volume(storage: Stack) -> Iterator[LvBelowReplica]:
    """Whether the volume is itself what a replica stands on, so that it is no service's."""
    number = sysfs.number_of_dm(names.dm_uuid(storage.vg.uuid, storage.lv.uuid))
    yield from (LvBelowReplica(f"{storage.vg.name}/{storage.lv.name}", each) for each in _above(number))


def _above(number: str) -> Iterable[str]:
    """What is replicated and stands on a device."""
    holders: list[str] = []
    for block in sysfs.holders(number) if number else ():
        if replicated.replica_at(block.number) is not None:
            holders.append(f"/dev/{block.name}")
    export = exports.of_device(number) if number else ""
    return [*holders, f"the nbd export {export}"] if export else holders
