"""Two real servers on LifeKeeper's commands: a database on each, a way between them, and disks that both see.

The core is the kit's own commands over the embedded engine (tests/contract/core/pair), the kit above it has LifeKeeper
as its engine. Pacemaker is stopped. The core has no heartbeats: which server is dead it is told. Its admin lock is one
for both servers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import helpers_postgres
from lab.audit import Audit, Cluster, Writing, check_records
from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab, Result
from lab.helpers_owner import wait_until
from lab.helpers_postgres import INSTALL, TAG, Rows, is_ready, sql
from lab.helpers_protected import NODES, PATIENCE
from lab.helpers_service import held, numbers, settings

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

LABEL = "lcdi"
ROOT, PROGRAM = "/opt/core", Path(__file__).parents[1] / "contract/core/pair"
VG, POINT = "db", "/srv/db"
FILE = f"{POINT}/records"
KIT = f"{ROOT}/lkadm/subsys/database/pgsql/bin"
"""PostgreSQL's, installed beside the core's own"""
SSH = ("/usr/bin/ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR")
CORE = f"""
systemctl stop pacemaker corosync lvmkit-check.timer
mkdir -p {ROOT}/bin {ROOT}/lkadm/bin
chmod 755 {ROOT}/pair
for name in $(/opt/LifeKeeper/bin/lcdi) mirror; do ln -s {ROOT}/pair {ROOT}/bin/$name; done
for name in getlocks rlslocks; do ln -s {ROOT}/pair {ROOT}/lkadm/bin/$name; done
ln -s /opt/LifeKeeper/subsys {ROOT}/subsys
ln -s /opt/LifeKeeper/lkadm/subsys {ROOT}/lkadm/subsys
echo LVMKIT_ENGINE=embedded > {ROOT}/own.conf
echo LVMKIT_ENGINE=lifekeeper >> /etc/default/lvmkit
"""
PREPARE = f"""
vgcreate -qq {VG} {BY_ID}SHARED1
lvcreate -qq -L 64M -n data {VG}
mkfs.ext4 -q /dev/{VG}/data
mkdir -p {POINT}
mount /dev/{VG}/data {POINT}
"""


def with_core(lab: Lab, node: int) -> None:
    """A core on this server that knows the other one, and the kit that uses it."""
    guest, name = Guest(lab, node), NODES[node - 1]
    others = {other: [ROOT, [*SSH, other]] for other in NODES if other != name}
    config = {"name": name, "lib": "/opt/LifeKeeper/lib", "others": others}
    guest.run("mkdir", "-p", ROOT)
    lab.copy(node, PROGRAM, f"{ROOT}/pair")
    guest.run("tee", f"{ROOT}/core.json", stdin=json.dumps(config).encode())
    guest.sh(CORE, timeout=PATIENCE)
    settings(guest, LKROOT=ROOT)


def protect(lab: Lab) -> None:
    """A file system that is in service on node1 and may run on node2."""
    for node in (1, 2):
        with_core(lab, node)
    one = Guest(lab, 1)
    one.sh(PREPARE, timeout=PATIENCE)
    one.run("lvmkit", "-q", "create", POINT, timeout=PATIENCE)
    one.run("lvmkit", "-q", "extend", POINT, "--to", "node2", timeout=PATIENCE)


@pytest.fixture
def pair(pushed_cluster_lab: Lab) -> Iterator[Cluster]:
    """The two servers, with the audit beside them."""
    if pushed_cluster_lab.has(LABEL):
        pushed_cluster_lab.reset(LABEL)
    else:
        pushed_cluster_lab.reset("pushed")
        protect(pushed_cluster_lab)
        pushed_cluster_lab.save(LABEL)
    with Audit(pushed_cluster_lab) as audit:
        yield Cluster(pushed_cluster_lab, audit)
    audit.check()


def known(cluster: Cluster, node: int) -> dict[str, str]:
    """{tag: state} of what the core of a server has."""
    records = cluster.guest(node).run(f"{ROOT}/bin/ins_list", "-f|").stdout.splitlines()
    return {fields[3]: fields[6] for fields in (record.split("|") for record in records)}


def links(cluster: Cluster, node: int) -> set[str]:
    """What the core of a server has of dependencies, a line each."""
    return set(cluster.guest(node).run(f"{ROOT}/bin/dep_list", "-f|").stdout.splitlines())


def move(cluster: Cluster, node: int) -> None:
    """Bring it in service on a server, told to that server's own core, as LifeKeeper's users do."""
    cluster.guest(node).run(f"{ROOT}/bin/perform_action", "-t", POINT, "-a", "restore", timeout=PATIENCE)


def test_what_was_extended_is_in_both_databases_and_runs_on_one(pair: Cluster) -> None:
    here, there = known(pair, 1), known(pair, 2)
    assert (set(here.values()), set(there.values())) == ({"ISP"}, {"OSU"})
    assert set(here) == set(there) > {POINT, f"{VG}/data", VG}
    assert links(pair, 1) == links(pair, 2) >= {f"{POINT}|{VG}/data", f"{VG}/data|{VG}"}
    shared = pair.guest(2).run(f"{ROOT}/bin/eqv_list", "-f|", "-t", VG).stdout.split("|")
    assert shared[:5] == ["node2", VG, "node1", VG, "SHARED"]
    assert VG in pair.guest(2).run("cat", "/etc/lkvgs").stdout
    assert held(pair.guest(2), VG) == []


def test_a_hierarchy_moves_there_and_back_with_every_record(pair: Cluster) -> None:
    acknowledged: list[int] = []
    for here, there in ((1, 2), (2, 1)):
        writing = Writing(pair.lab, here, FILE, only_mounted=True).start().more(10)
        if there == 2:
            pair.guest(1).run("lvmkit", "-q", "in-service", POINT, "--on", "node2", timeout=PATIENCE)
        else:
            move(pair, there)
        writing.stop()
        acknowledged += writing.acknowledged
        check_records(pair.lab, there, FILE, acknowledged)
        assert set(known(pair, there).values()) == {"ISP"}
        assert held(pair.guest(here), VG) == []


def test_a_dead_servers_group_is_taken_over_with_every_record_once_the_core_is_known_to_fence(pair: Cluster) -> None:
    two = pair.guest(2)
    writing = Writing(pair.lab, 1, FILE, only_mounted=True).start().more(20)
    pair.lab.kill(1)
    writing.stop()
    two.run("tee", f"{ROOT}/dead", stdin=b"node1\n")
    refused = two.run(f"{ROOT}/bin/perform_action", "-t", POINT, "-a", "restore", check=False, timeout=PATIENCE)
    assert refused.returncode != 0
    assert "110241" in numbers(refused, "ERROR")
    assert held(two, VG) == []
    two.sh("echo LVMKIT_CORE_FENCES=yes >> /etc/default/lvmkit")
    move(pair, 2)
    second = Writing(pair.lab, 2, FILE, only_mounted=True).start().more(10)
    second.stop()
    check_records(pair.lab, 2, FILE, writing.acknowledged + second.acknowledged)


def test_unextend_leaves_nothing_there_and_delete_nothing_anywhere(pair: Cluster) -> None:
    one, two = pair.guest(1), pair.guest(2)
    one.run("lvmkit", "-q", "unextend", POINT, "--from", "node2", timeout=PATIENCE)
    assert known(pair, 2) == {}
    assert VG not in two.sh("grep -v '^#' /etc/lkvgs || true").stdout
    assert set(known(pair, 1).values()) == {"ISP"}
    one.run("lvmkit", "-q", "delete", "--yes", POINT, timeout=PATIENCE)
    assert known(pair, 1) == {}
    assert one.run(f"{ROOT}/bin/eqv_list").stdout == ""
    assert one.run("findmnt", "-n", POINT).returncode == 0


def test_delete_reaches_the_other_server(pair: Cluster) -> None:
    pair.guest(1).run("lvmkit", "-q", "delete", "--yes", POINT, timeout=PATIENCE)
    for node in (1, 2):
        assert known(pair, node) == {}
        assert VG not in pair.guest(node).sh("grep -v '^#' /etc/lkvgs || true").stdout
    assert pair.guest(1).run("findmnt", "-n", POINT).returncode == 0


LOCKED = "/run/locked"
"""is there while the process that take_lock() begins has the lock; it ends when that file goes"""
TAKE_LOCK = f"""
import os, sys, time
sys.path.insert(0, "/opt/LifeKeeper/lib")
from lvmkit.entry.kit import kit
from lvmkit.model.settings import Paths
with kit(Paths(), lambda message: print(message.number)).port.admin_lock("a change"):
    open("{LOCKED}", "w").close()
    while os.path.exists("{LOCKED}"):
        time.sleep(0.2)
"""
BEGIN = """
setsid python3 -IS -c "$1" > /run/lock.out 2>&1 < /dev/null &
echo $! > /run/lock.pid
"""
FOLLOW = ("lvmkit", "-q", "reconfigure", VG, "--yes", "--here")
"""a command that takes the lock; there is nothing to be changed"""
FOLLOW_LATER = f"""
rm -f /run/followed
setsid sh -c '{" ".join(FOLLOW)} > /run/follow.out 2>&1 < /dev/null; echo $? > /run/followed' &
"""


def be_patient(cluster: Cluster, seconds: int) -> None:
    """Have the kit on both servers wait so long for a lock."""
    name, path = "LVMKIT_LOCK_PATIENCE", "/etc/default/lvmkit"
    for node in (1, 2):
        cluster.guest(node).sh(f"sed -i /{name}/d {path}; echo {name}={seconds} >> {path}")


def has(guest: Guest, path: str) -> bool:
    return guest.run("test", "-e", path, check=False).returncode == 0


def take_lock(cluster: Cluster, node: int) -> None:
    """Have a process on a server take the kit's admin lock, as every command does that changes anything."""
    guest = cluster.guest(node)
    guest.sh(BEGIN, TAKE_LOCK)
    wait_until(lambda: has(guest, LOCKED), deadline=PATIENCE)


def kill_holder(cluster: Cluster, node: int) -> None:
    """Kill that process, which takes nothing back."""
    cluster.guest(node).sh(f'kill -9 "$(cat /run/lock.pid)"; rm {LOCKED}')


def queue(cluster: Cluster, node: int) -> list[str]:
    """The servers whose processes have the core's lock or wait for it, as the core of a server shows them."""
    flags = cluster.guest(node).run(f"{ROOT}/bin/flg_list").stdout.splitlines()
    return [flag.split("!")[4].partition(":")[0] for flag in flags if flag.startswith("!action!")]


def follow(cluster: Cluster, node: int) -> Result:
    """Take the lock on a server by a command of the kit, and give it back."""
    return cluster.guest(node).run(*FOLLOW, check=False, timeout=PATIENCE)


def test_a_change_on_one_server_waits_for_that_of_the_other_and_refuses_by_number_in_the_end(pair: Cluster) -> None:
    be_patient(pair, 300)
    take_lock(pair, 2)
    assert (queue(pair, 1), queue(pair, 2)) == (["node2"], ["node2"])
    pair.guest(1).sh(FOLLOW_LATER)
    wait_until(lambda: queue(pair, 1) == ["node2", "node1"], deadline=PATIENCE)
    assert not has(pair.guest(1), "/run/followed")
    pair.guest(2).run("rm", LOCKED)
    wait_until(lambda: has(pair.guest(1), "/run/followed"), deadline=PATIENCE)
    assert pair.guest(1).run("cat", "/run/followed").stdout.split() == ["0"]
    assert (queue(pair, 1), queue(pair, 2)) == ([], [])
    take_lock(pair, 2)
    be_patient(pair, 20)
    for node, number in ((1, "110414"), (2, "110083")):
        refused = follow(pair, node)
        assert refused.returncode != 0
        assert number in numbers(refused, "ERROR")
    assert (queue(pair, 1), queue(pair, 2)) == (["node2"], ["node2"])


@pytest.mark.parametrize("asking", [1, 2])
def test_the_lock_of_a_process_that_was_killed_is_given_back_there_when_the_next_one_wants_it(
    pair: Cluster, asking: int
) -> None:
    be_patient(pair, 300)
    take_lock(pair, 2)
    kill_holder(pair, 2)
    assert (queue(pair, 1), queue(pair, 2)) == (["node2"], ["node2"])
    done = follow(pair, asking)
    assert (done.returncode, numbers(done, "ERROR")) == (0, [])
    assert (queue(pair, 1), queue(pair, 2)) == ([], [])


@pytest.fixture
def database(pushed_cluster_lab: Lab) -> Iterator[Cluster]:
    """The two servers with PostgreSQL, which is in service on node1 and may run on node2, and the audit beside them."""
    pushed_cluster_lab.reset("pushed")
    for node in (1, 2):
        with_core(pushed_cluster_lab, node)
        Guest(pushed_cluster_lab, node).sh(INSTALL)
    with Audit(pushed_cluster_lab) as audit:
        one = Guest(pushed_cluster_lab, 1)
        one.sh(helpers_postgres.PREPARE, timeout=PATIENCE)
        one.run(f"{KIT}/create", "-t", TAG, "-p", helpers_postgres.DATA, env={"LKROOT": ROOT}, timeout=PATIENCE)
        sql(one, helpers_postgres.TABLE)
        one.run("lvmkit", "-q", "extend", TAG, "--to", "node2", timeout=PATIENCE)
        yield Cluster(pushed_cluster_lab, audit)
    audit.check()


def test_rows_that_were_committed_before_a_kill_are_all_there_on_the_other_server(database: Cluster) -> None:
    one, two = database.guest(1), database.guest(2)
    assert set(known(database, 1)) == set(known(database, 2)) > {TAG, POINT, VG}
    assert links(database, 1) == links(database, 2) > {f"{TAG}|{POINT}"}
    shared = two.run(f"{ROOT}/bin/eqv_list", "-f|", "-t", TAG).stdout.split("|")
    assert shared[:5] == ["node2", TAG, "node1", TAG, "SHARED"]
    one.run("lvmkit", "-q", "in-service", TAG, "--on", "node2", timeout=PATIENCE)
    assert sql(two, "select count(*) from t") == "1000"
    one.run(f"{ROOT}/bin/perform_action", "-t", TAG, "-a", "restore", timeout=PATIENCE)
    first = Rows(database.lab, 1, 1001).start().more(20)
    database.lab.kill(1)
    first.stop()
    two.run("tee", f"{ROOT}/dead", stdin=b"node1\n")
    two.sh("echo LVMKIT_CORE_FENCES=yes >> /etc/default/lvmkit")
    two.run(f"{ROOT}/bin/perform_action", "-t", TAG, "-a", "restore", timeout=PATIENCE)
    assert is_ready(two)
    second = Rows(database.lab, 2, 100_001).start().more(5)
    second.stop()
    there = {int(row) for row in sql(two, "select n from t").split()}
    assert {*range(1, 1001), *first.acknowledged, *second.acknowledged} <= there


def test_the_kit_s_own_delete_takes_it_from_both_servers_and_it_runs_on(database: Cluster) -> None:
    one = database.guest(1)
    one.run(f"{KIT}/delete", "-t", TAG, env={"LKROOT": ROOT}, timeout=PATIENCE)
    assert [known(database, node) for node in (1, 2)] == [{}, {}]
    assert sql(one, "select count(*) from t") == "1000"
