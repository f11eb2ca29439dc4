"""Clean root directories of Debian, made once by mmdebstrap and kept in the lab's cache."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from lab.guests import image, store
from lab.guests.image import BOOKWORM, TRIXIE

RELEASES = (BOOKWORM, TRIXIE)
ATTEMPTS = 3
KEPT = 6
OPTIONS = (
    "--mode=root",
    "--variant=apt",
    "--format=directory",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def ensure(release: str, packages: str) -> Path:
    """The root of a release with these packages, what they depend on, apt, and what is essential.

    packages: names separated by commas. Building one takes a minute or more.
    """
    final = store.cache() / "roots" / store.digest(" ".join((*OPTIONS, image.mirror(), release, packages)))
    with store.lock("roots"):
        if not final.is_dir():
            with store.unfinished(final) as folder:
                _build(folder / "root", release, packages)
        os.utime(final)
        store.keep_newest(final.parent, KEPT, (final.name,))
    return final / "root"


def _build(root: Path, release: str, packages: str) -> None:
    source = f"deb {image.mirror()} {release} main"
    command = (*image.DIES_WITH_US, "mmdebstrap", *OPTIONS, f"--include={packages}", release, str(root), source)
    for attempt in range(1, ATTEMPTS + 1):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        trouble = any(words in done.stderr for words in image.NETWORK_TROUBLE)
        assert trouble, done.stderr
        assert attempt < ATTEMPTS, done.stderr
        time.sleep(2 * attempt)
