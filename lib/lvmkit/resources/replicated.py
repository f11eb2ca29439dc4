"""Replicated devices below volume groups: DRBD, and md with a leg on another server (nbd), as LifeKeeper's Data
Replication builds it. What is known of each: is it primary here, and is it whole?

The kit never promotes. In a cluster the engine does, before it starts the group; else whoever runs the replica.
"""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.messages.replication import ReplicaAlone, ReplicaDown, ReplicaFrozen, ReplicaSecondary
from lvmkit.model.value import Value, replace
from lvmkit.storage import drbd, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from lvmkit.host import Host
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.record import ExpectedPv, Record
else:
    Protocol = object

_NETWORK_DISK = "43:"
"""nbd's major number (the kernel's admin-guide/devices.txt)"""


class Replica(Protocol):
    """A replicated device on this server."""

    @property
    def name(self) -> str:
        """How a reader knows it."""

    @property
    def unit(self) -> str:
        """What fails over as one: equal for devices that are promoted together."""


class Drbd(Value):
    """A volume of a DRBD resource; named '' where udev has not named it."""

    number: str
    """major:minor"""
    named: drbd.Volume | None

    @property
    def name(self) -> str:
        """Its path."""
        return self.named.path if self.named else f"/dev/{sysfs.kernel_name(self.number)}"

    @property
    def resource(self) -> str:
        """As DRBD's configuration names it."""
        return self.named.resource if self.named else ""

    @property
    def unit(self) -> str:
        """Its resource."""
        return f"DRBD resource {self.resource}"

    def is_primary(self) -> bool:
        """Whether it can be used here, as sysfs says."""
        return not drbd.is_secondary(self.number)

    def wear(self) -> str:
        """Why what is written now is not on two servers, '' where it is. Of 9 the kernel shows only whether there is a
        disk."""
        seen = drbd.glimpse(self.number)
        if seen is not None:
            return seen.wear
        return "" if sysfs.slaves(self.number) else f"disk here {drbd.DISKLESS}"

    def is_frozen(self) -> bool:
        """Whether all reads and writes wait for something. Of 8.4 the kernel shows it."""
        seen = drbd.glimpse(self.number)
        return seen is not None and seen.is_frozen


class NetworkMirror(Value):
    """An md array with a leg on another server. Where it is assembled it is in use, and it goes on without a leg, which
    is every array's matter (PvDegraded)."""

    number: str

    @property
    def name(self) -> str:
        """Its path."""
        return f"/dev/{sysfs.kernel_name(self.number)}"

    @property
    def unit(self) -> str:
        """Itself."""
        return self.name


def replica_at(number: str) -> Replica | None:
    """The replicated device with a number (major:minor); None where it is none."""
    if sysfs.is_drbd(number):
        return Drbd(number, drbd.volume_of(number))
    array = sysfs.array(number)
    if array is not None and any(slot.number.startswith(_NETWORK_DISK) for slot in array.slots):
        return NetworkMirror(number)
    return None


def against_start(facts: VgFacts) -> tuple[Message, ...]:
    """What the replicated devices among a group's recorded disks say against a start here.

    It is asked before LVM is, which sees nothing on a Secondary, or worse, sees the disk below it. No process.
    """
    told: list[Message] = []
    for device in facts.devices:
        volume = drbd.volume_at(device.id)
        if volume is None:
            continue
        number = sysfs.number_of(device.id)
        if not number:
            told.append(ReplicaDown(facts.name, device.id, volume.resource))
        elif drbd.is_secondary(number):
            told.append(ReplicaSecondary(facts.name, device.id, volume.resource))
    return tuple(told)


def faults(record: Record) -> Iterator[Message]:
    """What is wrong with the replicated devices of a group that is up, as the kernel shows it by itself.

    A lost replica is a warning, also where both sides have changes: an engine that heard of a failure would start the
    other side's data in the place of these.
    """
    for replica in _replicas(record.physical).values():
        wear = replica.wear()
        if not replica.is_primary():
            yield ReplicaSecondary(record.vg, replica.name, replica.resource)
        elif replica.is_frozen():
            yield ReplicaFrozen(record.vg, replica.name)
        elif wear:
            yield ReplicaAlone(record.vg, replica.name, wear)


def deep_faults(record: Record, host: Host) -> list[Message]:
    """The same where the kernel does not show it by itself (DRBD 9) and its tool must be asked."""
    told: list[Message] = []
    asked = _asked(record, host)
    for replica in _replicas(record.physical).values():
        if replica.named is not None and replica.resource in asked:
            told += _told(record.vg, replica.named, asked[replica.resource])
    return told


def readable(record: Record, host: Host) -> Record:
    """The record without disks of which a read would not come back at present: that is no failure of theirs.

    Where nobody can say whether it would, the read is to show it.
    """
    asked = _asked(record, host)
    frozen: set[str] = set()
    for number, replica in _replicas(record.physical).items():
        state = asked.get(replica.resource)
        if replica.is_frozen() or (isinstance(state, drbd.State) and state.is_frozen):
            frozen.add(number)
    return replace(record, physical=tuple(pv for pv in record.physical if pv.number not in frozen))


def _replicas(physical: Iterable[ExpectedPv]) -> dict[str, Drbd]:
    """Those of DRBD that are there, by number."""
    numbers = (pv.number for pv in physical if sysfs.is_drbd(pv.number) and sysfs.kernel_name(pv.number))
    return {number: Drbd(number, drbd.volume_of(number)) for number in numbers}


def _asked(record: Record, host: Host) -> dict[str, drbd.State | Failure]:
    """What the tool says of each resource of which the kernel does not show the states by itself."""
    states: dict[str, drbd.State | Failure] = {}
    for number, replica in _replicas(record.physical).items():
        resource = replica.resource
        if resource and resource not in states and drbd.glimpse(number) is None:
            try:
                states[resource] = drbd.state(resource, host.server, deadline=host.settings.deep_deadline)
            except Failure as failure:
                states[resource] = failure
    return states


def _told(vg: str, volume: drbd.Volume, state: drbd.State | Failure) -> Iterator[Message]:
    if isinstance(state, Failure):
        yield ReplicaAlone(vg, volume.path, f"its state is not known ({state.messages[0].text})")
    elif state.is_frozen:
        yield ReplicaFrozen(vg, volume.path)
    elif state.wear(volume.number):
        yield ReplicaAlone(vg, volume.path, state.wear(volume.number))
