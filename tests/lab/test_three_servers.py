"""A cluster of three: who comes next, who comes home, what is said of one that does not answer, and no quorum."""

from __future__ import annotations

import json

import pytest

from lab.audit import Audit, Cluster, Writing, check_records
from lab.guests.lab import Lab
from lab.helpers_protected import MEMBERS, MOUNT, PATIENCE, VG, dies_and_returns, is_up_on, protect_on_three

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.three]

FILE = f"{MOUNT}/records"
NODES = ("node1", "node2", "node3")


def _servers(cluster: Cluster, node: int) -> dict[str, str]:
    """{server: state} of the file system, as a server's status has it."""
    said = cluster.guest(node).run("lvmkit", "status", "--format", "json", check=False, timeout=PATIENCE).stdout
    (row,) = (each for each in json.loads(said)["resources"] if each["tag"] == MOUNT)
    return {server: place["state"] for server, place in row["servers"].items()}


def test_two_owners_that_die_one_after_the_other_are_followed_in_the_order_of_priority(three: Cluster) -> None:
    assert _servers(three, 2) == {"node1": "ISP", "node2": "OSU", "node3": "OSU"}
    writers = [Writing(three.lab, 1, FILE).start().more(20)]
    three.lab.kill(1)
    is_up_on(three, 3)
    writers.append(Writing(three.lab, 3, FILE).start().more(20))
    three.lab.start(1)
    three.wait(lambda it: it.formed(*NODES), node=2)
    three.lab.kill(3)
    is_up_on(three, 1)
    writers.append(Writing(three.lab, 1, FILE).start().more(20))
    for each in writers:
        each.stop()
    check_records(three.lab, 1, FILE, set().union(*(each.acknowledged for each in writers)))


@pytest.mark.parametrize(("switchback", "home"), [("INTELLIGENT", 3), ("AUTOMATIC", 1)])
def test_a_better_server_that_comes_back_gets_its_hierarchy_where_that_is_wanted(
    three_lab: Lab, switchback: str, home: int
) -> None:
    three_lab.reset("pushed")
    with Audit(three_lab) as audit:
        cluster = Cluster(three_lab, audit)
        protect_on_three(cluster.guest(1), "--switchback", switchback)
        dies_and_returns(cluster, NODES, successor=3, home=home)
    audit.check()


def test_a_server_that_is_down_is_unextended_and_finds_nothing_when_it_returns(three: Cluster) -> None:
    three.lab.kill(3)
    three.wait(lambda it: it.fenced == {"node3"} and it.formed("node1", "node2"), node=1)
    gone = three.guest(1).run("lvmkit", "unextend", MOUNT, "--from", "node3", timeout=PATIENCE)
    assert set(gone.stdout.split()) == MEMBERS
    assert _servers(three, 2) == {"node1": "ISP", "node2": "OSU"}
    three.lab.start(3)
    three.wait(lambda it: it.formed(*NODES), node=1)
    three.lab.kill(1)
    is_up_on(three, 2)
    assert VG not in three.guest(3).run("dmsetup", "ls").stdout.replace("--", "-")


def test_without_a_quorum_the_service_ends_and_nothing_is_lost(three: Cluster) -> None:
    writer = Writing(three.lab, 1, FILE).start().more(20)
    for node in (2, 3):
        three.lab.kill(node)
    three.wait(lambda it: not it.quorum, node=1)
    three.guest(1).sh(f"while dmsetup ls | grep -q ^{VG.replace('-', '--')}-; do sleep 0.5; done", timeout=PATIENCE)
    writer.stop()
    said = three.guest(1).run("lvmkit", "in-service", MOUNT, check=False, timeout=PATIENCE)
    assert "110160" in said.stderr
    three.lab.start(2)
    three.wait(lambda it: it.quorum and it.formed("node1", "node2"), node=1)
    is_up_on(three, 1)
    check_records(three.lab, 1, FILE, writer.acknowledged)


def test_status_and_doctor_say_who_does_not_answer_and_of_whom_they_know(three: Cluster) -> None:
    three.guest(3).run("systemctl", "stop", "ssh.service")
    doctor = three.guest(1).run("lvmkit", "doctor", check=False, timeout=PATIENCE)
    assert "node3" in doctor.stdout + doctor.stderr
    assert _servers(three, 1) == {"node1": "ISP", "node2": "OSU", "node3": "OSU"}
    moved = three.guest(1).run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    assert moved.returncode == 0, moved.stderr
    is_up_on(three, 2)
