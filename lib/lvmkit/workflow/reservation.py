"""Persistent reservations of the disks of volume groups, as create, delete and reconfigure have to do with them.

A start takes the reservation (guards/reservation.py). create takes it too, because Pacemaker does not start what is up
already; and none of the steps here takes it in a later run, or back: another server may have it by then.
"""

from __future__ import annotations

from lvmkit.guards import reservation
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.reservation import ReservationByLvm, ReservationNotAlone
from lvmkit.model.phrase import Phrase
from lvmkit.model.settings import NO_RESERVATION
from lvmkit.plan import Step
from lvmkit.resources import locks
from lvmkit.storage import lvmsight
from lvmkit.workflow import owner
from lvmkit.workflow.renew import find_group
from lvmkit.workflow.subject import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.messages import Message
    from lvmkit.model.volumes import VolumeGroup
    from lvmkit.plan import Kit


class ReserveDisks(Step):
    """Reserve the disks of a volume group that is not protected yet for this server."""

    vg: str
    vg_uuid: str
    devices: tuple[str, ...]

    def describe(self) -> str:
        """What the step does."""
        return Phrase(
            "reserve the disks of volume group {vg} for this server (SCSI persistent reservation)", vg=self.vg
        )

    def apply(self, kit: Kit) -> None:
        """Reserve them, and read back what came of it."""
        with locks.starting(self.vg_uuid, self.vg, kit.host):
            reservation.claim(self.vg, self.vg_uuid, self.devices, kit.host)

    def undo(self, kit: Kit) -> None:
        """Give up what this server has registered."""
        _let_go(self.vg, self.vg_uuid, kit)

    def finish(self, kit: Kit) -> None:
        """Nothing: another server may have it in service by now. A deep check says where it is not reserved."""


class LetGoOfDisks(Step):
    """Give up this server's reservation of the disks of a volume group that is protected no more."""

    vg: str
    vg_uuid: str

    def describe(self) -> str:
        """What the step does."""
        return Phrase("give up the reservation of the disks of volume group {vg}", vg=self.vg)

    def apply(self, kit: Kit) -> None:
        """Give it up; what does not work is a warning."""
        _let_go(self.vg, self.vg_uuid, kit)

    def undo(self, kit: Kit) -> None:
        """Nothing: only a start reserves what is in service."""


class FollowDisks(Step):
    """Reserve disks that have come to a volume group in service here, and let go of those that have left it."""

    tag: str

    def describe(self) -> str:
        """What the step does."""
        return Phrase("reserve the disks that {tag} has now", tag=self.tag)

    def apply(self, kit: Kit) -> None:
        """Where this server holds the others."""
        group = VgFacts.unpack(find(kit.port.hierarchy(), self.tag))
        vg = find_group(group, kit)
        with locks.starting(vg.uuid, vg.name, kit.host):
            reservation.follow(vg.name, vg.uuid, vg.devices, kit.host)

    def undo(self, kit: Kit) -> None:
        """Nothing: the group still has these disks."""

    def finish(self, kit: Kit) -> None:
        """The same, where the group is still protected here."""
        if kit.port.hierarchy().by_tag(self.tag) is not None:
            self.apply(kit)


def _let_go(vg: str, vg_uuid: str, kit: Kit) -> None:
    """Once no start is at work, which would reserve them afterwards. What does not work is told."""
    try:
        with locks.stopping(vg_uuid, vg, kit.host):
            reservation.release(vg, vg_uuid, kit.host)
    except Failure as failure:
        for message in failure.messages:
            kit.tell(message)


def wanted(given: str, kit: Kit) -> str:
    """Whether a new volume group is to be guarded so: SCSI or NO_RESERVATION.

    given: what was asked for, '' where the settings decide.
    """
    if given:
        return given
    return kit.settings.reservation if owner.is_wanted(kit) else NO_RESERVATION


def refuse(vg: VolumeGroup, group: VgFacts, kit: Kit) -> None:
    """Raises Failure with all that speaks against guarding a volume group by reservations here; changes nothing."""
    told = (*reservation.against_disks(vg, group, kit.host), *beside_others(vg, kit))
    if told:
        raise Failure(*told)


def beside_others(vg: VolumeGroup, kit: Kit) -> Iterator[Message]:
    """Who else manages reservations here."""
    resources = kit.port.fences_by_reservation()
    if resources:
        yield ReservationNotAlone(vg.name, resources)
    setting = lvmsight.persistence(vg, kit.lvm)
    if setting:
        yield ReservationByLvm(vg.name, setting)
