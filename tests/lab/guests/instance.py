"""Which instances of the lab exist, whose they are, and how to clear away those whose owner is dead."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from . import process, store
from .errors import LabError
from .process import Process

RECORD = "instance.json"


@dataclass(frozen=True)
class Instance:
    """One set of guests. name: what the user calls it."""

    name: str

    @property
    def run(self) -> Path:
        """Folder of sockets and logs: its path is short because a socket's path must be."""
        return store.runtime() / store.digest(self.name)

    @property
    def data(self) -> Path:
        """Folder of the disks."""
        return self._large / "disks"

    @property
    def saves(self) -> Path:
        """Folder of the saved states, one folder a label."""
        return self._large / "saves"

    @property
    def _large(self) -> Path:
        return store.cache() / "instances" / store.digest(self.name)

    @property
    def lock_name(self) -> str:
        """Name of the lock that whoever changes the instance holds."""
        return f"instance-{store.digest(self.name)}"

    def record(self) -> Record | None:
        """Return what is on record about the instance, or None when it does not exist."""
        return _read(self.run / RECORD)

    def write(self, record: Record) -> None:
        """Put the instance on record. Do this before anything of it is started."""
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.run / f"{RECORD}.new"
        fresh.write_text(json.dumps(asdict(record)), encoding="utf-8")
        fresh.rename(self.run / RECORD)

    def remove(self) -> None:
        """End the instance's guests and remove everything of it."""
        for folder in sorted(self.run.glob("node*")):
            _kill(folder / "condition.json")
        shutil.rmtree(self._large, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to have up. kind: of guests; "" for plain ones.  release: of Debian."""

    nodes: int
    kind: str
    release: str

    def __str__(self) -> str:
        """As a message has it."""
        return f"{self.nodes} guests ({' '.join(filter(None, (self.kind, self.release)))})"


@dataclass(frozen=True)
class Record:
    """What is on record about an instance.

    golden: name of the golden state it started from.  owner: the process it must not outlive, if any.
    """

    name: str
    image: str
    accelerator: str
    golden: str
    wanted: Wanted
    owner: Process | None = None

    @staticmethod
    def read(stored: dict[str, Any]) -> Record:
        """Return the record for what was read from a file; another version of the lab may have written it."""
        owner, wanted = stored.get("owner"), stored.get("wanted") or {"nodes": stored.get("nodes", 1)}
        known = {each.name: stored.get(each.name, "") for each in fields(Record)}
        usual = {"kind": "", "release": ""}
        return Record(
            **{**known, "wanted": Wanted(**{**usual, **wanted}), "owner": Process(**owner) if owner else None}
        )

    def orphan(self) -> bool:
        """Return whether the owner is dead."""
        return self.owner is not None and not self.owner.alive()


def _read(path: Path) -> Record | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record.read(stored)


def _kill(condition: Path) -> None:
    try:
        stored = json.loads(condition.read_text(encoding="ascii"))["process"]
    except FileNotFoundError:
        return
    if stored and not Process(**stored).kill():
        raise LabError(f"process {stored['pid']} of an old instance does not die")


def myself() -> Process | None:
    """Return the calling process, to own an instance."""
    return process.find(os.getpid())


def records() -> Iterator[Record]:
    """Return what is on record about every instance of this user."""
    for path in sorted(store.runtime().glob(f"*/{RECORD}")):
        record = _read(path)
        if record is not None:
            yield record


def reap() -> list[str]:
    """Remove the instances whose owner is dead. Return their names."""
    orphans = [record.name for record in records() if record.orphan()]
    for name in orphans:
        with store.lock(Instance(name).lock_name):
            again = Instance(name).record()
            if again is not None and again.orphan():
                Instance(name).remove()
    return orphans
