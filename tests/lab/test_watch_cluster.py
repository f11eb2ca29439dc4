"""The watcher on two servers: the cluster is told of what is down on the server that has it, and of nothing else.

All monitors come too rarely here to find anything themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab.audit import Audit, Cluster, Writing, check_records
from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_protected import DISKS, GROUP, MEMBERS, MOUNT, NODES, OTHER, PATIENCE, ROOT, VG, is_up_on
from lab.helpers_watch import SEEN, UNIT, begin, first, now, numbers_said, seen

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WATCHED = "watched"
FILE = f"{MOUNT}/records"
REPORTED = "110374"
SOON = 8.0
"""seconds in an emulated guest, in which crm_mon alone takes one"""
UNMOUNTED_FOR_A_WHILE = f"umount {MOUNT}; until mountpoint -q {MOUNT}; do sleep 0.2; done"
RARE = r"""
cibadmin --query --scope resources > /root/resources.xml
sed -i '/name="monitor"/ s/interval="[12]0s"/interval="900s"/' /root/resources.xml
sed -i '/name="monitor"/ s/interval="60s"/interval="901s"/' /root/resources.xml
grep -q 'interval="900s"' /root/resources.xml
cibadmin --replace --scope resources --xml-file /root/resources.xml
crm_resource --wait --timeout=120
"""


@pytest.fixture(scope="session")
def watched_lab(protected_lab: Lab) -> Lab:
    """The hierarchies on two servers, both of them watched; saved as `watched`."""
    protected_lab.reset("protected")
    for node in (1, 2):
        begin(Guest(protected_lab, node))
    Guest(protected_lab, 1).sh(RARE, timeout=PATIENCE)
    for node in (1, 2):
        Guest(protected_lab, node).sh("sync")
    protected_lab.save(WATCHED)
    return protected_lab


@pytest.fixture
def watched(watched_lab: Lab) -> Iterator[Cluster]:
    """The same, with the audit beside them."""
    watched_lab.reset(WATCHED)
    with Audit(watched_lab) as audit:
        yield Cluster(watched_lab, audit)
    audit.check()


def reported(cluster: Cluster, node: int) -> int:
    """How many failures the watcher of a server has reported."""
    return numbers_said(cluster.guest(node)).count(REPORTED)


def faults(cluster: Cluster) -> str:
    """What Pacemaker has on record as failed."""
    text = cluster.guest(1).run("crm_mon", "--one-shot").stdout
    return text.partition("Failed Resource Actions")[2]


def test_lost_disks_are_reported_and_everything_moves_and_nobody_is_fenced(watched: Cluster) -> None:
    first_one = Writing(watched.lab, 1, FILE).start().more(20)
    moment = now(watched.guest(1))
    for disk in DISKS:
        watched.lab.lose_disk(1, disk)
    is_up_on(watched, 2)
    first_one.stop()
    second = Writing(watched.lab, 2, FILE).start().more(20)
    second.stop()
    check_records(watched.lab, 2, FILE, first_one.acknowledged + second.acknowledged)
    assert first(watched.guest(1), REPORTED, moment) < SOON
    assert reported(watched, 2) == 0
    status = watched.lab.cluster_status(2)
    assert (status.fenced, status.online) == (set(), set(NODES))


def test_an_unmounted_file_system_is_reported_alone_and_comes_back(watched: Cluster) -> None:
    guest = watched.guest(1)
    other = guest.sh(f"grep ' {OTHER} ' /proc/self/mountinfo").stdout
    moment = now(guest)
    guest.sh(UNMOUNTED_FOR_A_WHILE, timeout=120)
    assert first(guest, REPORTED, moment) < SOON
    is_up_on(watched, 1)
    time.sleep(10)
    assert numbers_said(guest, moment).count(REPORTED) == 1
    assert guest.sh(f"grep ' {OTHER} ' /proc/self/mountinfo").stdout == other
    assert ROOT in faults(watched)
    assert GROUP not in faults(watched)


def test_when_it_is_unmounted_again_everything_moves(watched: Cluster) -> None:
    guest = watched.guest(1)
    guest.sh(UNMOUNTED_FOR_A_WHILE, timeout=120)
    time.sleep(10)
    guest.sh(f"umount {MOUNT}")
    is_up_on(watched, 2)
    assert reported(watched, 1) == 2


def test_the_server_that_has_nothing_in_service_reports_nothing_and_says_that_it_is_idle(watched: Cluster) -> None:
    assert seen(watched.guest(2)).keys() >= MEMBERS
    assert {seen(watched.guest(2))[tag] for tag in MEMBERS} == {"idle"}
    assert {seen(watched.guest(1))[tag] for tag in MEMBERS} == {"ok"}
    assert json.loads(watched.guest(2).run("cat", SEEN).stdout)["well"]
    time.sleep(60)
    assert (reported(watched, 1), reported(watched, 2), faults(watched)) == (0, 0, "")


def test_moves_there_and_back_raise_no_alarm(watched: Cluster) -> None:
    for node in (2, 1, 2, 1):
        watched.guest(1).run("lvmkit", "in-service", MOUNT, "--on", NODES[node - 1], timeout=PATIENCE)
        is_up_on(watched, node)
        time.sleep(5)
    watched.guest(1).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    time.sleep(5)
    for mount in (MOUNT, OTHER):
        watched.guest(1).run("lvmkit", "in-service", mount, timeout=PATIENCE)
    is_up_on(watched, 1)
    assert (reported(watched, 1), reported(watched, 2), faults(watched)) == (0, 0, "")


def test_a_dead_server_s_resources_start_on_the_other_without_an_alarm(watched: Cluster) -> None:
    watched.lab.kill(1)
    is_up_on(watched, 2)
    time.sleep(15)
    assert reported(watched, 2) == 0
    assert {seen(watched.guest(2))[tag] for tag in MEMBERS} == {"ok"}


def test_in_maintenance_mode_nothing_is_reported(watched: Cluster) -> None:
    guest = watched.guest(1)
    guest.run("crm_attribute", "--name", "maintenance-mode", "--update", "true")
    guest.sh(f"umount {MOUNT}")
    time.sleep(20)
    assert reported(watched, 1) == 0
    guest.sh(f"mount /dev/{VG}/db {MOUNT}")
    guest.run("crm_attribute", "--name", "maintenance-mode", "--update", "false")
    time.sleep(20)
    assert (reported(watched, 1), watched.lab.cluster_status().fenced) == (0, set())


def test_a_watcher_that_is_killed_while_the_disks_go_reports_them_when_it_begins_again(watched: Cluster) -> None:
    watched.guest(1).sh(f"kill -KILL $(systemctl show --property=MainPID --value {UNIT})")
    for disk in DISKS:
        watched.lab.lose_disk(1, disk)
    is_up_on(watched, 2)
    assert reported(watched, 1) >= 1
    assert watched.lab.cluster_status(2).fenced == set()


def test_it_is_off_until_somebody_turns_it_on(protected: Cluster) -> None:
    guest = protected.guest(1)
    guest.sh(f"systemctl start {UNIT}; sleep 5")
    shown = guest.sh(f"systemctl show --property=ExecMainStatus,Result,ActiveState --value {UNIT}").stdout
    assert sorted(shown.split()) == ["3", "inactive", "success"]
    doctor = guest.run("lvmkit", "doctor", "--here", check=False, timeout=PATIENCE).stdout
    assert ("110376" in doctor, "110378" in doctor) == (True, False)
    begin(guest)
    doctor = guest.run("lvmkit", "doctor", "--here", check=False, timeout=PATIENCE).stdout
    assert ("110376" in doctor, "110378" in doctor) == (False, True)
