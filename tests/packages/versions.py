"""Other versions of the package, in which nothing fits what stands in the first one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SUFFIX = "_of_the_next"
NAMES = (
    "told_settings",
    "load_settings",
    "machine_id",
    "run_all",
    "first_present",
    "guarded",
    "overview",
    "list_devices",
)
"""functions and methods that modules call in others; a run that has modules of both versions misses one"""
MOVED = ("storage/conffile", "storage/conffile_of_the_next")


def next_version(package: Path, version: str) -> Path:
    """Make a later version of a package beside it; it does the same, with other names inside."""
    folder = package.parent / f"{version}.work"
    made = package.parent / f"lvmkit_{version}_all.deb"
    subprocess.run(("dpkg-deb", "--raw-extract", package, folder), check=True, capture_output=True)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text()))
    library = folder / "usr/lib/lvmkit/dist/lvmkit"
    for path in library.rglob("*.py"):
        path.write_text(_otherwise(path.read_text()))
    (library / f"{MOVED[0]}.py").rename(library / f"{MOVED[1]}.py")
    subprocess.run(("dpkg-deb", "--root-owner-group", "--build", folder, made), check=True, capture_output=True)
    return made


def _otherwise(text: str) -> str:
    text = re.sub(rf"\b({'|'.join(NAMES)})\b", rf"\1{SUFFIX}", text)
    return text.replace(MOVED[0].replace("/", "."), MOVED[1].replace("/", ".")).replace(
        "lvmkit.storage import conffile", "lvmkit.storage import conffile_of_the_next as conffile"
    )
