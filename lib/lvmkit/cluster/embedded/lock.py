"""The admin lock: one create, delete, reconfigure or move at a time. flock(2) holds it, so a kill releases it."""

from __future__ import annotations

from contextlib import contextmanager

from lvmkit.cluster.admin_lock import held
from lvmkit.cluster.embedded import flags, rows
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from lvmkit.model.settings import Paths


def admin_lock(paths: Paths, purpose: str, patience: float) -> AbstractContextManager[None]:
    """Hold the lock while a `with` block runs; a process that has it already goes straight on.

    purpose: shown to whoever waits.  patience: seconds.  Entering raises Failure: AdminLockHeld, StateNotStored.
    """

    def purpose_of(pid: int) -> str:
        with reading(paths.database) as connection:
            return flags.purpose_of(connection, pid)

    return held(paths, patience, lambda: _shown(paths, purpose), purpose_of)


@contextmanager
def _shown(paths: Paths, purpose: str) -> Iterator[None]:
    flag = _show(paths, purpose)
    try:
        yield
    finally:
        _hide(paths, flag)


def _show(paths: Paths, purpose: str) -> str:
    with writing(paths.database) as connection:
        return flags.note_lock(connection, rows.server(connection) or "", purpose)


def _hide(paths: Paths, flag: str) -> None:
    try:
        with writing(paths.database) as connection:
            flags.remove(connection, flag)
    except Failure:
        return  # it only informs: nobody sees it once this process has ended, and the next holder removes it
