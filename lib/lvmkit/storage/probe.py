"""Does a disk answer? One direct read of each, all at the same time, each in a child that can be left behind.

A read from a dead disk can wait for ever in a state that no signal ends. So the process that must go on never reads
itself and never waits for a child without a limit: a child that is late is killed, and where even that takes no effect
it is abandoned, to be collected later or by init.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
import stat
import struct
import time

from lvmkit.model import signals
from lvmkit.model.value import Value
from lvmkit.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn

    from lvmkit.model.messages import Message
    from lvmkit.model.record import ExpectedPv

OK, ERROR, HUNG = "ok", "error", "hung"

_BLKSSZGET = 0x1268
"""ioctl that tells the logical block size (linux/fs.h)"""
_USUAL_BLOCK = 4096
AT_ONCE = 64
"""children that begin at the same time"""
_HEAD_START = 0.25
"""seconds after which further ones begin, whether those before them have ended or not"""
_KILL_GRACE = 0.02
"""seconds that a killed child gets to end before it is abandoned"""
_POLL = 0.001
_STDERR = 2

_abandoned: set[int] = set()
"""children that did not end when they were killed"""


class ProbeResult(Value):
    """What came of one read."""

    device: str
    outcome: str
    """OK, ERROR or HUNG"""
    seconds: float
    """until the answer, or until the read was given up"""
    why: str = ""
    """the kernel's words for an ERROR"""


class Ending(Value):
    """How bounded work ended: what it returned, or the errno it failed with, or neither when it did not end."""

    result: bytes = b""
    error: int = 0
    hung: bool = False


class _Worker:
    """A process of its own for work that may hang, and the pipe on which it reports."""

    def __init__(self, life: Callable[[int], NoReturn], *, acts: bool) -> None:
        """life: what the process does with its end of the pipe."""
        self._out, into = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            locks.let_go_in_child(acts=acts)
            _leave_output(into)
            life(into)
        os.close(into)
        self.report = b""

    def fileno(self) -> int:
        """The end of the pipe to wait for."""
        return self._out

    def hear(self) -> bool:
        """Take in what the child has written; True when it has said all."""
        part = os.read(self._out, 1 << 16)
        self.report += part
        return not part


def probe(devices: Iterable[str], *, deadline: float) -> tuple[ProbeResult, ...]:
    """Read the first block of each device past the page cache, all at once.

    devices: paths of block devices.  deadline: seconds for all of them together; kept within 50 ms.
    Returns a result for each device, in their order. Raises nothing for a disk's sake: an error, a missing device and a
    hang are results (source: open(2), O_DIRECT; block size from BLKSSZGET).
    """
    paths = list(devices)
    endings = all_bounded(list(map(reader, paths)), deadline)
    return tuple(result(path, ending, deadline) for path, ending in zip(paths, endings))


def pv_read_faults(
    physical: Iterable[ExpectedPv], read: Callable[[list[str]], tuple[ProbeResult, ...]]
) -> list[Message]:
    """Read each physical volume once; returns the faults, [] when all answer.

    physical: from the record of what was brought up.  read: probe(), with its deadline.
    """
    from lvmkit.model.messages.faults import PvHung, PvReadFailed  # most who load this module read no disk

    volumes = list(physical)
    faults: list[Message] = []
    for pv, answer in zip(volumes, read([pv.device for pv in volumes])):
        if answer.outcome == HUNG:
            faults.append(PvHung(pv.device, pv.uuid, round(answer.seconds, 1)))
        elif answer.outcome == ERROR:
            faults.append(PvReadFailed(pv.device, pv.uuid, answer.why))
    return faults


def bounded(work: Callable[[], bytes], *, deadline: float, acts: bool = False) -> Ending:
    """Do something that may hang, in a child process and for at most this many seconds.

    work: runs in a copy of this process; only the bytes it returns or the OSError it raises come back.
    acts: it changes what the kernel holds, so a child that is left behind keeps the volume group's lock.
    A child that is late is killed, which undoes nothing that it did.
    """
    return all_bounded([work], deadline, acts=acts)[0]


def all_bounded(works: Sequence[Callable[[], bytes]], deadline: float, *, acts: bool = False) -> list[Ending]:
    """The same for several, side by side; their endings in the order of the works.

    deadline: from when the last one has begun. So many begin at once; the next ones when these have ended, or soon, for
    those that hang must not keep them waiting.
    """
    _collect_abandoned()
    children: list[_Worker] = []
    silent: set[_Worker] = set()
    try:
        for first in range(0, len(works), AT_ONCE):
            for work in works[first : first + AT_ONCE]:
                children.append(_Worker(_life_of(work), acts=acts))
                silent.add(children[-1])
            are_more = first + AT_ONCE < len(works)
            _listen(silent, time.monotonic() + (min(deadline, _HEAD_START) if are_more else deadline))
    finally:
        _dismiss(children, silent)
    return [Ending(hung=True) if child in silent else _ending(child.report) for child in children]


def in_turn(works: Sequence[Callable[[], object]], *, patience: float, end: float) -> int:
    """Change things in the kernel one after the other, in a child process; returns how many of the works were done.

    patience: seconds for each; progress is not hanging.  end: of time.monotonic(), for all.
    The next one did not end in time, or failed; those after it were not begun.
    """
    _collect_abandoned()
    child = _Worker(lambda into: _work_in_turn_and_exit(works, into), acts=True)
    poller = select.poll()
    poller.register(child, select.POLLIN)
    ended = False
    try:
        while not ended and poller.poll(max(0.0, min(patience, end - time.monotonic())) * 1000):
            ended = child.hear()
    finally:
        _dismiss([child], set() if ended else {child})
    return len(child.report)


def _listen(silent: set[_Worker], end: float) -> None:
    """Take in what the children say until the end; those that have said all leave the set."""
    speaking = {child.fileno(): child for child in silent}
    poller = select.poll()
    for number in speaking:
        poller.register(number, select.POLLIN)
    while silent and (left := end - time.monotonic()) > 0:
        for number, _event in poller.poll(left * 1000):
            if speaking[number].hear():
                poller.unregister(number)
                silent.discard(speaking[number])


def _dismiss(children: Iterable[_Worker], late: set[_Worker]) -> None:
    """Kill the late ones and collect all, waiting for all of them together only a moment.

    A child that has reported can hang as well: its end closes the device.
    """
    for child in late:
        os.kill(child.pid, signals.SIGKILL)
    end = time.monotonic() + _KILL_GRACE
    for child in children:
        os.close(child.fileno())
        if not _collected(child.pid, end - time.monotonic()):
            _abandoned.add(child.pid)


def _leave_output(into: int) -> None:
    """Whoever reads what we say waits until nobody has its other end any more: a child that hangs must not have it.

    into: the child's end of its own pipe, which may have one of these numbers where we were started without them.
    """
    if into <= _STDERR:
        return
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for stream in range(_STDERR + 1):
        os.dup2(nothing, stream)


def _work_in_turn_and_exit(works: Iterable[Callable[[], object]], into: int) -> NoReturn:
    """The life of a child that says a byte for each work that is done."""
    try:
        for work in works:
            work()
            os.write(into, b".")
    finally:
        os._exit(0)


def _life_of(work: Callable[[], bytes]) -> Callable[[int], NoReturn]:
    return lambda into: _work_and_exit(work, into)


def _work_and_exit(work: Callable[[], bytes], into: int) -> NoReturn:
    """The life of a child. It leaves by _exit: what the parent registered to run at its end is the parent's."""
    status = 1
    try:
        try:
            report = struct.pack("=i", 0) + work()
        except OSError as error:
            report = struct.pack("=i", error.errno or errno.EIO)
        while report:
            report = report[os.write(into, report) :]
        status = 0
    finally:
        os._exit(status)


def _ending(report: bytes) -> Ending:
    """What a child said before it ended; no report means that somebody else killed it."""
    if len(report) < 4:
        return Ending(error=errno.EINTR)
    return Ending(report[4:], struct.unpack_from("=i", report)[0])


def reader(device: str) -> Callable[[], bytes]:
    """One read, for all_bounded()."""

    def read() -> bytes:
        began = time.monotonic()
        _read_directly(device)
        return struct.pack("=d", time.monotonic() - began)

    return read


def _read_directly(device: str) -> None:
    """Raises OSError. The file is left to the end of the process: closing a device can hang after all was read."""
    number = os.open(device, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    size = max(_USUAL_BLOCK, _block_size(number))
    if os.preadv(number, [mmap.mmap(-1, size)], 0) == 0:
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))


def _block_size(number: int) -> int:
    if not stat.S_ISBLK(os.fstat(number).st_mode):
        return _USUAL_BLOCK
    size: int = struct.unpack("=i", fcntl.ioctl(number, _BLKSSZGET, b"\0" * 4))[0]
    return size


def result(device: str, ending: Ending, deadline: float) -> ProbeResult:
    """What an ending of reader() says. deadline: what it had."""
    if ending.hung:
        return ProbeResult(device, HUNG, deadline)
    if ending.error:
        return ProbeResult(device, ERROR, 0.0, os.strerror(ending.error))
    return ProbeResult(device, OK, struct.unpack("=d", ending.result)[0])


def _collect_abandoned() -> None:
    for pid in list(_abandoned):
        if _collected(pid, 0):
            _abandoned.discard(pid)


def _collected(pid: int, patience: float) -> bool:
    """Whether the child has ended, within this many seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return True
        except ChildProcessError:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL)
