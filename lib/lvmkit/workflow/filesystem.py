"""The file system type: mount, and unmount with a bounded effort; for the scripts and for the OCF agent."""

from __future__ import annotations

import os

from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import (
    FilesystemBusy,
    MountFailed,
    MountPointTaken,
    UnmountedBelow,
    UnmountFailed,
)
from lvmkit.storage import files, mountinfo, run
from lvmkit.workflow.filesystem_check import mounted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


def mount(filesystem: FilesystemFacts, kit: Kit) -> str:
    """Mount with the options it had. Already mounted is success; another file system there is a Failure."""
    if mounted(filesystem):
        return "already mounted"
    found = mountinfo.at(filesystem.mount_point)
    if found:
        raise Failure(MountPointTaken(filesystem.mount_point, found.source, filesystem.device))
    _make_folder(filesystem)
    argv = [MOUNT, "-t", filesystem.type, "-o", filesystem.options, "--source", filesystem.device]
    answer = run.run([*argv, "--target", filesystem.mount_point], deadline=kit.settings.command_deadline)
    if mounted(filesystem) is None:
        why = answer.stderr.strip() or f"mount ended with {answer.status}"
        raise Failure(MountFailed(filesystem.device, filesystem.mount_point, why))
    return f"mounted, {answer.seconds:.1f} s"


def unmount(filesystem: FilesystemFacts, kit: Kit, *, with_all_below: bool = False) -> str:
    """Unmount. Users of the file system get SIGTERM, then SIGKILL, a bounded number of times; then they are named.

    with_all_below: what others have mounted within it is unmounted, too, for where a cluster would fence the server.
    """
    if mounted(filesystem) is None:
        return "not mounted"
    why = _try_unmount(filesystem.mount_point, kit)
    if mounted(filesystem) is None:
        return "unmounted"
    return _unmount_in_use(filesystem, why, kit, with_all_below)


def _unmount_in_use(filesystem: FilesystemFacts, why: str, kit: Kit, with_all_below: bool) -> str:
    import signal

    from lvmkit.workflow import evict  # only where it is in use: every stop would pay for it

    point = filesystem.mount_point
    signals = [signal.SIGTERM] * kit.settings.umount_retries + [signal.SIGKILL] * kit.settings.kernel_retries
    for number in signals:
        for below in evict.mounted_below(point) if with_all_below else ():
            evict.evict(below, number, kit)
            _try_unmount(below, kit)
            if mountinfo.at(below) is None:
                kit.tell(UnmountedBelow(below, point))
        evict.evict(point, number, kit)
        why = _try_unmount(point, kit)
        if mounted(filesystem) is None:
            return "unmounted"
    users = evict.users_of(point)
    if users:
        raise Failure(FilesystemBusy(point, users))
    raise Failure(UnmountFailed(point, why))


def _make_folder(filesystem: FilesystemFacts) -> None:
    try:
        os.makedirs(filesystem.mount_point, exist_ok=True)
    except OSError as error:
        raise Failure(MountFailed(filesystem.device, filesystem.mount_point, files.why(error))) from error


def _try_unmount(mount_point: str, kit: Kit) -> str:
    """One attempt; returns the tool's own words."""
    answer = run.run([UMOUNT, "--", mount_point], deadline=kit.settings.command_deadline)
    return answer.stderr.strip() or f"umount ended with {answer.status}"
