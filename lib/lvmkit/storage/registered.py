"""What this server has registered with the disks of a volume group, and must take away at the stop: a note below /run.

It is written before the first key is registered, so it may name disks on which there is none. A stop needs nothing
else: no LVM, no cluster and none of its parameters.
"""

from __future__ import annotations

import os

from lvmkit.model.value import Value
from lvmkit.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.model.settings import Paths


class Registration(Value):
    """The key, and the disks."""

    key: int
    disks: tuple[str, ...]
    """paths, as the kernel names the whole disks"""


def is_noted(paths: Paths, vg_uuid: str) -> bool:
    """Whether there is such a note."""
    return os.path.exists(_path(paths, vg_uuid))


def load(paths: Paths, vg_uuid: str) -> Registration | None:
    """The note; None where there is none that can be understood. Raises Failure (FileUnreadable)."""
    lines = (files.read(_path(paths, vg_uuid)) or "").split("\n")
    try:
        return Registration(int(lines[0], 16), tuple(filter(None, lines[1:])))
    except ValueError:
        return None


def store(paths: Paths, vg_uuid: str, registration: Registration) -> None:
    """Write the note. Raises Failure (StateNotStored, 110082)."""
    files.make_folder(paths.run, mode=0o755)
    lines = (f"{registration.key:#018x}", *registration.disks)
    files.replace(_path(paths, vg_uuid), "".join(f"{line}\n" for line in lines))


def drop(paths: Paths, vg_uuid: str) -> None:
    """Remove the note; a missing one is fine. Raises Failure (StateNotStored, 110082)."""
    files.remove(_path(paths, vg_uuid))


def _path(paths: Paths, vg_uuid: str) -> str:
    return f"{paths.run}/registered-{vg_uuid}"
