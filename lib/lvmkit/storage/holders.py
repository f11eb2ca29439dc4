"""Who keeps a volume or a mount busy, so that a refusal can say who it is.

One pass over /proc for each question. It is read as text: a process's open files by the link's words and the mount ID
in its fdinfo (proc(5)), never by stat(2) on the file, which would wait for the very file system that hangs. What has
to wait for a process's memory lock, its mapped files, is read last and in a child under a deadline.
Not to be seen from here: what the kernel itself uses (an NFS export, an in-kernel target).
"""

from __future__ import annotations

import os

from lvmkit.model.value import Value
from lvmkit.storage import mountinfo, probe, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lvmkit.storage.mountinfo import Mount

MOUNT, PROCESS, SWAP, DM = "mount", "process", "swap", "dm"
NESTED_PV, LOOP, MD, BLOCK = "nested PV", "loop", "md", "block"

_MAPS_DEADLINE = 2.0
"""seconds for reading what processes have mapped"""

_VG_PREFIX = len("LVM-") + 32
"""how much of a device-mapper UUID names the volume group"""

_DELETED = " (deleted)"
"""what /proc appends to the path of a file that was removed"""


class Holder(Value):
    """One user of a device or mount."""

    kind: str
    """MOUNT, PROCESS, SWAP, DM, NESTED_PV, LOOP, MD or BLOCK"""
    name: str
    """mount point, command name, swap file, or device"""
    pid: int = 0
    """of a process, or of one in the mount namespace of a mount that this process does not see"""
    how: str = ""
    """what the process does with it: 'working directory', 'open file' ..."""


def of_device(number: str, *, proc: str = mountinfo.PROC, sys: str = sysfs.ROOT) -> tuple[Holder, ...]:
    """Who uses a block device.

    number: major:minor.  proc, sys: where these are mounted.
    Found are: mounts in every mount namespace, processes that have the device open, swap, devices on top (a volume of
    another volume group means that this one is a PV of it), loop devices on it.
    """

    def is_it(path: str) -> bool:
        return sysfs.number_of(path) == number

    return (
        *_mounts_of_device(number, proc),
        *_openers(number, proc),
        *_swaps(is_it, proc, "partition"),
        *_stacked(number, sys),
        *_loops(is_it, sys, "/dev/"),
    )


def of_mount(mount_point: str, *, proc: str = mountinfo.PROC, sys: str = sysfs.ROOT) -> tuple[Holder, ...]:
    """Who keeps a mount from being unmounted; () where nothing is mounted there.

    mount_point: absolute path without symbolic links.  proc, sys: where these are mounted.
    Found are: mounts below it; processes that work in it, run from it, have it as their root, have a file in it open or
    mapped; swap files and loop devices' files in it.
    """
    mounts = mountinfo.mounts(proc=proc)
    mount = mountinfo.at(mount_point, mounts)
    if mount is None:
        return ()
    is_in_it = _inside(mount, mounts)
    return (
        *_mounts_below(mount, mounts),
        *_processes_in(mount, is_in_it, proc),
        *_swaps(is_in_it, proc, "file"),
        *_loops(is_in_it, sys, "/"),
    )


def mounts_below(mount_point: str, *, proc: str = mountinfo.PROC) -> tuple[Holder, ...]:
    """What is mounted within a mount, in the order in which it was mounted; () where nothing is mounted there.

    mount_point: absolute path without symbolic links.  proc: where it is mounted.
    """
    mounts = mountinfo.mounts(proc=proc)
    mount = mountinfo.at(mount_point, mounts)
    return tuple(_mounts_below(mount, mounts)) if mount else ()


def described(some: Iterable[Holder]) -> tuple[str, ...]:
    """Holders in words: "process 4711 (postgres): open file"."""
    return tuple(map(_describe, some))


def _describe(holder: Holder) -> str:
    if holder.kind == PROCESS:
        return f"process {holder.pid} ({holder.name}): {holder.how}"
    elsewhere = f" (in the mount namespace of process {holder.pid})" if holder.pid else ""
    return f"{holder.kind} {holder.name}{elsewhere}"


def _mounts_of_device(number: str, proc: str) -> list[Holder]:
    """Own mounts first; those of other namespaces only where the same mount point is not among them already."""
    holders: dict[str, Holder] = {}
    for mount in _mounts_on(number, "self", proc):
        holders[mount.mount_point] = Holder(MOUNT, mount.mount_point)
    for pid in _one_of_each_namespace(proc):
        for mount in _mounts_on(number, pid, proc):
            holders.setdefault(mount.mount_point, Holder(MOUNT, mount.mount_point, int(pid)))
    return list(holders.values())


def _mounts_on(number: str, pid: str, proc: str) -> tuple[Mount, ...]:
    return mountinfo.of(number, mountinfo.mounts(pid, proc))


def _one_of_each_namespace(proc: str) -> list[str]:
    """A process for each mount namespace, this process's own left out."""
    own = _link(f"{proc}/self/ns/mnt")
    pid_of: dict[str, str] = {}
    for pid in _pids(proc):
        namespace = _link(f"{proc}/{pid}/ns/mnt")
        if namespace not in ("", own):
            pid_of.setdefault(namespace, pid)
    return list(pid_of.values())


def _openers(number: str, proc: str) -> list[Holder]:
    """Processes with the device open."""
    openers = []
    for pid in _pids(proc):
        folder = f"{proc}/{pid}/fd"
        if any(_is_open_device(f"{folder}/{fd}", number) for fd in _entries(folder)):
            openers.append(_process(pid, "the device is open", proc))
    return openers


def _is_open_device(link: str, number: str) -> bool:
    """Only names below /dev are asked for their number: that question never hangs."""
    return _link(link).startswith("/dev/") and sysfs.number_of(link) == number


def _stacked(number: str, sys: str) -> list[Holder]:
    own = sysfs.dm_uuid(number, sys)
    return [_on_top(block, own, sys) for block in sysfs.holders(number, sys)]


def _on_top(block: sysfs.Block, own_uuid: str, sys: str) -> Holder:
    """A volume of another volume group stands on this device: then this one is a physical volume of that group."""
    name, uuid = sysfs.dm_name(block.number, sys), sysfs.dm_uuid(block.number, sys)
    if name:
        is_nested = uuid.startswith("LVM-") and uuid[:_VG_PREFIX] != own_uuid[:_VG_PREFIX]
        return Holder(NESTED_PV if is_nested else DM, name)
    return Holder(MD if block.name.startswith("md") else BLOCK, block.name)


def _swaps(is_ours: Callable[[str], bool], proc: str, kind: str) -> list[Holder]:
    """Swap space of one kind, "file" or "partition", that is ours (proc(5), /proc/swaps)."""
    swaps = []
    for line in _read(f"{proc}/swaps").split(b"\n")[1:]:
        words = line.split()
        if len(words) > 1 and words[1] == kind.encode("ascii"):
            path = mountinfo.unescaped(words[0])
            if is_ours(path):
                swaps.append(Holder(SWAP, path))
    return swaps


def _loops(is_ours: Callable[[str], bool], sys: str, start: str) -> list[Holder]:
    """Loop devices whose backing file is ours. start: only paths that begin with it are asked about."""
    loops = []
    for name in _entries(f"{sys}/block"):
        path = _read(f"{sys}/block/{name}/loop/backing_file").rstrip(b"\n").decode("utf-8", "surrogateescape")
        if path.startswith(start) and is_ours(_without(_DELETED, path)):
            loops.append(Holder(LOOP, f"/dev/{name}"))
    return loops


def _mounts_below(mount: Mount, mounts: Iterable[Mount]) -> list[Holder]:
    below = []
    for other in mounts:
        point = other.mount_point
        is_other = other.id != mount.id and point != mount.mount_point
        if is_other and mountinfo.is_below(point, mount.mount_point):
            below.append(Holder(MOUNT, point))
    return below


def _inside(mount: Mount, mounts: Sequence[Mount]) -> Callable[[str], bool]:
    """Whether a path is in this very mount and not in another one below it."""

    def is_inside(path: str) -> bool:
        if not mountinfo.is_below(path, mount.mount_point):
            return False
        holding = mountinfo.holding(path, mounts)
        return holding is not None and holding.id == mount.id

    return is_inside


def _processes_in(mount: Mount, is_in_it: Callable[[str], bool], proc: str) -> list[Holder]:
    """Processes using the mount, each once with the first use found; mapped files are looked at last."""
    pids = _pids(proc)
    uses: dict[str, str] = {}
    rest = []
    for pid in pids:
        use = _use_by_links(pid, mount, is_in_it, proc)
        if use:
            uses[pid] = use
        elif _sees(pid, proc):
            rest.append(pid)
    for pid in _mappers(rest, is_in_it, proc):
        uses[pid] = "mapped file"
    return [_process(pid, uses[pid], proc) for pid in pids if pid in uses]


def _use_by_links(pid: str, mount: Mount, is_in_it: Callable[[str], bool], proc: str) -> str:
    """What a process does in the mount, '' if nothing.

    An open file is recognised by its mount ID, which is valid in every namespace. The three links are only text, which
    means the same for processes that see the mount, and for no others.
    """
    if any(_mount_id(f"{proc}/{pid}/fdinfo/{fd}") == mount.id for fd in _entries(f"{proc}/{pid}/fdinfo")):
        return "open file"
    if not _sees(pid, proc):
        return ""
    for link, use in (("cwd", "working directory"), ("root", "root directory"), ("exe", "program")):
        if is_in_it(_without(_DELETED, _link(f"{proc}/{pid}/{link}"))):
            return use
    return ""


def _sees(pid: str, proc: str) -> bool:
    """Whether the process lives in this process's own mount namespace, which a mount that is looked up is in."""
    return _link(f"{proc}/{pid}/ns/mnt") == _link(f"{proc}/self/ns/mnt")


def _mappers(pids: Sequence[str], is_in_it: Callable[[str], bool], proc: str) -> list[str]:
    """Those processes that have a file of the mount mapped.

    Reading maps takes the lock of the process's memory, which a page fault on a dead disk holds. So a child does it;
    where it does not come back, no process counts as one.
    """

    def maps_it(pid: str) -> bool:
        return any(map(is_in_it, _mapped_paths(pid, proc)))

    def work() -> bytes:
        return "\n".join(filter(maps_it, pids)).encode("ascii")

    return probe.bounded(work, deadline=_MAPS_DEADLINE).result.decode("ascii").split()


def _mapped_paths(pid: str, proc: str) -> Iterator[str]:
    """The files a process has mapped (proc(5), maps: the sixth column, line ends written as \\012)."""
    for line in _read(f"{proc}/{pid}/maps").split(b"\n"):
        columns = line.split(None, 5)
        if len(columns) == 6 and columns[5].startswith(b"/"):
            yield _without(_DELETED, columns[5].decode("utf-8", "surrogateescape").replace("\\012", "\n"))


def _mount_id(fdinfo: str) -> int:
    """The mount that an open file belongs to: the mnt_id line; -1 where the file has been closed."""
    for line in _read(fdinfo).split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"mnt_id":
            return int(value)
    return -1


def _process(pid: str, how: str, proc: str) -> Holder:
    """Named by comm, not by the command line: that is read from the process's memory, and can hang."""
    name = _read(f"{proc}/{pid}/comm").rstrip(b"\n").decode("utf-8", "surrogateescape")
    return Holder(PROCESS, name or "?", int(pid), how)


def _pids(proc: str) -> list[str]:
    return sorted(filter(str.isdigit, _entries(proc)), key=int)


def _without(ending: str, text: str) -> str:
    return text[: -len(ending)] if text.endswith(ending) else text


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
