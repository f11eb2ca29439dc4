"""Work that goes on although the command which asked for it was killed: it has the volume group's lock."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lvmkit.cluster.lifekeeper import LifeKeeper
    from lvmkit.model.settings import Paths


@contextmanager
def at_work(paths: Paths, vg_uuid: str, work: Callable[[], object] | None = None) -> Iterator[None]:
    """Somebody has the lock of a volume group, and does the work before giving it away.

    That is when another one has come for the lock, or when the block is over, for which nobody had to wait.
    work: None where it does not end within the block.
    """
    Path(paths.run).mkdir(exist_ok=True)
    with Path(f"{paths.run}/lock-{vg_uuid}").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = [] if work is None else [work]
        try_lock = locks._try_lock

        def come(handle: int) -> bool:
            if left and os.path.sameopenfile(handle, lock.fileno()):
                left.pop()()
                fcntl.flock(lock, fcntl.LOCK_UN)
            return try_lock(handle)

        patch.setattr(locks, "_try_lock", come)
        yield
        if left:
            left.pop()()


def take_the_lock_and_die(port: LifeKeeper) -> None:
    """Have a process take the admin lock and be killed."""
    pid = os.fork()
    if not pid:
        lock = port.admin_lock("to be killed")
        lock.__enter__()
        os._exit(9)
    os.waitpid(pid, 0)
