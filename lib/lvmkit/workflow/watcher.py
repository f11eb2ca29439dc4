"""The watcher as others see it: whether it is wanted, whether it runs, and what it has seen."""

from __future__ import annotations

import os
import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.watch import WatcherMissing
from lvmkit.model.settings import AUTO, YES
from lvmkit.model.value import Value
from lvmkit.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lvmkit.model.settings import Paths
    from lvmkit.plan import Kit


UNIT, TIMER = "lvmkit-watch.service", "lvmkit-check.timer"
"""the timer starts the service as well"""
BACKSTOP = 60
"""seconds between two monitors that are enough on a server that is watched: they only find what stays unseen where the
watcher fails, and each starts an interpreter"""


class LastLook(Value):
    """What a watcher that runs has seen."""

    facts: dict[str, Any]
    """as view/watch.py describes them"""
    age: int
    """seconds"""

    def __hash__(self) -> int:
        return id(self)


def is_wanted(kit: Kit) -> bool:
    """Whether this server is to be watched: where the engine does so by itself, only where somebody has said so."""
    if kit.settings.watch == AUTO:
        return not kit.port.capabilities.watches_itself
    return kit.settings.watch == YES


def is_running(paths: Paths) -> bool:
    """Whether a watcher runs; one that stands still does."""
    return locks.is_held(paths.watch_lock)


def watcher_missing(kit: Kit) -> WatcherMissing:
    """What to say where one is wanted, and none runs."""
    server = kit.port.local_server()
    if kit.port.capabilities.watches_itself:
        return WatcherMissing(server, "monitor", UNIT)
    return WatcherMissing(server, f"round of {TIMER}", TIMER)


def last_look(paths: Paths) -> LastLook | None:
    """What a watcher that runs has seen; None where none runs, or has not looked yet."""
    if not is_running(paths):
        return None
    import json  # only where there is something to read

    try:
        facts = json.loads(files.read(paths.watch) or "")
        age = time.time() - os.stat(paths.watch).st_mtime
        del facts["schema_version"]
    except (Failure, OSError, ValueError, KeyError, TypeError):
        return None
    return LastLook(facts, max(0, round(age)))
