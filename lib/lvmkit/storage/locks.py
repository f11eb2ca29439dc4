"""Locks between processes, by flock(2): a lock belongs to all that have its descriptor, and goes with the last of them.

An ordinary lock is this process's alone. The lock of a volume group is shared with the programs that run under it: when
this process is killed, the lock stays until the last program that could still change the group has ended. So nobody
takes a group for down while an activation of it is on its way. A program gets the descriptor as its standard input,
because LVM closes every other one that it did not open itself (lvm(8), "File descriptor leaked").

Whoever finds a lock whose own process is gone ends what is left of that process's work, and waits for its end.

On the quickCheck path, so nothing heavy is imported here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from lvmkit.model.messages import Failure
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lvmkit.model.messages.service import AlreadyBusy, OrphanAtWork

PROC = "/proc"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.05
"""seconds between two attempts: nobody is told when a lock comes free, and who has waited long must not ask less often
than who has just come"""
_LOOK_PAUSE = 0.5
"""seconds between two looks through all processes for those that a killed holder left"""
_NONE = -1
"""in the place of a descriptor"""

_own: list[int] = []
_shared: list[int] = []
"""descriptors of the locks that this process holds: those that are its alone, and those that its programs share"""


def locked(path: str, *, what: str, patience: float) -> AbstractContextManager[None]:
    """Hold an exclusive lock while a `with` block runs. It is this process's alone.

    path: the lock file, made when absent (with its folder) and never removed.  what: named when another one holds it.
    patience: seconds to wait for another holder.
    Entering raises Failure(AlreadyBusy) after that, Failure(StateNotStored) when the file cannot be made.
    """
    return _Lock(path, what, patience, _own)


def shared_with_programs(path: str, *, what: str, patience: float) -> AbstractContextManager[None]:
    """The same, and every program that is started within the block has the lock as well, until it ends.

    What a killed holder left running is ended. Entering raises Failure(OrphanAtWork) where that does not end within
    the patience, as a program in uninterruptible sleep.
    """
    return _Lock(path, what, patience, _shared)


def shared_if_possible(path: str, *, what: str, patience: float) -> AbstractContextManager[None]:
    """The same for a stop, which a full or read-only file system must not keep from its work: where there is no lock
    file and none can be made, nobody holds the lock, and the block runs without it.
    """
    return _Lock(path, what, patience, _shared, is_needed=False)


def is_held(path: str) -> bool:
    """Whether a process holds a lock of this module at this moment; nothing is made or changed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def for_programs() -> int | None:
    """The descriptor that a program must get as its standard input; None where no volume group is locked."""
    return _shared[-1] if _shared else None


def let_go_in_child(*, acts: bool) -> None:
    """Close what a forked child has of our locks. acts: it changes the group, so it keeps the shared ones."""
    for handle in (*_own, *(() if acts else _shared)):
        os.close(handle)
    _own.clear()
    if not acts:
        _shared.clear()


class _Lock:
    """The context manager of locked(); contextlib would cost quickCheck an import."""

    def __init__(self, path: str, what: str, patience: float, register: list[int], *, is_needed: bool = True) -> None:
        self._path, self._what, self._patience = path, what, patience
        self._register, self._is_needed = register, is_needed
        self._handle = _NONE

    def __enter__(self) -> None:
        self._handle = self._open()
        if self._handle == _NONE:
            return
        try:
            self._wait()
        except BaseException:
            os.close(self._handle)
            raise
        self._register.append(self._handle)
        _sign(self._handle, str(os.getpid()))

    def __exit__(self, *_exception: object) -> None:
        """Closing leaves the lock to a program of ours that has not ended; nobody else has the descriptor."""
        if self._handle in self._register:
            _sign(self._handle, "")
            self._register.remove(self._handle)
            os.close(self._handle)

    def _open(self) -> int:
        """A descriptor of the lock file; _NONE where there is none, none can be made, and none is needed."""
        try:
            files.make_folder(os.path.dirname(self._path) or ".")
            return _open_or_make(self._path)
        except (Failure, OSError) as error:
            if not self._is_needed and _is_missing(self._path):
                return _NONE
            if isinstance(error, OSError):
                from lvmkit.model.messages.engine import StateNotStored  # messages are loaded when one is needed

                raise Failure(StateNotStored(self._path, files.why(error))) from error
            raise

    def _wait(self) -> None:
        look_at = time.monotonic()
        limit = look_at + self._patience
        pause = _FIRST_PAUSE
        orphans: tuple[int, ...] = ()
        while not _try_lock(self._handle):
            if time.monotonic() >= min(look_at, limit):
                orphans = self._end_orphans()
                look_at += _LOOK_PAUSE
            left = limit - time.monotonic()
            if left <= 0:
                raise Failure(self._complaint(orphans))
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _end_orphans(self) -> tuple[int, ...]:
        """End what a killed holder has left; returns those processes, which may need a moment."""
        orphans = orphans_with(self._path) if self._register is _shared else ()
        for pid in orphans:
            _end(pid, self._path)
        return orphans

    def _complaint(self, orphans: tuple[int, ...]) -> OrphanAtWork | AlreadyBusy:
        from lvmkit.model.messages.service import AlreadyBusy, OrphanAtWork  # only where it waited in vain

        seconds = round(self._patience)
        if orphans:
            return OrphanAtWork(self._what, orphans, seconds)
        return AlreadyBusy(self._what, _signature(self._handle), seconds)


def orphans_with(path: str) -> tuple[int, ...]:
    """The processes that have a lock which another one took, and that one has it no more; () while it works.

    Source: proc(5), /proc/PID/fdinfo: the lines 'lock:' of a descriptor name the process that took the lock.
    """
    takers = {pid: taker for pid in _pids() if (taker := _taker(pid, path))}
    return tuple(pid for pid, taker in takers.items() if taker not in takers)


def _open_or_make(path: str) -> int:
    """The lock file, made when absent. One on a file system that has become read-only can be locked all the same."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS or _is_missing(path):
            raise
    return os.open(path, os.O_RDONLY | flags)


def _is_missing(path: str) -> bool:
    """Whether it is certain that there is no such file."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def _taker(pid: int, path: str) -> int:
    """Who took the lock that a process has on a file; 0 where it has none, as one that only waits for it."""
    folder = f"{PROC}/{pid}"
    try:
        for name in os.listdir(f"{folder}/fd"):
            if os.readlink(f"{folder}/fd/{name}") == path:
                return _named_in(f"{folder}/fdinfo/{name}")
    except OSError:  # it has ended meanwhile
        return 0
    return 0


def _named_in(fdinfo: str) -> int:
    """The process in a line such as 'lock:  1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF'; 0 where there is none."""
    with open(fdinfo, encoding="ascii") as lines:
        words = next((line.split() for line in lines if line.startswith("lock:")), [])
    return int(words[5]) if len(words) > 5 else 0


def _end(pid: int, path: str) -> None:
    """Kill a process that still has the lock; its number cannot become another's meanwhile (pidfd_open(2))."""
    import signal  # only where a killed run has left something behind

    try:
        process = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if _taker(pid, path):
            signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(process)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(handle: int, text: str) -> None:
    """Say who holds the lock. The lock holds without it, so a full disk must not keep a resource out of service."""
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError:
        return


def _signature(handle: int) -> int:
    """The process that signed the lock file; 0 where it has not yet, or could not."""
    text = os.pread(handle, 20, 0)
    return int(text) if text.isdigit() else 0
