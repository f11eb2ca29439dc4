"""Processes that outlive the command that started them: recognise them surely, end them surely."""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process: its number alone could be another's by now, so its start time (in clock ticks) belongs to it."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Return whether this very process still runs."""
        return find(self.pid) == self

    def kill(self, *, deadline: float = 30.0) -> bool:
        """Kill the process and wait until it is gone. Return False when it still is not after `deadline` seconds."""
        if not self.alive():
            return True
        pidfd = os.pidfd_open(self.pid)
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            gone = bool(poll.poll(int(deadline * 1000)))
        finally:
            os.close(pidfd)
        self._reap()
        return gone

    def _reap(self) -> None:
        """Collect the process when it is our child, so that no zombie stays."""
        try:
            os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return


def find(pid: int) -> Process | None:
    """Return the running process with that number, or None (a zombie does not run)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]))
