"""The part of fanotify(7) that tells of errors of file systems (FAN_FS_ERROR, Linux 5.16), which Python does not call.

A group listens to file systems and holds none of them: each can be unmounted, which ends the listening. The kernel
tells before it acts on an error: a file system may be read-only only a moment later (fs/ext4/super.c, __ext4_error).
"""

from __future__ import annotations

import ctypes
import errno
import os
import re

_CLOEXEC, _NONBLOCK, _REPORT_FID = 0x1, 0x2, 0x200
_MARK_ADD, _MARK_FILESYSTEM = 0x1, 0x100
_FS_ERROR = 0x8000
"""linux/fanotify.h"""
_NO_FOLDER = -1
_SUPERBLOCK = re.compile(r"^fanotify sdev:([0-9a-f]+) ", re.MULTILINE)
_MINOR_BITS = 20
"""of a device number inside the kernel (linux/kdev_t.h)"""


def open_group() -> int:
    """A descriptor that can be read when a file system that it listens to has met an error.

    Raises OSError: ENOSYS where the kernel does not tell of these errors, EPERM without privilege.
    """
    flags = _CLOEXEC | _NONBLOCK | _REPORT_FID
    group = _call("fanotify_init", ctypes.c_uint(flags), ctypes.c_uint(os.O_RDONLY))
    try:
        listen(group, "relative to no folder")
    except OSError as error:
        if error.errno == errno.EBADF:  # what is wrong is the folder only
            return group
    os.close(group)
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def listen(group: int, path: str) -> None:
    """Listen to the file system of a directory or file, now or still. Raises OSError where it has no such news.

    path: absolute. It is walked, so where something on the way comes from afar, this may wait.
    """
    flags, mask = ctypes.c_uint(_MARK_ADD | _MARK_FILESYSTEM), ctypes.c_uint64(_FS_ERROR)
    _call("fanotify_mark", ctypes.c_int(group), flags, mask, ctypes.c_int(_NO_FOLDER), os.fsencode(path))


def listened(group: int) -> set[str]:
    """The file systems that a group listens to, as major:minor of st_dev of their files. Source: proc(5), fdinfo."""
    with open(f"/proc/self/fdinfo/{group}", encoding="ascii") as file:
        numbers = [int(number, 16) for number in _SUPERBLOCK.findall(file.read())]
    return {f"{number >> _MINOR_BITS}:{number & ((1 << _MINOR_BITS) - 1)}" for number in numbers}


def _call(name: str, *arguments: object) -> int:
    """Call a function of the C library; its result. Raises OSError as it says, ENOSYS where the library has none."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = int(function(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
