"""Which process is meant: a number is not enough, as numbers are reused, also after a reboot. See proc_pid_stat(5)."""

from __future__ import annotations

import os

from lvmkit.model.value import Value
from lvmkit.storage.boot import boot_id

_STATE, _START_TIME = 0, 19
"""places among the words that follow the command name in /proc/<pid>/stat: fields 3 and 22"""
_ENDED = ("Z", "X")


class Process(Value):
    """One process of one boot."""

    boot: str
    pid: int
    started: int
    """clock ticks since the boot"""


def this_process() -> Process:
    """The process that asks."""
    return process(os.getpid())


def process(pid: int) -> Process:
    """The process that has this number now."""
    return Process(boot_id(), pid, _start_time(pid) or 0)


def is_running(process: Process) -> bool:
    """Whether exactly this process still runs; a zombie does not."""
    return process.boot == boot_id() and _start_time(process.pid) == process.started


def _start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since the boot; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command name stands in parentheses and may hold anything, also spaces and parentheses.
            words = file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return None
    return None if words[_STATE] in _ENDED else int(words[_START_TIME])
