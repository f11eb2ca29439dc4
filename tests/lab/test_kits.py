"""Recovery kits of others on ours, with the files that are shipped: PostgreSQL on a logical volume."""

from __future__ import annotations

import pytest

from lab.audit import Cluster
from lab.guests.guest import Guest
from lab.guests.lab import Lab
from lab.helpers_postgres import ADMIN, DATA, INSTALL, POINT, PREPARE, TABLE, TAG, Rows, is_ready, sql
from lab.helpers_protected import PATIENCE
from lab.helpers_service import guest_in, numbers, states

pytestmark = pytest.mark.slow

BIN = "/opt/LifeKeeper/bin"
PRIMITIVES = ("lvmkit-db", "lvmkit-_2fsrv_2fdb", f"lvmkit-{TAG}")


def served(guest: Guest) -> None:
    """PostgreSQL is protected and in service, with a table of a thousand rows."""
    guest.sh(f"systemctl stop lvmkit-check.timer; {INSTALL}; {PREPARE}", timeout=PATIENCE)
    guest.run(f"{ADMIN}/create", "-t", TAG, "-p", DATA, timeout=PATIENCE)
    sql(guest, TABLE)


@pytest.fixture
def database(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "database", served)


def pid(guest: Guest) -> str:
    return guest.sh(f"head -n 1 {DATA}/postmaster.pid 2>/dev/null || true").stdout.strip()


def test_out_of_service_and_in_again_every_row_is_there(database: Guest) -> None:
    assert {state for state, _ in states(database, TAG).values()} == {"ISP"}
    database.run("lvmkit", "-q", "out-of-service", "db", timeout=PATIENCE)
    assert database.sh("dmsetup ls | grep -c ^db- || true; pgrep -c -x postgres || true").stdout.split() == ["0", "0"]
    database.run(f"{BIN}/perform_action", "-t", TAG, "-a", "restore", timeout=PATIENCE)
    assert sql(database, "select count(*) from t") == "1000"


def test_a_killed_server_is_noticed_and_recovered(database: Guest) -> None:
    before = pid(database)
    database.sh(f"kill -KILL {before}; while pgrep -x postgres > /dev/null; do sleep 0.2; done")
    found = database.run("lvmkit", "check", "--all", check=False, timeout=PATIENCE)
    assert "110421" in numbers(found)
    assert pid(database) not in ("", before)
    assert sql(database, "select count(*) from t") == "1000"
    database.run("lvmkit", "-q", "check", "--all", timeout=PATIENCE)


def test_delete_leaves_nothing_and_the_server_runs_on(database: Guest) -> None:
    database.run(f"{ADMIN}/delete", "-t", TAG, timeout=PATIENCE)
    assert database.run(f"{BIN}/ins_list").stdout == ""
    assert database.run(f"{BIN}/dep_list").stdout == ""
    assert database.sh("grep -v '^#' /etc/lkvgs || true").stdout.split() == []
    assert sql(database, "select count(*) from t") == "1000"


def test_a_create_that_fails_leaves_nothing(database: Guest) -> None:
    database.run(f"{ADMIN}/delete", "-t", TAG, timeout=PATIENCE)
    database.sh(f"/opt/LifeKeeper/subsys/database/resources/pgsql/actions/remove -t {TAG} -i {DATA}")
    database.sh(f"echo nonsense >> {DATA}/postgresql.conf")
    refused = database.run(f"{ADMIN}/create", "-t", TAG, "-p", DATA, check=False, timeout=PATIENCE)
    assert refused.returncode == 1
    assert database.run(f"{BIN}/ins_list").stdout == ""
    assert database.run("findmnt", "-n", POINT).returncode == 0


@pytest.mark.cluster
def test_rows_that_were_committed_before_a_kill_are_all_there_after_the_failover(cluster: Cluster) -> None:
    node1, node2 = cluster.guest(1), cluster.guest(2)
    served(node1)
    refused = node1.run("lvmkit", "extend", TAG, "--to", "node2", check=False, timeout=PATIENCE)
    assert "110000" in numbers(refused), "the kit is not there yet"
    node2.sh(INSTALL)
    node1.run("lvmkit", "extend", TAG, "--to", "node2", timeout=PATIENCE)
    first = Rows(cluster.lab, 1, 1001).start().more(20)
    cluster.lab.kill(1)
    cluster.wait(lambda it: all(it.running(name) == ("node2",) for name in PRIMITIVES), node=2, deadline=400.0)
    first.stop()
    cluster.wait(lambda _it: is_ready(node2), node=2, deadline=120.0)
    second = Rows(cluster.lab, 2, 100_001).start().more(5)
    second.stop()
    there = {int(row) for row in sql(node2, "select n from t").split()}
    assert {*range(1, 1001), *first.acknowledged, *second.acknowledged} <= there
    assert cluster.lab.cluster_status(2).fenced == {"node1"}


@pytest.mark.cluster
def test_in_a_cluster_a_killed_server_is_restarted_in_place_and_a_move_takes_all(cluster: Cluster) -> None:
    node1, node2 = cluster.guest(1), cluster.guest(2)
    served(node1)
    node2.sh(INSTALL)
    node1.run("lvmkit", "extend", TAG, "--to", "node2", timeout=PATIENCE)
    before = pid(node1)
    node1.sh(f"kill -KILL {before}")
    cluster.wait(lambda it: pid(node1) not in ("", before) and it.running(PRIMITIVES[2]) == ("node1",), deadline=400.0)
    node1.run("lvmkit", "in-service", TAG, "--on", "node2", timeout=PATIENCE)
    assert sql(node2, "select count(*) from t") == "1000"
    assert node1.sh("pgrep -c -x postgres || true").stdout.strip() == "0"
    node2.run(f"{ADMIN}/delete", "-t", TAG, timeout=PATIENCE)
    assert node2.run(f"{BIN}/ins_list").stdout == ""
    assert node1.run(f"{BIN}/ins_list").stdout == ""
    assert sql(node2, "select count(*) from t") == "1000"
    assert cluster.lab.cluster_status(2).fenced == set()
