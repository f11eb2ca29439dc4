"""Whether the disks of a volume group are still reserved as its start has left them, as a deep check asks.

They are those of the record: a disk that has come to the group since is reserved by reconfigure or the next start.
"""

from __future__ import annotations

from lvmkit.guards import reservation
from lvmkit.model.messages.reservation import ReservationLost
from lvmkit.storage import registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.host import Host
    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.resources.reading import Answers

    Question = tuple[str, Callable[[], bytes]]


def questions(record: Record, host: Host) -> tuple[Question, ...]:
    """For each disk what a child is to ask it; none where no start has noted a key. Raises Failure (110067)."""
    noted = registered.load(host.paths, record.vg_uuid)
    if noted is None:
        return ()
    disks = reservation.disks_of(pv.device for pv in record.physical)
    return tuple((disk.device, reservation.question(disk, noted.key)) for disk in disks if disk.paths)


def faults(record: Record, answers: Answers, host: Host) -> list[Message]:
    """What is wrong with their reservations. A disk that has gone is other checks' matter. Raises Failure (110067)."""
    disks = reservation.disks_of(pv.device for pv in record.physical)
    is_noted = registered.load(host.paths, record.vg_uuid) is not None
    told: list[Message] = []
    for disk in disks:
        ending = answers.of_reservation(disk.device)
        if ending is not None:
            told += reservation.fault(record.vg, disk, ending, answers.deadline)
        elif disk.paths and not is_noted:
            told.append(ReservationLost(record.vg, disk.device, "no start on this server has reserved it"))
    return told
