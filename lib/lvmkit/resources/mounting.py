"""Mount, and unmount with a limited number of attempts.

Only the volume itself is mounted: by a path whose node was seen to be the device that the kernel has for it. After that
the mount table is asked what came of it, so that a node which changed meanwhile is not taken for a success.
"""

from __future__ import annotations

import os
import time

from lvmkit.model.messages import Failure, raise_errors
from lvmkit.model.messages.filesystems import UsedByCaller, UsersWait
from lvmkit.model.messages.mounts import NotTheVolume, OtherFilesystem, WriteProtected
from lvmkit.model.messages.service import FilesystemBusy, MountFailed, UnmountedBelow, UnmountFailed
from lvmkit.resources import filesys, fs_volume, mounts, notes
from lvmkit.storage import files, filesystem_uuid, mountinfo, run, superblock, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.resources.mounts import Mounts
    from lvmkit.storage.mountinfo import Mount
    from lvmkit.storage.run import Finished

MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"
_NOT_UP = "its logical volume is not up"
_AFTER_THAW = 0.5
"""seconds in which those who waited to write show what they have open"""


def mount(facts: FilesystemFacts, host: Host) -> str:
    """Mount it with the options it had, unless it is mounted; the mount point's lock is held.

    Raises Failure as filesys.restore().
    """
    seen = mounts.of(facts, always_follow=True)
    if seen.here is not None:
        _see_well(facts, seen.here, seen, host)
        _ask(seen.here, host)
        if not superblock.has_start(seen.here, host.paths.run):
            notes.store_start(seen.here, host)
        return "already mounted"
    if seen.other is not None:
        raise Failure(filesys.taken(facts, seen.other))
    number = fs_volume.number(facts)
    device = _verified_path(number, facts)
    _refuse_unfit(device, number, facts, host)
    _make_folder(seen.point, facts)
    answer = run.run(mount_command(device, seen.point, facts), deadline=host.time_left)
    _see_mounted(answer, device, facts, host)
    return f"mounted, {answer.seconds:.1f} s"


def _see_well(facts: FilesystemFacts, mount: Mount, seen: Mounts, host: Host) -> None:
    """Raises Failure where the check would find a fault."""
    raise_errors(filesys.faults(facts, mount, seen, host))


def refuse_unserved(present: Mount, host: Host) -> None:
    """What is mounted must be served. Where its start is not noted, the file system is asked as well.

    Raises Failure: FilesystemGivenUp (110315), FilesystemHung (110319).
    """
    raise_errors(filesys.signs(present, host))
    if not superblock.has_start(present, host.paths.run):
        _ask(present, host)


def _ask(present: Mount, host: Host) -> None:
    """Raises Failure where the file system itself does not answer well."""
    from lvmkit.resources import reading  # it forks

    question = reading.Questions(filesystems=(present,))
    answers = reading.Answers([question], host.paths.run, host.settings.probe_deadline)
    raise_errors(reading.filesystem_faults(present, answers))


def _verified_path(number: str, facts: FilesystemFacts) -> str:
    """A path to the device that the kernel has for the volume. Raises Failure where it has none."""
    path = fs_volume.path_to(number, facts) if number else ""
    if path:
        return path
    another = sysfs.number_of(facts.device)
    if another and not number:
        name = sysfs.dm_name(another) or sysfs.kernel_name(another)
        raise Failure(NotTheVolume(facts.device, f"device {another} ({name})"))
    why = f"no node below /dev is its device {number}" if number else _NOT_UP
    raise Failure(MountFailed(facts.device, facts.mount_point, why))


def _refuse_unfit(device: str, number: str, facts: FilesystemFacts, host: Host) -> None:
    """Raises Failure where the device cannot be written to though it should be, or carries another file system."""
    if sysfs.read_only(number) and not facts.is_read_only:
        raise Failure(WriteProtected(facts.device, facts.mount_point))
    if not facts.uuid:
        return
    deadline = host.time_left
    uuid = filesystem_uuid.uuid_on(device, number, facts.type, deadline=deadline)
    if uuid is None:
        raise Failure(MountFailed(device, facts.mount_point, f"it did not answer a read for {deadline:.0f} s"))
    if uuid and uuid != facts.uuid.lower():
        raise Failure(OtherFilesystem(device, uuid, facts.uuid))


def mount_command(device: str, point: str, facts: FilesystemFacts) -> list[str]:
    """Without -c, mount(8) would look for another name of the device; without --rw, mount it read-only if need be."""
    access = [] if facts.is_read_only else ["--rw"]
    kind = ["-t", facts.type, "-o", facts.options]
    return [MOUNT, "-c", *access, *kind, "--source", device, "--target", point]


def _see_mounted(answer: Finished, device: str, facts: FilesystemFacts, host: Host) -> None:
    """Raises Failure unless it is mounted, well. What was mounted in its place is taken back."""
    seen = mounts.of(facts, always_follow=True)
    if seen.here is not None:
        notes.store_start(seen.here, host)
        _see_well(facts, seen.here, seen, host)
        return
    if answer.status == 0 and seen.other is not None and seen.other.source == device:
        _try_unmount(seen.point, host)
        raise Failure(NotTheVolume(facts.device, f"{seen.other.shown}, device {seen.other.number}"))
    if not facts.is_read_only and sysfs.write_protected(sysfs.number_of(device)):
        raise Failure(WriteProtected(facts.device, facts.mount_point))
    why = answer.stderr.strip() or f"mount ended with {answer.status}"
    raise Failure(MountFailed(facts.device, facts.mount_point, why))


def _make_folder(point: str, facts: FilesystemFacts) -> None:
    try:
        os.makedirs(point, exist_ok=True)
    except OSError as error:
        raise Failure(MountFailed(facts.device, facts.mount_point, files.why(error))) from error


def unmount(facts: FilesystemFacts, host: Host, *, with_all_below: bool = False) -> str:
    """Unmount it; the mount point's lock is held.

    Users of the file system get SIGTERM, then SIGKILL, a limited number of times; then they are named.

    with_all_below: as filesys.remove().
    """
    seen = mounts.of(facts)
    if seen.here is None:
        _see_ended(facts, host)
        return "not mounted"
    if seen.cover is not None and not (with_all_below and seen.is_cover_within):
        raise Failure(filesys.covered(facts, seen.cover))
    present = seen.here
    seen, why = _take_away(facts, host)
    if seen.here is not None:
        seen = _unmount_in_use(facts, seen, why, host, with_all_below)
    if seen.elsewhere:
        _leave_other_places(facts, seen, host, with_all_below)
    superblock.forget_start(present, host.paths.run)
    _see_ended(facts, host)
    return "unmounted"


def _see_ended(facts: FilesystemFacts, host: Host) -> None:
    """An unmount may leave the file system at work. Raises as releasing.end()."""
    number = fs_volume.number(facts)
    if not number or not superblock.is_kept(number):
        return
    from lvmkit.resources import releasing  # every stop would pay for it

    releasing.end(facts, host)


def _take_away(facts: FilesystemFacts, host: Host) -> tuple[Mounts, str]:
    """Unmount what is met of it at the mount point; what is left after that, and the tool's words where it refused."""
    why = ""
    seen = mounts.of(facts)
    while seen.here is not None and seen.cover is None:
        why = _try_unmount(seen.point, host)
        before, seen = seen, mounts.of(facts)
        if seen.here == before.here:
            break
    return seen, why


def _unmount_in_use(facts: FilesystemFacts, seen: Mounts, why: str, host: Host, with_all_below: bool) -> Mounts:
    """Have its users leave it; what is left of other places after that. Raises Failure where it stays mounted."""
    from lvmkit.resources import evict  # only where it is in use: every stop would pay for it

    point, begun = seen.point, time.monotonic()
    callers = evict.callers(point)
    if callers:
        raise Failure(UsedByCaller(point, callers))
    seen, why = _drive_users_out(facts, seen, why, host, with_all_below)
    if seen.here is None:
        return seen
    if _thaw_for_users(facts, seen, begun, host):
        seen, why = _drive_users_out(facts, seen, why, host, with_all_below)
    else:
        seen, why = _take_away(facts, host)
    if seen.here is None:
        return seen
    if seen.cover is not None:
        raise Failure(filesys.covered(facts, seen.cover))
    users, fault = evict.users_of(point), _fault_below(facts, host)
    if fault:
        raise Failure(UsersWait(point, users or (why,), fault))
    if users:
        raise Failure(FilesystemBusy(point, users))
    raise Failure(UnmountFailed(point, why))


def _fault_below(facts: FilesystemFacts, host: Host) -> str:
    from lvmkit.resources import waiting  # only where an unmount has failed
    from lvmkit.storage import records

    if not facts.dm_uuid:
        return ""
    ids = records.ids_of(host.paths, facts.vg_uuid)
    return waiting.fault_below(records.load(host.paths, ids[0]), facts.dm_uuid) if ids else ""


def _drive_users_out(
    facts: FilesystemFacts, seen: Mounts, why: str, host: Host, with_all_below: bool
) -> tuple[Mounts, str]:
    """Signal those who use it and try to unmount it, in turn; what is left, and the tool's words where it refused."""
    from lvmkit.resources import evict

    point = seen.point
    for number in evict.rounds(host.settings):
        if with_all_below:
            _uncover(facts, number, host)
            _unmount_below(point, number, host)
        evict.evict(point, number, host)
        seen, why = _take_away(facts, host)
        if seen.here is None:
            break
    return seen, why


def _thaw_for_users(facts: FilesystemFacts, seen: Mounts, begun: float, host: Host) -> bool:
    """Who waits to write to a frozen file system ends only when it is thawed, and shows nowhere where it waits to make
    a file. Whether it was frozen still after settings.busy_patience. What hides it is not ours to thaw.

    begun: of time.monotonic().
    """
    if seen.cover is not None:
        return False
    from lvmkit.resources import releasing

    patience = min(host.settings.busy_patience, host.time_left)
    time.sleep(max(0.0, begun + patience - time.monotonic()))
    try:
        is_thawed = releasing.thaw(facts, seen.point, round(time.monotonic() - begun), host)
    except Failure:  # what is wrong with it, the users that are left will tell
        return False
    if is_thawed:
        time.sleep(_AFTER_THAW)
    return is_thawed


def _uncover(facts: FilesystemFacts, number: signal.Signals, host: Host) -> None:
    """Unmount what was mounted over it at its mount point, as far as that lets itself be unmounted."""
    seen = mounts.of(facts)
    while seen.cover is not None and seen.is_cover_within:
        cover = seen.cover
        _drive_out(seen.point, number, host)
        seen = mounts.of(facts)
        if seen.cover == cover:
            return
        host.tell(UnmountedBelow(cover.shown, facts.mount_point))


def _unmount_below(mount_point: str, number: signal.Signals, host: Host) -> None:
    from lvmkit.resources import evict

    for below in evict.mounted_below(mount_point):
        _drive_out(below, number, host)
        if mountinfo.at(below) is None:
            host.tell(UnmountedBelow(below, mount_point))


def _leave_other_places(facts: FilesystemFacts, seen: Mounts, host: Host, with_all_below: bool) -> None:
    """The same file system is mounted elsewhere, too, by others. Raises Failure where it stays mounted."""
    import signal

    left = seen.elsewhere
    for number in (signal.SIGTERM, signal.SIGKILL) if with_all_below else ():
        for mount in reversed(left):
            if mountinfo.at(mount.mount_point) == mount:
                _drive_out(mount.mount_point, number, host)
        before, left = left, mounts.of(facts).elsewhere
        for mount in before:
            if mount not in left:
                host.tell(UnmountedBelow(mount.mount_point, facts.mount_point))
    if left:
        places = ", ".join(mount.mount_point for mount in left)
        raise Failure(UnmountFailed(facts.mount_point, f"its file system is still mounted on {places}"))


def _drive_out(point: str, number: signal.Signals, host: Host) -> None:
    """Signal the users of what is met at a mount point, and try to unmount it."""
    from lvmkit.resources import evict

    evict.evict(point, number, host)
    _try_unmount(point, host)


def _try_unmount(point: str, host: Host) -> str:
    """One attempt; returns the tool's own words. point: without symbolic links, so that none needs to be looked for."""
    answer = run.run([UMOUNT, "-c", "--", point], deadline=host.time_left)
    return answer.stderr.strip() or f"umount ended with {answer.status}"
