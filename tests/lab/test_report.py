"""The report for support on a real server: complete where all is well, and there in time while a disk hangs."""

from __future__ import annotations

import time

import pytest

from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_service import guest_in, serve

pytestmark = pytest.mark.slow

KERNEL_AND_KIT = ("files/proc/self/mountinfo", "storage/dmsetup-table.txt", "kit/version.txt", "index.txt")


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    """Three file systems in service."""
    return guest_in(pushed_lab, "served", serve)


def _report(guest: Guest, seconds: int) -> tuple[str, list[str]]:
    """The path of a new report, for each part of which there were so many seconds, and what is in it."""
    path = guest.run("lvmkit", "report", "--seconds", f"{seconds}", timeout=400).stdout.strip()
    assert guest.run("stat", "-c", "%a %U", path).stdout.split() == ["600", "root"]
    return path, [line.partition("/")[2] for line in guest.run("tar", "-tzf", path).stdout.splitlines()]


def test_it_has_what_the_kit_the_kernel_and_lvm_say(served: Guest) -> None:
    served.sh("echo MY_PASSWORD=hush >> /etc/default/lvmkit")
    path, names = _report(served, 60)
    assert {*KERNEL_AND_KIT, "kit/status.json", "kit/doctor.json", "kit/show.json", "storage/lvm.json"} <= set(names)
    text = served.run("tar", "-xzOf", path).stdout
    assert ("layered" in text, "hush" in text) == (True, False)


def test_it_arrives_while_a_disk_hangs(served: Guest) -> None:
    served.sh(
        "dmsetup suspend --noflush --nolockfs path; (dd if=/dev/layered/deep of=/dev/null iflag=direct &) ; sleep 1"
    )
    begun = time.monotonic()
    _, names = _report(served, 40)
    assert time.monotonic() - begun < 4 * 40 + 60
    assert set(KERNEL_AND_KIT) <= set(names)
    served.sh("dmsetup resume path")
