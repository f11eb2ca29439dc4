"""The plugin for sos in the sos of both Debians: it is loaded, asks the kit, and lets no password through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import roots
from .conftest import depends
from .server import PACKAGES, Server

if TYPE_CHECKING:
    from pathlib import Path

OUT = "/tmp/out"


@pytest.mark.parametrize("release", roots.RELEASES)
def test_its_report_has_what_the_kit_says_and_no_password(release: str, packages: Path, package: str) -> None:
    server = Server(roots.ensure(release, f"{depends()},sosreport"), packages)
    try:
        server.must("apt-get", "install", "-qy", "--no-install-recommends", f"{PACKAGES}/{package}")
        server.write("/etc/default/lvmkit", "LKCHECKINTERVAL=77\nMY_PASSWORD=hush\n")
        server.must("mkdir", OUT)
        server.must("sos", "report", "--batch", "--quiet", "-o", "lvmkit", "-z", "gzip", "--tmp-dir", OUT)
        server.must("sh", "-c", f"tar -xzf {OUT}/*.tar.gz -C {OUT} --strip-components=1")
        settings = server.must("cat", f"{OUT}/etc/default/lvmkit")
        assert ("LKCHECKINTERVAL=77" in settings, "hush" in settings) == (True, False)
        assert "lvmkit 0" in server.must("cat", f"{OUT}/sos_commands/lvmkit/lvmkit_--version")
        assert server.has(f"{OUT}/sos_commands/lvmkit/lvmkit_--quiet_doctor")
    finally:
        server.close()
