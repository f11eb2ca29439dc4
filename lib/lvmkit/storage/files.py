"""Small text files that are whole at any moment, and locks that a killed process cannot leave behind.

On the quickCheck path, so nothing heavy is imported here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.service import AlreadyBusy
from lvmkit.model.messages.storage import FileUnreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LARGEST = 4 * 1024 * 1024
"""bytes: nothing that the kit reads whole comes near this"""

_CHUNK = 64 * 1024
_TEMPORARY = ".lvmkit-new"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
_FILE_TYPE, _REGULAR = 0o170000, 0o100000  # S_IFMT, S_IFREG of inode(7)


def replace(path: str, content: str, *, mode: int = 0o644) -> None:
    """Give a file new content in one step: a reader sees the old or the new text whole, also after a power failure.

    path: the file, absent or not; a symbolic link there is replaced itself.  content: undecodable bytes as surrogates.
    mode: permission bits of the new file, whatever the umask.
    Raises Failure(StateNotStored) and leaves the old content when the file cannot be written.
    Source: rename(2) replaces atomically, fsync(2) on the folder makes the name durable.
    """
    folder = os.path.dirname(path) or "."
    temporary = f"{_temporary_stem(path)}{os.getpid()}-{time.monotonic_ns()}{_TEMPORARY}"
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _remove_leftovers(folder, os.path.basename(_temporary_stem(path)))
            _write_and_rename(temporary, path, content.encode("utf-8", "surrogateescape"), mode)
            _flush_folder(handle)
        finally:
            os.close(handle)
    except (OSError, UnicodeEncodeError) as error:
        raise Failure(StateNotStored(path, why(error))) from error


def read(path: str) -> str | None:
    """The text of a regular file, bytes that are not UTF-8 as surrogates; None when there is no such file.

    Raises Failure(FileUnreadable) for anything but a regular file, for one larger than LARGEST, and for errors.
    """
    try:
        # O_NONBLOCK: opening a FIFO that someone put there would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(FileUnreadable(path, why(error))) from error
    try:
        return _read_all(handle, path).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise Failure(FileUnreadable(path, why(error))) from error
    finally:
        os.close(handle)


def make_folder(path: str, mode: int = 0o700) -> None:
    """See that a folder exists; missing parents are made with mode 0755. One that exists is left as it is.

    Raises Failure(StateNotStored) when it cannot be made or something else has its name.
    """
    try:
        _make_parents(path)
        os.mkdir(path)
        os.chmod(path, mode)  # apart, because mkdir(2) subtracts the umask
    except FileExistsError as error:
        if not os.path.isdir(path):
            raise Failure(StateNotStored(path, "not a folder")) from error
    except OSError as error:
        raise Failure(StateNotStored(path, why(error))) from error


def locked(path: str, *, what: str, patience: float) -> AbstractContextManager[None]:
    """Hold an exclusive lock while a `with` block runs.

    path: the lock file, made when absent (with its folder) and never removed.  what: named when another one holds it.
    patience: seconds to wait for another holder.
    Entering raises Failure(AlreadyBusy) after that, Failure(StateNotStored) when the file cannot be made.
    The lock goes with the process: a kill releases it (source: flock(2)). A child made by a bare fork shares it.
    """
    return _Lock(path, what, patience)


def why(error: Exception) -> str:
    """The system's words for an error, without Python's decoration."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class _Lock:
    """The context manager of locked(); contextlib would cost quickCheck an import."""

    def __init__(self, path: str, what: str, patience: float) -> None:
        self._path, self._what, self._patience = path, what, patience
        self._handle = -1

    def __enter__(self) -> None:
        make_folder(os.path.dirname(self._path) or ".")
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            try:
                self._wait()
            except BaseException:
                os.close(self._handle)
                raise
        except OSError as error:
            raise Failure(StateNotStored(self._path, why(error))) from error
        _sign(self._handle, str(os.getpid()))

    def __exit__(self, *_exception: object) -> None:
        _sign(self._handle, "")
        # Explicitly, because a child in uninterruptible sleep may still share the descriptor.
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        os.close(self._handle)

    def _wait(self) -> None:
        limit = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        while not _try_lock(self._handle):
            left = limit - time.monotonic()
            if left <= 0:
                raise Failure(AlreadyBusy(self._what, _signature(self._handle), round(self._patience)))
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)


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


def _temporary_stem(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.")


def _remove_leftovers(folder: str, stem: str) -> None:
    """Remove what killed runs left of their writing: the name carries the writer's process ID."""
    for name in os.listdir(folder):
        if name.startswith(stem) and name.endswith(_TEMPORARY):
            pid = name[len(stem) :].partition("-")[0]
            if pid.isdecimal() and pid.isascii() and not os.path.exists(f"/proc/{pid}"):
                _unlink_if_there(os.path.join(folder, name))


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _write_and_rename(temporary: str, path: str, data: bytes, mode: int) -> None:
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            _write_all(handle, data)
            os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(temporary, path)
    except BaseException:
        _unlink_if_there(temporary)
        raise


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _flush_folder(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        # fsync(2): EINVAL where the file system cannot flush a folder; there is nothing more to be had there.
        if error.errno != errno.EINVAL:
            raise


def _read_all(handle: int, path: str) -> bytes:
    if os.fstat(handle).st_mode & _FILE_TYPE != _REGULAR:
        raise Failure(FileUnreadable(path, "not a regular file"))
    chunks, size = [], 0
    while chunk := os.read(handle, _CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise Failure(FileUnreadable(path, f"larger than {LARGEST} bytes"))
    return b"".join(chunks)


def _make_parents(path: str) -> None:
    parent = os.path.dirname(path.rstrip("/"))
    if parent and not os.path.isdir(parent):
        make_folder(parent, 0o755)
