"""Persistent reservations: the disks themselves refuse the writes of a server that was fenced and does not know it.

A start registers this server's key through every path, reserves the disk or takes the reservation from the server that
had it, and reads back what came of it, before the owner is written and anything is activated. Only a start registers,
because whoever is registered can write. All else that a cluster says of that server comes before: reservations add a
guard and replace none.

A key is "LV", 32 bits of the volume group's UUID, and the number that the cluster gives the server.
"""

from __future__ import annotations

import binascii
import os
from functools import partial

from lvmkit.model.messages import Failure
from lvmkit.model.messages.reservation import (
    MultipathdUntold,
    NodeNumberUnusable,
    NoReservations,
    ReservationContested,
    ReservationForeign,
    ReservationKept,
    ReservationKeyNotInFile,
    ReservationLost,
    ReservationNeedsOwner,
    ReservationRefused,
    ReservationSeen,
    ReservationTaken,
    ReservationUnread,
)
from lvmkit.model.value import Value
from lvmkit.storage import multipath, probe, registered, scsi
from lvmkit.storage.registered import Registration
from lvmkit.storage.reservations import REGISTRANTS_ONLY, Conflict, Disk, Refusal, Registrations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lvmkit.host import Host
    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.storage.probe import Ending
    from lvmkit.storage.scsi import ScsiDisk

_PREFIX = 0x4C56
_NODES = range(1, 1 << 16)
REGISTER, RESERVE, PREEMPT, DONE = "register", "reserve", "preempt", "done"
_MOST_ORDERS = 8
"""to one disk, beside one for each key that is registered"""
_FOREIGN, _CONTESTED, _REFUSED, _LOST, _TAKEN, _SEEN = "foreign", "contested", "refused", "lost", "taken", "seen"
_UNTOLD = "untold"
_MESSAGES: dict[str, type[Message]] = {
    _FOREIGN: ReservationForeign,
    _CONTESTED: ReservationContested,
    _REFUSED: ReservationRefused,
    _LOST: ReservationLost,
    _TAKEN: ReservationTaken,
    _UNTOLD: MultipathdUntold,
}
"""by the first word of what a child says; the rest is their last field"""
_WELL, _NOBODY, _BETWEEN, _UNSET = "", "nobody", "; ", "not set"


class Order(Value):
    """The next thing to do with a disk."""

    what: str
    """REGISTER, RESERVE, PREEMPT or DONE"""
    victim: int = 0
    """the key that is preempted"""


class Outcome(Value):
    """What a child says of a disk."""

    device: str
    kind: str
    """one of the words above; '' where all is well"""
    why: str


def key_of(vg_uuid: str, node: int) -> int:
    """The key of a server for a volume group. node: the cluster's number of the server, 1 to 65535."""
    return _PREFIX << 48 | binascii.crc32(vg_uuid.encode()) << 16 | node


def is_same_group(key: int, other: int) -> bool:
    """Whether two keys are of one volume group."""
    return key >> 16 == other >> 16


def described(key: int, own: int, servers: Mapping[int, str] | None = None) -> str:
    """A key as a reader may know it. own: of this volume group and any server.  servers: their names, if known."""
    if not is_same_group(key, own):
        return f"{key:#018x}"
    node = key & _NODES[-1]
    name = servers.get(node, "") if servers else ""
    return f"{key:#018x} ({name or f'node {node}'})"


def foreign_keys(seen: Registrations, own: int) -> tuple[int, ...]:
    """The keys that are not of this volume group; a reservation of all registrants has key 0."""
    holder = () if seen.holder is None else (seen.holder,)
    return tuple(dict.fromkeys(key for key in (*seen.keys, *holder) if not is_same_group(key, own)))


def next_order(seen: Registrations, own: int, paths: int, *, has_others: bool = False) -> Order:
    """What is to be done with a disk on which this server has just registered, and where nobody foreign is.

    own: this server's key.  paths: through how many it is registered.  has_others: further paths may be registered.
    """
    mine = seen.keys.count(own)
    if mine < paths:
        return Order(REGISTER)
    if seen.holder is None:
        return Order(RESERVE)
    if seen.holder != own or seen.type != REGISTRANTS_ONLY:
        return Order(PREEMPT, seen.holder)
    if mine > paths and not has_others:  # of a session that has gone: what holds the reservation may be that one
        return Order(PREEMPT, own)
    others = [key for key in seen.keys if key != own]
    return Order(PREEMPT, others[0]) if others else Order(DONE)


def against(vg: VolumeGroup, group: VgFacts, host: Host) -> tuple[Message, ...]:
    """Why a volume group cannot be guarded by reservations here, as far as is known without asking a disk.

    The cluster is asked for this server's number. Raises Failure where it does not answer.
    """
    if not group.has_owner:
        return (ReservationNeedsOwner(vg.name, "it has no owner that a start changes"),)
    if host.membership is None:
        return (ReservationNeedsOwner(vg.name, "this server is in no cluster"),)
    told: list[Message] = []
    node = _numbers(host).get(host.server)
    if node is None:
        told.append(ReservationNeedsOwner(vg.name, "the cluster gives its servers no numbers, of which keys are made"))
    elif node not in _NODES:
        told.append(NodeNumberUnusable(host.server, node))
    disks = disks_of(vg.devices)
    told += (NoReservations(vg.name, disk.device, disk.kind) for disk in disks if disk.kind)
    maps = tuple(disk.device for disk in disks if disk.is_multipath)
    return (*told, *_against_maps(vg.name, maps)) if maps else tuple(told)


def _against_maps(vg: str, maps: Sequence[str]) -> Iterator[Message]:
    """Why multipathd would not register paths that come back, by the configuration that it has read."""
    try:
        sources = multipath.key_sources()
    except multipath.Untold as untold:
        yield MultipathdUntold(vg, maps[0], str(untold))
        return
    for device in maps:
        source = multipath.source_of(device, sources)
        if source != multipath.IN_FILE:
            yield ReservationKeyNotInFile(vg, device, source or _UNSET)


def against_disks(vg: VolumeGroup, group: VgFacts, host: Host) -> tuple[Message, ...]:
    """The same, and what is registered with the disks. Nothing is changed."""
    told = against(vg, group, host)
    if told:
        return told
    own = key_of(vg.uuid, _numbers(host)[host.server])
    work = partial(_refused_at_once, own=own)
    return _messages(vg.name, _outcomes(disks_of(vg.devices), work, host.settings.probe_deadline))


def claim(vg: str, vg_uuid: str, devices: Iterable[str], host: Host) -> None:
    """Reserve the disks of a volume group for this server; all guards but the owner must have agreed.

    devices: of its physical volumes. A disk that is reserved for this server stays so.
    Raises Failure, with every disk that refused (110472-110474); some of the others may be reserved then, which
    release() gives up. 110082 where it could not be noted what to give up, and nothing was changed.
    """
    own = key_of(vg_uuid, _numbers(host)[host.server])
    disks = disks_of(devices)
    noted = registered.load(host.paths, vg_uuid)
    known = noted.disks if noted else ()
    both = tuple(dict.fromkeys((*(disk.device for disk in disks), *known)))
    registered.store(host.paths, vg_uuid, Registration(own, both))
    told = _messages(vg, _outcomes(disks, partial(reserve_disk, own=own), host.time_left))
    if told:
        raise Failure(*told)


def follow(vg: str, vg_uuid: str, devices: Iterable[str], host: Host) -> None:
    """Where this server holds the disks of a volume group, hold those that have come to it, and let go of others.

    devices: of its physical volumes now. Raises Failure as claim(), and where the disks are not held as they were
    (110475, 110476): only a start may take them again.
    """
    noted = registered.load(host.paths, vg_uuid)
    if noted is None:
        return
    present = tuple(disk.device for disk in disks_of(devices))
    staying = tuple(device for device in noted.disks if device in present)
    told = _messages(vg, _outcomes(disks_of(staying), partial(look_at, own=noted.key), host.settings.probe_deadline))
    if told:
        raise Failure(*told)
    claim(vg, vg_uuid, devices, host)
    _unregister(vg, noted.key, tuple(device for device in noted.disks if device not in present), host)
    registered.store(host.paths, vg_uuid, Registration(noted.key, present))


def release(vg: str, vg_uuid: str, host: Host) -> None:
    """Take this server's registrations away, and its reservations with them. What does not work is told."""
    try:
        noted = registered.load(host.paths, vg_uuid)
        if noted is not None:
            _unregister(vg, noted.key, noted.disks, host)
        registered.drop(host.paths, vg_uuid)
    except Failure as failure:
        for message in failure.messages:
            host.tell(message)


def question(disk: ScsiDisk, own: int) -> Callable[[], bytes]:
    """For a child: whether a disk is held as a start has left it. own: the key of that start."""
    return partial(_told, partial(look_at, own=own), disk)


def fault(vg: str, disk: ScsiDisk, ending: Ending, deadline: float) -> tuple[Message, ...]:
    """What the answer to question() says; () where it is held."""
    outcome = _outcome(disk, ending, deadline)
    if outcome.kind == _REFUSED:
        return (ReservationUnread(vg, disk.device, outcome.why),)
    return _messages(vg, (outcome,))


def shown(vg: VolumeGroup, host: Host) -> tuple[Message, ...]:
    """Who is registered with the disks of a volume group, and who holds them."""
    servers = {number: name for name, number in _numbers(host).items()}
    work = partial(_show, own=key_of(vg.uuid, 0), servers=servers)
    told: list[Message] = []
    for outcome in _outcomes(disks_of(vg.devices), work, host.settings.probe_deadline):
        if outcome.kind == _SEEN:
            holder, *keys = outcome.why.split(_BETWEEN)
            told.append(ReservationSeen(vg.name, outcome.device, holder, tuple(keys)))
        else:
            told.append(ReservationUnread(vg.name, outcome.device, outcome.why))
    return tuple(told)


def disks_of(devices: Iterable[str]) -> tuple[ScsiDisk, ...]:
    """The disks that physical volumes are on, each once."""
    return tuple(dict.fromkeys(map(scsi.disk_below, devices)))


def _numbers(host: Host) -> Mapping[str, int]:
    return host.membership.numbers() if host.membership else {}


def _unregister(vg: str, key: int, devices: Iterable[str], host: Host) -> None:
    disks = tuple(disk for disk in disks_of(devices) if disk.paths)
    for outcome in _outcomes(disks, partial(leave, own=key), host.settings.probe_deadline):
        host.tell(ReservationKept(vg, outcome.device, outcome.why, f"{key:#018x}"))


# -- what is done with one disk, in a child


def _refused_at_once(disk: Disk, own: int) -> str:
    """Why it could not be reserved, whoever came to do it."""
    if not disk.capabilities().has_type:
        return f"{_REFUSED} it does not know type {REGISTRANTS_ONLY}"
    keys = foreign_keys(disk.registrations(), own)
    return f"{_FOREIGN} {', '.join(described(key, own) for key in keys)}" if keys else _WELL


def reserve_disk(disk: Disk, own: int) -> str:
    """Register, reserve it or take it over, and read back; what kept it from that, '' where it is done.

    Raises OSError, Refusal.
    """
    refused = _refused_at_once(disk, own)
    if refused:
        return refused
    persist = disk.capabilities().persists
    disk.register(own, persist=persist)
    seen = disk.registrations()
    for _ in range(_MOST_ORDERS + len(seen.keys)):
        order = next_order(seen, own, len(disk.paths), has_others=disk.is_multipath)
        if order.what == DONE:
            return _WELL
        if order.what == REGISTER:
            disk.register(own, persist=persist)
        elif order.what == RESERVE:
            disk.reserve(own)
        else:
            disk.preempt(own, order.victim)
        seen = disk.registrations()
    return f"{_CONTESTED} registrations change all the time"


def look_at(disk: Disk, own: int) -> str:
    """Why it is not held as a start with this key has left it; '' where it is. Raises OSError, Refusal."""
    seen = disk.registrations()
    if seen.holder is None:
        return f"{_LOST} nothing is reserved, so every server can write"
    if seen.holder != own:
        return f"{_TAKEN} {described(seen.holder, own)}"
    if seen.type != REGISTRANTS_ONLY:
        return f"{_LOST} the reservation is of type {seen.type}"
    others = tuple(described(key, own) for key in dict.fromkeys(seen.keys) if key != own)
    if others:
        return f"{_LOST} {', '.join(others)} is registered too and can write"
    persist = disk.capabilities().persists
    strange = tuple(path for path in disk.paths if not _is_registered(disk, path, own, persist))
    return f"{_LOST} not registered through {', '.join(strange)}" if strange else _WELL


def _is_registered(disk: Disk, path: str, own: int, persist: bool) -> bool:
    """Whether a path is registered. One that is dead is other checks' matter."""
    try:
        return disk.confirm(path, own, persist=persist)
    except OSError:
        return True


def leave(disk: Disk, own: int) -> str:
    """Take the key away, and the reservation with it. Raises OSError, Refusal, multipath.Untold."""
    try:
        if disk.registrations().keys.count(own) > len(disk.paths):  # paths that are dead cannot do it themselves
            disk.preempt(own, own)
    finally:
        disk.unregister(own)
    return _WELL


def _show(disk: Disk, own: int, servers: Mapping[int, str]) -> str:
    seen = disk.registrations()
    holder = _NOBODY if seen.holder is None else described(seen.holder, own, servers)
    keys = (described(key, own, servers) for key in dict.fromkeys(seen.keys))
    return f"{_SEEN} {_BETWEEN.join((holder, *keys))}"


# -- and what comes back of it


def _outcomes(disks: Sequence[ScsiDisk], work: Callable[[Disk], str], deadline: float) -> tuple[Outcome, ...]:
    """What there is to say of each disk, in their order; nothing of those where all is well."""
    endings = probe.all_bounded([partial(_told, work, disk) for disk in disks], deadline, acts=True)
    outcomes = (_outcome(disk, ending, deadline) for disk, ending in zip(disks, endings))
    return tuple(outcome for outcome in outcomes if outcome.kind)


def _told(work: Callable[[Disk], str], disk: ScsiDisk) -> bytes:
    """What a child says. Raises OSError."""
    try:
        return work(Disk(disk).reachable()).encode()
    except Conflict as conflict:
        return f"{_CONTESTED} {conflict}".encode()
    except Refusal as refusal:
        return f"{_REFUSED} {refusal}".encode()
    except multipath.Untold as untold:
        return f"{_UNTOLD} {untold}".encode()


def _outcome(disk: ScsiDisk, ending: Ending, deadline: float) -> Outcome:
    if ending.hung:
        return Outcome(disk.device, _REFUSED, f"no answer within {deadline:.1f} s")
    if ending.error:
        return Outcome(disk.device, _REFUSED, os.strerror(ending.error))
    kind, _, why = ending.result.decode().partition(" ")
    return Outcome(disk.device, kind, why)


def _messages(vg: str, outcomes: Iterable[Outcome]) -> tuple[Message, ...]:
    return tuple(_MESSAGES[outcome.kind](vg, outcome.device, outcome.why) for outcome in outcomes if outcome.kind)
