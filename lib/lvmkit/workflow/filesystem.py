"""The small file system type, for engines that have none of their own: mount, and unmount with a bounded effort."""

from __future__ import annotations

import os
import signal
import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import (
    FilesystemBusy,
    MountFailed,
    MountPointTaken,
    SignalledHolder,
    UnmountFailed,
)
from lvmkit.storage import files, holders, mountinfo, run
from lvmkit.workflow.filesystem_check import mounted
from lvmkit.workflow.subject import FilesystemSubject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.plan import Kit

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
_GRACE = 1.0
"""seconds that a signalled process gets before the next attempt"""


def mount(filesystem: FilesystemSubject, kit: Kit) -> str:
    """Mount with the options it had. Already mounted is success; another file system there is a Failure."""
    if mounted(filesystem):
        return "already mounted"
    found = mountinfo.at(filesystem.mount_point)
    if found:
        raise Failure(MountPointTaken(filesystem.mount_point, found.source, filesystem.device))
    argv = [MOUNT, "-t", filesystem.type, "-o", filesystem.options, "--source", filesystem.device]
    answer = run.run([*argv, "--target", filesystem.mount_point], deadline=kit.settings.command_deadline)
    if mountinfo.at(filesystem.mount_point) is None:
        why = answer.stderr.strip() or f"mount ended with {answer.status}"
        raise Failure(MountFailed(filesystem.device, filesystem.mount_point, why))
    return f"mounted, {answer.seconds:.1f} s"


def unmount(filesystem: FilesystemSubject, kit: Kit) -> str:
    """Unmount. Users of the file system get SIGTERM, then SIGKILL, a bounded number of times; then they are named."""
    if mounted(filesystem) is None:
        return "not mounted"
    signals = [signal.SIGTERM] * kit.settings.umount_retries + [signal.SIGKILL] * kit.settings.kernel_retries
    why = _try_unmount(filesystem, kit)
    for number in signals:
        if mounted(filesystem) is None:
            return "unmounted"
        _signal_users(filesystem, number, kit)
        why = _try_unmount(filesystem, kit)
    if mounted(filesystem) is None:
        return "unmounted"
    users = holders.of_mount(filesystem.mount_point)
    if users:
        raise Failure(FilesystemBusy(filesystem.mount_point, holders.described(users)))
    raise Failure(UnmountFailed(filesystem.mount_point, why))


def _try_unmount(filesystem: FilesystemSubject, kit: Kit) -> str:
    """One attempt; returns the tool's own words."""
    answer = run.run([UMOUNT, "--", filesystem.mount_point], deadline=kit.settings.command_deadline)
    return answer.stderr.strip() or f"umount ended with {answer.status}"


def _signal_users(filesystem: FilesystemSubject, number: signal.Signals, kit: Kit) -> None:
    spared = _own_line()
    users = [user for user in holders.of_mount(filesystem.mount_point) if user.pid > 1 and user.pid not in spared]
    for user in users:
        try:
            os.kill(user.pid, number)
        except ProcessLookupError:
            continue
        kit.tell(SignalledHolder(number.name, holders.described((user,))[0], filesystem.mount_point))
    end = time.monotonic() + _GRACE
    while time.monotonic() < end and any(os.path.exists(f"/proc/{user.pid}") for user in users):
        time.sleep(0.05)


def _own_line() -> set[int]:
    """This process and those that started it: an administrator's shell is named as a holder, not killed."""
    line, pid = set(), os.getpid()
    while pid > 1 and pid not in line:
        line.add(pid)
        pid = _parent(pid)
    return line


def _parent(pid: int) -> int:
    """The parent of a process; 0 when the process is gone (proc_pid_status(5), PPid)."""
    lines = (files.read(f"/proc/{pid}/status") or "").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), 0)
