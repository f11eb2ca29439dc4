"""Packages that are built once, and servers to install them on. Root is needed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lab.guests.image import BOOKWORM

from . import roots, versions
from .building import ROOT, built
from .server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOLS = ("mmdebstrap", "dpkg-buildpackage", "lintian", "unshare", "nsenter")
NEXT = "9.0"


def why_not() -> str:
    """Why these tests cannot run on this machine; '' when they can."""
    if os.geteuid() != 0:
        return "root is needed to install packages in roots of Debian"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)} (make packages installs them)" if missing else ""


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    reason = why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def depends() -> str:
    """What the package lvmkit depends on, as mmdebstrap wants it."""
    (line,) = (line for line in (ROOT / "debian/control").read_text().splitlines() if line.startswith("Depends: lvm2"))
    names = (word.split()[0] for word in line.partition(":")[2].split(","))
    return ",".join(name for name in names if not name.startswith("$"))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages of the working tree."""
    return built(tmp_path_factory.mktemp("packages") / "debs")


@pytest.fixture(scope="session")
def package(packages: Path) -> str:
    """The name of the package's file."""
    (path,) = packages.glob("lvmkit_*_all.deb")
    return path.name


@pytest.fixture(scope="session")
def later(packages: Path, package: str) -> str:
    """The name of the file of a later version."""
    return versions.next_version(packages / package, NEXT).name


@pytest.fixture
def server(packages: Path) -> Iterator[Server]:
    """A server of Debian 12, without the kit."""
    server = Server(roots.ensure(BOOKWORM, depends()), packages)
    yield server
    server.close()


@pytest.fixture
def installed(server: Server, package: str) -> Server:
    """The same, with the kit."""
    server.install(package)
    return server
