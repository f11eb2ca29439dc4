"""Pass on what a child writes to stderr, and keep it.

The child writes into a memory file, not a pipe: when this process is killed, a script in the middle of its work must
not die of a broken pipe. So what it wrote is fetched and passed on several times a second.
"""

from __future__ import annotations

import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_STDERR = 2
_PAUSE = 0.1
_CHUNK = 64 * 1024
_KEPT = 64 * 1024
"""bytes: more than enough for the last lines of a script"""


class KeptErrors:
    """Within the `with` block, stderr of this process and of children that inherit it is passed on and kept."""

    def __init__(self) -> None:
        self._tail = b""
        self._position = 0
        self._done = threading.Event()

    @property
    def text(self) -> str:
        """The end of what was written, once the block has ended."""
        return self._tail.decode("utf-8", "replace")

    def __enter__(self) -> KeptErrors:
        self._memory = os.memfd_create("lvmkit-stderr", os.MFD_CLOEXEC)
        self._original = os.dup(_STDERR)
        os.dup2(self._memory, _STDERR)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.dup2(self._original, _STDERR)
        self._done.set()
        self._thread.join()
        self._pass_on()
        os.close(self._original)
        os.close(self._memory)

    def _follow(self) -> None:
        while not self._done.wait(_PAUSE):
            self._pass_on()

    def _pass_on(self) -> None:
        while chunk := os.pread(self._memory, _CHUNK, self._position):
            self._position += len(chunk)
            self._tail = (self._tail + chunk)[-_KEPT:]
            _write(self._original, chunk)


def _write(handle: int, chunk: bytes) -> None:
    try:
        while chunk:
            chunk = chunk[os.write(handle, chunk) :]
    except OSError:
        return  # nobody reads our stderr any more: that must not stop a resource from coming up
