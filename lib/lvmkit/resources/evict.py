"""Make the processes that use a file system leave it: signal them, name them, and give them a moment to end."""

from __future__ import annotations

import os
import time

from lvmkit.model.messages.service import SignalledHolder
from lvmkit.storage import files, holders

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from lvmkit.host import Host

_GRACE = 1.0
"""seconds that a signalled process gets before the next attempt"""


def evict(mount_point: str, number: signal.Signals, host: Host) -> None:
    """Send a signal to every process that uses what is mounted there, and wait a moment for them to end.

    This process and those that started it are spared: an administrator's shell is named as a holder, not killed.
    """
    spared = _own_ancestry()
    users = [user for user in holders.of_mount(mount_point) if user.pid > 1 and user.pid not in spared]
    for user in users:
        try:
            os.kill(user.pid, number)
        except ProcessLookupError:
            continue
        host.tell(SignalledHolder(number.name, holders.described((user,))[0], mount_point))
    end = time.monotonic() + _GRACE
    while time.monotonic() < end and any(os.path.exists(f"/proc/{user.pid}") for user in users):
        time.sleep(0.05)


def mounted_below(mount_point: str) -> tuple[str, ...]:
    """The mount points within what is mounted there; the one mounted last comes first."""
    return tuple(holder.name for holder in reversed(holders.mounts_below(mount_point)))


def users_of(mount_point: str) -> tuple[str, ...]:
    """Who uses what is mounted there, in words."""
    return holders.described(holders.of_mount(mount_point))


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
