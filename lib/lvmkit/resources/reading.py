"""Read the disks that volumes stand on, past the page cache, and ask file systems themselves, under a deadline.

A shallow check asks the kernel what it knows; a disk or a file system that would not answer may still look well there.
"""

from __future__ import annotations

import os

from lvmkit.model.messages.faults import PvDegraded, PvReadFailed
from lvmkit.model.messages.filesystems import FilesystemFrozen, FilesystemGivenUp, FilesystemHung
from lvmkit.model.value import Value
from lvmkit.storage import freezing, probe, superblock, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lvmkit.host import Host
    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.storage.mapped import MappedDevices
    from lvmkit.storage.mountinfo import Mount

_FREEZE = 0.9
"""share of a deadline that a freeze may last: the question about it is answered within the deadline"""
_DISK, _ANSWER, _FREEZE_OF, _RESERVED = "disk", "answer", "freeze", "reserved"


class Questions(Value):
    """What a deep check asks."""

    disks: tuple[str, ...] = ()
    """paths of devices, of which a block is read"""
    filesystems: tuple[Mount, ...] = ()
    """that are to answer"""
    written_to: tuple[Mount, ...] = ()
    """those of them that must not be frozen all the time"""
    reserved: tuple[tuple[str, Callable[[], bytes]], ...] = ()
    """disks, each with the question whether it is still reserved for this server"""


class Answers:
    """What came of questions. All are asked at the same time, so several that hang cost no more than one."""

    def __init__(self, questions: Iterable[Questions], run: str, deadline: float) -> None:
        """run: the folder for the kit's locks.  deadline: seconds for all together."""
        self.deadline, self.patience = deadline, _FREEZE * deadline
        works: dict[tuple[str, str], Callable[[], bytes]] = {}
        for each in questions:
            works.update(((_DISK, disk), probe.reader(disk)) for disk in each.disks)
            works.update(((_RESERVED, disk), question) for disk, question in each.reserved)
            for mount in each.filesystems:
                works[_ANSWER, mount.mount_point] = superblock.question(mount, mount in each.written_to)
            for mount in each.written_to:
                works[_FREEZE_OF, mount.mount_point] = freezing.question(mount, run, self.patience)
        self._endings = dict(zip(works, probe.all_bounded(list(works.values()), deadline)))

    def of_disks(self, disks: Iterable[str]) -> tuple[probe.ProbeResult, ...]:
        """In the place of probe.probe()."""
        return tuple(map(self._of_disk, disks))

    def _of_disk(self, disk: str) -> probe.ProbeResult:
        """A disk that was not asked, for a reason that is told elsewhere, counts as well."""
        ending = self._endings.get((_DISK, disk))
        return probe.result(disk, ending, self.deadline) if ending else probe.ProbeResult(disk, probe.OK, 0.0)

    def of_reservation(self, disk: str) -> probe.Ending | None:
        """What a disk answered; None where it was not asked."""
        return self._endings.get((_RESERVED, disk))

    def of_filesystem(self, mount: Mount) -> probe.Ending:
        """What the file system answered; nothing where it was not asked, because then more was known to be wrong."""
        return self._endings.get((_ANSWER, mount.mount_point), probe.Ending())

    def is_frozen(self, mount: Mount) -> bool:
        """Whether it was frozen all the time; False where that was not asked."""
        return freezing.is_frozen(mount, self._endings.get((_FREEZE_OF, mount.mount_point), probe.Ending()))


def asked(questions: Questions, host: Host) -> Answers:
    """The answers to what one resource asks alone, within settings.deep_deadline seconds."""
    return Answers([questions], host.paths.run, host.settings.deep_deadline)


def disks_of(record: Record) -> Questions:
    """To read every disk."""
    return Questions(disks=tuple(pv.device for pv in record.physical))


def read_faults(record: Record, mapped: MappedDevices, answers: Answers) -> list[Message]:
    """Disks that don't answer. An error of one that no volume needs (a leg of RAID) is a warning, a hang never is."""
    faults = probe.pv_read_faults(record.physical, answers.of_disks)
    lost = {fault.device for fault in faults if isinstance(fault, PvReadFailed)}
    if not lost or not record.logical:
        return faults
    stack = vitals.DeviceStack(mapped)
    for pv in record.physical:
        if pv.device in lost:
            stack.write_off(pv.number)
    if not vitals.serves_all(record, stack):
        return faults
    return list(map(_as_warning, faults))


def filesystem_faults(mount: Mount, answers: Answers) -> tuple[Message, ...]:
    """What a mounted file system answers with, () where all is well."""
    ending = answers.of_filesystem(mount)
    if ending.hung:
        return (FilesystemHung(mount.mount_point, round(answers.deadline, 1)),)
    if ending.error:
        return (FilesystemGivenUp(mount.mount_point, os.strerror(ending.error)),)
    if answers.is_frozen(mount):
        return (FilesystemFrozen(mount.mount_point, int(answers.patience)),)
    return ()


def _as_warning(fault: Message) -> Message:
    if isinstance(fault, PvReadFailed):
        return PvDegraded(fault.device, fault.uuid, f"not readable ({fault.why}), but every volume serves without it")
    return fault
