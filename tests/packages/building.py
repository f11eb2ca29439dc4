"""Building the packages of the working tree, as `make deb` does."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def built(folder: Path, *prefix: str) -> Path:
    """Build the packages into a folder. prefix: a command that runs make."""
    command = (*prefix, "make", "-s", "-C", str(ROOT), "debs", f"DEB={folder}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
