"""What is mounted, from /proc/<pid>/mountinfo; the format is that of proc(5) and filesystems/proc.rst, section 3.5.

A mount is looked up in this text and never by stat(2) on the mount point, which waits for a file system that hangs.
Which mount is met at a path follows from the mounts' IDs and parents, as the kernel walks the path: what lies over
another one, or over a folder above it, hides it.
"""

from __future__ import annotations

import os

from lvmkit.model.value import Value, once
from lvmkit.storage import sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    _Mounts = tuple["Mount", ...]
else:
    _Mounts = tuple

PROC = "/proc"
_OWN_NUMBER = ("btrfs", "bcachefs")
"""types of file systems on devices whose st_dev is not the device's number"""
_LOCAL = (*_OWN_NUMBER, "overlay", "ramfs", "tmpfs")
"""types of file systems that answer without a block device of their own number"""
_MOST_LINKS = 40
"""on the way to one file, as path_resolution(7) has it"""


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

    @property
    def shown(self) -> str:
        """What it is, for a message: "/dev/sda1 (ext4)"; its type alone where its source names nothing."""
        if "/" not in self.source:
            return self.type
        folder = "" if self.root == "/" else f"[{self.root}]"
        return f"{self.source}{folder} ({self.type})"


class Table(_Mounts):
    """Mounts in the order in which they were made, in which one is looked up without a search."""

    @once
    def by_id(self) -> dict[int, Mount]:
        """Every mount by its ID."""
        return {mount.id: mount for mount in self}

    @once
    def by_number(self) -> dict[str, list[Mount]]:
        """The mounts of each file system by the number that its files show, and by that of its device."""
        found: dict[str, list[Mount]] = {}
        for mount in self:
            for number in {mount.number, _number_of_source(mount)}:
                found.setdefault(number, []).append(mount)
        return found

    @once
    def by_source(self) -> dict[str, list[Mount]]:
        """The mounts of each source."""
        found: dict[str, list[Mount]] = {}
        for mount in self:
            found.setdefault(mount.source, []).append(mount)
        return found

    @once
    def by_type(self) -> dict[str, list[Mount]]:
        """The mounts of each type of file system."""
        found: dict[str, list[Mount]] = {}
        for mount in self:
            found.setdefault(mount.type, []).append(mount)
        return found

    @once
    def by_place(self) -> dict[tuple[int | None, str], Mount]:
        """By (mount that it is on, mount point); of several the last. None: of those that are on no mount here."""
        found: dict[tuple[int | None, str], Mount] = {}
        for mount in self:
            is_on_another = mount.parent in self.by_id and mount.parent != mount.id
            found[(mount.parent if is_on_another else None, mount.mount_point)] = mount
        return found

    @once
    def points(self) -> frozenset[str]:
        """All mount points."""
        return frozenset(mount.mount_point for mount in self)

    @once
    def closed(self) -> frozenset[str]:
        """The mount points of what a daemon or another machine serves, which may not answer."""
        return frozenset(m.mount_point for m in self if m.number.startswith("0:") and m.type not in _LOCAL)


def mounts(pid: str | int = "self", proc: str = PROC) -> Table:
    """All mounts that a process sees, in the order in which they were made. () where the process has gone.

    pid: a process whose mount namespace is meant.
    """
    try:
        with open(f"{proc}/{pid}/mountinfo", "rb") as lines:
            return parse(lines.read())
    except OSError:
        return Table()


def parse(text: bytes) -> Table:
    """The mounts of a mountinfo file; lines that do not have its form are skipped."""
    parsed = []
    for line in text.split(b"\n"):
        mount = _parsed(line.split(b" "))
        if mount is not None:
            parsed.append(mount)
    return Table(parsed)


def at(path: str, among: Iterable[Mount] | None = None) -> Mount | None:
    """The mount whose root is met at a path: the uppermost where several cover each other. None where none is.

    path: absolute, without symbolic links.  among: the mounts to look at; by default this process's own.
    """
    mount = holding(path, among)
    return mount if mount is not None and mount.mount_point == path else None


def of(number: str, among: Iterable[Mount] | None = None) -> tuple[Mount, ...]:
    """All mounts of the file system on a device (major:minor), bind mounts included."""
    return tuple(indexed(among).by_number.get(number, ()))


def of_sources(sources: Iterable[str], among: Iterable[Mount] | None = None) -> tuple[Mount, ...]:
    """All mounts of some sources, as the table names them."""
    table = indexed(among)
    found: list[Mount] = []
    for source in sources:
        found += table.by_source.get(source, ())
    return tuple(found)


def holding(path: str, among: Iterable[Mount] | None = None) -> Mount | None:
    """The mount that a path is in. None for a path that is not absolute.

    path: without symbolic links. It is walked in the table as the kernel walks it: from a mount on to the one that is
    mounted on it nearest to its root, until none is on the way any more.
    """
    mounts = indexed(among)
    inside: Mount | None = None
    for _ in mounts:  # a table that was read while it changed must not hold us
        following = _first_on_the_way(path, inside, mounts)
        if following is None:
            break
        inside = following
    return inside


def is_on(upper: Mount, lower: Mount, among: Iterable[Mount] | None = None) -> bool:
    """Whether a mount is another one, or mounted within it, over whatever lies between."""
    by_id = indexed(among).by_id
    for _ in by_id:
        if upper.id == lower.id:
            return True
        upper = by_id.get(upper.parent, upper)
    return False


def real(path: str, among: Iterable[Mount] | None = None) -> str:
    """The path with its symbolic links followed, as the table has it; what does not exist is left as it is.

    path: absolute.  Only names that are no mount point are asked whether they are a link, by readlink(2), which looks
    into the folder above; and no file system is entered that a daemon or another machine serves, as it may not answer.
    """
    table = indexed(among)
    for _ in range(_MOST_LINKS):
        followed = _one_link_followed(path, table.points, table.closed)
        if followed == path:
            break
        path = followed
    return path


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


def _first_on_the_way(path: str, inside: Mount | None, mounts: Table) -> Mount | None:
    """Of what is mounted on a mount, on the way to a path, what is met first; on None: of what has no parent here."""
    on = inside.id if inside else None
    walked = ""
    for name in path.rstrip("/").split("/"):
        walked = f"{walked}{name}" if walked in ("", "/") else f"{walked}/{name}"
        first = mounts.by_place.get((on, walked or "/"))
        if first is not None:
            return first
        walked = walked or "/"
    return None


def _one_link_followed(path: str, points: Collection[str], closed: Collection[str]) -> str:
    """The path with the first symbolic link in it replaced by where that leads; no link is looked for in the closed."""
    parts = path.split("/")[1:]
    walked = ""
    for place, name in enumerate(parts, 1):
        folder, walked = walked, f"{walked}/{name}"
        if walked in closed:
            break
        target = "" if walked in points else link(walked)
        if target:
            return os.path.normpath(os.path.join(folder or "/", target, *parts[place:]))
    return path


def link(path: str) -> str:
    """Where a symbolic link leads; '' for anything else."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def indexed(given: Iterable[Mount] | None) -> Table:
    """These mounts as a table; None: those of this process."""
    table = mounts() if given is None else given
    return table if isinstance(table, Table) else Table(table)


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
