"""Is the protected file system mounted, and still writable? Reads /proc and /sys only, so it is part of quickCheck."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.facts import FilesystemFacts
from lvmkit.model.messages.faults import MountedReadOnly, NotMounted
from lvmkit.storage import mountinfo, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.messages import Message
    from lvmkit.storage.mountinfo import Mount


def mounted(filesystem: FilesystemFacts) -> Mount | None:
    """The mount at the mount point if it is ours.

    The device may be dead and its links gone, so besides the device number its name in the mount table counts.
    """
    found = mountinfo.at(filesystem.mount_point)
    if found is None:
        return None
    number = sysfs.number_of(filesystem.device)
    if number:
        return found if mountinfo.device_number(found) == number else None
    lv = names.vg_lv_of_lvmlv_id(filesystem.device)
    return found if found.source in (filesystem.device, f"/dev/mapper/{names.dm_name(*lv)}" if lv else "") else None


def faults(filesystem: FilesystemFacts) -> list[Message]:
    """What is wrong with a file system that should be mounted."""
    found = mounted(filesystem)
    if found is None:
        return [NotMounted(filesystem.device, filesystem.mount_point)]
    wanted_writable = "ro" not in filesystem.options.split(",")
    is_read_only = "ro" in (*found.options, *found.super_options)
    return [MountedReadOnly(filesystem.mount_point)] if wanted_writable and is_read_only else []
