"""Where the tests keep their files: waiting for a disk would take most of the time."""

from __future__ import annotations

import os

_MEMORY = "/dev/shm"


def in_memory() -> str | None:
    """A folder in memory; None where the system has no such place."""
    return _MEMORY if os.path.isdir(_MEMORY) else None


def for_programs() -> str | None:
    """The same where programs can be run there, as not where it is mounted noexec."""
    folder = in_memory()
    return None if folder and os.statvfs(folder).f_flag & os.ST_NOEXEC else folder
