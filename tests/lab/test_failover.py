"""What happens to protected data when servers, disks, networks and people do their worst. Real Pacemaker, real fencing.

Beside every test runs the audit: no volume group is ever active on both servers. Where data are written meanwhile,
every record that was acknowledged is proven to be there afterwards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from lab.audit import Audit, Cluster, Writing, check_records
from lab.guests.errors import LabError
from lab.guests.lab import Lab, Result
from lab.helpers_protected import (
    DISKS,
    MOUNT,
    NODES,
    OTHER,
    PATIENCE,
    PREPARE,
    VG,
    create,
    dies_and_returns,
    extend,
    is_up_on,
)

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = f"{MOUNT}/records"
MOVES_IN_A_ROW = 10


def _survives(cluster: Cluster, strike: Callable[[], None]) -> None:
    """Write on node1, let something happen to it, and see all that was acknowledged on node2, and the audit's view."""
    first = Writing(cluster.lab, 1, FILE).start().more(20)
    strike()
    is_up_on(cluster, 2)
    second = Writing(cluster.lab, 2, FILE).start().more(20)
    second.stop()
    first.stop()
    check_records(cluster.lab, 2, FILE, first.acknowledged + second.acknowledged)
    seen = cluster.audit.seen(_uuid(cluster, 2))
    assert seen[1], "the audit has not seen the group on node1"
    assert seen[2], "the audit has not seen the group on node2"


def _uuid(cluster: Cluster, node: int) -> str:
    return cluster.guest(node).run("vgs", "--noheadings", "--foreign", "-o", "vg_uuid", VG).stdout.strip()


def _constraints(cluster: Cluster, node: int) -> str:
    return cluster.guest(node).run("cibadmin", "--query", "--scope", "constraints").stdout


# ---- a server dies


def test_a_killed_servers_file_systems_come_back_on_the_other_with_every_record(protected: Cluster) -> None:
    _survives(protected, lambda: protected.lab.kill(1))
    assert protected.lab.cluster_status(2).fenced == {"node1"}


def test_a_server_that_hangs_is_fenced_and_finds_nothing_of_its_own_when_it_goes_on(protected: Cluster) -> None:
    _survives(protected, lambda: protected.lab.pause(1))
    protected.lab.reboot(1)
    protected.lab.resume(1)
    protected.wait(lambda it: it.formed(*NODES), node=2)
    assert VG not in protected.guest(1).run("dmsetup", "ls").stdout.replace("--", "-")


def test_when_the_cable_is_cut_one_server_goes_on(protected: Cluster) -> None:
    _survives(protected, lambda: protected.lab.cut(1))


def test_a_killed_pacemaker_loses_nothing(protected: Cluster) -> None:
    writing = Writing(protected.lab, 1, FILE).start().more(10)
    protected.guest(1).run("pkill", "-KILL", "-x", "pacemakerd")
    protected.guest(1).run("pkill", "-KILL", "-x", "pacemaker-.*", check=False)
    time.sleep(20)
    node = _wait_for_service(protected)
    writing.stop()
    again = Writing(protected.lab, node, FILE).start().more(10)
    again.stop()
    check_records(protected.lab, node, FILE, writing.acknowledged + again.acknowledged)


def _wait_for_service(cluster: Cluster, *, deadline: float = 300.0) -> int:
    """The server on which everything is in service, once it is."""
    end = time.monotonic() + deadline
    while True:
        for node in (2, 1):
            try:
                is_up_on(cluster, node, deadline=5.0)
            except LabError:
                continue
            return node
        assert time.monotonic() < end, "nowhere in service"


def test_disks_that_die_on_the_active_server_only_move_everything_and_fence_nobody(protected: Cluster) -> None:
    first = Writing(protected.lab, 1, FILE).start().more(20)
    for disk in DISKS:
        protected.lab.fail_disk(1, disk)
    is_up_on(protected, 2)
    first.stop()
    second = Writing(protected.lab, 2, FILE).start().more(20)
    second.stop()
    check_records(protected.lab, 2, FILE, first.acknowledged + second.acknowledged)
    status = protected.lab.cluster_status(2)
    assert (status.fenced, status.online) == (set(), set(NODES))


def test_disks_that_hang_on_the_active_server_only_are_noticed_and_everything_moves(protected: Cluster) -> None:
    first = Writing(protected.lab, 1, FILE).start().more(20)
    for disk in DISKS:
        protected.lab.hang_disk(1, disk)
    is_up_on(protected, 2)
    first.stop()
    second = Writing(protected.lab, 2, FILE).start().more(20)
    second.stop()
    check_records(protected.lab, 2, FILE, first.acknowledged + second.acknowledged)


def test_both_servers_at_once_lose_power_and_nothing_activates_before_the_cluster_has_formed(
    protected: Cluster,
) -> None:
    for node in (1, 2):
        protected.lab.kill(node)
    protected.lab.start(1)
    assert VG not in _mapped(protected, 1)
    time.sleep(10)
    assert VG not in _mapped(protected, 1), "one server alone has started what the other may have"
    protected.lab.start(2)
    protected.wait(lambda it: it.formed(*NODES))
    node = _wait_for_service(protected)
    assert protected.guest(node).run("findmnt", "-n", MOUNT).stdout


def _mapped(cluster: Cluster, node: int) -> str:
    return cluster.guest(node).run("dmsetup", "ls").stdout.replace("--", "-")


# ---- people


def test_a_file_system_in_use_moves_all_the_same(protected: Cluster) -> None:
    protected.guest(1).sh(f"cd {MOUNT} && setsid sleep 10000 </dev/null >/dev/null 2>&1 &")
    protected.guest(1).run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)
    is_up_on(protected, 2)
    assert protected.lab.cluster_status(2).fenced == set()


def test_ten_moves_in_a_row_under_write_load_lose_nothing_and_leave_no_constraint(protected: Cluster) -> None:
    before = _constraints(protected, 1)
    acknowledged: list[int] = []
    for turn in range(MOVES_IN_A_ROW):
        here, there = (1, 2) if turn % 2 == 0 else (2, 1)
        writing = Writing(protected.lab, here, FILE).start().more(5)
        protected.guest(here).run("lvmkit", "in-service", MOUNT, "--on", NODES[there - 1], timeout=PATIENCE)
        writing.stop()
        acknowledged += writing.acknowledged
        check_records(protected.lab, there, FILE, acknowledged)
    assert _constraints(protected, 1) == before
    assert protected.lab.cluster_status().fenced == set()


def test_a_mount_that_nobody_protects_keeps_the_group_and_is_named_instead_of_fencing(protected: Cluster) -> None:
    protected.guest(1).sh(f"lvcreate -qq -an -L 32M -n own {VG} --config global/system_id_source=uname")
    protected.guest(1).sh(
        f"lvchange -qq -ay {VG}/own --config global/system_id_source=uname;"
        f"mkfs.ext4 -q /dev/{VG}/own; mkdir -p /mnt/own; mount /dev/{VG}/own /mnt/own"
    )
    for node, where in ((1, "-own is in use"), (2, "-own on node1 is in use")):
        refused = protected.guest(node).run("lvmkit", "out-of-service", VG, check=False, timeout=PATIENCE)
        assert refused.returncode != 0
        assert "110021" in refused.stderr
        assert where in refused.stderr
        assert "/mnt/own" in refused.stderr
    is_up_on(protected, 1)


def test_a_move_to_a_server_that_alone_has_lost_a_disk_is_refused_before_anything_is_stopped(
    protected: Cluster,
) -> None:
    before = protected.guest(1).sh("grep ' /srv/' /proc/self/mountinfo").stdout
    protected.guest(2).lose_disk("SHARED2")
    for node in (1, 2):
        refused = protected.guest(node).run(
            "lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE
        )
        assert refused.returncode != 0
        assert "110014" in refused.stderr
    assert protected.guest(1).sh("grep ' /srv/' /proc/self/mountinfo").stdout == before
    is_up_on(protected, 1)


def test_a_nightly_snapshot_goes_and_nothing_is_restarted(protected: Cluster) -> None:
    guest, own = protected.guest(1), "--config global/system_id_source=uname"
    guest.sh(f"lvcreate -qq -s -L 8M -n nightly {VG}/db {own}")
    guest.run("lvmkit", "reconfigure", VG, timeout=PATIENCE)
    before = guest.sh("grep ' /srv/' /proc/self/mountinfo").stdout
    guest.sh(f"lvremove -qq -y {VG}/nightly {own}")
    time.sleep(30)
    assert guest.sh("grep ' /srv/' /proc/self/mountinfo").stdout == before
    assert "Failed Resource Actions" not in guest.run("crm_mon", "--one-shot").stdout
    is_up_on(protected, 1)


@pytest.mark.parametrize(("switchback", "home"), [("INTELLIGENT", 2), ("AUTOMATIC", 1)])
def test_a_server_that_returns_gets_its_hierarchy_back_only_where_that_is_wanted(
    pushed_cluster_lab: Lab, switchback: str, home: int
) -> None:
    pushed_cluster_lab.reset("pushed")
    with Audit(pushed_cluster_lab) as audit:
        cluster = Cluster(pushed_cluster_lab, audit)
        create(cluster.guest(1), "--switchback", switchback)
        extend(cluster.guest(1))
        dies_and_returns(cluster, NODES, successor=2, home=home)
    audit.check()


def test_of_two_creations_on_two_servers_one_wins(cluster: Cluster) -> None:
    cluster.guest(1).sh(PREPARE)
    answers: dict[str, Result] = {}

    def create(node: int, path: str) -> None:
        answers[path] = cluster.guest(node).run("lvmkit", "create", path, check=False, timeout=PATIENCE)

    cluster.guest(1).run("umount", OTHER)
    both = [threading.Thread(target=create, args=given) for given in ((1, MOUNT), (2, f"/dev/{VG}/www"))]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert answers[MOUNT].returncode == 0, answers[MOUNT].stderr
    refused = answers[f"/dev/{VG}/www"]
    assert (refused.returncode != 0, "lvmkit: ERROR" in refused.stderr) == (True, True)


def test_a_group_that_another_server_holds_is_not_protected_and_not_activated(cluster: Cluster) -> None:
    cluster.guest(1).sh(PREPARE)
    refused = cluster.guest(2).run("lvmkit", "create", f"/dev/{VG}/www", check=False, timeout=PATIENCE)
    assert (refused.returncode != 0, "110217" in refused.stderr) == (True, True), refused.stderr
    cluster.guest(2).run("rm", "-r", "/root/.ssh")
    refused = cluster.guest(2).run("lvmkit", "create", f"/dev/{VG}/www", check=False, timeout=PATIENCE)
    assert (refused.returncode != 0, "110036" in refused.stderr) == (True, True), refused.stderr
    assert VG not in _mapped(cluster, 2)


# ---- a cluster that is not well


def test_no_quorum_refuses_to_move_and_says_why(protected: Cluster) -> None:
    protected.guest(1).run("crm_attribute", "--name", "no-quorum-policy", "--update", "freeze")
    protected.guest(2).run("systemctl", "stop", "pacemaker", "corosync", timeout=120)
    protected.wait(lambda it: it.online == {"node1"}, node=1)
    status = protected.guest(1).run("lvmkit", "status", check=False)
    assert "node2" in status.stdout
    refused = protected.guest(1).run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    assert refused.returncode != 0
    assert "110159" in refused.stderr or "110160" in refused.stderr


@pytest.mark.parametrize("node", [1, 2])
def test_a_server_in_standby_is_no_target(protected: Cluster, node: int) -> None:
    protected.guest(1).run("crm_attribute", "--node", "node2", "--name", "standby", "--update", "on")
    refused = protected.guest(node).run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    assert refused.returncode != 0
    assert "110159" in refused.stderr
    assert "standby" in refused.stderr
    is_up_on(protected, 1)


def test_maintenance_mode_and_missing_fencing_are_said_loudly(protected: Cluster) -> None:
    one = protected.guest(1)
    one.run("crm_attribute", "--name", "maintenance-mode", "--update", "true")
    one.run("crm_attribute", "--name", "stonith-enabled", "--update", "false")
    shown = one.run("lvmkit", "status", check=False)
    assert "maintenance mode" in shown.stdout + shown.stderr
    assert "Fencing is off" in shown.stdout + shown.stderr
    refused = one.run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    assert "110159" in refused.stderr
