"""Processor time of a lab's guests, as the host sees it: under emulation what a guest does, not what it waits for."""

from __future__ import annotations

import os
from pathlib import Path

from lab.guests.lab import Lab

_TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """Measures from its making on."""

    def __init__(self, lab: Lab) -> None:
        """Find the guests that run now."""
        self._before = {pid: _used(pid) for pid in _guests(lab)}

    def seconds(self) -> float:
        """Processor seconds of the guests that still run."""
        return sum(max(0.0, _used(pid) - before) for pid, before in self._before.items())


def _guests(lab: Lab) -> list[int]:
    """Processes of QEMU that belong to the lab: they name its folder."""
    mark = os.fsencode(lab.run_folder)
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            words = _read(folder / "cmdline").split(b"\0")
            if b"qemu-system" in words[0] and any(mark in word for word in words):
                found.append(int(folder.name))
    return found


def _used(pid: int) -> float:
    """Seconds of processor time of a process; 0 for one that has ended. Source: proc(5), /proc/PID/stat, 14 and 15."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
