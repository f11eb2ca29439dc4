"""A volume group on an array with a leg on another server (nbd), on the engine for one server.

node1 has the array, of a disk of its own and one that node2 exports over the private link.
"""

from __future__ import annotations

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.guests.guest import BY_ID, Guest
from lab.helpers_below import MOUNT, VG, disks, goes_out_and_comes_back, serve
from lab.helpers_owner import is_refused
from lab.helpers_protected import PATIENCE
from lab.helpers_service import action, numbers, quick_check, same_data, settings

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = f"{MOUNT}/records"
DEGRADED = "110054"
# udev would assemble the array on the server that only lends a disk to it, and add a leg that is back by itself.
ALONE = """systemctl stop pacemaker corosync lvmkit-check.timer
ln -s /dev/null /etc/udev/rules.d/64-md-raid-assembly.rules
udevadm control --reload"""
EXPORT = """mkdir -p /etc/nbd-server
printf '[generic]\\n[leg]\\nexportname = %s\\n' "$1" > /etc/nbd-server/config
nbd-server -C /etc/nbd-server/config"""
CONNECT = """modprobe nbd
nbd-client -N leg -t 5 10.77.0.2 10809 /dev/nbd0
until [ "$(cat /sys/block/nbd0/size)" -gt 0 ]; do sleep 0.1; done"""
MIRROR = """mdadm -q --create /dev/md0 --run --assume-clean --metadata=1.2 --level=1 --raid-devices=2 "$1" \
    --write-mostly /dev/nbd0
udevadm settle"""
LOST = "until [ $(cat /sys/block/md0/md/degraded) = 1 ]; do sleep 0.5; done"
AGAIN = f"""mdadm -q /dev/md0 --remove faulty
nbd-client -d /dev/nbd0 || true
{CONNECT}
mdadm -q /dev/md0 --add /dev/nbd0
until [ $(cat /sys/block/md0/md/degraded) = 0 ]; do sleep 1; done"""
VOLUME = f"""vgcreate -qq lent {BY_ID}SHARED1
lvcreate -qq -L 64M -n leg lent"""


@pytest.fixture
def servers(cluster: Cluster) -> tuple[Guest, Guest]:
    """Two servers, each alone with its engine."""
    guests = cluster.guest(1), cluster.guest(2)
    for guest in guests:
        guest.sh(ALONE, timeout=PATIENCE)
        settings(guest, LVMKIT_ENGINE="embedded")
    return guests


@pytest.fixture
def mirrored(servers: tuple[Guest, Guest]) -> tuple[Guest, Guest]:
    """The array with a protected file system on it, in service."""
    one, two = servers
    two.sh(EXPORT, f"{BY_ID}PRIVATE2")
    one.sh(CONNECT)
    one.sh(MIRROR, f"{BY_ID}PRIVATE1")
    serve(one, "/dev/md0")
    return one, two


def test_a_group_on_a_mirror_with_a_leg_over_nbd_goes_out_and_comes_back(mirrored: tuple[Guest, Guest]) -> None:
    one, _ = mirrored
    array, *legs = disks(one)
    assert "/md-uuid-" in array
    assert sorted(legs) == [f"{BY_ID}PRIVATE1", "/dev/nbd0"]
    goes_out_and_comes_back(one)


def test_a_lost_leg_over_nbd_is_a_warning_until_it_is_back(mirrored: tuple[Guest, Guest]) -> None:
    one, two = mirrored
    two.run("killall", "-9", "nbd-server")
    one.sh(f"echo more > {MOUNT}/more; sync; {LOST}", timeout=120)
    checked = action(one, "lvmvg", "quickCheck", VG)
    assert (checked.returncode, numbers(checked)) == (0, [DEGRADED])
    goes_out_and_comes_back(one, (DEGRADED,))
    two.run("nbd-server", "-C", "/etc/nbd-server/config")
    one.sh(AGAIN, timeout=PATIENCE)
    assert quick_check(one, "lvmvg", VG) == []
    assert same_data(one)


def test_the_service_goes_on_when_the_server_of_the_other_leg_dies(mirrored: tuple[Guest, Guest]) -> None:
    one, two = mirrored
    writing = Writing(one.lab, 1, FILE).start().more(5)
    one.lab.kill(two.node)
    writing.more(20, deadline=PATIENCE)
    one.sh(LOST, timeout=120)
    assert quick_check(one, "lvmvg", VG) == [DEGRADED]
    writing.stop()
    check_records(one.lab, 1, FILE, writing.acknowledged)


def test_a_volume_that_is_an_nbd_export_is_refused(servers: tuple[Guest, Guest]) -> None:
    _, two = servers
    two.sh(VOLUME)
    two.sh(EXPORT, "/dev/lent/leg")
    refused = two.run("lvmkit", "create", "/dev/lent/leg", check=False, timeout=PATIENCE)
    is_refused(refused, "110432", "the nbd export leg")


def test_a_volume_that_is_a_leg_of_a_mirror_over_nbd_is_refused(servers: tuple[Guest, Guest]) -> None:
    one, two = servers
    two.sh(EXPORT, f"{BY_ID}PRIVATE2")
    one.sh(CONNECT)
    one.sh(VOLUME)
    one.sh(MIRROR, "/dev/lent/leg")
    refused = one.run("lvmkit", "create", "/dev/lent/leg", check=False, timeout=PATIENCE)
    is_refused(refused, "110432", "/dev/md0")
