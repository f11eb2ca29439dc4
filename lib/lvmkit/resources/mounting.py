"""Mount, and unmount with a limited number of attempts."""

from __future__ import annotations

import os

from lvmkit.model.messages import ERROR, Failure
from lvmkit.model.messages.filesystems import UsedByCaller
from lvmkit.model.messages.service import FilesystemBusy, MountFailed, MountPointTaken, UnmountedBelow, UnmountFailed
from lvmkit.resources import filesys, notes
from lvmkit.resources.filesys import mounted
from lvmkit.storage import files, mountinfo, run, superblock, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.storage.mountinfo import Mount

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


def mount(facts: FilesystemFacts, host: Host) -> str:
    """Mount it with the options it had, unless it is mounted; the mount point's lock is held.

    Raises Failure where another file system is there, and where it is mounted and the kernel has given it up.
    """
    present = mounted(facts)
    if present:
        refuse_unserved(present, host)
        if not superblock.has_start(present, host.paths.run):
            notes.store_start(present, host)
        return "already mounted"
    other = mountinfo.at(facts.mount_point)
    if other:
        raise Failure(MountPointTaken(facts.mount_point, other.source, facts.device))
    _make_folder(facts)
    answer = run.run(mount_command(facts), deadline=host.time_left)
    present = mounted(facts)
    if present is None:
        why = answer.stderr.strip() or f"mount ended with {answer.status}"
        raise Failure(MountFailed(facts.device, facts.mount_point, why))
    notes.store_start(present, host)
    return f"mounted, {answer.seconds:.1f} s"


def mount_command(facts: FilesystemFacts) -> tuple[str, ...]:
    """The command that mounts it."""
    what = ("-t", facts.type, "-o", facts.options, "--source", facts.device)
    return (MOUNT, *what, "--target", facts.mount_point)


def refuse_unserved(present: Mount, host: Host) -> None:
    """What is mounted must be served. Where its start is not noted, the file system is asked as well.

    Raises Failure: FilesystemGivenUp (110315), FilesystemHung (110319).
    """
    faults = filesys.signs(present, host)
    if not superblock.has_start(present, host.paths.run):
        from lvmkit.resources import reading  # it forks

        faults += reading.filesystem_faults(present, host.settings.probe_deadline)
    errors = tuple(fault for fault in faults if fault.level == ERROR)
    if errors:
        raise Failure(*errors)


def unmount(facts: FilesystemFacts, host: Host, *, with_all_below: bool = False) -> str:
    """Unmount it; the mount point's lock is held.

    Users of the file system get SIGTERM, then SIGKILL, a limited number of times; then they are named.

    with_all_below: also unmount what others have mounted within it, because the cluster would fence the server.
    """
    present = mounted(facts)
    if present is None:
        _see_ended(facts, host)
        return "not mounted"
    why = _try_unmount(facts.mount_point, host)
    if mounted(facts) is not None:
        _unmount_in_use(facts, why, host, with_all_below)
    superblock.forget_start(present, host.paths.run)
    _see_ended(facts, host)
    return "unmounted"


def _see_ended(facts: FilesystemFacts, host: Host) -> None:
    """An unmount may leave the file system at work. Raises as releasing.end()."""
    if not superblock.is_kept(sysfs.number_of(facts.device)):
        return
    from lvmkit.resources import releasing  # every stop would pay for it

    releasing.end(facts, host)


def _unmount_in_use(facts: FilesystemFacts, why: str, host: Host, with_all_below: bool) -> None:
    from lvmkit.resources import evict  # only where it is in use: every stop would pay for it

    point = facts.mount_point
    callers = evict.callers(point)
    if callers:
        raise Failure(UsedByCaller(point, callers))
    for number in evict.rounds(host.settings):
        if with_all_below:
            _unmount_below(point, number, host)
        evict.evict(point, number, host)
        why = _try_unmount(point, host)
        if mounted(facts) is None:
            return
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
