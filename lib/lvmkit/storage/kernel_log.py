"""What the kernel's log still has (/dev/kmsg), for what the kernel tells nowhere else."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = "/dev/kmsg"
_LARGEST = 8192
"""bytes of one record; a smaller buffer is an error (the kernel's ABI/testing/dev-kmsg)"""


def lines() -> Iterator[str]:
    """The texts of its records, the oldest first; none where it cannot be read. It never waits."""
    try:
        handle = os.open(_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        yield from _lines(handle)
    finally:
        os.close(handle)


def _lines(handle: int) -> Iterator[str]:
    while True:
        try:
            record = os.read(handle, _LARGEST)
        except BrokenPipeError:  # it was overwritten before it was read
            continue
        except OSError:
            return
        if not record:
            return
        for line in record.decode("utf-8", "replace").splitlines():
            head, _, text = line.partition(";")
            if head[:1].isdigit():
                yield text
