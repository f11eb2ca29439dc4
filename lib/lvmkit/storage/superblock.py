"""Whether a mounted file system still does its work, as the kernel shows it without reading a disk.

A file system that met an error it cannot live with stays mounted, and mostly goes on showing "rw". Where the kernel
says so differs: ext4 in its options (emergency_ro from 6.15 on, shutdown), and before that only by an error more in
/sys/fs/ext4/DEV/errors_count while /proc/fs/ext4/DEV/options say errors=remount-ro; f2fs in the two status words of
/sys/fs/f2fs/DEV/stat (Documentation/ABI/testing/sysfs-fs-f2fs); btrfs by the option "ro". XFS shows it nowhere: only
stat(2) of its root says EIO.

The count of errors is part of the file system and outlives a mount, so what was there at the start is noted. Where
nobody has noted it, the time of the last error is compared with that of the mount: the kernel starts the process of the
journal when it mounts.
"""

from __future__ import annotations

import errno
import os

from lvmkit.model.value import Value
from lvmkit.storage import mountinfo, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.storage.mountinfo import Mount, Table

PROC, SYSFS = "/proc", "/sys/fs"

STATE_WORDS = {
    "shutdown": "it is shut down",
    "emergency_ro": "nothing is written to it since an error",
    "abort": "its journal is aborted",
}
"""options that the kernel shows and nobody gives: what they say of a file system"""

_EXT4 = ("ext4", "ext3", "ext2")
"""types that the driver of ext4 serves"""
_DRIVERS = ("ext4", "xfs", "f2fs")
"""those that have a folder below /sys/fs for each device"""
_ABORTS = ("ext4_journal_check_start", "__ext4_remount", "ext4_remount")
"""functions of the kernel in which ext4 finds its journal aborted: it writes no more, whatever errors= says"""
_NO_ATTRIBUTE = "trusted.lvmkit.none"
_F2FS_SHUT_DOWN, _F2FS_ERROR = 0x40, 0x08
"""SBI_IS_SHUTDOWN of sb_status, CP_ERROR_FLAG of cp_status"""
_START_TIME = 19
"""place of the start time in /proc/PID/stat, counted from what follows the command (proc_pid_stat(5), 22)"""
_LOCAL = frozenset(("ext4", "ext3", "ext2", "xfs", "btrfs", "f2fs", "tmpfs", "ramfs", "squashfs", "erofs", "overlay"))
"""types through which a path is followed without asking anybody outside of this kernel"""


class Vitality(Value):
    """What the kernel shows of a mounted file system."""

    given_up: str = ""
    """why the kernel does not serve it any more, in words; '' where it does"""
    errors: int = 0
    """how many it has met since it was mounted, as far as that is known"""


def vitality(mount: Mount, run: str, table: Table | None = None) -> Vitality:
    """Ask the kernel about a mount of this process's namespace. No process is started, nothing waits for a disk.

    run: the folder that has the note of its start.  table: all mounts, where the caller has it.
    """
    for option in mount.super_options:
        if option in STATE_WORDS:
            return Vitality(STATE_WORDS[option])
    if "ro" in mount.super_options and "rw" in mount.options:
        return Vitality(STATE_WORDS["emergency_ro"])
    if mount.type in _EXT4:
        return _ext4(mount, run)
    if mount.type == "btrfs":
        return Vitality(errors=_new_errors(mount, run))
    if mount.type == "f2fs":
        return Vitality(_f2fs(_kernel_name(mount)))
    if mount.type == "xfs" and _xfs_is_shut_down(mount, mountinfo.indexed(table)):
        return Vitality(STATE_WORDS["shutdown"])
    return Vitality()


def note_start(mount: Mount, run: str) -> None:
    """Note what a file system shows now, which later looks compare with. run: a folder. Raises Failure (110082)."""
    from lvmkit.storage import files  # checks only read

    files.make_folder(run, mode=0o755)
    files.replace(_note(mount, run), f"{_identity(mount)} {_count(mount)}\n")


def forget_start(mount: Mount, run: str) -> None:
    """Drop the note. One that stays is no harm: another mount is told from this one."""
    try:
        os.unlink(_note(mount, run))
    except OSError:
        return


def has_start(mount: Mount, run: str) -> bool:
    """Whether the start of this very mount is noted."""
    return _noted(mount, run) is not None


def is_kept(number: str) -> bool:
    """Whether the kernel has a file system on a device at work, be it mounted anywhere or not.

    number: major:minor. False for types that do not show themselves below /sys/fs.
    """
    name = sysfs.kernel_name(number).replace("/", "!")
    if not name:
        return False
    return any(os.path.isdir(f"{SYSFS}/{driver}/{name}") for driver in _DRIVERS) or bool(_btrfs_folder(name))


def btrfs_of(number: str) -> str:
    """The UUID of the Btrfs that the kernel has at work on a device (major:minor); '' where it has none."""
    return os.path.basename(_btrfs_folder(sysfs.kernel_name(number).replace("/", "!")))


def question(mount: Mount, is_written: bool) -> Callable[[], bytes]:
    """A question to the file system itself, to be asked in a child, because it may wait for a disk.

    is_written: whether it is to be written to.
    It opens the root and has the kernel make it durable (fsync(2)), which neither changes nor reads a file. One that is
    shut down fails the first, one whose journal is aborted often the second. What it raises is an OSError.
    """

    def ask() -> bytes:
        handle = os.open(mount.mount_point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(handle)
        if is_written and mount.type in _EXT4:
            _begin_to_write(handle, mount)
        return b""

    return ask


def _begin_to_write(root: int, mount: Mount) -> None:
    """Have an ext4 begin a transaction, in which nothing changes: an attribute that is not there is taken away.

    That its journal was aborted it notices only then (fs/ext4/ext4_jbd2.c, ext4_journal_check_start). The transaction
    reaches the disk within seconds, so where that takes no writes any more the next question is answered with an error.
    Of one that is frozen it is not asked: it would wait, and keep an unmount from its work. Nor of one without a
    journal, of which nothing tells whether it is frozen. Raises OSError.
    """
    from lvmkit.storage import freezing  # deep checks only

    try:
        if freezing.has_journal_in_use(mount):
            os.removexattr(root, _NO_ATTRIBUTE)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EIO):
            raise


def _ext4(mount: Mount, run: str) -> Vitality:
    errors = _new_errors(mount, run)
    if not errors:
        return Vitality()
    folder = f"{SYSFS}/ext4/{_kernel_name(mount)}"
    last = _text(f"{folder}/last_error_func").strip()
    stops = "errors=remount-ro" in _text(f"{PROC}/fs/ext4/{_kernel_name(mount)}/options").split()
    if (stops or last in _ABORTS) and (has_start(mount, run) or _mounted_at(mount)):
        return Vitality(f"{STATE_WORDS['emergency_ro']} (in {last})", errors)
    return Vitality(errors=errors)


def _new_errors(mount: Mount, run: str) -> int:
    """Errors since the start; where no start is noted, all of them if the last one is of this mount or, where nothing
    tells when that was made, of this boot.
    """
    count = _count(mount)
    if not count:
        return 0
    before = _noted(mount, run)
    if before is not None:
        return max(0, count - before)
    return count if _last_error(mount) >= (_mounted_at(mount) or _boot_time()) else 0


def _last_error(mount: Mount) -> int:
    """Seconds since the epoch of the last error of an ext4; of others, 0, for it is not known."""
    return _number(_text(f"{SYSFS}/ext4/{_kernel_name(mount)}/last_error_time"))


def _mounted_at(mount: Mount) -> int:
    """Seconds since the epoch at which the process of its journal was started; 0 where it has none."""
    ticks = _text(f"{PROC}/{_journal(mount)}/stat").rpartition(")")[2].split()
    if len(ticks) <= _START_TIME:
        return 0
    return _boot_time() + _number(ticks[_START_TIME]) // os.sysconf("SC_CLK_TCK")


def _boot_time() -> int:
    """Seconds since the epoch (proc_stat(5), btime)."""
    for line in _text(f"{PROC}/stat").splitlines():
        if line.startswith("btime "):
            return _number(line[6:])
    return 0


def _count(mount: Mount) -> int:
    """The errors that the file system has counted in all its life."""
    name = _kernel_name(mount)
    if mount.type in _EXT4:
        return _number(_text(f"{SYSFS}/ext4/{name}/errors_count"))
    if mount.type == "btrfs":
        return _btrfs_errors(_btrfs_folder(name))
    return 0


def _btrfs_errors(folder: str) -> int:
    """The sum over all devices: lines such as 'write_errs 0'."""
    errors = 0
    for device in _entries(f"{folder}/devinfo") if folder else ():
        for line in _text(f"{folder}/devinfo/{device}/error_stats").splitlines():
            errors += _number(line.partition(" ")[2])
    return errors


def _btrfs_folder(name: str) -> str:
    """Where sysfs shows the file system that has this device; '' where it has none."""
    for uuid in _entries(f"{SYSFS}/btrfs"):
        if os.path.lexists(f"{SYSFS}/btrfs/{uuid}/devices/{name}"):
            return f"{SYSFS}/btrfs/{uuid}"
    return ""


def _f2fs(name: str) -> str:
    folder = f"{SYSFS}/f2fs/{name}/stat"
    if _number(_text(f"{folder}/sb_status"), 16) & _F2FS_SHUT_DOWN:
        return STATE_WORDS["shutdown"]
    if _number(_text(f"{folder}/cp_status"), 16) & _F2FS_ERROR:
        return STATE_WORDS["emergency_ro"]
    return ""


def _xfs_is_shut_down(mount: Mount, table: Table) -> bool:
    """Whether stat(2) says EIO. XFS answers it from memory, without a lock (fs/xfs/xfs_iops.c, xfs_vn_getattr), and a
    mount keeps all folders on the way to it in memory; only what is mounted from afar above it could make us wait.
    """
    for kind in table.by_type.keys() - _LOCAL:
        for above in table.by_type[kind]:
            if mountinfo.is_below(mount.mount_point, above.mount_point):
                return False
    try:
        os.stat(mount.mount_point)
    except OSError as error:
        return error.errno == errno.EIO
    return False


def _noted(mount: Mount, run: str) -> int | None:
    """The errors that this very mount had at its start; None where that is not noted."""
    words = _text(_note(mount, run)).split()
    if len(words) != 2 or words[0] != _identity(mount):
        return None
    return _number(words[1])


def _note(mount: Mount, run: str) -> str:
    return f"{run}/errors-{mount.number.replace(':', '-')}"


def _identity(mount: Mount) -> str:
    """Which mount it is: its ID, which another one may get later, and the process of its journal where it has one."""
    return f"{mount.id}/{_journal(mount) or '-'}"


def _journal(mount: Mount) -> str:
    """The process of its journal; '' where it has none."""
    return _text(f"{SYSFS}/ext4/{_kernel_name(mount)}/journal_task").strip() if mount.type in _EXT4 else ""


def _kernel_name(mount: Mount) -> str:
    """The name of its device as the kernel's folders have it."""
    name = sysfs.kernel_name(mount.number) or sysfs.kernel_name(sysfs.number_of(mount.source))
    return name.replace("/", "!")


def _number(text: str, base: int = 10) -> int:
    """The number that a text is; 0 where it is none."""
    try:
        return int(text, base)
    except ValueError:
        return 0


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(path: str) -> str:
    """What a file says; '' where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
