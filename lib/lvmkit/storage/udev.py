"""Can udev take note of new devices, and has it? LVM's activation waits for it, without a limit.

LVM makes a device and waits until a rule of udev's runs 'dmsetup udevcomplete' (libdm, dm_udev_wait; the rule is in
95-dm-notify.rules). udev runs what its rules ask for only after it has written the device to its database; where that
fails, it drops the event (systemd, udev-worker.c and udev-event.c). So with a full /run the activation never ends.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "/run/udev"
ENTRIES = f"{FOLDER}/data"
"""has a file for each block device, b and its number, which udev replaces with each event that it has worked off"""
_CONTROL = f"{FOLDER}/control"
"""LVM waits for udev only where this is (libdevmapper, dm_udev_set_sync_support)"""
_BYTES, _INODES = 8192, 16
"""for each device: its entry and the one that it replaces, a page each; its links and tags"""


def lack_of_room(count: int) -> str:
    """Why udev could not note so many new devices, in words; '' where it could, or nobody waits for it."""
    if not os.path.exists(_CONTROL):
        return ""
    try:
        room = os.statvfs(FOLDER)
    except OSError:
        return ""
    if room.f_flag & os.ST_RDONLY:
        return "it is read-only"
    free = room.f_bavail * room.f_frsize
    if free < count * _BYTES:
        return f"{free // 1024} KiB are free"
    if room.f_files and room.f_favail < count * _INODES:
        return f"{room.f_favail} inodes are free"
    return ""


def noted(numbers: Iterable[str]) -> tuple[int, ...]:
    """When udev last took note of each device, in nanoseconds of its entry; 0 where it has none.

    numbers: major:minor.
    """
    return tuple(map(_noted, numbers))


def _noted(number: str) -> int:
    try:
        return os.stat(f"{ENTRIES}/b{number}").st_mtime_ns
    except OSError:
        return 0
