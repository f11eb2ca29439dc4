"""Read the disks that volumes stand on, past the page cache, and ask file systems themselves, under a deadline.

A shallow check asks the kernel what it knows; a disk or a file system that would not answer may still look well there.
"""

from __future__ import annotations

import os

from lvmkit.model.messages.faults import PvDegraded, PvReadFailed
from lvmkit.model.messages.filesystems import FilesystemFrozen, FilesystemGivenUp, FilesystemHung
from lvmkit.storage import freezing, probe, superblock, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.storage.mapped import MappedDevices
    from lvmkit.storage.mountinfo import Mount
    from lvmkit.storage.probe import Ending

_FREEZE = 0.9
"""share of a deadline that a freeze may last: the question about it is answered within the deadline"""


def read_faults(record: Record, mapped: MappedDevices, deadline: float) -> list[Message]:
    """Disks that don't answer. An error of one that no volume needs (a leg of RAID) is a warning, a hang never is.

    deadline: seconds for all disks together.
    """
    faults = probe.pv_read_faults(record.physical, deadline=deadline)
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


def filesystem_faults(mount: Mount, deadline: float) -> tuple[Message, ...]:
    """What a mounted file system answers with, () where all is well. deadline: seconds."""
    return _faults(probe.bounded(superblock.question(mount.mount_point), deadline=deadline), mount, deadline)


def frozen_or_faulty(mount: Mount, run: str, deadline: float) -> tuple[Message, ...]:
    """The same for one that is to be written to; where all is well, also whether it is frozen all the time.

    run: the folder for the kit's locks.
    """
    patience = _FREEZE * deadline
    works = [superblock.question(mount.mount_point), freezing.question(mount, run, patience)]
    answer, freeze = probe.all_bounded(works, deadline)
    faults = _faults(answer, mount, deadline)
    if faults or not freezing.is_frozen(mount, freeze):
        return faults
    return (FilesystemFrozen(mount.mount_point, int(patience)),)


def _faults(ending: Ending, mount: Mount, deadline: float) -> tuple[Message, ...]:
    if ending.hung:
        return (FilesystemHung(mount.mount_point, round(deadline, 1)),)
    if ending.error:
        return (FilesystemGivenUp(mount.mount_point, os.strerror(ending.error)),)
    return ()


def _as_warning(fault: Message) -> Message:
    if isinstance(fault, PvReadFailed):
        return PvDegraded(fault.device, fault.uuid, f"not readable ({fault.why}), but every volume serves without it")
    return fault
