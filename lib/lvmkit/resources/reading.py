"""Read the disks that volumes stand on, past the page cache, and ask file systems themselves, under a deadline.

A shallow check asks the kernel what it knows; a disk or a file system that would not answer may still look well there.
"""

from __future__ import annotations

import os

from lvmkit.model.messages.faults import PvDegraded, PvReadFailed
from lvmkit.model.messages.filesystems import FilesystemGivenUp, FilesystemHung
from lvmkit.storage import dm, probe, superblock, vitals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.model.messages import Message
    from lvmkit.model.record import Record
    from lvmkit.storage.dm import Device
    from lvmkit.storage.mountinfo import Mount


def read_faults(record: Record, devices: Sequence[Device], deadline: float) -> list[Message]:
    """Disks that don't answer. An error of one that no volume needs (a leg of RAID) is a warning, a hang never is.

    deadline: seconds for all disks together.
    """
    faults = probe.pv_read_faults(record.physical, deadline=deadline)
    lost = {fault.device for fault in faults if isinstance(fault, PvReadFailed)}
    if not lost or not record.logical:
        return faults
    stack = vitals.DeviceStack(devices, status=dm.status, below=dm.dependencies)
    for pv in record.physical:
        if pv.device in lost:
            stack.write_off(pv.number)
    if not vitals.serves_all(record, stack):
        return faults
    return list(map(_as_warning, faults))


def filesystem_faults(mount: Mount, deadline: float) -> tuple[Message, ...]:
    """What a mounted file system answers with, () where all is well. deadline: seconds."""
    ending = probe.bounded(superblock.question(mount.mount_point), deadline=deadline)
    if ending.hung:
        return (FilesystemHung(mount.mount_point, round(deadline, 1)),)
    if ending.error:
        return (FilesystemGivenUp(mount.mount_point, os.strerror(ending.error)),)
    return ()


def _as_warning(fault: Message) -> Message:
    if isinstance(fault, PvReadFailed):
        return PvDegraded(fault.device, fault.uuid, f"not readable ({fault.why}), but every volume serves without it")
    return fault
