"""Make the processes that use a file system leave it: signal them, name them, and give them a moment to end.

Who called this command is never signalled, nor is who reads its output: an administrator's shell that stands in the
mount point is named instead.
"""

from __future__ import annotations

import os
import time

from lvmkit.model.messages.service import SignalledHolder
from lvmkit.storage import files, holders, mountinfo, sysfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable

    from lvmkit.host import Host
    from lvmkit.model.settings import Settings
    from lvmkit.storage.holders import Holder

_GRACE = 1.0
"""seconds that a signalled process gets before the next attempt"""
_OUTPUTS = ("1", "2")


def rounds(settings: Settings) -> tuple[signal.Signals, ...]:
    """What those who are in the way are sent, one attempt after the other."""
    import signal  # most stops find nobody

    return (signal.SIGTERM,) * settings.umount_retries + (signal.SIGKILL,) * settings.kernel_retries


def evict(mount_point: str, number: signal.Signals, host: Host) -> None:
    """Send a signal to every process that uses what is mounted there, and wait a moment for them to end."""
    _signal(holders.of_mount(mount_point), number, mount_point, host)


def evict_keepers(keepers: Iterable[Holder], number: signal.Signals, mount_point: str, host: Host) -> None:
    """The same to those who keep a file system that is not mounted here any more: of a mount namespace, all of it.

    The namespace of process 1 is the server itself: nothing in it is ended for a mount that it merely has.
    """
    users: list[Holder] = []
    for keeper in keepers:
        if keeper.kind == holders.PROCESS:
            users.append(keeper)
            continue
        namespace = holders.companions(keeper.pid)
        if 1 not in namespace:
            users += holders.processes(namespace, f"has {keeper.name} in its mount namespace")
    _signal(users, number, mount_point, host)


def callers(mount_point: str) -> tuple[str, ...]:
    """In words: those that called this command or read its output, as far as they use the mount or one within it."""
    circle = _Circle()
    users = [*holders.of_mount(mount_point)]
    for below in mounted_below(mount_point):
        users += holders.of_mount(below)
    return holders.described(user for user in users if circle.has(user.pid))


def mounted_below(mount_point: str) -> tuple[str, ...]:
    """The mount points within what is mounted there; the one mounted last comes first."""
    return tuple(holder.name for holder in reversed(holders.mounts_below(mount_point)))


def users_of(mount_point: str) -> tuple[str, ...]:
    """Who uses what is mounted there, in words."""
    return holders.described(holders.of_mount(mount_point))


def _signal(some: Iterable[Holder], number: signal.Signals, mount_point: str, host: Host) -> None:
    circle = _Circle()
    users = [user for user in some if user.pid > 1 and not circle.has(user.pid)]
    for user in users:
        try:
            os.kill(user.pid, number)
        except ProcessLookupError:
            continue
        host.tell(SignalledHolder(number.name, holders.described((user,))[0], mount_point))
    end = time.monotonic() + _GRACE
    while time.monotonic() < end and any(os.path.exists(f"/proc/{user.pid}") for user in users):
        time.sleep(0.05)


class _Circle:
    """This process, those that started it, and those that read what one of them writes into a pipe."""

    def __init__(self) -> None:
        self._ancestry = _own_ancestry()
        self._pipes = {_pipe(pid, stream) for pid in self._ancestry for stream in _OUTPUTS} - {""}

    def has(self, pid: int) -> bool:
        """Whether a process belongs to it."""
        if pid in self._ancestry:
            return True
        return any(_pipe(pid, name) in self._pipes and _is_read(pid, name) for name in sysfs.entries(f"/proc/{pid}/fd"))


def _pipe(pid: int, name: str) -> str:
    """An open file of a process as 'pipe:[4711]'; '' where it is none."""
    target = mountinfo.link(f"/proc/{pid}/fd/{name}")
    return target if target.startswith("pipe:") else ""


def _is_read(pid: int, name: str) -> bool:
    """Whether a file is open for reading only (proc_pid_fdinfo(5): flags, in octal)."""
    for line in (files.read(f"/proc/{pid}/fdinfo/{name}") or "").splitlines():
        field, _, value = line.partition(":")
        if field == "flags":
            return int(value, 8) & os.O_ACCMODE == os.O_RDONLY
    return False


def _own_ancestry() -> set[int]:
    """This process and those that started it, up to the first but init."""
    ancestry, pid = set(), os.getpid()
    while pid > 1 and pid not in ancestry:
        ancestry.add(pid)
        pid = _parent(pid)
    return ancestry


def _parent(pid: int) -> int:
    """The parent of a process; 0 when the process is gone (proc_pid_status(5), PPid)."""
    for line in (files.read(f"/proc/{pid}/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "PPid":
            return int(value)
    return 0
