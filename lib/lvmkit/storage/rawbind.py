"""raw(8): character devices bound to block devices, which Linux had until 5.14.

A binding keeps no volume from going, but it goes on by the number of the device, which another volume may get; and who
has the character device open has the volume open, under a name that does not tell it.
"""

from __future__ import annotations

import os
import struct

from lvmkit.storage import sysfs

FOLDER = "/dev/raw/"
CONTROLS = (f"{FOLDER}rawctl", "/dev/rawctl")
MAJOR = 162
"""of the bound devices, whose minor numbers begin with 1; admin-guide/devices.txt"""
GET_BINDING = 0xAC01
"""RAW_GETBIND of linux/raw.h"""

_REQUEST = struct.Struct("@iQQ")
"""raw_config_request: the minor number, then major and minor of the block device"""


def is_name(path: str) -> bool:
    """Whether a path has the form of such a device's."""
    return path.startswith(f"{FOLDER}raw") and path[len(f"{FOLDER}raw") :].isdecimal()


def is_in_kernel(sys: str = sysfs.ROOT) -> bool:
    """Whether the running kernel has the driver. sys: where sysfs is mounted."""
    return os.path.isdir(f"{sys}/class/raw")


def bound_to(number: str, sys: str = sysfs.ROOT) -> tuple[int, ...]:
    """The minor numbers of the devices that are bound to a block device (major:minor); () where that cannot be told."""
    bound = []
    for name in sysfs.entries(f"{sys}/class/raw"):
        minor = name[len("raw") :]
        if name.startswith("raw") and minor.isdecimal() and _binding(int(minor)) == number:
            bound.append(int(minor))
    return tuple(sorted(bound))


def opens_one(link: str, minors: tuple[int, ...]) -> bool:
    """Whether an open file of a process, below /proc, is one of these devices."""
    try:
        device = os.stat(link).st_rdev
    except OSError:
        return False
    return os.major(device) == MAJOR and os.minor(device) in minors


def _binding(minor: int) -> str:
    """The block device that one is bound to, as major:minor; '' where it is bound to none."""
    from fcntl import ioctl  # only a kernel with the driver needs it

    request = bytearray(_REQUEST.pack(minor, 0, 0))
    for path in CONTROLS:
        try:
            control = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            ioctl(control, GET_BINDING, request)
        except OSError:
            return ""
        finally:
            os.close(control)
        _, block_major, block_minor = _REQUEST.unpack(request)
        return f"{block_major}:{block_minor}" if block_major else ""
    return ""
