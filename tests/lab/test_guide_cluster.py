"""What the guide of 2006 promises between servers: restore by hand, an extension, and a group that grows."""

from __future__ import annotations

import re

import pytest

from lab.audit import Cluster
from lab.guests.guest import BY_ID
from lab.guests.lab import Result
from lab.helpers_owner import AS_OWNER, mapped
from lab.helpers_protected import MOUNT, PATIENCE, VG

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ACTIONS = "/opt/LifeKeeper/subsys"
LKADM = "/opt/LifeKeeper/lkadm/subsys/scsi"
PLACES = {"lvmvg": "scsi", "lvmlv": "scsi", "filesys": "gen"}
TREE = (("lvmvg", VG), ("lvmlv", f"{VG}/db"), ("filesys", MOUNT))


def _action(cluster: Cluster, node: int, kind: str, name: str, tag: str) -> Result:
    script = f"{ACTIONS}/{PLACES[kind]}/resources/{kind}/actions/{name}"
    return cluster.guest(node).run(script, "-t", tag, timeout=PATIENCE, check=False)


def _numbers(result: Result) -> set[int]:
    return {int(number) for number in re.findall(r"(?:ERROR|WARN|INFO)(?:\S*?:| )(\d{6}):", result.stderr)}


def test_a_restore_by_hand_takes_the_owner_only_where_the_cluster_has_stopped_it(
    protected: Cluster,
) -> None:
    one, two = protected.guest(1), protected.guest(2)
    one.sh(f"echo kept > {MOUNT}/kept; sync")
    refused = _action(protected, 2, "lvmvg", "restore", VG)
    assert (refused.returncode, 110134 in _numbers(refused)) == (1, True), refused.stderr
    assert not mapped(protected, 2)

    one.run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    for kind, tag in TREE:
        done = _action(protected, 2, kind, "restore", tag)
        assert done.returncode == 0, done.stderr
    assert two.run("cat", f"{MOUNT}/kept").stdout == "kept\n"
    owner = two.run("vgs", "--noheadings", "-o", "systemid", *AS_OWNER, VG).stdout.strip()
    assert owner == "node2"

    again = one.run("lvmkit", "in-service", MOUNT, timeout=PATIENCE, check=False)
    assert (again.returncode != 0, 110217 in _numbers(again)) == (True, True), again.stderr
    for kind, tag in reversed(TREE):
        assert _action(protected, 2, kind, "remove", tag).returncode == 0
    one.run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)
    assert one.run("cat", f"{MOUNT}/kept").stdout == "kept\n"


def test_a_target_that_lacks_a_script_is_refused_by_its_number(created: Cluster) -> None:
    two = created.guest(2)
    for name, number in (("depstoextend", 7), ("extend", 6), ("canextend", 5)):
        two.run("rm", f"{LKADM}/lvmvg/bin/{name}")
        words = ("node1", f"{VG}/db", "-t", f"{VG}/db")
        asked = two.run(f"{LKADM}/lvmlv/bin/extend", *words, timeout=PATIENCE, check=False)
        assert (asked.returncode, {number, 8} <= _numbers(asked)) == (1, True), asked.stderr
    two.run("rm", f"{ACTIONS}/scsi/resources/lvmvg/actions/restore")
    ordered = created.guest(1).run("lvmkit", "extend", MOUNT, "--to", "node2", timeout=PATIENCE, check=False)
    assert {110000, 8} <= _numbers(ordered), ordered.stderr


def test_a_group_that_grows_onto_a_disk_of_one_server_is_warned_of(protected: Cluster) -> None:
    one = protected.guest(1)
    one.run("vgextend", "-qq", *AS_OWNER, VG, f"{BY_ID}PRIVATE1")
    done = one.run("adddelpv", VG, "--yes", timeout=PATIENCE, check=False)
    assert (done.returncode, 110008 in _numbers(done)) == (0, True), done.stderr
    assert "node2" in done.stderr


def test_a_group_of_another_server_is_reconfigured_there(created: Cluster) -> None:
    refused = created.guest(2).run("adddelpv", VG, timeout=PATIENCE, check=False)
    assert (refused.returncode, _numbers(refused)) == (5, {110001}), refused.stderr
    assert "node1" in refused.stderr
