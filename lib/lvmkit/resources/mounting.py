"""Mount, and unmount with a limited number of attempts."""

from __future__ import annotations

import os

from lvmkit.model.messages import Failure
from lvmkit.model.messages.service import FilesystemBusy, MountFailed, MountPointTaken, UnmountedBelow, UnmountFailed
from lvmkit.resources.filesys import mounted
from lvmkit.resources.fs_volume import present_path
from lvmkit.storage import files, mountinfo, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
_NOT_UP = "its logical volume is not up"


def mount(facts: FilesystemFacts, host: Host) -> str:
    """Mount it with the options it had, unless it is mounted; the mount point's lock is held.

    Raises Failure where another file system is there.
    """
    if mounted(facts):
        return "already mounted"
    other = mountinfo.at(facts.mount_point)
    if other:
        raise Failure(MountPointTaken(facts.mount_point, other.source, facts.device))
    device = present_path(facts)
    if not device:
        raise Failure(MountFailed(facts.device, facts.mount_point, _NOT_UP))
    _make_folder(facts)
    argv = [MOUNT, "-t", facts.type, "-o", facts.options, "--source", device]
    answer = run.run([*argv, "--target", facts.mount_point], deadline=host.time_left)
    if mounted(facts) is None:
        why = answer.stderr.strip() or f"mount ended with {answer.status}"
        raise Failure(MountFailed(device, facts.mount_point, why))
    return f"mounted, {answer.seconds:.1f} s"


def unmount(facts: FilesystemFacts, host: Host, *, with_all_below: bool = False) -> str:
    """Unmount it; the mount point's lock is held.

    Users of the file system get SIGTERM, then SIGKILL, a limited number of times; then they are named.

    with_all_below: also unmount what others have mounted within it, because the cluster would fence the server.
    """
    if mounted(facts) is None:
        return "not mounted"
    why = _try_unmount(facts.mount_point, host)
    if mounted(facts) is None:
        return "unmounted"
    return _unmount_in_use(facts, why, host, with_all_below)


def _unmount_in_use(facts: FilesystemFacts, why: str, host: Host, with_all_below: bool) -> str:
    import signal

    from lvmkit.resources import evict  # only where it is in use: every stop would pay for it

    point = facts.mount_point
    signals = [signal.SIGTERM] * host.settings.umount_retries + [signal.SIGKILL] * host.settings.kernel_retries
    for number in signals:
        if with_all_below:
            _unmount_below(point, number, host)
        evict.evict(point, number, host)
        why = _try_unmount(point, host)
        if mounted(facts) is None:
            return "unmounted"
    users = evict.users_of(point)
    if users:
        raise Failure(FilesystemBusy(point, users))
    raise Failure(UnmountFailed(point, why))


def _unmount_below(mount_point: str, number: signal.Signals, host: Host) -> None:
    from lvmkit.resources import evict

    for below in evict.mounted_below(mount_point):
        evict.evict(below, number, host)
        _try_unmount(below, host)
        if mountinfo.at(below) is None:
            host.tell(UnmountedBelow(below, mount_point))


def _make_folder(facts: FilesystemFacts) -> None:
    try:
        os.makedirs(facts.mount_point, exist_ok=True)
    except OSError as error:
        raise Failure(MountFailed(facts.device, facts.mount_point, files.why(error))) from error


def _try_unmount(mount_point: str, host: Host) -> str:
    """One attempt; returns the tool's own words."""
    answer = run.run([UMOUNT, "--", mount_point], deadline=host.time_left)
    return answer.stderr.strip() or f"umount ended with {answer.status}"
