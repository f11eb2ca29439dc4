"""Small text files that are whole at any moment.

On the quickCheck path, so nothing heavy is imported here.
"""

from __future__ import annotations

import errno
import os
import time

from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 4 * 1024 * 1024
"""bytes: nothing that the kit reads whole comes near this"""

_CHUNK = 64 * 1024
_TEMPORARY = ".lvmkit-new"
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
        raise _not_stored(path, why(error)) from error


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
        raise _unreadable(path, why(error)) from error
    try:
        return _read_all(handle, path).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise _unreadable(path, why(error)) from error
    finally:
        os.close(handle)


def first_present(paths: Sequence[str]) -> str:
    """The first of several places of one program where something is; the first of all where nothing is in any."""
    for path in paths:
        if os.path.exists(path):
            return path
    return paths[0]


def make_folder(path: str, mode: int = 0o700) -> None:
    """Make a folder if it does not exist; missing parents get mode 0755. An existing folder is left as it is.

    Raises Failure(StateNotStored) when it cannot be made or something else has its name.
    """
    try:
        _make_parents(path)
        os.mkdir(path)
        os.chmod(path, mode)  # apart, because mkdir(2) subtracts the umask
    except FileExistsError as error:
        if not os.path.isdir(path):
            raise _not_stored(path, "not a folder") from error
    except OSError as error:
        raise _not_stored(path, why(error)) from error


def remove(path: str) -> bool:
    """Remove a file; False where there is none. Raises Failure(StateNotStored)."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_stored(path, why(error)) from error
    return True


def flush_folder(path: str) -> None:
    """Make the names in a folder durable. Raises Failure(StateNotStored)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _flush_folder(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise _not_stored(path, why(error)) from error


def why(error: Exception) -> str:
    """The system's words for an error, without Python's decoration."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _not_stored(path: str, reason: str) -> Failure:
    from lvmkit.model.messages.engine import StateNotStored  # a check that finds all well has nothing to say

    return Failure(StateNotStored(path, reason))


def _unreadable(path: str, reason: str) -> Failure:
    from lvmkit.model.messages.storage import FileUnreadable  # the same

    return Failure(FileUnreadable(path, reason))


def _temporary_stem(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.")


def _remove_leftovers(folder: str, stem: str) -> None:
    """Remove what killed runs left of their writing: the name carries the writer's process ID."""
    for name in os.listdir(folder):
        if name.startswith(stem) and name.endswith(_TEMPORARY):
            pid = name[len(stem) :].partition("-")[0]
            if pid.isdecimal() and pid.isascii() and not os.path.exists(f"/proc/{pid}"):
                remove(os.path.join(folder, name))


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
        remove(temporary)
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
        raise _unreadable(path, "not a regular file")
    chunks, size = [], 0
    while chunk := os.read(handle, _CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise _unreadable(path, f"larger than {LARGEST} bytes")
    return b"".join(chunks)


def _make_parents(path: str) -> None:
    parent = os.path.dirname(path.rstrip("/"))
    if parent and not os.path.isdir(parent):
        make_folder(parent, 0o755)
