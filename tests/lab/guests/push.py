"""Install the working tree as its own Makefile does it, and pack the result for a guest."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import IO

from .errors import LabError, NotInstalledError

LKROOT = "/opt/LifeKeeper"
CLEAR = ("rm", "-rf", f"{LKROOT}/lib")
"""before it is unpacked: each installation has a folder of its own there, and older ones had one in the link's place"""
UNPACK = ("tar", "-x", "-f", "-", "-C", "/", "--keep-directory-symlink", "--no-overwrite-dir")
"""A guest's /lib and /bin are symbolic links and its / has a mode of its own: the archive must not replace them."""
UNITS = "systemd/system/"
RULES = "udev/rules.d/"


def stage(checkout: Path, staging: Path) -> None:
    """Run `make install` of the working tree into the folder `staging`. Raises LabError with make's words."""
    command = ["make", "--no-print-directory", "-C", str(checkout), "install", f"DESTDIR={staging}", f"LKROOT={LKROOT}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except FileNotFoundError as error:
        raise NotInstalledError("make", "make") from error
    if done.returncode:
        raise LabError(f"make install in {checkout} failed:\n{done.stdout.strip()}")


def pack(staging: Path, file: IO[bytes]) -> list[str]:
    """Write what is staged as a tar archive into `file`, owned by root. Return the names in it."""
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path in sorted(staging.iterdir()):
            archive.add(path, path.name, filter=_of_root)
        return archive.getnames()


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def afterwards(names: list[str]) -> list[tuple[str, ...]]:
    """Return the commands a guest has to run once files of those names have changed."""
    commands: list[tuple[str, ...]] = []
    if any(UNITS in name for name in names):
        commands.append(("systemctl", "daemon-reload"))
    if any(RULES in name for name in names):
        commands.append(("udevadm", "control", "--reload"))
    return commands
