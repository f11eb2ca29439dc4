"""File systems within each other, of two volume groups: in order on one server, and together on one of two."""

from __future__ import annotations

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.guests.guest import BY_ID, Guest
from lab.helpers_protected import PATIENCE
from lab.helpers_service import numbers, quick_check, states

pytestmark = pytest.mark.slow

OUTER, INNER = "/srv/outer", "/srv/outer/a/inner"
FILE = f"{INNER}/records"
PREPARE = f"""
vgcreate -qq out {BY_ID}SHARED1
vgcreate -qq in {BY_ID}SHARED2
lvcreate -qq -L 64M -n outer out
lvcreate -qq -L 64M -n inner in
for lv in out/outer in/inner; do mkfs.ext4 -q /dev/$lv; done
mkdir -p {OUTER}; mount /dev/out/outer {OUTER}
mkdir -p {INNER}; mount /dev/in/inner {INNER}
"""
PRIMITIVES = ("lvmkit-out", "lvmkit-in", "lvmkit-_2fsrv_2fouter", "lvmkit-_2fsrv_2fouter_2fa_2finner")


def mounted(guest: Guest) -> list[str]:
    """The mount points below /srv, in the order of their mounts."""
    return guest.sh("awk '$5 ~ \"^/srv/\" {print $5}' /proc/self/mountinfo").stdout.split()


@pytest.mark.parametrize("order", [(OUTER, INNER), (INNER, OUTER)])
def test_on_one_server_the_inner_one_waits_and_each_is_deleted_alone(guest: Guest, order: tuple[str, str]) -> None:
    guest.sh(f"systemctl stop lvmkit-check.timer; {PREPARE} echo kept > {INNER}/file")
    for point in order:
        guest.run("lvmkit", "-q", "create", point)
    guest.run("lvmkit", "-q", "out-of-service", OUTER)
    assert mounted(guest) == []
    assert states(guest, INNER)["in"][0] == "ISP"
    guest.run("lvmkit", "-q", "in-service", INNER)
    assert mounted(guest) == [OUTER, INNER]
    assert guest.run("cat", f"{INNER}/file").stdout == "kept\n"
    assert [quick_check(guest, "filesys", point) for point in (OUTER, INNER)] == [[], []]
    for first, second in ((INNER, OUTER), (OUTER, INNER)):
        guest.run("lvmkit", "-q", "delete", "--yes", first)
        assert states(guest, second)[second][0] == "ISP"
        assert mounted(guest) == [OUTER, INNER]
        guest.run("lvmkit", "-q", "create", first)
    guest.run("lvmkit", "-q", "check", "--all")


def test_a_lost_outer_mount_is_recovered_with_the_inner_one(guest: Guest) -> None:
    guest.sh(f"systemctl stop lvmkit-check.timer; {PREPARE}")
    for point in (OUTER, INNER):
        guest.run("lvmkit", "-q", "create", point)
    guest.run("umount", "-R", OUTER)
    guest.run("lvmkit", "-q", "check", "--all", check=False)
    assert mounted(guest) == [OUTER, INNER]


def test_one_that_the_outer_one_would_hide_is_refused(guest: Guest) -> None:
    guest.sh(f"systemctl stop lvmkit-check.timer; {PREPARE} umount {INNER}")
    guest.run("lvmkit", "-q", "create", OUTER)
    guest.run("lvmkit", "-q", "out-of-service", OUTER)
    guest.sh(f"mkdir -p {INNER}; mount /dev/in/inner {INNER}")
    refused = guest.run("lvmkit", "create", INNER, check=False)
    assert refused.returncode != 0
    assert "110420" in numbers(refused)
    assert mounted(guest) == [INNER]


@pytest.mark.cluster
def test_in_a_cluster_both_groups_go_where_one_of_them_goes(cluster: Cluster) -> None:
    node1 = cluster.guest(1)
    node1.sh(PREPARE)
    for point in (INNER, OUTER):  # the outer one comes below what is in service
        node1.run("lvmkit", "create", point, timeout=PATIENCE)
        assert mounted(node1) == [OUTER, INNER]
    node1.run("lvmkit", "extend", INNER, "--to", "node2", timeout=PATIENCE)
    first = Writing(cluster.lab, 1, FILE).start().more(10)
    node1.run("lvmkit", "in-service", OUTER, "--on", "node2", timeout=PATIENCE)
    first.stop()
    assert (mounted(node1), mounted(cluster.guest(2))) == ([], [OUTER, INNER])
    second = Writing(cluster.lab, 2, FILE).start().more(10)
    cluster.lab.kill(2)
    cluster.wait(lambda it: all(it.running(name) == ("node1",) for name in PRIMITIVES), deadline=300.0)
    second.stop()
    third = Writing(cluster.lab, 1, FILE).start().more(10)
    third.stop()
    check_records(cluster.lab, 1, FILE, first.acknowledged + second.acknowledged + third.acknowledged)
    node1.run("lvmkit", "delete", "--yes", OUTER, timeout=PATIENCE)
    assert mounted(node1) == [OUTER, INNER]
    assert cluster.lab.cluster_status(1).running(PRIMITIVES[3]) == ("node1",)
    assert cluster.lab.cluster_status(1).fenced == {"node2"}
