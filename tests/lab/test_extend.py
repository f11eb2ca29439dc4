"""extend and unextend between two real servers, over real ssh: what is done, and what is refused, changing nothing."""

from __future__ import annotations

import json
import re

import pytest

from lab.audit import Cluster
from lab.guests.guest import BY_ID
from lab.guests.lab import Result
from lab.helpers_protected import DISKS, MEMBERS, MOUNT, OTHER, PATIENCE, VG

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

KIT = "/opt/LifeKeeper/lib/lvmkit/__init__.py"


def _extend(cluster: Cluster, *words: str, node: int = 1) -> Result:
    return cluster.guest(node).run("lvmkit", "extend", MOUNT, "--to", "node2", *words, timeout=PATIENCE, check=False)


def _numbers(result: Result) -> set[int]:
    """The numbers of the errors and warnings on stderr."""
    return {int(number) for number in re.findall(r"^lvmkit: (?:ERROR|WARN) (\d{6}):", result.stderr, re.M)}


def _left(cluster: Cluster) -> tuple[str, ...]:
    """All that an extension to node2 may change."""
    two = cluster.guest(2)
    constraints = cluster.guest(1).run("cibadmin", "--query", "--scope", "constraints").stdout
    resources = cluster.guest(1).run("cibadmin", "--query", "--scope", "resources").stdout
    folders = two.sh("ls -d /srv/* || :").stdout
    return re.sub(r'<template id="lvmkit-lock".*?</template>', "", resources, flags=re.S), constraints, folders


def _refused(cluster: Cluster, *numbers: int) -> None:
    """An extension is refused for these reasons, and nothing is changed."""
    before = _left(cluster)
    result = _extend(cluster)
    assert result.returncode != 0
    assert set(numbers) <= _numbers(result), result.stderr
    assert _left(cluster) == before
    assert VG not in cluster.guest(2).sh("cat /etc/lkvgs || :").stdout


def test_a_hierarchy_is_extended_shown_moved_and_unextended(created: Cluster) -> None:
    one, two = created.guest(1), created.guest(2)
    shown = json.loads(_extend(created, "--dry-run", "--format", "json").stdout)
    assert (shown["ready"], set(shown["extended"]), len(shown["steps"])) == (True, MEMBERS, 4)
    assert [uuid for uuid, _ in shown["devices"]] == one.run(
        "pvs", "--noheadings", "-o", "pv_uuid", "--sort", "pv_name", *map(one.disk, DISKS)
    ).stdout.split()

    result = _extend(created)
    assert (result.returncode, set(result.stdout.split())) == (0, MEMBERS), result.stderr
    assert VG in two.run("cat", "/etc/lkvgs").stdout
    assert two.sh("ls /srv").stdout.split() == ["db", "www"]
    status = json.loads(one.run("lvmkit", "status", "--format", "json").stdout)
    places = {
        row["tag"]: {server: place["state"] for server, place in row["servers"].items()} for row in status["resources"]
    }
    assert all(places[tag] == {"node1": "ISP", "node2": "OSU"} for tag in MEMBERS)
    assert _numbers(_extend(created)) == {4}

    one.run("lvmkit", "in-service", OTHER, "--on", "node2", timeout=PATIENCE)
    for mount in (MOUNT, OTHER):
        two.run("findmnt", "--mountpoint", mount)
    refused = one.run("lvmkit", "unextend", MOUNT, "--from", "node2", timeout=PATIENCE, check=False)
    assert _numbers(refused) == {110169}
    one.run("lvmkit", "in-service", MOUNT, timeout=PATIENCE)
    gone = one.run("lvmkit", "unextend", OTHER, "--from", "node2", timeout=PATIENCE)
    assert set(gone.stdout.split()) == MEMBERS
    assert VG not in two.run("cat", "/etc/lkvgs").stdout
    last = one.run("lvmkit", "unextend", OTHER, "--from", "node1", timeout=PATIENCE, check=False)
    assert 110166 in _numbers(last)


def test_the_target_can_be_asked_itself_and_needs_no_login_for_it(created: Cluster) -> None:
    created.guest(1).run("rm", "-r", "/root/.ssh")
    created.guest(2).run("rm", "-r", "/root/.ssh")
    result = _extend(created, node=2)
    assert (result.returncode, set(result.stdout.split())) == (0, MEMBERS), result.stderr


def test_a_disk_that_the_target_does_not_see_is_named_with_all_else(created: Cluster) -> None:
    created.guest(2).lose_disk("SHARED2")
    created.guest(2).sh("mkdir -p /srv; touch /srv/db")
    _refused(created, 110014, 110218, 8)


@pytest.mark.parametrize(
    ("script", "number"),
    [
        ("rm /root/.ssh/authorized_keys", 110202),
        ("systemctl stop ssh.service", 110201),
        ("mv /opt/LifeKeeper /opt/Other", 110203),
        (f"sed -i 's/^VERSION = .*/VERSION = \"0.0.1\"/' {KIT}", 110210),
        (f"vgcreate -qq --devices {BY_ID}PRIVATE1 {VG} {BY_ID}PRIVATE1", 110214),
        ("echo 'devices { global_filter = [ \"r|.*|\" ] }' > /etc/lvm/lvmlocal.conf", 110216),
        ("mkdir -p /srv/db; mount -t tmpfs none /srv/db", 110218),
        ("rm /usr/lib/ocf/resource.d/lvmkit/filesys", 110195),
        ("date -s '+10 min'", 110213),
    ],
    ids=["login", "unreachable", "no kit", "version", "name", "filter", "mounted", "agent", "clock"],
)
def test_what_is_wrong_on_the_target_is_told_and_nothing_is_changed(created: Cluster, script: str, number: int) -> None:
    created.guest(2).sh(script)
    _refused(created, number)


def test_a_group_that_is_active_on_the_target_is_a_danger(created: Cluster) -> None:
    created.guest(1).run("lvmkit", "out-of-service", VG, timeout=PATIENCE)
    as_other = ("--config", 'global/system_id_source="lvmlocal" local/system_id="node1"')
    created.guest(2).run("vgchange", "-qq", "-ay", *as_other, VG)
    _refused(created, 110217)
    created.guest(2).run("vgchange", "-qq", "-an", *as_other, VG)


def test_without_a_quorum_nothing_is_extended(created: Cluster) -> None:
    for node in (1, 2):
        created.guest(node).sh("sed -i 's/two_node: 1/two_node: 0\\n  expected_votes: 5/' /etc/corosync/corosync.conf")
    created.guest(1).run("corosync-cfgtool", "-R")
    created.wait(lambda it: not it.quorum)
    _refused(created, 110160)


@pytest.mark.parametrize("unfit", ["standby", "maintenance"])
def test_a_server_that_is_set_aside_is_extended_to_with_a_warning(created: Cluster, unfit: str) -> None:
    created.guest(1).run("crm_attribute", "--node", "node2", "--name", unfit, "--update", "on")
    result = _extend(created)
    assert (result.returncode, 110221 in _numbers(result)) == (0, True), result.stderr


def test_a_killed_extension_is_taken_back_by_the_next_one(created: Cluster) -> None:
    """The target's kit dies after its first steps; the mount points and the list are as they were, then all is done."""
    two = created.guest(2)
    slow = "import time\nfrom lvmkit.workflow import extend\nextend.ExtendTo.apply = lambda *_: time.sleep(600)\n"
    two.sh('printf %s "$1" > /opt/LifeKeeper/lib/lvmkit/workflow/slow.py', slow)
    two.sh("printf 'from lvmkit.workflow import slow\\n' >> /opt/LifeKeeper/lib/lvmkit/cli/commands/extend.py")
    until = "until [ -e /var/lib/lvmkit/journal/1.json ] && [ -d /srv/www ]; do sleep 0.2; done"
    work = f"lvmkit extend {MOUNT} --to node2 >/dev/null 2>&1 & {until}; sleep 1; kill -9 $!"
    two.sh(work, timeout=PATIENCE)
    assert two.sh("ls /srv").stdout.split() == ["db", "www"]
    two.sh("sed -i '$d' /opt/LifeKeeper/lib/lvmkit/cli/commands/extend.py")
    result = _extend(created)
    assert (result.returncode, set(result.stdout.split())) == (0, MEMBERS), result.stderr
    assert not two.sh("ls /var/lib/lvmkit/journal").stdout
