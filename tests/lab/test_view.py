"""What an administrator sees of two servers: status, show, doctor; also while one of them is down."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from lab.audit import Cluster
from lab.guests.guest import Guest
from lab.helpers_protected import MEMBERS, MOUNT, NODES, OTHER, PATIENCE, VG

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

DOWN_DEADLINE = 120.0


def _seen(guest: Guest, *words: str) -> Any:
    return json.loads(guest.run("lvmkit", *words, "--format", "json", check=False, timeout=PATIENCE).stdout)


def _states(guest: Guest) -> dict[str, dict[str, str]]:
    """{tag: {server: state}}"""
    rows = _seen(guest, "status")["resources"]
    return {row["tag"]: {server: place["state"] for server, place in row["servers"].items()} for row in rows}


def _shown(guest: Guest) -> list[str]:
    """What show says of all, whatever the order of what was made one after the other."""
    lines = guest.run("lvmkit", "show", VG, timeout=PATIENCE).stdout.replace(",", "").splitlines()
    return sorted(" ".join(sorted(line.split())) for line in lines)


def test_both_servers_show_the_same_matrix(protected: Cluster) -> None:
    for node in (1, 2):
        found = _states(protected.guest(node))
        assert {tag: found[tag] for tag in MEMBERS} == {tag: {"node1": "ISP", "node2": "OSU"} for tag in MEMBERS}
        text = protected.guest(node).run("lvmkit", "status").stdout
        assert f"{NODES[node - 1]} (here)" in text.splitlines()[0]
        assert all(tag in text for tag in MEMBERS)


def test_a_server_that_is_down_has_a_column_that_says_so(protected: Cluster) -> None:
    protected.lab.kill(1)
    two = protected.guest(2)
    protected.wait(lambda it: it.online == {"node2"}, node=2, deadline=DOWN_DEADLINE)
    shown = two.run("lvmkit", "status", check=False, timeout=PATIENCE)
    assert "offline" in shown.stdout.splitlines()[1]
    protected.wait(lambda it: it.running("lvmkit-_2fsrv_2fwww") == ("node2",), node=2)
    found = _states(two)
    assert {found[tag]["node2"] for tag in MEMBERS} == {"ISP"}
    assert not {found[tag]["node1"] for tag in MEMBERS} & {"ISP", "ISU"}


def test_status_is_shown_again_and_again_until_interrupted(protected: Cluster) -> None:
    watched = protected.guest(2).run(
        "timeout", "--signal=INT", "20", "lvmkit", "status", "--watch", "2", check=False, timeout=PATIENCE
    )
    assert watched.stdout.count(f"{VG}/db") > 1, watched
    assert "Traceback" not in watched.stderr


def test_what_show_prints_as_commands_makes_the_hierarchies_again(protected: Cluster) -> None:
    one = protected.guest(1)
    before = _shown(one)
    commands = one.run("lvmkit", "show", VG, "--output-format", "cmd", timeout=PATIENCE).stdout
    for root in (MOUNT, OTHER):
        one.run("lvmkit", "delete", root, timeout=PATIENCE)
    assert _states(one) == {}
    for line in commands.splitlines():
        if line and not line.startswith("#"):
            one.run(*shlex.split(line), timeout=PATIENCE)
    assert _shown(one) == before
    for mount in (MOUNT, OTHER):
        one.run("findmnt", "--mountpoint", mount)


def test_doctor_looks_at_both_servers(protected: Cluster) -> None:
    protected.guest(2).run("rm", "/usr/lib/ocf/resource.d/lvmkit/filesys")
    protected.guest(1).run("crm_attribute", "--name", "stonith-enabled", "--update", "false")
    found = _seen(protected.guest(1), "doctor")
    assert found["servers"] == list(NODES)
    told = {(finding["server"], finding["number"]) for finding in found["findings"]}
    assert ("node2", "110195") in told
    assert ("", "110161") in told
