"""What counts of a volume group: the volumes that something protected stands on.

A snapshot for the nightly backup or a scratch volume comes and goes as its owner likes, and the service is well all the
time. Which volumes are protected is asked only where something is wrong: the record of a start holds all of them.
"""

from __future__ import annotations

from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.faults import LvDegraded, LvGone, LvSuspended, LvUnhealthy, LvWrongTable, NotProtected
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from lvmkit.host import Host
    from lvmkit.model.facts import LvFacts, VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.record import ExpectedLv, Record
    from lvmkit.model.volumes import LogicalVolume, VolumeGroup

    SomeLv = TypeVar("SomeLv", ExpectedLv, LogicalVolume)

_OF_VOLUMES = (LvGone, LvSuspended, LvWrongTable, LvUnhealthy, LvDegraded)


def judged(
    faults: Sequence[Message], record: Record, group: VgFacts, host: Host, look: Callable[[Record], list[Message]]
) -> list[Message]:
    """The faults of a group: as they are for what is protected, and as notes for the rest.

    look: what is wrong with those volumes that a record names.
    """
    if not any(fault.level == ERROR or isinstance(fault, _OF_VOLUMES) for fault in faults):
        return list(faults)
    counted = counting(record, group, host)
    if counted.logical == record.logical:
        return list(faults)
    serious = dict.fromkeys(look(counted))
    notes = []
    for fault in faults:
        if isinstance(fault, _OF_VOLUMES) and fault not in serious:
            notes.append(NotProtected(fault.text))
    return [*serious, *notes]


def counting(record: Record, group: VgFacts, host: Host) -> Record:
    """The record with the volumes that count: all of them where none has a resource of its own."""
    volumes = _protected(group, host)
    if volumes is None:
        return record
    return replace(record, logical=_among(volumes, record.logical))


def needed(vg: VolumeGroup, group: VgFacts, host: Host) -> tuple[LogicalVolume, ...]:
    """The volumes without which a start has failed."""
    volumes = _protected(group, host)
    if volumes is None:
        return vg.expected
    return _among(volumes, vg.expected)


def _protected(group: VgFacts, host: Host) -> Sequence[LvFacts] | None:
    """The protected volumes of a group; None where all count, also where nobody can be asked."""
    if host.protected is None:
        return None
    try:
        return host.protected(group)
    except Failure:
        return None


def _among(volumes: Sequence[LvFacts], all_of_group: Iterable[SomeLv]) -> tuple[SomeLv, ...]:
    """The protected ones of a group's volumes: by UUID, or by name where only that is known."""
    uuids = {volume.uuid for volume in volumes if volume.uuid}
    named = {volume.name for volume in volumes if not volume.uuid}
    return tuple(lv for lv in all_of_group if lv.uuid in uuids or lv.name in named)
