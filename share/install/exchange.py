"""Put a staged installation in the place of the one that may be running: `exchange.py STAGED ROOT`, same file system.

At every moment each script is there, and `lib/lvmkit` leads to a whole library. It is a symbolic link to a folder of
its own for each installation; a program that has begun goes on in the folder that it found. So one that is replaced
stays for a day.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time

PREFIX = ".lvmkit-"
KEPT = 86400
"""seconds that a replaced library stays: longer than any program of the kit runs"""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""of fcntl.h and linux/fs.h"""


def main(staged: str, root: str) -> None:
    """Exchange the library, then replace everything else, each file by a rename."""
    library = f"{root}/lib"
    os.makedirs(library, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=library)
    os.chmod(folder, 0o755)  # noqa: S103 - as every folder of programs
    os.rename(f"{staged}/lib/lvmkit", f"{folder}/lvmkit")
    _note_replacement(f"{library}/lvmkit")
    _lead_to(f"{os.path.basename(folder)}/lvmkit", f"{library}/lvmkit")
    _replace_files(staged, root)
    shutil.rmtree(staged)
    for name in os.listdir(library):
        old = f"{library}/{name}"
        if name.startswith(PREFIX) and os.stat(old).st_mtime < time.time() - KEPT and old != folder:
            shutil.rmtree(old)


def _note_replacement(link: str) -> None:
    """Let the folder that the link leads to say by its time since when it is not used any more."""
    if os.path.islink(link) and os.path.exists(link):
        os.utime(os.path.dirname(os.path.realpath(link)))


def _lead_to(target: str, link: str) -> None:
    """Let the link lead to the target. Older versions installed a folder in its place."""
    new = f"{link}.new"
    if os.path.lexists(new):
        os.remove(new)
    os.symlink(target, new)
    if os.path.isdir(link) and not os.path.islink(link):
        _exchange(new, link)
        shutil.rmtree(new)
    else:
        os.replace(new, link)


def _exchange(one: str, other: str) -> None:
    """Let two paths change places in one step (renameat2(2)). Raises OSError where the file system can't."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), other)


def _replace_files(staged: str, root: str) -> None:
    for folder, _, files in os.walk(staged):
        place = root + folder[len(staged) :]
        os.makedirs(place, exist_ok=True)
        for name in files:
            os.replace(f"{folder}/{name}", f"{place}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
