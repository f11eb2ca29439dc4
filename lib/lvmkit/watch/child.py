"""A piece of work in a process of its own, which the watcher does not wait for and can give up."""

from __future__ import annotations

import os
import select
import signal
import time

from lvmkit.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT)
_CHUNK = 1 << 16
_GRACE = 0.05
"""seconds that a child which has said all gets for its end"""
_POLL = 0.001

_given_up: set[int] = set()
"""children that have not ended though they were killed: they wait for a disk"""


class Child:
    """One piece of work: a fork of this process, and the pipe on which it answers."""

    def __init__(self, work: Callable[[], bytes], end: float) -> None:
        """work: gives the answer.  end: of time.monotonic(), when it is given up.  Raises OSError."""
        self._pipe, into = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._pipe)
            os.close(into)
            raise
        if self._pid == 0:
            _live(work, into)
        os.close(into)
        os.set_blocking(self._pipe, False)
        self._process = os.pidfd_open(self._pid)
        self._said = b""
        self.end = end
        self.cost = 0.0
        """seconds of a processor that it took, once it has ended"""

    @property
    def handles(self) -> tuple[int, ...]:
        """What to wait for: that it says something, or that it ends.

        A process that it has left behind, which waits for a dead disk, keeps the pipe open.
        """
        return self._pipe, self._process

    def hear(self) -> bool:
        """Take in what it says; True when it has said all."""
        poller = select.poll()
        poller.register(self._process, select.POLLIN)
        has_ended = bool(poller.poll(0))
        try:
            while part := os.read(self._pipe, _CHUNK):
                self._said += part
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
                _given_up.add(self._pid)
                break
            time.sleep(_POLL)
        return self._said

    def signal(self, number: int) -> None:
        """Send it a signal; it is ours until it is collected, so no other process can be meant."""
        os.kill(self._pid, number)

    def give_up(self) -> None:
        """Kill it, and wait no longer."""
        self.signal(signal.SIGKILL)
        self.answer()

    def _collect(self) -> bool:
        pid, _status, usage = os.wait4(self._pid, os.WNOHANG)
        self.cost = usage.ru_utime + usage.ru_stime
        return pid != 0


def stuck() -> int:
    """How many children have not ended though they were given up."""
    for pid in list(_given_up):
        if os.waitpid(pid, os.WNOHANG)[0]:
            _given_up.discard(pid)
    return len(_given_up)


def _live(work: Callable[[], bytes], into: int) -> NoReturn:
    """The life of a child: without the watcher's locks, handlers, and whatever that does at its end."""
    try:
        locks.let_go_in_child(acts=False)
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        said = work()
        while said:
            said = said[os.write(into, said) :]
    finally:
        os._exit(0)
