"""The file system: mounted, with the options it had, and still served by the kernel.

A check opens nothing below the mount point: the mount table and sysfs answer at once, whatever state the disks are in.
Only the deep check asks the file system itself. Another file system at the mount point is never touched.
"""

from __future__ import annotations

from lvmkit.model.messages import ERROR
from lvmkit.model.messages.faults import MountedReadOnly, NotMounted
from lvmkit.resources.health import Health
from lvmkit.storage import mountinfo, superblock, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.host import Host
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.model.messages import Message
    from lvmkit.storage.dm import Device
    from lvmkit.storage.mountinfo import Mount


def restore(facts: FilesystemFacts, host: Host) -> str:
    """Mount it; returns in a few words what was done.

    Raises Failure when it is not mounted after that: MountFailed (110026), MountPointTaken (110027); and as
    locks.mounting().
    """
    from lvmkit.resources import locks, mounting

    with locks.mounting(facts.mount_point, host):
        return mounting.mount(facts, host)


def remove(facts: FilesystemFacts, host: Host, *, with_all_below: bool = False) -> str:
    """Unmount it; returns in a few words what was done.

    with_all_below: also unmount what others have mounted within it, because the cluster would fence the server.
    Raises Failure when it is still mounted after that: FilesystemBusy (110024), UnmountFailed (110030), UsedByCaller
    (110350); and as releasing.end() and locks.unmounting().
    """
    from lvmkit.resources import locks, mounting

    with locks.unmounting(facts.mount_point, host):
        return mounting.unmount(facts, host, with_all_below=with_all_below)


def give_up(facts: FilesystemFacts, host: Host) -> str:
    """As remove()."""
    return remove(facts, host)


def check(facts: FilesystemFacts, host: Host, _devices: Sequence[Device] | None = None) -> Health:
    """It must be mounted, writable unless its options say otherwise, and not given up by the kernel.

    The disks are the volume group's to watch.
    """
    mount = mounted(facts)
    if mount is None:
        return Health((NotMounted(facts.device, facts.mount_point),), is_up=False, is_recorded=False)
    wanted_writable = "ro" not in facts.options.split(",")
    is_read_only = "ro" in (*mount.options, *mount.super_options)
    if wanted_writable and is_read_only:
        return Health((MountedReadOnly(facts.mount_point),), is_up=True)
    return Health(signs(mount, host), is_up=True)


def deep_check(facts: FilesystemFacts, host: Host, _devices: Sequence[Device] | None = None) -> Health:
    """Ask the file system itself, within settings.probe_deadline seconds, unless check() knows what is wrong with it.

    The disks are read for the volume group.
    """
    from lvmkit.resources import reading  # it forks

    mount = mounted(facts)
    if mount is None or any(sign.level == ERROR for sign in signs(mount, host)):
        return Health((), is_up=mount is not None)
    return Health(reading.filesystem_faults(mount, host.settings.probe_deadline), is_up=True)


def signs(mount: Mount, host: Host) -> tuple[Message, ...]:
    """What the kernel shows to be wrong with a mounted file system."""
    vitality = superblock.vitality(mount, host.paths.run)
    if not vitality.given_up and not vitality.errors:
        return ()
    from lvmkit.model.messages.filesystems import FilesystemGivenUp, FilesystemHasErrors  # only where that is so

    if vitality.given_up:
        return (FilesystemGivenUp(mount.mount_point, vitality.given_up),)
    return (FilesystemHasErrors(mount.mount_point, vitality.errors),)


def obstacles(facts: FilesystemFacts, _host: Host) -> tuple[Message, ...]:
    """Why mounting it again would change nothing: another file system is there, or its device takes no writes."""
    from lvmkit.model.messages.engine import WriteProtected  # only where something is wrong
    from lvmkit.model.messages.service import MountPointTaken

    mount = mounted(facts)
    if mount is None:
        other = mountinfo.at(facts.mount_point)
        return (MountPointTaken(facts.mount_point, other.source, facts.device),) if other else ()
    if "ro" not in facts.options.split(",") and sysfs.read_only(mountinfo.device_number(mount)):
        return (WriteProtected(facts.device, facts.mount_point),)
    return ()


def release(_facts: FilesystemFacts, _host: Host) -> str:
    """Nothing: create does nothing with a file system outside of the engine."""
    return "nothing to undo"


def mounted(facts: FilesystemFacts) -> Mount | None:
    """The mount at the mount point if it is ours.

    It is known by its device number, or, where the device is dead and its links are gone, by its name in the table.
    """
    mount = mountinfo.at(facts.mount_point)
    if mount is None:
        return None
    number = sysfs.number_of(facts.device)
    if number:
        return mount if mountinfo.device_number(mount) == number else None
    return mount if mount.source in facts.device_names else None
