"""The packages on a real server: systemd, real LVM, and upgrades while the kit is at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.helpers_service import held, numbers, states
from packages import building, versions

pytestmark = pytest.mark.slow

GUARD, TIMER, WATCHER = "lvmkit-boot-guard.service", "lvmkit-check.timer", "lvmkit-watch.service"
POINT = "/srv/data"
TESTS = building.ROOT / "debian/tests"
PROTECT = f"""
vgcreate -qq vg1 {BY_ID}SHARED1 {BY_ID}SHARED2
lvcreate -qq -L 48M -n data vg1
mkfs.ext4 -q /dev/vg1/data
mkdir -p {POINT}
mount /dev/vg1/data {POINT}
lvmkit -q create {POINT}
"""
MONITORS = f"""
root=/usr/lib/lvmkit
while [ ! -e /run/over ]; do
    $root/subsys/scsi/resources/lvmvg/actions/quickCheck -t vg1 2>> /run/said || echo lvmvg >> /run/failed
    $root/subsys/gen/resources/filesys/actions/quickCheck -t {POINT} 2>> /run/said || echo filesys >> /run/failed
    echo >> /run/counted
done
"""


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The package of the working tree, and a later version of it."""
    folder = building.built(tmp_path_factory.mktemp("debs") / "debs")
    (package,) = folder.glob("lvmkit_*_all.deb")
    return package, versions.next_version(package, "9.0")


@pytest.fixture
def guest(bare_guest: Guest, debs: tuple[Path, Path]) -> Guest:
    """A server with the package."""
    for path in debs:
        bare_guest.lab.copy(1, path, f"/root/{path.name}")
    install(bare_guest, debs[0])
    return bare_guest


def install(guest: Guest, package: Path) -> None:
    guest.run("dpkg", "-i", f"/root/{package.name}", timeout=180)


def shown(guest: Guest, unit: str, name: str) -> str:
    return guest.run("systemctl", "show", "-P", name, unit).stdout.strip()


def test_what_debian_runs_for_a_package_passes(guest: Guest) -> None:
    guest.sh((TESTS / "smoke").read_text(), timeout=120)
    guest.sh((TESTS / "story").read_text(), timeout=300)


def test_upgrades_under_a_service_are_noticed_by_no_monitor_and_run_no_boot_guard(
    guest: Guest, debs: tuple[Path, Path]
) -> None:
    package, later = debs
    assert shown(guest, TIMER, "ActiveState") == "active"
    assert shown(guest, GUARD, "WantedBy") == "multi-user.target"
    guest.sh(PROTECT, timeout=120)
    watcher, up = shown(guest, WATCHER, "MainPID"), held(guest, "vg1")
    assert watcher != "0"
    guest.run("systemd-run", "--quiet", "sh", "-c", MONITORS)
    for each in (later, package, later):
        install(guest, each)
    guest.run("touch", "/run/over")
    assert guest.sh("cat /run/failed", check=False).stdout == "", guest.run("cat", "/run/said").stdout
    assert int(guest.sh("wc -l < /run/counted").stdout) > 3
    assert shown(guest, WATCHER, "MainPID") not in ("0", watcher)
    assert shown(guest, GUARD, "ActiveEnterTimestampMonotonic") == "0"
    assert {state for state, _ in states(guest, POINT).values()} == {"ISP"}
    assert held(guest, "vg1") == up


def test_what_is_in_service_keeps_the_package_and_an_upgrade_starts_nothing_that_was_stopped(
    guest: Guest, debs: tuple[Path, Path]
) -> None:
    guest.sh(PROTECT, timeout=120)
    refused = guest.run("dpkg", "-r", "lvmkit", check=False)
    assert (refused.returncode, "110450" in numbers(refused)) == (1, True)
    assert shown(guest, TIMER, "ActiveState") == "active"
    guest.run("systemctl", "stop", TIMER)
    install(guest, debs[1])
    assert [shown(guest, unit, "ActiveState") for unit in (TIMER, WATCHER)] == ["inactive"] * 2
    guest.run("lvmkit", "delete", "--yes", POINT)
    guest.run("dpkg", "-P", "lvmkit", timeout=120)
    assert guest.run("mountpoint", "-q", POINT, check=False).returncode == 0
    assert guest.sh("ls -A /usr/lib/lvmkit /var/lib/lvmkit /etc/lkvgs", check=False).stdout == ""
