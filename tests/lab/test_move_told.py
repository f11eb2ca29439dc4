"""lvmkit timeline on real journals: a move is told by both servers, each its own part."""

from __future__ import annotations

import json

import pytest

from lab.audit import Cluster
from lab.helpers_protected import MOUNT, PATIENCE, VG

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_a_move_has_the_parts_of_both_servers_wherever_it_is_asked(protected: Cluster) -> None:
    protected.guest(1).run("lvmkit", "in-service", MOUNT, "--on", "node2", timeout=PATIENCE)
    told = []
    for node in (1, 2):
        answer = protected.guest(node).run("lvmkit", "timeline", "--format", "json", timeout=PATIENCE)
        told.append(json.loads(answer.stdout))
    for facts in told:
        assert facts["missing"] == []
        texts = [(step["server"], step["text"]) for step in facts["steps"]]
        assert texts.index(("node1", f"stop {VG}")) < texts.index(("node2", f"start {VG}"))
        assert all(step["start"] <= step["end"] for step in facts["steps"])
    assert told[0]["steps"] == told[1]["steps"]


def test_after_a_power_cut_the_dead_servers_part_is_named_as_missing(protected: Cluster) -> None:
    protected.lab.kill(1)
    protected.lab.wait_for_cluster(lambda status: "node1" not in status.online, node=2, deadline=300)
    answer = protected.guest(2).run("lvmkit", "timeline", "--format", "json", timeout=PATIENCE)
    assert [each["number"] for each in json.loads(answer.stdout)["missing"]] == ["110455"]
