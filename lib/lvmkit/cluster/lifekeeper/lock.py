"""The admin lock: one create, delete, reconfigure or move at a time, on whatever server.

Two locks. On the server a file lock (flock(2)), which goes with its process. Among the servers LifeKeeper's own, by
getlocks: it lets processes that wait take turns. What a killed process had of that is given back by the next one here,
for the file lock says that there is no other. Of other servers only they can know: each one that has it, or waits for
it, is asked once to give back what is left there. Whose ancestor has LifeKeeper's lock already works within it: the
create of another kit, which takes the lock, calls ours, and would otherwise wait for itself.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

from lvmkit.cluster.admin_lock import held
from lvmkit.cluster.lifekeeper import lcdi
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lifekeeper import CoreLockNotGot
from lvmkit.model.messages.storage import CommandHung
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from lvmkit.cluster.lifekeeper.lcdi import Commands
    from lvmkit.model.settings import Paths

_FLAG = "!action!"
_SHORTEST = 5.0
"""seconds that getlocks gets at least: it is a program, and has to start on a busy server"""


def admin_lock(
    how: Commands, paths: Paths, server: str, purpose: str, patience: float, ask_holder: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Hold both locks while a `with` block runs; a process that has them already goes straight on.

    server: this one.  patience: seconds.
    ask_holder: has another server free what no process there holds any more; returns when it has answered, whatever.
    Entering raises Failure: 110083 when another process here holds it, 110414 when LifeKeeper does not give its own.
    """
    return held(paths, patience, lambda: _of_the_core(how, paths, server, purpose, patience, ask_holder))


@contextmanager
def _of_the_core(
    how: Commands, paths: Paths, server: str, purpose: str, patience: float, ask_holder: Callable[[str], None]
) -> Iterator[None]:
    """Hold LifeKeeper's. The file that getlocks writes is there for as long as it may be held."""
    path, limit = f"{paths.state}/lifekeeper.lock", time.monotonic() + patience
    if os.path.lexists(path):
        _give_back(how, server, path)
    flags = lcdi.flg_list(how)
    if _is_held_above(flags, server):
        yield
        return
    for other in _servers(flags):
        if other != server:
            ask_holder(other)
    try:
        _take(how, server, purpose, path, limit - time.monotonic())
        yield
    finally:
        _give_back(how, server, path)


def _take(how: Commands, server: str, purpose: str, path: str, patience: float) -> None:
    limit = max(patience, _SHORTEST)
    try:
        lcdi.getlocks(how, server, _word(purpose), path, os.getpid(), deadline=limit)
    except Failure as failure:
        if isinstance(failure.messages[0], CommandHung):
            raise Failure(CoreLockNotGot(purpose, limit, "others have it, or wait for it")) from failure
        raise


def _give_back(how: Commands, server: str, path: str) -> None:
    """Give it back, and forget that it was held. Where that fails the file stays, and the next run tries again.

    Also after getlocks was given up, whether it has written the file or not: its place in the queue would stay.
    """
    try:
        lcdi.rlslocks(how, server, path)
    except Failure:  # it must not hide what went wrong under the lock
        return
    files.remove(path)


def _word(purpose: str) -> str:
    """What the flag shows: it is read back as fields."""
    return "".join(c if c.isalnum() or c in "-_./" else "_" for c in purpose)


def _is_held_above(flags: tuple[str, ...], server: str) -> bool:
    """Whether a process that this one descends from shows that it has the lock. server: this one."""
    holders = {pid.lstrip("0") for pid, where in _holders(flags) if where in (server, "")}
    return bool(holders & set(_ancestors()))


def _servers(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Those on which a process has the lock, or waits for it."""
    return tuple(dict.fromkeys(server for _, server in _holders(flags) if server))


def _holders(flags: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(process, server) of each flag that shows the lock: '!action!PID!SECONDS!SERVER:...'."""
    for flag in flags:
        if flag.startswith(_FLAG):
            pid, _, rest = flag[len(_FLAG) :].partition("!")
            yield pid, rest.partition("!")[2].partition(":")[0]


def _ancestors() -> Iterator[str]:
    """The numbers of the processes that started this one. Source: proc(5), stat: the parent is two after the ')'."""
    pid = str(os.getppid())
    while pid not in ("0", "1", ""):
        yield pid
        words = (files.read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
        pid = words[1] if len(words) > 1 else ""
