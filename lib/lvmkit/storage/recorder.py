"""The flight recorder: the last commands of this process, noted before they run so that a hang can be seen.

The idea is that of lvmdbusd: when something fails, the log gets what was asked and answered just before.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 16
_HEAD = 400


class Entry:
    """One command: what was asked, when, and what came of it. status None means that it has not ended."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self.started = time.time()
        self.seconds: float | None = None
        self.status: int | None = None
        self.fate = "running"
        self.stdout = self.stderr = ""

    def ended(self, status: int, seconds: float, stdout: str, stderr: str) -> None:
        """Note the end of the command. seconds: how long it took."""
        self.status, self.seconds, self.fate = status, seconds, f"status {status}"
        self.stdout, self.stderr = stdout[:_HEAD], stderr[:_HEAD]

    def failed(self, fate: str, seconds: float) -> None:
        """Note that the command did not end by itself, and what became of it."""
        self.fate, self.seconds = fate, seconds


_entries: list[Entry] = []


def begin(argv: Sequence[str]) -> Entry:
    """Note a command that is about to run; the oldest entry makes room."""
    entry = Entry(argv)
    _entries.append(entry)
    del _entries[:-KEPT]
    return entry


def dump() -> str:
    """The kept commands, oldest first, as lines for the log; empty when none ran."""
    return "".join(map(_lines, _entries))


def clear() -> None:
    """Forget everything; for tests and for a child process that starts its own work."""
    _entries.clear()


def _lines(entry: Entry) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(entry.started))
    took = "" if entry.seconds is None else f" after {entry.seconds:.3f} s"
    lines = f"{clock} {' '.join(entry.argv)} [{entry.fate}{took}]\n"
    for name, text in (("out", entry.stdout), ("err", entry.stderr)):
        for line in text.splitlines():
            lines += f"    {name}: {line}\n"
    return lines
