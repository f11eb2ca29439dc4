"""A piece of work in a process of its own, which the watcher does not wait for and can give up."""

from __future__ import annotations

import os
import select
import signal
import time
from functools import partial

from lvmkit.storage import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT)
_GRACE = 0.05
"""seconds that a child which has said all gets for its end"""
_POLL = 0.001

_given_up: set[int] = set()
"""children that have not ended though they were killed: they wait for a disk"""


class Child:
    """One piece of work: a fork of this process, and the pipe on which it answers."""

    def __init__(self, work: Callable[[], bytes], end: float) -> None:
        """work: gives the answer.  end: of time.monotonic(), when it is given up."""
        self._worker = probe.Worker(partial(_live, work), acts=False)
        os.set_blocking(self._worker.fileno(), False)
        self._process = os.pidfd_open(self._worker.pid)
        self.end = end
        self.cost = 0.0
        """seconds of a processor that it took, once it has ended"""

    @property
    def handles(self) -> tuple[int, ...]:
        """What to wait for: that it says something, or that it ends.

        A process that it has left behind, which waits for a dead disk, keeps the pipe open.
        """
        return self._worker.fileno(), self._process

    def hear(self) -> bool:
        """Take in what it says; True when it has said all."""
        poller = select.poll()
        poller.register(self._process, select.POLLIN)
        has_ended = bool(poller.poll(0))
        try:
            while not self._worker.hear():
                pass
        except BlockingIOError:
            return has_ended
        return True

    def answer(self) -> bytes:
        """What it has answered; b'' where it died before. Not to be asked before hear() or give_up() has ended it."""
        for handle in self.handles:
            os.close(handle)
        limit = time.monotonic() + _GRACE
        while not self._collect():
            if time.monotonic() >= limit:
                _given_up.add(self._worker.pid)
                break
            time.sleep(_POLL)
        return probe.ending_of(self._worker.report).result

    def signal(self, number: int) -> None:
        """Send it a signal; it is ours until it is collected, so no other process can be meant."""
        os.kill(self._worker.pid, number)

    def give_up(self) -> None:
        """Kill it, and wait no longer."""
        self.signal(signal.SIGKILL)
        self.answer()

    def _collect(self) -> bool:
        pid, _status, usage = os.wait4(self._worker.pid, os.WNOHANG)
        self.cost = usage.ru_utime + usage.ru_stime
        return pid != 0


def stuck() -> int:
    """How many children have not ended though they were given up."""
    for pid in list(_given_up):
        if os.waitpid(pid, os.WNOHANG)[0]:
            _given_up.discard(pid)
    return len(_given_up)


def _live(work: Callable[[], bytes], into: int) -> NoReturn:
    """The life of a child: the watcher's handlers are not its own."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    probe.work_and_exit(work, into)
