"""Who keeps a volume or a mount busy, so that a refusal can say who it is.

One pass over /proc for each question. It is read as text: a process's open files by the link's words and the mount ID
in its fdinfo (proc(5)), never by stat(2) on the file, which would wait for the very file system that hangs. What has
to wait for a process's memory lock, its mapped files, is read last and in a child under a deadline.
Not to be seen from here: what the kernel itself uses (an NFS export, an in-kernel target).
"""

from __future__ import annotations

import os

from lvmkit.model.value import Value
from lvmkit.storage import mountinfo, probe, rawbind, superblock, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lvmkit.storage.mountinfo import Mount

    Test = Callable[[str], bool]
    """of a path"""

MOUNT, PROCESS, SWAP, DM, VOLUME = "mount", "process", "swap", "dm", "volume"
NESTED_PV, LOOP, MD, BLOCK, RAW, UNENDED = "nested PV", "loop", "md", "block", "raw device", "file system"

_MAPS_DEADLINE = 2.0
"""seconds for reading what processes have mapped"""

_FIRST_WORD = 0xFFFFFFFF
_VG_PREFIX = len("LVM-") + 32
"""how much of a device-mapper UUID names the volume group"""

_DELETED = " (deleted)"
"""what /proc appends to the path of a file that was removed"""


class Holder(Value):
    """One user of a device or mount."""

    kind: str
    """MOUNT, PROCESS, SWAP, DM, VOLUME (of the same group), NESTED_PV, LOOP, MD, BLOCK, RAW or UNENDED"""
    name: str
    """mount point, command name, swap file, or device"""
    pid: int = 0
    """of a process, or of one in the mount namespace of a mount that this process does not see"""
    how: str = ""
    """what the process does with it: 'working directory', 'open file' ...; of a mount, the name of that one process"""


def of_device(number: str, *, proc: str = mountinfo.PROC, sys: str = sysfs.ROOT) -> tuple[Holder, ...]:
    """Who uses a block device.

    number: major:minor.  proc, sys: where these are mounted.
    Found are: mounts, also in mount namespaces in which an unmount here does nothing; processes that have the device
    open, swap, devices on top (a volume of another volume group means that this one is a PV of it), loop devices on it,
    raw(8) devices that are bound to it.
    Where there is none of them, but the kernel has not ended its file system: who keeps that, else UNENDED.
    """

    def is_it(path: str) -> bool:
        return sysfs.number_of(path) == number

    raw = rawbind.bound_to(number, sys)
    users = (
        *_mounts_of_device(number, proc),
        *_openers(number, raw, proc),
        *_swaps(is_it, proc, "partition"),
        *_stacked(number, sys),
        *_loops(is_it, sys, "/dev/"),
        *(Holder(RAW, f"{rawbind.FOLDER}raw{minor}") for minor in raw),
    )
    if users or not superblock.is_kept(number):
        return users
    return of_unmounted(number, proc=proc) or (Holder(UNENDED, "mounted nowhere"),)


def of_mount(mount_point: str, *, proc: str = mountinfo.PROC, sys: str = sysfs.ROOT) -> tuple[Holder, ...]:
    """Who keeps a mount from being unmounted; () where nothing is mounted there.

    mount_point: absolute path without symbolic links.  proc, sys: where these are mounted.
    Found are: mounts below it; processes that work in it, run from it, have it as their root, have a file in it open or
    mapped, in whatever mount namespace they see the file system; swap files and loop devices' files in it.
    """
    mounts = mountinfo.mounts(proc=proc)
    mount = mountinfo.at(mount_point, mounts)
    if mount is None:
        return ()
    is_in_it = _inside(mount, mounts)
    return (
        *_mounts_below(mount, mounts),
        *_processes_in(mount, mounts, proc),
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


def pins(number: str, *, proc: str = mountinfo.PROC) -> tuple[Holder, ...]:
    """Mounts of a device in other mount namespaces which an unmount in this one does not reach, one of each namespace.

    An unmount goes on to where the mount below is of the same peer group, or follows it (mount_namespaces(7)).
    """
    own = mountinfo.mounts(proc=proc)
    groups: set[str] = set()
    for mount in mountinfo.of(number, own):
        groups |= _peer_groups(mount, own, "shared")
    left = []
    for pid in _one_of_each_namespace(proc):
        seen = mountinfo.mounts(pid, proc)
        for mount in mountinfo.of(number, seen):
            if groups.isdisjoint(_peer_groups(mount, seen, "shared", "master")):
                left.append(Holder(MOUNT, mount.mount_point, int(pid), _command(pid, proc)))
    return tuple(left)


def companions(pid: int, *, proc: str = mountinfo.PROC) -> tuple[int, ...]:
    """The processes of the same mount namespace, that one among them."""
    namespace = _namespace(str(pid), proc)
    return tuple(int(each) for each in _pids(proc) if namespace and _namespace(each, proc) == namespace)


def processes(pids: Iterable[int], how: str, *, proc: str = mountinfo.PROC) -> tuple[Holder, ...]:
    """Processes as holders. how: what all of them do."""
    return tuple(_process(str(pid), how, proc) for pid in pids)


def of_unmounted(number: str, *, proc: str = mountinfo.PROC) -> tuple[Holder, ...]:
    """Processes with files of a file system open that was unmounted lazily (umount2(2), MNT_DETACH).

    Only stat(2) of the files tells, which may hang: a child asks, and where it does not come back nobody is found.
    """
    return tuple(_process(pid, how, proc) for pid, how in _users_of_unmounted(number, proc))


def described(some: Iterable[Holder]) -> tuple[str, ...]:
    """Holders in words: "process 4711 (postgres): open file"."""
    return tuple(map(_describe, some))


def _describe(holder: Holder) -> str:
    if holder.kind == PROCESS:
        return f"process {holder.pid} ({holder.name}): {holder.how}"
    elsewhere = f" (in the mount namespace of process {holder.pid}, {holder.how})" if holder.pid else ""
    return f"{holder.kind} {holder.name}{elsewhere}"


def _mounts_of_device(number: str, proc: str) -> list[Holder]:
    """Own mounts first, then those of other namespaces which their unmount leaves."""
    own = [Holder(MOUNT, mount.mount_point) for mount in mountinfo.of(number, mountinfo.mounts(proc=proc))]
    return list(dict.fromkeys((*own, *pins(number, proc=proc))))


def _peer_groups(mount: Mount, among: Iterable[Mount], *kinds: str) -> set[str]:
    """The peer groups of the mount that a mount is on, of these kinds: those that hear of what happens to it."""
    below = next((each for each in among if each.id == mount.parent), None)
    pairs = (word.partition(":") for word in (below.propagation if below else ()))
    return {group for kind, _, group in pairs if kind in kinds}


def _one_of_each_namespace(proc: str) -> list[str]:
    """A process for each mount namespace, this process's own left out."""
    own = _namespace("self", proc)
    pid_of: dict[str, str] = {}
    for pid in _pids(proc):
        namespace = _namespace(pid, proc)
        if namespace not in ("", own):
            pid_of.setdefault(namespace, pid)
    return list(pid_of.values())


def _openers(number: str, raw: tuple[int, ...], proc: str) -> list[Holder]:
    """Processes with the device open. raw: minor numbers of the raw(8) devices that are bound to it."""
    openers = []
    for pid in _pids(proc):
        folder = f"{proc}/{pid}/fd"
        if any(_is_open_device(f"{folder}/{fd}", number, raw) for fd in sysfs.entries(folder)):
            openers.append(_process(pid, "the device is open", proc))
    return openers


def _is_open_device(link: str, number: str, raw: tuple[int, ...]) -> bool:
    """Only names below /dev are asked for their number: that question never hangs."""
    if not mountinfo.link(link).startswith("/dev/"):
        return False
    return sysfs.number_of(link) == number or (bool(raw) and rawbind.opens_one(link, raw))


def _stacked(number: str, sys: str) -> list[Holder]:
    own = sysfs.dm_uuid(number, sys)
    return [_on_top(block, own, sys) for block in sysfs.holders(number, sys)]


def _on_top(block: sysfs.Block, own_uuid: str, sys: str) -> Holder:
    """A volume of another volume group stands on this device: then this one is a physical volume of that group."""
    name, uuid = sysfs.dm_name(block.number, sys), sysfs.dm_uuid(block.number, sys)
    if name:
        is_nested = uuid.startswith("LVM-") and uuid[:_VG_PREFIX] != own_uuid[:_VG_PREFIX]
        if is_nested:
            return Holder(NESTED_PV, name)
        return Holder(VOLUME if uuid[:_VG_PREFIX] == own_uuid[:_VG_PREFIX] else DM, name)
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
    for name in sysfs.entries(f"{sys}/block"):
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


def _processes_in(mount: Mount, mounts: Sequence[Mount], proc: str) -> list[Holder]:
    """Processes using the file system, each once with the first use found; mapped files are looked at last."""
    pids = _pids(proc)
    own = _namespace("self", proc)
    sights = {own: NamespaceView(frozenset((mount.id,)), _inside(mount, mounts))}
    namespaces = {pid: _namespace(pid, proc) for pid in pids}
    for pid, namespace in namespaces.items():
        if namespace not in sights:
            sights[namespace] = _sight(mount.number, pid, proc)
    mount_ids = frozenset(mount_id for sight in sights.values() for mount_id in sight.mount_ids)
    uses: dict[str, str] = {}
    rest: dict[str, Test] = {}
    for pid in pids:
        sight = sights[namespaces[pid]]
        use = _use_by_links(pid, mount_ids, sight, proc)
        if use:
            uses[pid] = use
        elif sight.mount_ids:
            rest[pid] = sight.is_inside
    for pid in _mappers(rest, proc):
        uses[pid] = "mapped file"
    return [_process(pid, uses[pid], proc) for pid in pids if pid in uses]


class NamespaceView(Value):
    """A file system as one mount namespace has it: under mounts of its own, perhaps at other places."""

    mount_ids: frozenset[int]
    is_inside: Test
    """whether a path as that namespace writes it is in the file system"""


def _sight(number: str, pid: str, proc: str) -> NamespaceView:
    """number: as mountinfo shows it.  pid: a process of the namespace."""
    mounts = mountinfo.mounts(pid, proc)
    there = [mount for mount in mounts if mount.number == number]
    tests = [_inside(mount, mounts) for mount in there]
    return NamespaceView(frozenset(mount.id for mount in there), lambda path: any(test(path) for test in tests))


def _use_by_links(pid: str, mount_ids: frozenset[int], sight: NamespaceView, proc: str) -> str:
    """What a process does in the file system, '' if nothing.

    mount_ids: of the file system in all namespaces; an open file is recognised by them.  sight: the file system in the
    process's own namespace, where alone the words of the three links mean something.
    """
    if any(_mount_id(f"{proc}/{pid}/fdinfo/{fd}") in mount_ids for fd in sysfs.entries(f"{proc}/{pid}/fdinfo")):
        return "open file"
    for link, use in (("cwd", "working directory"), ("root", "root directory"), ("exe", "program")):
        if sight.is_inside(_without(_DELETED, mountinfo.link(f"{proc}/{pid}/{link}"))):
            return use
    return ""


def _mappers(tests: Mapping[str, Test], proc: str) -> list[str]:
    """Those processes that have a file mapped which is in the file system by their test.

    Reading maps takes the lock of the process's memory, which a page fault on a dead disk holds. So a child does it;
    where it does not come back, no process counts as one.
    """

    def maps_it(pid: str) -> bool:
        return any(map(tests[pid], _mapped_paths(pid, proc)))

    def work() -> bytes:
        return "\n".join(filter(maps_it, tests)).encode("ascii")

    return probe.bounded(work, deadline=_MAPS_DEADLINE).result.decode("ascii").split()


def _users_of_unmounted(number: str, proc: str) -> list[list[str]]:
    """[process, use] of those with a file on the device."""
    places = {"fd": "open file", "cwd": "working directory", "root": "root directory", "exe": "program"}
    btrfs = superblock.btrfs_of(number)

    def use_by(pid: str) -> str:
        for name, use in places.items():
            links = [f"fd/{fd}" for fd in sysfs.entries(f"{proc}/{pid}/fd")] if name == "fd" else [name]
            if any(_is_on(f"{proc}/{pid}/{link}", number, btrfs) for link in links):
                return f"{use} of a file system that was unmounted"
        return ""

    def work() -> bytes:
        found = [(pid, use_by(pid)) for pid in _pids(proc)]
        return "\n".join(f"{pid} {use}" for pid, use in found if use).encode("ascii")

    lines = probe.bounded(work, deadline=_MAPS_DEADLINE).result.decode("ascii").splitlines()
    return [line.split(" ", 1) for line in lines]


def _is_on(link: str, number: str, btrfs: str) -> bool:
    """Whether a file is on a device; devices, pipes and the like are not asked.

    btrfs: UUID of the Btrfs there, or ''. Its files show a number that is no device's.
    """
    if not mountinfo.link(link).startswith("/") or mountinfo.link(link).startswith("/dev/"):
        return False
    try:
        device = os.stat(link).st_dev
        if btrfs and not os.major(device):
            return os.statvfs(link).f_fsid & _FIRST_WORD == _fsid_of_btrfs(btrfs)
    except OSError:
        return False
    return f"{os.major(device)}:{os.minor(device)}" == number


def _fsid_of_btrfs(uuid: str) -> int:
    """The first word of what statfs(2) says of a Btrfs; the other one differs by subvolume (btrfs_statfs)."""
    digits = uuid.replace("-", "")
    return int(digits[:8], 16) ^ int(digits[16:24], 16)


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
    return Holder(PROCESS, _command(pid, proc), int(pid), how)


def _command(pid: str, proc: str) -> str:
    """Its comm, not its command line: that is read from the process's memory, and can hang."""
    return _read(f"{proc}/{pid}/comm").rstrip(b"\n").decode("utf-8", "surrogateescape") or "?"


def _namespace(pid: str, proc: str) -> str:
    """The mount namespace of a process."""
    return mountinfo.link(f"{proc}/{pid}/ns/mnt")


def _pids(proc: str) -> list[str]:
    return sorted(filter(str.isdigit, sysfs.entries(proc)), key=int)


def _without(ending: str, text: str) -> str:
    return text[: -len(ending)] if text.endswith(ending) else text


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
