"""The file systems that one machine's kernel has at work, and what it shows of them below /sys/fs and /proc/fs.

They outlive their last mount where they are frozen, as in reality. The number of errors is on the disk, so it outlives
all of that.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BOOT = 1_000_000
"""seconds since the epoch at which every machine has booted"""
BETWEEN_MOUNTS = 100
"""seconds"""
_WITH_FOLDER = ("ext4", "xfs", "f2fs")


@dataclass
class Filesystem:
    """One file system that the kernel has at work."""

    number: str
    name: str
    """of its device in the kernel"""
    kind: str
    journal: int
    """the process of its journal: another one for each time that it is mounted; 0 where it has none"""
    mounted_at: int
    """seconds since the epoch"""
    errors: int = 0
    stops_at_errors: bool = False
    """errors=remount-ro"""
    words: tuple[str, ...] = ()
    """what the kernel adds to its options"""
    shut_down: bool = False
    aborted: bool = False
    """the journal, which an ext4 notices when it is to be written to"""
    frozen: bool = False
    hangs: bool = False
    function: str = "ext4_find_entry"
    """of the kernel, that met the last error"""
    failed_at: int = 0
    """when"""
    status: int = 0
    """of an f2fs, sb_status"""


class Filesystems:
    """All of them, by the number of their device."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._working: dict[str, Filesystem] = {}
        self._errors: dict[str, tuple[int, int]] = {}
        """how many, and when the last one was"""
        self._mounted = 0

    def __contains__(self, number: str) -> bool:
        return number in self._working

    def __getitem__(self, number: str) -> Filesystem:
        return self._working[number]

    def get(self, number: str) -> Filesystem | None:
        """The file system of a device; None where none is at work."""
        return self._working.get(number)

    def begin(self, number: str, kind: str) -> None:
        """It is mounted; nothing where it is at work already."""
        if number in self._working:
            return
        self._mounted += 1
        name = os.path.basename(os.path.realpath(f"{self._root}/sys/dev/block/{number}"))
        errors, failed_at = self._errors.get(number, (0, 0))
        journal, mounted_at = 900 + self._mounted, BOOT + BETWEEN_MOUNTS * self._mounted
        self._working[number] = Filesystem(number, name, kind, journal, mounted_at, errors, failed_at=failed_at)
        self.show(number)

    def end(self, number: str) -> None:
        """It is mounted nowhere any more: that ends it, unless it is frozen."""
        found = self._working.get(number)
        if found is None or found.frozen:
            return
        del self._working[number]
        for folder in (*self._folders(found), f"{self._root}/proc/{found.journal}"):
            shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """As after a boot."""
        self._working.clear()

    def fail(self, number: str, **how: object) -> Filesystem:
        """Let it meet an error, or change what the kernel says of it. how: fields of Filesystem."""
        found = self._working[number]
        if "errors" in how:
            found.failed_at = found.mounted_at + BETWEEN_MOUNTS // 2
        for name, value in how.items():
            assert hasattr(found, name), name
            setattr(found, name, value)
        self._errors[number] = found.errors, found.failed_at
        self.show(number)
        return found

    def show(self, number: str) -> None:
        """Write what the kernel shows of it."""
        found = self._working[number]
        sysfs, *proc = self._folders(found)
        if found.kind == "ext4":
            shown: dict[str, object] = {"errors_count": found.errors, "journal_task": found.journal or "<none>"}
            self._show_journal(found)
            if found.errors:
                shown |= {"last_error_time": found.failed_at}
            self._write(sysfs, **shown, last_error_func=found.function if found.errors else "")
            self._write(proc[0], options=f"rw\nbsddf\nerrors={'remount-ro' if found.stops_at_errors else 'continue'}")
        elif found.kind == "f2fs":
            self._write(f"{sysfs}/stat", sb_status=f"{found.status:x}", cp_status="1")
        elif found.kind == "btrfs":
            self._write(f"{sysfs}/devinfo/1", error_stats=f"write_errs {found.errors}\nread_errs 0")
            self._write(f"{sysfs}/devices", **{found.name: ""})
        elif found.kind in _WITH_FOLDER:
            self._write(sysfs, error="")

    def _show_journal(self, found: Filesystem) -> None:
        """Its process, with the start in ticks of the clock since the boot (proc_pid_stat(5))."""
        if found.journal:
            ticks = (found.mounted_at - BOOT) * os.sysconf("SC_CLK_TCK")
            words = f"{found.journal} (jbd2/{found.name}-8) S {'0 ' * 18}{ticks} 0 0"
            self._write(f"{self._root}/proc/{found.journal}", stat=words)

    def _folders(self, found: Filesystem) -> list[str]:
        place = f"uuid-of-{found.name}" if found.kind == "btrfs" else found.name
        return [f"{self._root}/{tree}/fs/{found.kind}/{place}" for tree in ("sys", "proc")]

    def _write(self, folder: str, **texts: object) -> None:
        os.makedirs(folder, exist_ok=True)
        for name, text in texts.items():
            Path(folder, name).write_text(f"{text}\n")
