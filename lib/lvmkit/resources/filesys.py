"""The file system: mounted, met at its mount point, with the options it had, and still served by the kernel.

A check opens nothing below the mount point: the mount table and sysfs answer at once, whatever state the disks are in.
Only the deep check asks the file system itself. Another file system at the mount point is never touched.
"""

from __future__ import annotations

from lvmkit.model.messages import ERROR
from lvmkit.resources import fs_volume, mounts
from lvmkit.resources.health import Health
from lvmkit.storage import mountinfo, superblock, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.model.messages import Message
    from lvmkit.model.messages.mounts import MountCovered
    from lvmkit.resources.kernel import Glance
    from lvmkit.resources.mounts import Mounts
    from lvmkit.resources.reading import Answers, Questions
    from lvmkit.storage.mountinfo import Mount, Table


def restore(facts: FilesystemFacts, host: Host) -> str:
    """Mount it; returns in a few words what was done.

    Raises Failure when it is not mounted after that, or something else is: MountFailed (110026), MountPointTaken
    (110027), NotTheVolume, MountCovered, AutomountInTheWay, WriteProtected, OtherFilesystem (110310-110314); and as
    locks.mounting().
    """
    from lvmkit.resources import locks, mounting

    with locks.mounting(facts.mount_point, host):
        return mounting.mount(fs_volume.identified(facts, host.paths), host)


def remove(facts: FilesystemFacts, host: Host, *, with_all_below: bool = False) -> str:
    """Unmount it; returns in a few words what was done.

    with_all_below: also unmount what others have mounted within it or over it, and the same file system at other
    places, because the cluster would fence the server.
    Raises Failure when it is still mounted after that: FilesystemBusy (110024), UnmountFailed (110030), MountCovered
    (110311), UsedByCaller (110350); and as releasing.end() and locks.unmounting().
    """
    from lvmkit.resources import locks, mounting

    with locks.unmounting(facts.mount_point, host):
        return mounting.unmount(fs_volume.identified(facts, host.paths), host, with_all_below=with_all_below)


def give_up(facts: FilesystemFacts, host: Host) -> str:
    """As remove()."""
    return remove(facts, host)


def check(facts: FilesystemFacts, host: Host, glance: Glance | None = None) -> Health:
    """It must be mounted where anybody meets it, writable unless its options say otherwise, and not given up.

    The disks are the volume group's to watch. glance: where the caller has one.
    """
    seen = mounts.of(fs_volume.identified(facts, host.paths, glance), glance)
    if seen.here is None:
        from lvmkit.model.messages.faults import NotMounted  # only where something is wrong

        return Health((NotMounted(facts.device, facts.mount_point),), is_up=False, is_recorded=False)
    return Health(faults(facts, seen.here, seen, host), is_up=True)


def faults(facts: FilesystemFacts, mount: Mount, seen: Mounts, host: Host) -> tuple[Message, ...]:
    """What is wrong with its mount at its mount point, or may become so."""
    if seen.cover is not None:
        return (covered(facts, seen.cover),)
    is_protected = not facts.is_read_only and sysfs.read_only(mountinfo.device_number(mount))
    if not facts.is_read_only and "ro" in (*mount.options, *mount.super_options):
        return (_read_only(facts, is_protected),)
    if is_protected:
        from lvmkit.model.messages.mounts import BecameWriteProtected  # only where something is wrong

        return (BecameWriteProtected(facts.device, facts.mount_point), *signs(mount, host, seen.table))
    return signs(mount, host, seen.table)


def _read_only(facts: FilesystemFacts, is_protected: bool) -> Message:
    """What to say of a mount that nothing can be written to. is_protected: whether its device takes no writes."""
    from lvmkit.model.messages.faults import MountedReadOnly  # only where something is wrong
    from lvmkit.model.messages.mounts import WriteProtected

    return WriteProtected(facts.device, facts.mount_point) if is_protected else MountedReadOnly(facts.mount_point)


def covered(facts: FilesystemFacts, cover: Mount) -> MountCovered:
    """What to say of something that hides it."""
    from lvmkit.model.messages.mounts import MountCovered  # only where something is wrong

    return MountCovered(facts.mount_point, cover.shown, cover.mount_point)


def questions(facts: FilesystemFacts, host: Host, glance: Glance) -> Questions:
    """What deep_check() needs to be answered: the file system itself, unless check() knows what is wrong with it.

    Of one that is to be written to also whether it is frozen. The disks are read for the volume group.
    """
    from lvmkit.resources.reading import Questions

    mount = mounted(fs_volume.identified(facts, host.paths, glance), glance)
    if mount is None or any(sign.level == ERROR for sign in signs(mount, host, glance.mounts)):
        return Questions()
    if facts.is_read_only or "ro" in mount.super_options:
        return Questions(filesystems=(mount,))
    return Questions(filesystems=(mount,), written_to=(mount,))


def deep_check(
    facts: FilesystemFacts, host: Host, glance: Glance | None = None, answers: Answers | None = None
) -> Health:
    """Ask the file system itself, within settings.deep_deadline seconds.

    glance, answers: where the caller has them.
    """
    from lvmkit.resources import kernel, reading  # it forks

    glance = glance or kernel.Glance(host.paths)
    mount = mounted(fs_volume.identified(facts, host.paths, glance), glance)
    if mount is None:
        return Health((), is_up=False)
    answers = answers or reading.asked(questions(facts, host, glance), host)
    return Health(reading.filesystem_faults(mount, answers), is_up=True)


def signs(mount: Mount, host: Host, table: Table | None = None) -> tuple[Message, ...]:
    """What the kernel shows to be wrong with a mounted file system. table: all mounts, where the caller has it."""
    vitality = superblock.vitality(mount, host.paths.run, table)
    if not vitality.given_up and not vitality.errors:
        return ()
    from lvmkit.model.messages.filesystems import FilesystemGivenUp, FilesystemHasErrors  # only where that is so

    if vitality.given_up:
        return (FilesystemGivenUp(mount.mount_point, vitality.given_up),)
    return (FilesystemHasErrors(mount.mount_point, vitality.errors),)


def obstacles(facts: FilesystemFacts, host: Host) -> tuple[Message, ...]:
    """Why mounting it again would change nothing: something else is there or over it, or its device takes no writes."""
    from lvmkit.model.messages.mounts import (  # only where something is wrong
        BecameWriteProtected,
        MountCovered,
        WriteProtected,
    )

    seen = mounts.of(fs_volume.identified(facts, host.paths), always_follow=True)
    if seen.here is None:
        return (taken(facts, seen.other),) if seen.other else ()
    lasting = (MountCovered, WriteProtected, BecameWriteProtected)
    return tuple(fault for fault in faults(facts, seen.here, seen, host) if isinstance(fault, lasting))


def taken(facts: FilesystemFacts, other: Mount) -> Message:
    """What to say of something else that is met at the mount point."""
    from lvmkit.model import names
    from lvmkit.model.messages.mounts import AutomountInTheWay  # only where something is wrong
    from lvmkit.model.messages.service import MountPointTaken

    if mounts.is_automount(other):
        return AutomountInTheWay(facts.mount_point, names.automount_unit(other.mount_point))
    return MountPointTaken(facts.mount_point, other.shown, facts.device)


def release(_facts: FilesystemFacts, _host: Host) -> str:
    """Nothing: create does nothing with a file system outside of the engine."""
    return "nothing to undo"


def mounted(facts: FilesystemFacts, glance: Glance | None = None) -> Mount | None:
    """Its mount at its mount point, whatever lies over it. glance: where the caller has one."""
    return mounts.of(facts, glance).here
