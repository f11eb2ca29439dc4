"""Results of a run that takes hours, kept as they come: what was broken off goes on.

Each has a state: a digest of all that it depends on. When that changes, what is kept counts no more.
The file is JSON: {item: {"state": digest, "result": what came of it}}.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KIT = ("lib", "opt", "bin", "lkadm", "share", "Makefile")
"""what is installed in guests"""


def files_of(root: Path, names: Sequence[str]) -> list[str]:
    """The files below `root` that git knows by these names, which are pathspecs of git."""
    listed = subprocess.run(("git", "ls-files", "-z", "--", *names), cwd=root, stdout=subprocess.PIPE, check=True)
    return [os.fsdecode(name) for name in listed.stdout.split(b"\0")[:-1]]


def state_of(root: Path, names: Sequence[str]) -> str:
    """A digest of these files and folders below `root`: all that git knows there, as they are now."""
    digest = hashlib.sha256()
    for name in files_of(root, names):
        path = root / name
        content = path.read_bytes() if path.is_file() else b""
        digest.update(b"%s\0%d\0%s" % (os.fsencode(name), len(content), content))
    return digest.hexdigest()


class Kept:
    """What is kept in a file. Threads may share it."""

    def __init__(self, path: Path) -> None:
        """Go on with what is in the file, if it exists."""
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._entries = json.loads(path.read_text(encoding="utf-8"))

    def result(self, item: str, state: str) -> Any:
        """What came of an item in this state; None where nothing is kept of that."""
        entry = self._entries.get(item)
        return entry["result"] if entry and entry["state"] == state else None

    def names(self) -> list[str]:
        """All of which anything is kept, in whatever state."""
        return list(self._entries)

    def keep(self, item: str, state: str, result: object) -> None:
        """Keep what came of an item, in place of what was kept of it before; on disk, all of it or nothing."""
        with self._lock:
            self._entries[item] = {"state": state, "result": result}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(self._entries, indent=1), encoding="utf-8")
            new.replace(self._path)
