"""A volume group on a replicated device: tied to the role, moved with it, and never written below the replication."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.guests.guest import Guest
from lab.guests.lab import Result
from lab.helpers_owner import is_refused
from lab.helpers_protected import NODES, PATIENCE
from lab.helpers_replica import (
    DEVICES,
    GROUP,
    MAKE,
    MAKE_UNFILTERED,
    MOUNT,
    OTHER,
    VG,
    comes_back,
    connect,
    fingerprint,
    hide_backing_disk,
    is_in_service_on,
    is_whole,
    let_cluster_run_it,
    replicas_are_equal,
    same_on_both,
    show_backing_disk,
)

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

AGENT = "/usr/lib/ocf/resource.d/lvmkit/lvmvg"
CLONE = "drbd-r0-clone"
FILE = f"{MOUNT}/records"
MOVES_IN_A_ROW = 10
FORMS = Path(__file__).parents[1] / "unit" / "data" / "drbd"


@pytest.fixture
def run_by_cluster(cluster: Cluster) -> Cluster:
    """Two file systems on a replicated group, mounted on the first server, which has the filter; not protected yet."""
    connect(cluster)
    hide_backing_disk(cluster.guest(1))
    let_cluster_run_it(cluster)
    cluster.guest(1).sh(MAKE, timeout=120)
    return cluster


@pytest.fixture
def replicated(run_by_cluster: Cluster) -> Cluster:
    """The same, protected."""
    for mount in (MOUNT, OTHER):
        run_by_cluster.guest(1).run("lvmkit", "create", mount, timeout=PATIENCE)
    run_by_cluster.guest(1).run("sync")
    return run_by_cluster


@pytest.fixture
def extended(replicated: Cluster) -> Cluster:
    """The same on two servers, both with the filter."""
    hide_backing_disk(replicated.guest(2))
    replicated.guest(1).run("lvmkit", "extend", MOUNT, "--to", "node2", timeout=PATIENCE)
    return replicated


# ---- create


def test_create_refuses_a_group_that_lvm_sees_above_and_below_the_replication(cluster: Cluster) -> None:
    connect(cluster)
    one = cluster.guest(1)
    one.sh(MAKE_UNFILTERED, timeout=120)
    refused = one.run("lvmkit", "create", MOUNT, check=False, timeout=PATIENCE)
    is_refused(refused, "drbd0")
    assert "global_filter" in refused.stderr
    assert "PRIVATE1$" in refused.stderr


def test_create_says_how_the_cluster_is_to_run_the_resource_before_anything_is_done(cluster: Cluster) -> None:
    connect(cluster)
    one = cluster.guest(1)
    hide_backing_disk(one)
    one.sh(MAKE, timeout=120)
    before = _configuration(cluster), fingerprint(one)
    refused = one.run("lvmkit", "create", MOUNT, check=False, timeout=PATIENCE)
    is_refused(refused, "110426")
    assert "ocf:linbit:drbd" in refused.stderr
    assert (_configuration(cluster), fingerprint(one)) == before


def test_create_adds_an_order_and_a_colocation_and_delete_takes_them_and_nothing_else(run_by_cluster: Cluster) -> None:
    one, before = run_by_cluster.guest(1), _configuration(run_by_cluster)
    one.run("lvmkit", "create", MOUNT, timeout=PATIENCE)
    assert sorted(_pair(run_by_cluster)) == [f"{GROUP}_promoted-first_{CLONE}", f"{GROUP}_with-promoted_{CLONE}"]
    assert "lvmkit-device-drbd-r0-1_of_node1" in _configuration(run_by_cluster)[0]
    one.run("lvmkit", "delete", MOUNT, timeout=PATIENCE)
    assert _configuration(run_by_cluster) == before
    assert "ro:Primary" in one.sh("cat /proc/drbd").stdout
    assert one.run("findmnt", MOUNT, check=False).returncode == 0


def test_what_drbdsetup_says_has_the_form_that_the_unit_tests_know(run_by_cluster: Cluster) -> None:
    said = run_by_cluster.guest(1).run("drbdsetup", "events2", "--now", "r0").stdout
    assert _form(said) >= _form((FORMS / "8.4-whole").read_text()), said


# ---- a Secondary


def test_extend_refuses_the_backing_disk_of_a_secondary_and_names_the_line_to_write(replicated: Cluster) -> None:
    two = replicated.guest(2)
    before = fingerprint(two)
    done = replicated.guest(1).run("lvmkit", "extend", MOUNT, "--to", "node2", check=False, timeout=PATIENCE)
    is_refused(done, "node2")
    assert "drbd" in done.stderr, "it does not say that a replicated device is above the disk"
    assert "global_filter" in done.stderr
    assert fingerprint(two) == before
    assert same_on_both(replicated)


def test_extend_takes_a_secondary_by_what_its_resource_says(extended: Cluster) -> None:
    assert same_on_both(extended)
    assert len(_pair(extended)) == 2
    said = extended.guest(2).run("lvmkit", "doctor", "--here", check=False, timeout=180).stdout
    assert not re.search("110013|110014|110243|11042[4-8]", said), said


@pytest.mark.parametrize("filtered", [False, True], ids=["without a filter", "with a filter"])
def test_a_start_on_a_secondary_refuses_and_writes_not_one_byte(replicated: Cluster, filtered: bool) -> None:
    two = replicated.guest(2)
    if filtered:
        hide_backing_disk(two)
    replicated.guest(1).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    before = fingerprint(two)
    done = _start(two, _parameters(replicated.guest(1)))
    assert done.returncode != 0, done
    assert fingerprint(two) == before
    assert VG not in two.run("dmsetup", "ls").stdout
    assert same_on_both(replicated)
    replicated.guest(1).run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)


def test_a_start_on_a_secondary_that_the_group_is_extended_to_has_its_own_number(extended: Cluster) -> None:
    extended.guest(1).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    done = _start(extended.guest(2), _parameters(extended.guest(1)))
    assert done.returncode == 1
    assert "ocf-exit-reason:110424" in done.stderr


# ---- a lost replica


def test_a_lost_replica_is_a_warning_and_what_cannot_be_promoted_is_not_moved(extended: Cluster) -> None:
    one = extended.guest(1)
    one.run("drbdadm", "disconnect", "r0")
    checked = one.run("lvmkit", "check", VG, check=False)
    assert checked.returncode == 0, checked
    assert "110429" in checked.stdout + checked.stderr
    moved = one.run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    is_refused(moved, "110427")
    assert extended.lab.cluster_status().running(GROUP) == ("node1",)
    one.run("drbdadm", "connect", "r0")
    is_whole(extended)
    one.run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)


# ---- the whole life


def test_create_extend_moves_a_kill_a_further_volume_and_delete_lose_no_record_and_leave_the_replicas_equal(
    extended: Cluster,
) -> None:
    acknowledged: list[int] = []
    for turn in range(MOVES_IN_A_ROW):
        here, there = (1, 2) if turn % 2 == 0 else (2, 1)
        acknowledged += _move(extended, here, there)
        check_records(extended.lab, there, FILE, acknowledged)
    acknowledged += _kill(extended)
    check_records(extended.lab, 2, FILE, acknowledged)
    _grow(extended)
    check_records(extended.lab, 2, FILE, acknowledged)
    _delete(extended)
    replicas_are_equal(extended, 2)


def test_a_whole_life_without_a_filter_writes_nothing_below_a_secondary(cluster: Cluster) -> None:
    """Both servers have one only while create and extend look for it: they refuse to go on without."""
    one, guests = cluster.guest(1), (cluster.guest(1), cluster.guest(2))
    connect(cluster)
    let_cluster_run_it(cluster)
    one.sh(MAKE_UNFILTERED, timeout=120)
    for works in ((("create", MOUNT), ("create", OTHER)), (("extend", MOUNT, "--to", "node2"),)):
        before = [fingerprint(guest) for guest in guests]
        is_refused(one.run("lvmkit", *works[0], check=False, timeout=PATIENCE))
        assert [fingerprint(guest) for guest in guests] == before
        for guest in guests:
            hide_backing_disk(guest)
        for work in works:
            one.run("lvmkit", *work, timeout=PATIENCE)
        for guest in guests:
            show_backing_disk(guest)
        assert same_on_both(cluster), works
    acknowledged = _move(cluster, 1, 2)
    assert same_on_both(cluster)
    acknowledged += _move(cluster, 2, 1)
    assert same_on_both(cluster)
    acknowledged += _kill(cluster)
    assert same_on_both(cluster)
    check_records(cluster.lab, 2, FILE, acknowledged)
    _delete(cluster)
    assert same_on_both(cluster)
    replicas_are_equal(cluster, 2)


# ---- a cut cable


def test_a_cut_cable_leaves_one_server_with_every_record_and_the_fenced_one_resyncs(extended: Cluster) -> None:
    first = Writing(extended.lab, 1, FILE).start().more(20)
    extended.lab.cut(1)
    is_in_service_on(extended, 2)
    first.stop()
    assert extended.lab.cluster_status(2).fenced == {"node1"}
    second = Writing(extended.lab, 2, FILE).start().more(20)
    second.stop()
    acknowledged = first.acknowledged + second.acknowledged
    check_records(extended.lab, 2, FILE, acknowledged)
    extended.lab.mend(1)
    comes_back(extended)
    (holder,) = extended.lab.cluster_status(2).running(GROUP)
    check_records(extended.lab, NODES.index(holder) + 1, FILE, acknowledged)
    assert same_on_both(extended)
    replicas_are_equal(extended, NODES.index(holder) + 1)


def _move(cluster: Cluster, here: int, there: int) -> list[int]:
    """Move it while it is written to; what was acknowledged until then."""
    writing = Writing(cluster.lab, here, FILE).start().more(5)
    cluster.guest(here).run("lvmkit", "in-service", MOUNT, "--on", NODES[there - 1], timeout=PATIENCE)
    writing.stop()
    return writing.acknowledged


def _kill(cluster: Cluster) -> list[int]:
    """Let node1, which has it, die and return; what was acknowledged until then."""
    writing = Writing(cluster.lab, 1, FILE).start().more(20)
    cluster.lab.kill(1)
    is_in_service_on(cluster, 2)
    writing.stop()
    cluster.lab.start(1)
    comes_back(cluster)
    return writing.acknowledged


def _delete(cluster: Cluster) -> None:
    """Delete all on node2, which has it."""
    for mount in (MOUNT, OTHER):
        cluster.guest(2).run("lvmkit", "delete", mount, timeout=PATIENCE)
    assert _pair(cluster, 2) == []


def _grow(cluster: Cluster) -> None:
    """The third volume of the resource comes to the group on node2; node1 follows without reading it."""
    two = cluster.guest(2)
    system_id = """global/system_id_source="lvmlocal" local/system_id="node2\""""
    two.run("vgextend", "-qq", "--config", system_id, VG, DEVICES[2])
    two.run("lvmkit", "reconfigure", VG, "--yes", timeout=PATIENCE)
    recorded = _configuration(cluster)[0]
    for node in NODES:
        assert f"lvmkit-device-drbd-r0-2_of_{node}" in recorded, node
    assert len(_pair(cluster, 2)) == 2


def _pair(cluster: Cluster, node: int = 1) -> list[str]:
    """Return the IDs of our constraints that are about a role."""
    text = cluster.guest(node).run("cibadmin", "--query", "--scope", "constraints").stdout
    found = (re.search(r'\bid="([^"]*)"', line) for line in text.splitlines() if re.search("promote|Promoted", line))
    return [match.group(1) for match in found if match and match.group(1).startswith("lvmkit-")]


def _configuration(cluster: Cluster) -> tuple[str, ...]:
    query = ("cibadmin", "--query", "--scope")
    return tuple(cluster.guest(1).run(*query, each).stdout for each in ("resources", "constraints"))


def _form(said: str) -> set[str]:
    """Return what a text of events has in each kind of line: the keys."""
    found = set()
    for line in said.splitlines():
        words = line.split()
        found |= {f"{words[1]} {word.partition(':')[0]}" for word in words[2:]}
    return found


def _parameters(guest: Guest) -> dict[str, str]:
    """Return what the cluster gives to the group's agent, as its environment has it."""
    text = guest.run("cibadmin", "--query", "--xpath", f"//primitive[@id='{GROUP}']/instance_attributes").stdout
    given = re.findall(r'<nvpair [^>]*name="([^"]*)" value="([^"]*)"', text)
    return {f"OCF_RESKEY_{name}": value for name, value in given}


def _start(guest: Guest, parameters: dict[str, str]) -> Result:
    env = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": GROUP, "OCF_RESKEY_CRM_meta_timeout": "90000"}
    return guest.run(AGENT, "start", env={**env, **parameters}, timeout=120, check=False)
