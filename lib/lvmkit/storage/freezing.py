"""Is a mounted file system frozen, so that whoever writes to it waits? No file below /proc or /sys says so.

ext4 takes the mark that its journal is in use off its superblock while it is frozen (fs/ext4/super.c, ext4_freeze and
ext4_unfreeze). Its superblock is in the page cache of the device, so a look at it waits for no disk.

Of others the kernel tells only by letting somebody wait. quotactl(2) waits for the thaw before it changes a quota
(fs/quota/quota.c, quotactl_block). Unlike somebody who writes, it has no hold of the mount meanwhile, so an unmount
works, and with it the stop that ends the freeze. What waits cannot be killed, so it is only one for each file system.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time

from lvmkit.storage import filesystem_uuid, mountinfo, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.storage.mountinfo import Mount
    from lvmkit.storage.probe import Ending

FROZEN = b"frozen"
PANICS = "/proc/sys/kernel/hung_task_panic"
"""says 1 where the kernel ends the server when somebody waits for long"""

_WITH_MARK = ("ext4", "ext3")
_FEATURES = 1024 + 0x5C
"""where s_feature_compat and s_feature_incompat of struct ext4_super_block are (fs/ext4/ext4.h)"""
_HAS_JOURNAL, _IN_USE = 0x4, 0x4
"""EXT4_FEATURE_COMPAT_HAS_JOURNAL, EXT4_FEATURE_INCOMPAT_RECOVER"""
_SET_QUOTA = 0x800008 << 8
"""QCMD(Q_SETQUOTA, USRQUOTA) of linux/quota.h"""
_PAUSE = 0.25


def question(mount: Mount, run: str, patience: float) -> Callable[[], bytes]:
    """A question to be asked in a child; the answer is FROZEN where it was frozen for that long, else b"".

    mount: of a file system that is to be written to.  run: a folder for the lock of who waits.  patience: seconds.
    Whoever asks about another type than ext4 gets no answer, where it is frozen and nobody waits for it yet. What it
    raises is an OSError, where nothing can be told.
    """
    number = mountinfo.device_number(mount)

    def ask() -> bytes:
        if mount.type in _WITH_MARK:
            return _last(lambda: _is_marked(mount), patience)
        if not sysfs.kernel_name(number) or _panics():
            return b""
        return _asked_by_one(f"{run}/thaw-{number.replace(':', '-')}", _device(number), patience)

    return ask


def is_frozen(mount: Mount, answer: Ending) -> bool:
    """What became of question(): of an ext4, one without an answer tells of a disk that hangs, not of a freeze."""
    return answer.result == FROZEN or (answer.hung and mount.type not in _WITH_MARK)


def _asked_by_one(lock: str, device: str, patience: float) -> bytes:
    """Wait for the thaw, or for somebody who waits for it."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        answer = _last(lambda: not _has_turn(handle), patience)
        if not answer:
            wait_for_thaw(device)
        return answer
    finally:
        os.close(handle)


def wait_for_thaw(device: str) -> None:
    """Ask for a change of quotas that cannot be made, for it has no address; return when the file system is thawed."""
    import ctypes  # a child that asks pays for it

    ctypes.CDLL(None).quotactl(ctypes.c_int(_SET_QUOTA - (1 << 32)), os.fsencode(device), 0, None)


def _last(is_so: Callable[[], bool], patience: float) -> bytes:
    """FROZEN where it is so all the time."""
    end = time.monotonic() + patience
    while is_so():
        if time.monotonic() >= end:
            return FROZEN
        time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))
    return b""


def has_journal_in_use(mount: Mount) -> bool:
    """Whether an ext4 has a journal and is not frozen, so that who begins a transaction does not wait for a thaw."""
    has_journal, is_in_use = _journal(mount)
    return has_journal and is_in_use


def _is_marked(mount: Mount) -> bool:
    """Whether the superblock of an ext4 that is mounted to be written to says that its journal is not in use."""
    has_journal, is_in_use = _journal(mount)
    return has_journal and not is_in_use


def _journal(mount: Mount) -> tuple[bool, bool]:
    """Whether an ext4 has a journal, and whether that is in use. Raises OSError."""
    number = mountinfo.device_number(mount)
    features = filesystem_uuid.read_part(_device(number), number, _FEATURES, 8)
    compatible, incompatible = struct.unpack("<II", features)
    return bool(compatible & _HAS_JOURNAL), bool(incompatible & _IN_USE)


def _device(number: str) -> str:
    return f"/dev/{sysfs.kernel_name(number)}"


def _has_turn(handle: int) -> bool:
    """Whether nobody else waits for the thaw: who does has the lock until it comes."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _panics() -> bool:
    try:
        with open(PANICS, encoding="ascii") as setting:
            return setting.read().strip() != "0"
    except OSError:
        return False
