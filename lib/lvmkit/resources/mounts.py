"""Where the file system of a resource is mounted now: the one answer of start, stop, check and status.

It is looked for by its device's number in the mount table. The path of the mount point only says where it should be;
symbolic links in it are followed where that matters, and what hides a mount is seen.
"""

from __future__ import annotations

from lvmkit.model.value import Value
from lvmkit.resources import fs_volume
from lvmkit.storage import mountinfo, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.facts import FilesystemFacts
    from lvmkit.resources.kernel import Glance
    from lvmkit.storage.mountinfo import Mount, Table

_SYSTEMD = "systemd-1"
"""source of the autofs mounts that systemd makes (systemd.automount(5))"""


class Mounts(Value):
    """The mounts of a file system, and what else is at its mount point."""

    point: str
    """the mount point without symbolic links, as far as they were followed"""
    here: Mount | None = None
    """its mount at the mount point; of several that cover each other the uppermost"""
    cover: Mount | None = None
    """what hides it there, at the mount point or at a folder above it"""
    is_cover_within: bool = False
    """whether that is mounted on it, so that it must go before it"""
    elsewhere: tuple[Mount, ...] = ()
    """mounts of the same file system at other places"""
    other: Mount | None = None
    """what else is met at the mount point, where it is not mounted there"""
    table: Table | None = None
    """all mounts, of which these were taken"""


def of(facts: FilesystemFacts, glance: Glance | None = None, *, always_follow: bool = False) -> Mounts:
    """Look. No process is started, nothing that is mounted is asked.

    glance: where the caller has one.
    always_follow: symbolic links are followed also where it is mounted nowhere, to see what is at the mount point.
    """
    table = glance.mounts if glance else mountinfo.mounts()
    ours = _of_volume(facts, table, glance)
    point = facts.mount_point
    if (ours or always_follow) and not any(_is_at(mount, point) for mount in ours):
        point = mountinfo.real(point, table)
    here = [mount for mount in ours if _is_at(mount, point)]
    elsewhere = tuple(mount for mount in ours if mount not in here)
    met = mountinfo.holding(point, table)
    if not here:
        is_there = met is not None and met.mount_point == point
        return Mounts(point, elsewhere=elsewhere, other=met if is_there else None, table=table)
    if met in here:
        return Mounts(point, met, elsewhere=elsewhere, table=table)
    is_within = met is not None and mountinfo.is_on(met, here[-1], table)
    return Mounts(point, here[-1], met, is_within, elsewhere, table=table)


def is_automount(mount: Mount) -> bool:
    """Whether it waits for somebody who goes there, to have systemd mount something."""
    return mount.type == "autofs" and mount.source == _SYSTEMD


def _of_volume(facts: FilesystemFacts, table: Table, glance: Glance | None) -> tuple[Mount, ...]:
    """All mounts of the file system. Where the kernel has no such volume any more, those of a device that is gone and
    had its name."""
    met = mountinfo.at(facts.mount_point, table)
    number = fs_volume.number(facts, mountinfo.device_number(met) if met else "", glance)
    if number:
        return mountinfo.of(number, table)
    named = mountinfo.of_sources(facts.device_names, table)
    return tuple(mount for mount in named if mount.type == facts.type and not sysfs.kernel_name(mount.number))


def _is_at(mount: Mount, point: str) -> bool:
    """Whether all of the file system is there: not a folder of it, but a subvolume where those have own numbers."""
    return mount.mount_point == point and (mount.root == "/" or mount.number.startswith("0:"))
