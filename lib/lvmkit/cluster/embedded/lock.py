"""The admin lock: one create, delete, reconfigure or move at a time. flock(2) holds it, so a kill releases it."""

from __future__ import annotations

import os
from contextlib import contextmanager

from lvmkit.cluster.embedded import flags, rows
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import AdminLockHeld
from lvmkit.model.messages.service import AlreadyBusy
from lvmkit.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lvmkit.model.settings import Paths

_held: set[tuple[str, int]] = set()
"""(lock file, process) of the locks that this process has: it may enter again. A forked child has none of them."""


@contextmanager
def admin_lock(paths: Paths, purpose: str, patience: float) -> Iterator[None]:
    """Hold the lock while a `with` block runs; a process that has it already goes straight on.

    purpose: shown to whoever waits.  patience: seconds.  Raises Failure: AdminLockHeld, StateNotStored.
    """
    key = (f"{paths.state}/admin.lock", os.getpid())
    if key in _held:
        yield
        return
    lock = locks.locked(key[0], what="the admin lock", patience=patience)
    try:
        lock.__enter__()
    except Failure as failure:
        raise _held_by_another(failure, paths, patience) from failure
    try:
        _held.add(key)
        flag = _show(paths, purpose)
        try:
            yield
        finally:
            _hide(paths, flag)
    finally:
        _held.discard(key)
        lock.__exit__(None, None, None)


def _held_by_another(failure: Failure, paths: Paths, patience: float) -> Failure:
    busy = failure.messages[0]
    if not isinstance(busy, AlreadyBusy):
        return failure
    with reading(paths.database) as connection:
        return Failure(AdminLockHeld(busy.pid, flags.purpose_of(connection, busy.pid), patience))


def _show(paths: Paths, purpose: str) -> str:
    with writing(paths.database) as connection:
        return flags.note_lock(connection, rows.server(connection) or "", purpose)


def _hide(paths: Paths, flag: str) -> None:
    try:
        with writing(paths.database) as connection:
            flags.remove(connection, flag)
    except Failure:
        return  # it only informs: nobody sees it once this process has ended, and the next holder removes it
