"""The contract of the cluster port in guests: with the tools of the Pacemaker, and the Python, of each release."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pluggy
import pytest

from lab.audit import Cluster
from lab.guests.guest import Guest

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.both]

ROOT, SITE = Path(__file__).parents[2], Path(pluggy.__file__).parents[1]
PARTS = ("setup.cfg", "bin", "lib", "lkadm", "opt", "tests/__init__.py", "tests/contract", "tests/unit")
PYTEST = ("_pytest", "iniconfig", "packaging", "pluggy", "py.py", "pygments", "pytest")
PLACE = "/root/contract"
MINUTES = 30


def _push(guest: Guest, folder: Path) -> None:
    """Put the suite, the kit and pytest into the guest."""
    packed = folder / "contract.tar"
    with tarfile.open(packed, "w") as tar:
        for part in PARTS:
            tar.add(ROOT / part, part)
        for package in PYTEST:
            tar.add(SITE / package, f"site/{package}")
    guest.lab.copy(guest.node, packed, f"{PLACE}.tar")
    guest.sh('mkdir "$1" && tar -xf "$1.tar" -C "$1"', PLACE, timeout=MINUTES * 60)


@pytest.mark.parametrize("adapter", ["embedded", "pacemaker"])
def test_the_engine_keeps_it(bare_cluster: Cluster, tmp_path: Path, adapter: str) -> None:
    guest = bare_cluster.guest(1)
    _push(guest, tmp_path)
    script = 'cd "$1" && PYTHONPATH=site CI=1 python3 -m pytest -q -p no:cacheprovider tests/contract -m "$2"'
    done = guest.sh(script, PLACE, adapter, timeout=MINUTES * 60, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert " passed" in done.stdout
