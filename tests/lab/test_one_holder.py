"""However it came that a server has a volume group up, the kit does not bring it up on the other one as well.

Beside every test the audit looks into both kernels. Each test also says what the refused command, or the agent's
message in the journal, must tell: that it was refused, by a numbered error, and which server has the group.
"""

from __future__ import annotations

import time

import pytest

from lab.audit import Cluster, Writing, check_records
from lab.helpers_owner import (
    DOWN_BY_HAND,
    GROUP,
    ROOT,
    SLOW_LVM,
    UP_BY_HAND,
    errors_logged,
    is_refused,
    is_up_on,
    mapped,
    never,
    wait_for_failed_start,
    wait_until,
)
from lab.helpers_protected import MOUNT, NODES, OTHER, PATIENCE, PREPARE, VG

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILE = f"{MOUNT}/records"
RESOURCES = ("cibadmin", "--query", "--scope", "resources")
CONSTRAINTS = ("cibadmin", "--query", "--scope", "constraints")
STOP_CLUSTER = ("systemctl", "stop", "pacemaker", "corosync")
OP_TIMEOUT, SLOW_BY = 25, 50
"""seconds: after which Pacemaker kills a start, and how slow LVM is"""


# ---- the owner has it up by hand


@pytest.mark.parametrize("asked", [1, 2])
def test_in_service_refuses_a_group_that_its_owner_has_up_by_hand(protected: Cluster, asked: int) -> None:
    owner = protected.guest(1)
    owner.run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    owner.sh(UP_BY_HAND)
    writing = Writing(protected.lab, 1, FILE).start().more(5)
    done = protected.guest(asked).run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    is_refused(done, "node1")
    never(protected, 2, seconds=20)
    writing.more(5).stop()
    owner.sh(DOWN_BY_HAND)
    protected.guest(asked).run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)
    check_records(protected.lab, 2, FILE, writing.acknowledged)


def test_in_service_on_the_owner_takes_what_it_has_up_by_hand(protected: Cluster) -> None:
    owner = protected.guest(1)
    owner.run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    owner.sh(UP_BY_HAND)
    owner.run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)
    is_up_on(protected, 1)


# ---- the owner is out of sight


def test_a_start_refuses_an_owner_that_is_out_of_sight_where_nobody_can_fence(protected: Cluster) -> None:
    protected.guest(1).run("crm_attribute", "--name", "stonith-enabled", "--update", "false")
    writing = Writing(protected.lab, 1, FILE).start().more(5)
    protected.lab.cut(1)
    protected.wait(lambda it: it.online == {"node2"}, node=2)
    wait_for_failed_start(protected, 2)
    assert "node1" in errors_logged(protected, 2)
    never(protected, 2, seconds=20)
    writing.more(5).stop()


def test_a_start_refuses_an_owner_that_left_in_maintenance_mode_with_all_mounted(protected: Cluster) -> None:
    one, two = protected.guest(1), protected.guest(2)
    one.run("crm_attribute", "--name", "maintenance-mode", "--update", "true")
    writing = Writing(protected.lab, 1, FILE).start().more(5)
    one.run(*STOP_CLUSTER, timeout=180)
    assert mapped(protected, 1), "the owner has left with everything up: what this test is about"
    protected.wait(lambda it: it.online == {"node2"}, node=2)
    two.run("crm_attribute", "--name", "maintenance-mode", "--update", "false")
    wait_for_failed_start(protected, 2)
    assert "node1" in errors_logged(protected, 2)
    never(protected, 2, seconds=20)
    writing.more(5).stop()


def test_create_refuses_a_group_that_a_server_without_pacemaker_has_mounted(cluster: Cluster) -> None:
    cluster.guest(1).sh(PREPARE)
    cluster.guest(1).run(*STOP_CLUSTER, timeout=180)
    cluster.wait(lambda it: it.online == {"node2"}, node=2)
    done = cluster.guest(2).run("lvmkit", "create", f"/dev/{VG}/www", check=False, timeout=PATIENCE)
    is_refused(done, "node1")
    assert not mapped(cluster, 2)
    assert ROOT not in cluster.guest(2).run(*RESOURCES).stdout


# ---- an operation that is killed


def test_a_start_that_pacemaker_has_killed_activates_nothing_later(protected: Cluster) -> None:
    two = protected.guest(2)
    two.sh(SLOW_LVM.replace("@SECONDS@", str(SLOW_BY)))
    _limit_start(protected, OP_TIMEOUT)
    protected.guest(1).run("lvmkit", "in-service", MOUNT, "--on", "node2", check=False, timeout=PATIENCE)
    is_up_on(protected, 1)
    never(protected, 2, seconds=SLOW_BY + 15)
    assert protected.lab.cluster_status(1).fenced in (set(), {"node2"})


def _limit_start(cluster: Cluster, seconds: int) -> None:
    """Give the group's start on all servers so many seconds."""
    path = f"//primitive[@id='{GROUP}']//op[@name='start']"
    given = cluster.guest(1).run("cibadmin", "--query", "--xpath", path).stdout
    identity = given.partition(' id="')[2].partition('"')[0]
    limited = f'<op id="{identity}" timeout="{seconds}s"/>'
    cluster.guest(1).run("cibadmin", "--modify", "--xml-text", limited)


# ---- changes that end half way

TAKE_LOCK = """
import os, sys
sys.path.insert(0, "/opt/LifeKeeper/lib")
from lvmkit.entry.kit import kit
from lvmkit.model.settings import Paths
with kit(Paths(), lambda message: print(message.number)).port.admin_lock("a change"):
    os.kill(os.getpid(), int(sys.argv[1]))
"""


def test_the_lock_that_a_killed_command_has_left_on_another_server_is_freed_there(cluster: Cluster) -> None:
    killed = cluster.guest(2).run("python3", "-IS", "-c", TAKE_LOCK, "9", check=False)
    assert killed.returncode not in (0, 1)
    begun = time.monotonic()
    freed = cluster.guest(1).run("python3", "-IS", "-c", TAKE_LOCK, "0", timeout=PATIENCE)
    assert time.monotonic() - begun < 30
    assert freed.stdout.split() == ["110165"]


INTERRUPTED_DELETE = f"""
set -m
lvmkit delete --yes {MOUNT} >/run/said 2>&1 &
pid=$!
until cibadmin --query --scope constraints | grep -q 'discovery="never"'; do kill -0 $pid || exit 99; sleep 0.1; done
kill -s $1 $pid
wait $pid
"""


@pytest.mark.parametrize("signal", ["INT", "TERM", "HUP"])
def test_an_interrupted_delete_leaves_everything_as_it_was_for_both_servers(protected: Cluster, signal: str) -> None:
    one = protected.guest(1)
    one.run("crm_resource", "--resource", ROOT, "--meta", "--set-parameter", "migration-threshold", "-v", "7")
    one.run("crm_resource", "--wait", "--timeout=60", timeout=90)
    before = [one.run(*query).stdout for query in (RESOURCES, CONSTRAINTS)]
    done = one.run("bash", "-c", INTERRUPTED_DELETE, "bash", signal, check=False, timeout=PATIENCE)
    assert done.returncode not in (0, 99), done
    one.run("lvmkit", "check", check=False, timeout=PATIENCE)
    assert [one.run(*query).stdout for query in (RESOURCES, CONSTRAINTS)] == before
    one.run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)
    is_up_on(protected, 2)


STOPPED_AT_THE_END = """
import os, sys, time
def hook(event, given):
    if event == "os.remove" and "journal" in os.fsdecode(given[0]):
        os.sync()
        open("/run/at-the-end", "w").close()
        time.sleep(3600)
sys.addaudithook(hook)
sys.path.insert(0, "/opt/LifeKeeper/lib")
from lvmkit.cli import program
sys.exit(program.main("/opt/LifeKeeper/bin/lvmkit", sys.argv[1:]))
"""
"""the kit's own program, which stops for ever where the journal of a finished change is about to be removed"""


def test_a_create_that_lost_power_at_its_end_takes_nothing_from_the_server_that_took_over(cluster: Cluster) -> None:
    one, two = cluster.guest(1), cluster.guest(2)
    one.sh(PREPARE)
    one.sh('python3 -c "$1" -q create "$2" </dev/null >/dev/null 2>&1 &', STOPPED_AT_THE_END, MOUNT)
    wait_until(lambda: not one.run("test", "-e", "/run/at-the-end", check=False).returncode, deadline=240.0)
    cluster.lab.kill(1)
    cluster.wait(lambda it: it.fenced == {"node1"} and it.formed("node2"), node=2)
    two.run("lvmkit", "extend", MOUNT, "--to", "node2", timeout=PATIENCE)
    two.run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)
    is_up_on(cluster, 2)
    writing = Writing(cluster.lab, 2, FILE).start().more(5)
    cluster.lab.start(1)
    cluster.wait(lambda it: it.formed(*NODES), node=2)
    one.run("lvmkit", "check", check=False, timeout=PATIENCE)
    one.run("lvmkit", "create", OTHER, check=False, timeout=PATIENCE)
    time.sleep(10)
    is_up_on(cluster, 2, deadline=20.0)
    writing.more(5).stop()
    assert ROOT in two.run(*RESOURCES).stdout
    two.run("lvmkit", "in-service", MOUNT, "--on", "node1", timeout=PATIENCE)
    check_records(cluster.lab, 1, FILE, writing.acknowledged)
