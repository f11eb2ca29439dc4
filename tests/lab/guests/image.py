"""Build a guest image from Debian's archive, once for everything it is made of.

There is one of a plain guest, and variants of it that have more in them. What a variant adds is in a folder of its own
inside the image folder, so that a change to it leaves the plain image as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import initramfs, instance, rootfs, store, variant
from .errors import LabError, NotInstalledError

BOOKWORM, TRIXIE = "bookworm", "trixie"
RELEASES = (BOOKWORM, TRIXIE)
"""Debian 12 and 13."""
RELEASE_VARIABLE = "LVMKIT_LAB_RELEASE"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
ATTEMPTS = 3
NETWORK_TROUBLE = (
    "Failed to fetch",
    "Temporary failure",
    "Could not connect",
    "Connection failed",
    "Hash Sum mismatch",
)
IMAGES_KEPT = 6
PLAIN = ""
"""The image that is no variant."""
CLUSTER = "cluster"
VARIANTS = (CLUSTER,)
"""Folders of the image folder."""
LINES_SHOWN = 30
OPTIONS = (
    "--variant=essential",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    # PostgreSQL's just-in-time compiler is larger than all else of it.
    "--dpkgopt=path-exclude=/usr/lib/*/libLLVM*",
    "--dpkgopt=path-exclude=/usr/lib/postgresql/*/lib/*llvm*",
    "--dpkgopt=path-exclude=/usr/lib/postgresql/*/lib/bitcode/*",
    # The lab makes its own initramfs: keep the kernel package from making a large one.
    "--dpkgopt=path-exclude=/etc/kernel/postinst.d/initramfs-tools",
    "--skip=cleanup/reproducible",
    "--format=null",
)

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A finished guest image in the cache."""

    folder: Path

    @property
    def key(self) -> str:
        """Identity: the digest of everything the image is made of."""
        return self.folder.name

    @property
    def root(self) -> Path:
        """The root disk, raw; never written to, only the base of overlays."""
        return self.folder / rootfs.ROOT_IMAGE

    @property
    def kernel(self) -> Path:
        """The kernel to boot."""
        return self.folder / rootfs.KERNEL

    @property
    def initramfs(self) -> Path:
        """The initramfs to boot with."""
        return self.folder / rootfs.INITRAMFS


def default_release() -> str:
    """Return the release of Debian when nobody names one: $LVMKIT_LAB_RELEASE, or Debian 12. Raises LabError."""
    return known_release(os.environ.get(RELEASE_VARIABLE) or BOOKWORM)


def known_release(name: str) -> str:
    """Return the name. Raises LabError for a release that there are no guests of."""
    if name not in RELEASES:
        raise LabError(f"{name}: no such release (there are {', '.join(RELEASES)})")
    return name


@dataclass(frozen=True)
class Recipe:
    """What an image is made of. kind: PLAIN or a variant.  release: one of RELEASES."""

    kind: str
    release: str

    def packages(self) -> list[str]:
        """Return the packages of the guest: every packages*.txt of the image folder, and of the variant's."""
        lists = sorted(path for folder in self._folders() for path in folder.glob("packages*.txt"))
        return [package for path in lists for package in rootfs.list_file(str(path))]

    def _folders(self) -> list[Path]:
        return [rootfs.IMAGE_FOLDER, *([rootfs.IMAGE_FOLDER / self.kind] if self.kind else [])]

    def ingredients(self) -> list[Path]:
        """Return the files that the image is made of."""
        modules = (rootfs, initramfs, *([variant] if self.kind else []))
        code = [Path(module.__file__ or "") for module in modules]
        others = {rootfs.IMAGE_FOLDER / name for name in VARIANTS if name != self.kind}
        found = sorted(path for path in rootfs.IMAGE_FOLDER.rglob("*") if path.is_file())
        return [*code, rootfs.AGENT, *(path for path in found if others.isdisjoint(path.parents))]

    @property
    def key(self) -> str:
        """The digest of everything the image is made of, except what Debian's archive holds today."""
        total = hashlib.sha256(" ".join([*OPTIONS, *self.packages(), self.release, mirror()]).encode())
        for path in self.ingredients():
            total.update(f"{path.name} {path.stat().st_mode & 0o111:o} {path.stat().st_size}\n".encode())
            total.update(path.read_bytes())
        return total.hexdigest()[:16]

    def command(self) -> list[str]:
        """Return the mmdebstrap command; it dies with us (source: prctl(2) PR_SET_PDEATHSIG).

        Raises NotInstalledError without mmdebstrap.
        """
        program = shutil.which("mmdebstrap")
        if program is None:
            raise NotInstalledError("mmdebstrap", "mmdebstrap")
        hook = f"--customize-hook={self._folders()[-1] / 'hook'}"
        include = f"--include={','.join(self.packages())}"
        source = f"deb {mirror()} {self.release} main"
        return [*DIES_WITH_US, program, *OPTIONS, include, hook, self.release, "/dev/null", source]


def mirror() -> str:
    """Return the Debian archive to build from ($LVMKIT_LAB_MIRROR, or the public one)."""
    return os.environ.get("LVMKIT_LAB_MIRROR", DEFAULT_MIRROR)


def find(recipe: Recipe) -> Image | None:
    """Return the image for the present ingredients if it is built, and note its use."""
    folder = store.cache() / "images" / recipe.key
    if not folder.is_dir():
        return None
    os.utime(folder)
    return Image(folder)


def ensure(progress: Progress, recipe: Recipe) -> Image:
    """Return the image for the present ingredients, building it when missing.

    progress: gets a line of text now and then.  Raises LabError when it can't be built.
    """
    return find(recipe) or _build(progress, recipe)


def _build(progress: Progress, recipe: Recipe) -> Image:
    final = store.cache() / "images" / recipe.key
    progress("waiting for the build lock")
    with store.lock("images"):
        if not final.is_dir():
            with store.unfinished(final) as folder:
                _attempt_often(folder, progress, recipe)
            store.keep_newest(final.parent, IMAGES_KEPT, {record.image for record in instance.records()})
    return Image(final)


def _attempt_often(folder: Path, progress: Progress, recipe: Recipe) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        lines = _attempt(folder, progress, recipe)
        if lines is None:
            return
        text = "\n".join(lines[-LINES_SHOWN:])
        if attempt == ATTEMPTS or not any(trouble in text for trouble in NETWORK_TROUBLE):
            raise LabError(f"mmdebstrap: the guest image was not built\n{text}")
        progress(f"network trouble, attempt {attempt + 1} of {ATTEMPTS} in {2 * attempt} s")
        time.sleep(2 * attempt)


def _attempt(folder: Path, progress: Progress, recipe: Recipe) -> list[str] | None:
    """Run mmdebstrap once. Return None, or its messages when it failed."""
    env = {**os.environ, rootfs.OUTPUT_VARIABLE: str(folder), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    begin, lines = time.monotonic(), []
    with subprocess.Popen(
        recipe.command(),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if line.startswith("I: "):
                progress(f"{time.monotonic() - begin:4.0f} s  {lines[-1][3:]}")
    return lines if process.returncode else None
