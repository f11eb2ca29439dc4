"""Where the lab keeps things, and who may touch them.

The cache (images, golden states) is shared by every checkout and survives. An instance has two folders of its own that
`down` removes: one for sockets, whose paths must be short, and one for disks and saved states, which are large.
Whatever is expensive is built in a folder of its own under a lock and renamed when finished: a name that exists is
complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from .errors import LabError

UNFINISHED = "unfinished-"
POLL_INTERVAL = 0.1


def cache() -> Path:
    """Return the lab's cache folder (made when missing)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "lvmkit" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def runtime() -> Path:
    """Return the folder of the instances' sockets: short path, ours alone.

    Raises LabError when somebody else owns it.
    """
    folder = Path("/tmp") / f"lvmkit-lab-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise LabError(f"{folder}: not a private folder of this user (remove it)")
    return folder


def digest(text: str) -> str:
    """Return a short name for `text`."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@contextlib.contextmanager
def lock(name: str, *, deadline: float = 1800.0) -> Iterator[None]:
    """Hold the lock `name` against every other process of this user.

    deadline: seconds to wait for it; LabError when they are over. The kernel lets go when the holder dies.
    """
    folder = cache() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", encoding="ascii") as file:
        end = time.monotonic() + deadline
        while not try_lock(file.fileno()):
            if time.monotonic() >= end:
                raise LabError(f"{file.name}: still locked after {deadline:.0f} s (another lab command is busy)")
            time.sleep(POLL_INTERVAL)
        yield


def try_lock(fd: int) -> bool:
    """Take the lock on an open file if nobody holds it. Return whether it was taken."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def unfinished(final: Path) -> Iterator[Path]:
    """Offer an empty folder that becomes `final` if the block succeeds and disappears otherwise.

    Call it with a lock held that all take who make things beside `final`: what killed ones left there is removed.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    for leftover in final.parent.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{final.name}-", dir=final.parent))
    try:
        yield folder
        replace(folder, final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(folder: Path, final: Path) -> None:
    """Give `folder` the name `final`, in place of what is called so now."""
    if final.exists():
        retired = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{final.name}-", dir=final.parent))
        final.rename(retired / "old")
        folder.rename(final)
        shutil.rmtree(retired)
    else:
        folder.rename(final)


def keep_newest(folder: Path, count: int, spared: Collection[str]) -> None:
    """Remove all but the `count` most recently used entries of a cache folder (use touches them).

    spared: names of entries that running guests stand on.
    """
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(UNFINISHED)]
    entries.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in [entry for entry in entries[count:] if entry.name not in spared]:
        shutil.rmtree(entry)
