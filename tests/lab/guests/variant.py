"""What an image variant adds to the root directory of a guest. A variant is a folder in the image folder.

This is part of mmdebstrap's customize hook, as rootfs is, and comes before that.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import rootfs


def customise(root: Path, folder: Path) -> None:
    """Bring the variant in `folder` into the root directory `root`: its files, its masked units, its enabled ones."""
    shutil.copytree(folder / "files", root, dirs_exist_ok=True, symlinks=True)
    units = root / "etc/systemd/system"
    for unit in rootfs.list_file(str(folder / "masked-units.txt")):
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    enabled = rootfs.list_file(str(folder / "enabled-units.txt"))
    subprocess.run(["/sbin/chroot", root, "/bin/systemctl", "--quiet", "enable", *enabled], check=True)
