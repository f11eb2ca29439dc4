"""What stands about the kit in debian/ is what stands elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from lvmkit import VERSION
from lvmkit.storage import lvmsight

ROOT = Path(__file__).parents[2]


def test_the_package_has_the_version_of_the_kit() -> None:
    assert (ROOT / "debian/changelog").read_text().startswith(f"lvmkit ({VERSION})")


def test_the_package_needs_what_the_kit_needs() -> None:
    control = (ROOT / "debian/control").read_text()
    setup = (ROOT / "setup.cfg").read_text()
    (python,), (click,) = re.findall(r"python_requires = >=(.*)", setup), re.findall(r"click>=(.*)", setup)
    for name, version in (("lvm2", lvmsight.OLDEST), ("python3", python), ("python3-click", click)):
        assert f" {name} (>= {version})" in control
