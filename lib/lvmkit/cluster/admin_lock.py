"""What the admin lock is on one server, whatever the engine: a file lock (flock(2)), which goes with its process."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager

from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import AdminLockHeld
from lvmkit.model.messages.service import AlreadyBusy
from lvmkit.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from lvmkit.model.settings import Paths

_held: set[tuple[str, int]] = set()
"""(lock file, process) of the locks that this process has: it may enter again. A forked child has none of them."""


def _unknown(_pid: int) -> str:
    return "unknown"


@contextmanager
def held(
    paths: Paths,
    patience: float,
    beyond: Callable[[], AbstractContextManager[None]],
    purpose_of: Callable[[int], str] = _unknown,
) -> Iterator[None]:
    """Hold the lock while a `with` block runs; a process that has it already goes straight on.

    patience: seconds.  beyond: the engine's own part of the lock, held within.  purpose_of: what a process has it for.
    Raises Failure: AdminLockHeld (110083), StateNotStored (110082), and as `beyond` does.
    """
    key = (f"{paths.state}/admin.lock", os.getpid())
    if key in _held:
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.locked(key[0], what="the admin lock", patience=patience))
        except Failure as failure:
            busy = failure.messages[0]
            if isinstance(busy, AlreadyBusy):
                raise Failure(AdminLockHeld(busy.pid, purpose_of(busy.pid), patience)) from failure
            raise
        stack.callback(_held.discard, key)
        _held.add(key)
        stack.enter_context(beyond())
        yield
