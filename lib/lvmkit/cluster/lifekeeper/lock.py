"""The admin lock: one create, delete, reconfigure or move at a time, on whatever server.

Two locks. On the server a file lock (flock(2)), which goes with its process. Among the servers LifeKeeper's own, by
getlocks: it lets processes that wait take turns. What a killed process had of that is given back by the next one here,
for the file lock says that there is no other. Whose ancestor has LifeKeeper's lock already works within it: the create
of another kit, which takes the lock, calls ours, and would otherwise wait for itself.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

from lvmkit.cluster.admin_lock import held
from lvmkit.cluster.lifekeeper import lcdi
from lvmkit.model.messages import Failure
from lvmkit.model.messages.lifekeeper import CoreLockNotGot
from lvmkit.model.messages.storage import CommandHung
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from lvmkit.cluster.lifekeeper.lcdi import Commands
    from lvmkit.model.settings import Paths

_FLAG = "!action!"
_SHORTEST = 5.0
"""seconds that getlocks gets at least: it is a program, and has to start on a busy server"""


def admin_lock(how: Commands, paths: Paths, server: str, purpose: str, patience: float) -> AbstractContextManager[None]:
    """Hold both locks while a `with` block runs; a process that has them already goes straight on.

    server: this one.  patience: seconds.
    Entering raises Failure: 110083 when another process here holds it, 110414 when LifeKeeper does not give its own.
    """
    return held(paths, patience, lambda: _of_the_core(how, paths, server, purpose, patience))


@contextmanager
def _of_the_core(how: Commands, paths: Paths, server: str, purpose: str, patience: float) -> Iterator[None]:
    """Hold LifeKeeper's. The file that getlocks writes is there for as long as it may be held."""
    path = f"{paths.state}/lifekeeper.lock"
    if os.path.lexists(path):
        _give_back(how, server, path)
    if _is_held_above(lcdi.flg_list(how)):
        yield
        return
    try:
        _take(how, server, purpose, path, patience)
        yield
    finally:
        _give_back(how, server, path)


def _take(how: Commands, server: str, purpose: str, path: str, patience: float) -> None:
    try:
        lcdi.getlocks(how, server, _word(purpose), path, os.getpid(), deadline=max(patience, _SHORTEST))
    except Failure as failure:
        if isinstance(failure.messages[0], CommandHung):
            raise Failure(CoreLockNotGot(purpose, patience, "others have it, or wait for it")) from failure
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


def _is_held_above(flags: tuple[str, ...]) -> bool:
    """Whether a process that this one descends from shows that it has the lock, by '!action!PID!SECONDS!SERVER:...'."""
    holders = {flag[len(_FLAG) :].partition("!")[0].lstrip("0") for flag in flags if flag.startswith(_FLAG)}
    return bool(holders & set(_ancestors()))


def _ancestors() -> Iterator[str]:
    """The numbers of the processes that started this one. Source: proc(5), stat: the parent is two after the ')'."""
    pid = str(os.getppid())
    while pid not in ("0", "1", ""):
        yield pid
        words = (files.read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
        pid = words[1] if len(words) > 1 else ""
