"""Packages that are built once, and servers to install them on. Root is needed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from lab.guests.image import BOOKWORM
from lvmkit import VERSION

from . import roots, versions
from .building import ROOT, built, once
from .server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOLS = ("mmdebstrap", "dpkg-buildpackage", "lintian", "unshare", "nsenter")
NEXT = "9.0"
PACKAGE = f"lvmkit_{VERSION}_all.deb"


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


def _build(folder: Path) -> None:
    versions.next_version(built(folder) / PACKAGE, NEXT)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages of the working tree, and the kit's in a later version."""
    return once(tmp_path_factory, "debs", _build)


@pytest.fixture
def package() -> str:
    """The name of the package's file."""
    return PACKAGE


@pytest.fixture
def later() -> str:
    """The name of the file of the later version."""
    return f"lvmkit_{NEXT}_all.deb"


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
