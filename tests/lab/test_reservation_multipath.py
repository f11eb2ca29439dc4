"""Persistent reservations on a disk that each server reaches by two paths: one that comes back is registered again.

Both paths are sessions of their own with the target, so for the disk a path that comes back is a new one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.guests.errors import NotInstalledError
from lab.guests.luns import Lun, shared
from lab.helpers_owner import is_refused
from lab.helpers_protected import PATIENCE
from lab.helpers_reserved import FILE, MOUNT, PREPARE, VG, Reserved, find

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MAP, FIRST, SECOND = "/dev/mapper/mpatha", "lun", "way2"
CONFIGURATION = """defaults {
    user_friendly_names yes
    find_multipaths yes
    polling_interval 2
}
blacklist {
    devnode "^vd"
    device {
        vendor "QEMU"
        product ".*"
    }
}
"""
BEGIN = f"""cat > /etc/multipath.conf
systemctl unmask multipathd.service multipathd.socket
systemctl start multipathd.service
for i in $(seq 300); do
  if [ -b {MAP} ]; then exit 0; fi
  sleep 0.2
done
multipathd show paths
exit 1"""
KEEP_KEYS = """sed -i 's/^defaults {/&\\n    reservation_key file/' /etc/multipath.conf
multipathd reconfigure
for i in $(seq 100); do
  if multipathd show config local | grep -q 'reservation_key "file"'; then exit 0; fi
  sleep 0.2
done
exit 1"""
PATHS = f"""for path in /sys/block/$(basename $(readlink -e {MAP}))/slaves/*; do echo /dev/${{path##*/}}; done"""
ACTIVE = f"dmsetup status {MAP} | grep -o ' [0-9]*:[0-9]* A' | wc -l"
KNOWN_KEY = f"multipathd getprkey map {MAP.rpartition('/')[2]}"
PATH_LIMIT = 120
"""seconds within which a path that goes or comes is seen"""


class Multipath(Reserved):
    """The file system on the map, in service on node1."""

    def keys(self, node: int) -> list[int]:
        """The servers, by number, whose keys are registered, one for each path; as a server's first path says."""
        guest = self.cluster.guest(node)
        path = guest.sh(PATHS).stdout.split()[0]
        said = guest.run("sg_persist", "--in", "--read-keys", "--no-inquiry", path).stdout
        return sorted(int(word, 16) & 0xFFFF for word in said.split() if word.startswith("0x4c56"))

    def lose(self, node: int, path: str) -> None:
        """Take a path from a server, and wait until the other one is alone."""
        self.lun.detach(self.cluster.lab, node, path)
        self._has_paths(node, 1)

    def bring_back(self, node: int, path: str) -> None:
        """Give it back, and wait until it is in use."""
        self.lun.attach(self.cluster.lab, node, path)
        self._has_paths(node, 2)

    def _has_paths(self, node: int, count: int) -> None:
        end = time.monotonic() + PATH_LIMIT
        while (active := int(self.cluster.guest(node).sh(ACTIVE).stdout)) != count:
            assert time.monotonic() < end, f"node{node} has {active} paths in use, not {count}"
            time.sleep(1)


@pytest.fixture
def lun(cluster: Cluster, tmp_path: Path) -> Iterator[Lun]:
    """The disk by two paths on both servers, whose multipathd keeps no keys yet."""
    try:
        with shared(cluster.lab, tmp_path) as lun:
            for node in (1, 2):
                lun.attach(cluster.lab, node, SECOND)
            find(cluster)
            for node in (1, 2):
                guest = cluster.guest(node)
                guest.run("/bin/sh", "-euc", BEGIN, stdin=CONFIGURATION.encode(), timeout=PATIENCE)
            yield lun
    except NotInstalledError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def reserved(cluster: Cluster, lun: Lun) -> Multipath:
    """The file system, reserved for node1."""
    for node in (1, 2):
        cluster.guest(node).sh(KEEP_KEYS, timeout=PATIENCE)
    return Multipath(cluster, lun, MAP)


def test_create_names_the_line_that_multipath_conf_lacks_and_registers_nothing(cluster: Cluster, lun: Lun) -> None:
    one = cluster.guest(1)
    one.sh(PREPARE.replace("@DISK@", MAP), timeout=PATIENCE)
    refused = one.run("lvmkit", "create", MOUNT, "--reservation", "scsi", check=False, timeout=PATIENCE)
    is_refused(refused, "110442")
    assert "reservation_key file" in refused.stderr
    assert one.sh(KNOWN_KEY).stdout.strip() == "none"
    path = one.sh(PATHS).stdout.split()[0]
    assert "NO registered" in one.run("sg_persist", "--in", "--read-keys", path).stdout
    one.sh(KEEP_KEYS, timeout=PATIENCE)
    one.run("lvmkit", "create", MOUNT, "--reservation", "scsi", timeout=PATIENCE)
    assert lun
    extend = one.run("lvmkit", "extend", MOUNT, "--to", "node2", check=False, timeout=PATIENCE)
    is_refused(extend, "110442")


def test_every_path_is_registered_a_move_takes_them_and_a_stop_releases(reserved: Multipath) -> None:
    one, two = reserved.cluster.guest(1), reserved.cluster.guest(2)
    assert (reserved.holder(2), reserved.keys(2)) == ("node1", [1, 1])
    assert one.sh(KNOWN_KEY).stdout.startswith("0x4c56")
    reserved.move(2)
    assert (reserved.holder(1), reserved.keys(1)) == ("node2", [2, 2])
    assert one.sh(KNOWN_KEY).stdout.strip() == "none"
    two.run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    assert (reserved.holder(1), reserved.keys(1)) == ("nobody", [])
    assert two.sh(KNOWN_KEY).stdout.strip() == "none"


def test_a_path_that_comes_back_is_registered_and_carries_all_writes(reserved: Multipath) -> None:
    writing = Writing(reserved.cluster.lab, 1, FILE).start().more(5)
    reserved.lose(1, FIRST)
    writing.more(20)
    reserved.bring_back(1, FIRST)
    writing.more(20)
    reserved.lose(1, SECOND)
    writing.more(20)
    reserved.cluster.guest(1).run("lvmkit", "check", "--deep", VG, timeout=PATIENCE)
    assert reserved.holder(2) == "node1"
    writing.stop()
    check_records(reserved.cluster.lab, 1, FILE, writing.acknowledged)


def test_a_server_takes_over_by_one_path_and_the_other_comes_registered(reserved: Multipath) -> None:
    reserved.lose(2, FIRST)
    reserved.move(2)
    assert (reserved.holder(1), reserved.keys(1)) == ("node2", [2])
    writing = Writing(reserved.cluster.lab, 2, FILE, only_mounted=True).start().more(5)
    reserved.bring_back(2, FIRST)
    reserved.lose(2, SECOND)
    writing.more(20)
    writing.stop()
    reserved.move(1)
    assert (reserved.holder(2), set(reserved.keys(2))) == ("node1", {1})
    check_records(reserved.cluster.lab, 1, FILE, writing.acknowledged)


def test_a_paused_server_that_goes_on_cannot_write_and_no_path_of_it_is_registered_again(reserved: Multipath) -> None:
    lab = reserved.cluster.lab
    writing = Writing(lab, 1, FILE).start().more(5)
    lab.pause(1)
    reserved.wait_until_mounted(2)
    assert (reserved.holder(2), reserved.keys(2)) == ("node2", [2, 2])
    before = len(writing.acknowledged)
    lab.resume(1)
    time.sleep(10)  # its watchdog may end it at any moment of these
    assert len(writing.acknowledged) == before
    assert reserved.keys(2) == [2, 2]
    writing.stop()
    check_records(lab, 2, FILE, writing.acknowledged)
