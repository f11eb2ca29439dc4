"""What is mounted, from /proc/<pid>/mountinfo; the format is that of proc(5) and filesystems/proc.rst, section 3.5.

A mount is looked up in this text and never by stat(2) on the mount point, which waits for a file system that hangs.
"""

from __future__ import annotations

from lvmkit.model.value import Value
from lvmkit.storage import sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROC = "/proc"
_OWN_NUMBER = ("btrfs", "bcachefs")
"""types of file systems on devices whose st_dev is not the device's number"""


class Mount(Value):
    """One mount."""

    id: int
    """unique among all mounts, as in the mnt_id line of /proc/PID/fdinfo"""
    mount_point: str
    number: str
    """major:minor of st_dev of its files; for Btrfs and network file systems not a device's"""
    root: str
    """the directory of the file system that is the root of this mount; not "/" for a bind mount or subvolume"""
    type: str
    source: str
    options: tuple[str, ...]
    """of this mount: rw, nosuid, relatime ..."""
    super_options: tuple[str, ...]
    """of the file system: ro after the kernel gave up writing, errors=remount-ro ..."""
    parent: int = 0
    """the mount that it is mounted on"""
    propagation: tuple[str, ...] = ()
    """what this mount shares with others: 'shared:N' for its peer group, 'master:N' for the one that it follows"""


def mounts(pid: str | int = "self", proc: str = PROC) -> tuple[Mount, ...]:
    """All mounts that a process sees, in the order in which they were made. () where the process has gone.

    pid: a process whose mount namespace is meant.
    """
    try:
        with open(f"{proc}/{pid}/mountinfo", "rb") as lines:
            return parse(lines.read())
    except OSError:
        return ()


def parse(text: bytes) -> tuple[Mount, ...]:
    """The mounts of a mountinfo file; lines that do not have its form are skipped."""
    parsed = []
    for line in text.split(b"\n"):
        mount = _parsed(line.split(b" "))
        if mount is not None:
            parsed.append(mount)
    return tuple(parsed)


def at(mount_point: str, among: Iterable[Mount] | None = None) -> Mount | None:
    """The mount that is visible at a mount point: the last one where several cover each other. None where none is.

    mount_point: an absolute path without symbolic links.  among: the mounts to look at; by default this process's own.
    """
    visible: Mount | None = None
    for mount in _among(among):
        if mount.mount_point == mount_point:
            visible = mount
    return visible


def of(number: str, among: Iterable[Mount] | None = None) -> tuple[Mount, ...]:
    """All mounts of the file system on a device (major:minor), bind mounts included."""
    return tuple(mount for mount in _among(among) if number in (mount.number, _number_of_source(mount)))


def holding(path: str, among: Iterable[Mount] | None = None) -> Mount | None:
    """The mount that a path belongs to, by the text of the path alone; None for a path that is not absolute."""
    best: Mount | None = None
    for mount in _among(among):
        longest = best is None or len(mount.mount_point) >= len(best.mount_point)
        if longest and is_below(path, mount.mount_point):
            best = mount
    return best


def is_below(path: str, directory: str) -> bool:
    """Whether a path is a directory or in it, by the text of both."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def device_number(mount: Mount) -> str:
    """major:minor of the device of a mount; a file system with a number of its own, as Btrfs, only names its device."""
    return mount.number if sysfs.kernel_name(mount.number) else sysfs.number_of(mount.source)


def _number_of_source(mount: Mount) -> str:
    """The device of a file system that shows a number of its own; '' for all others."""
    return sysfs.number_of(mount.source) if mount.type in _OWN_NUMBER else ""


def unescaped(word: bytes) -> str:
    """A path with the octal escapes of mountinfo, /proc/swaps and fstab undone; other bytes as surrogates."""
    head, *parts = word.split(b"\\")
    plain = head + b"".join(map(_unescaped_part, parts))
    return plain.decode("utf-8", "surrogateescape")


def _unescaped_part(part: bytes) -> bytes:
    digits = part[:3]
    is_octal = len(digits) == 3 and digits[:1] in b"0123" and set(digits) <= set(b"01234567")
    return bytes((int(digits, 8),)) + part[3:] if is_octal else b"\\" + part


def _among(given: Iterable[Mount] | None) -> Iterable[Mount]:
    return mounts() if given is None else given


def _parsed(words: list[bytes]) -> Mount | None:
    """One line: ID, parent, number, root, mount point, options, optional fields, '-', type, source, super options."""
    try:
        dash = words.index(b"-", 6)
        type_, source, super_options = words[dash + 1 : dash + 4]
        return Mount(
            id=int(words[0]),
            mount_point=unescaped(words[4]),
            number=words[2].decode("ascii"),
            root=unescaped(words[3]),
            type=unescaped(type_),
            source=unescaped(source),
            options=tuple(unescaped(words[5]).split(",")),
            super_options=tuple(unescaped(super_options).split(",")),
            parent=int(words[1]),
            propagation=tuple(word.decode("ascii") for word in words[6:dash]),
        )
    except ValueError:
        return None
