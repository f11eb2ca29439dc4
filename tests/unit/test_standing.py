"""What Pacemaker says of a previous owner. The answers in data/standing are a real cluster's (2.1.5), trimmed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from lvmkit.cluster.pacemaker import tools
from lvmkit.cluster.pacemaker.standing import PacemakerMembership
from lvmkit.cluster.pacemaker.tools import Tools
from lvmkit.guards import membership
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guards import OwnerHistoryUnclear, OwnerLeftRunning, OwnerNotFenced
from lvmkit.model.messages.ownership import OwnerActive, OwnerUnknown
from lvmkit.model.messages.pacemaker import ClusterUnreachable
from lvmkit.model.messages.storage import CommandMissing
from lvmkit.model.standing import ACTIVE, FENCED, GONE, LEFT, STOPPED, STRANGER, UNCLEAR, UNFENCED, Standing
from lvmkit.storage.lvm import Lvm
from tests.unit.fakes import group

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DATA = Path(__file__).parent / "data/standing"
OWNER, OTHER, RESOURCE = "node1", "node2", "vg1"


class Cluster:
    """Both answers of a recorded cluster, to be changed by a test, and how often each tool was run."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        root = ElementTree.parse(DATA / f"{name}.xml").getroot()  # noqa: S314 - our own files
        self.status: Element = root[0]
        self.history: Element = root[1]
        self.runs: list[str] = []
        monkeypatch.setattr(tools, "crm_mon", lambda _how: self._run("crm_mon", self.status))
        monkeypatch.setattr(tools, "cibadmin_status", lambda _how: self._run("cibadmin", self.history))
        self.membership = PacemakerMembership(Tools(1.0))

    def _run(self, tool: str, answer: Element) -> Element:
        self.runs.append(tool)
        return answer

    def standing(self, owner: str = OWNER) -> Standing:
        return self.membership.standing(owner, RESOURCE)

    def options(self, **values: str) -> None:
        self._the(self.status, "summary/cluster_options").attrib.update(
            {name.replace("_", "-"): value for name, value in values.items()}
        )

    def node(self, **values: str) -> None:
        self._the(self.status, f"nodes/node[@name='{OWNER}']").attrib.update(values)

    def state(self) -> Element:
        return self._the(self.history, f"node_state[@uname='{OWNER}']")

    def operations(self, *operations: tuple[str, str, str, str]) -> None:
        """Other operations of the resource: (operation, call-id, rc-code, op-status)."""
        record = next(each for each in self.state().iter("lrm_resource") if each.get("id") == RESOURCE)
        for each in list(record):
            record.remove(each)
        for operation, call, code, status in operations:
            facts = {"operation": operation, "call-id": call, "rc-code": code, "op-status": status}
            ElementTree.SubElement(record, "lrm_rsc_op", facts)

    def _the(self, root: Element, path: str) -> Element:
        found = root.find(path)
        assert found is not None
        return found


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda name: Cluster(name, monkeypatch)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("started", ACTIVE),
        ("stopped", STOPPED),
        ("standby", STOPPED),
        ("shutdown", STOPPED),
        ("maintenance", LEFT),
        ("unmanaged", LEFT),
        ("unfenced", LEFT),
        ("unfenced_then_on", ACTIVE),
        ("unclean", ACTIVE),
        ("after_maintenance", FENCED),
        ("after_maintenance_confirmed", FENCED),
        ("fenced", FENCED),
        ("at_start", FENCED),
        ("rejoined", ACTIVE),
        ("exclusive_refreshed", UNCLEAR),
    ],
)
def test_what_a_real_cluster_says_of_the_owner(recorded: Any, name: str, kind: str) -> None:
    assert recorded(name).standing().kind == kind


def test_the_owner_of_a_planned_move_has_let_go_when_the_other_server_starts(recorded: Any) -> None:
    cluster = recorded("at_start_move")
    assert cluster.membership.standing(OTHER, "vg2").kind == STOPPED


def test_each_tool_is_run_once_and_the_history_only_where_it_decides(recorded: Any) -> None:
    cluster = recorded("stopped")
    assert cluster.membership.servers() == (OWNER, OTHER)
    assert cluster.membership.numbers() == {OWNER: 1, OTHER: 2}
    assert (cluster.standing().kind, cluster.standing(OTHER).kind) == (STOPPED, STOPPED)
    assert cluster.runs == ["crm_mon", "cibadmin"]
    started = recorded("started")
    assert (started.standing().kind, started.runs) == (ACTIVE, ["crm_mon"])


# ---- a fencing


def test_a_cluster_that_cannot_fence_is_not_believed_to_have_fenced(recorded: Any) -> None:
    for trouble in ({"stonith_enabled": "false"}, {"maintenance_mode": "true"}):
        cluster = recorded("after_maintenance")
        cluster.options(**trouble)
        assert cluster.standing().kind == UNFENCED
    cluster = recorded("after_maintenance")
    cluster.node(maintenance="true")
    assert cluster.standing().kind == UNFENCED


def test_what_an_administrator_confirmed_counts_also_without_fencing(recorded: Any) -> None:
    cluster = recorded("after_maintenance_confirmed")
    cluster.options(stonith_enabled="false")
    assert cluster.standing().kind == FENCED


@pytest.mark.parametrize(
    "changed", [{"status": "failed"}, {"status": "pending"}, {"target": OTHER}, {"action": "on"}, {"action": "monitor"}]
)
def test_only_a_fencing_of_this_server_that_succeeded_counts(recorded: Any, changed: dict[str, str]) -> None:
    cluster = recorded("after_maintenance")
    for event in cluster.status.iter("fence_event"):
        event.attrib.update(changed)
    assert cluster.standing().kind == UNFENCED


def test_without_a_record_of_fencings_nobody_was_fenced(recorded: Any) -> None:
    cluster = recorded("after_maintenance")
    record = cluster.status.find("fence_history")
    record.set("status", "1")
    assert cluster.standing().kind == UNFENCED
    cluster.status.remove(record)
    assert cluster.standing().kind == UNFENCED


def test_a_fencing_of_long_ago_says_nothing_of_a_server_that_was_back_since(recorded: Any) -> None:
    cluster, before = recorded("maintenance"), recorded("after_maintenance")
    cluster = recorded("maintenance")
    cluster.options(maintenance_mode="false")
    cluster.status.append(before.status.find("fence_history"))
    assert cluster.standing().kind == LEFT
    record = cluster.state().find("lrm/lrm_resources")
    record.remove(record[0])
    assert cluster.standing().kind == UNFENCED


def test_a_server_that_was_never_seen_is_not_gone(recorded: Any) -> None:
    cluster = recorded("shutdown")
    cluster.history.remove(cluster.state())
    assert cluster.standing().kind == UNFENCED


# ---- a history


@pytest.mark.parametrize(
    ("operations", "is_gone"),
    [
        ([("start", "11", "0", "0"), ("monitor", "12", "0", "0")], False),
        ([("stop", "13", "0", "0"), ("monitor", "12", "0", "0")], True),
        ([("monitor", "9", "7", "0")], True),
        ([("monitor", "9", "0", "0")], False),
        ([("monitor", "9", "5", "0")], False),
        ([("stop", "13", "1", "0")], False),
        ([("stop", "13", "0", "2")], False),
        ([("stop", "-1", "193", "-1"), ("monitor", "12", "0", "0")], False),
        ([("start", "-1", "193", "-1"), ("stop", "13", "0", "0")], False),
        ([("start", "11", "1", "0")], False),
        ([("start", "11", "1", "0"), ("stop", "12", "0", "0")], True),
        ([("monitor", "12", "0", "0"), ("monitor", "12", "7", "0")], False),
        ([("stop", "9", "0", "0"), ("start", "10", "0", "0")], False),
        ([("stop", "", "0", "0")], False),
        ([], False),
    ],
    ids=[
        "running",
        "stopped",
        "a probe found it down",
        "a probe found it up",
        "a probe that could not tell",
        "a failed stop",
        "a stop that timed out",
        "a stop under way",
        "a start under way",
        "a failed start",
        "a failed start that was cleaned up",
        "a monitor that failed once and is well again",
        "started after a stop",
        "a stop without a number",
        "nothing",
    ],
)
@pytest.mark.parametrize("online", ["true", "false"])
def test_only_a_stop_or_a_look_that_found_it_down_as_the_newest_operation_lets_go(
    recorded: Any, operations: list[tuple[str, str, str, str]], is_gone: bool, online: str
) -> None:
    cluster = recorded("stopped")
    cluster.node(online=online)
    cluster.operations(*operations)
    standing = cluster.standing()
    assert (standing.kind in GONE) is is_gone
    assert is_gone or standing.kind == (UNCLEAR if online == "true" else LEFT if operations else UNFENCED)


def test_the_operations_of_another_resource_say_nothing(recorded: Any) -> None:
    assert recorded("stopped").membership.standing(OWNER, "vg2").kind == UNCLEAR


# ---- a server


@pytest.mark.parametrize("marks", [{"unclean": "true"}, {"unclean": ""}, {"unclean": "true", "online": "false"}])
def test_an_unclean_server_may_still_write(recorded: Any, marks: dict[str, str]) -> None:
    cluster = recorded("stopped")
    cluster.node(**marks)
    assert cluster.standing().kind == ACTIVE


def test_a_resource_in_a_group_or_clone_is_seen(recorded: Any) -> None:
    cluster = recorded("started")
    resources = cluster.status.find("resources")
    inside = ElementTree.SubElement(ElementTree.SubElement(resources, "group"), "clone")
    inside.extend(resources.findall("resource"))
    for each in resources.findall("resource"):
        resources.remove(each)
    assert cluster.standing().kind == ACTIVE


def test_a_host_that_is_no_server_of_the_cluster_is_a_stranger(recorded: Any) -> None:
    assert recorded("stopped").standing("node9").kind == STRANGER


def test_where_pacemaker_is_not_installed_nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_how: Tools) -> Element:
        raise Failure(CommandMissing("crm_mon"))

    monkeypatch.setattr(tools, "crm_mon", absent)
    nobody = PacemakerMembership(Tools(1.0))
    assert (nobody.standing(OWNER, RESOURCE).kind, nobody.servers()) == (STRANGER, ())


def test_a_cluster_that_does_not_answer_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_how: Tools) -> Element:
        raise Failure(ClusterUnreachable("not connected"))

    monkeypatch.setattr(tools, "crm_mon", unreachable)
    with pytest.raises(Failure):
        PacemakerMembership(Tools(1.0)).standing(OWNER, RESOURCE)


# ---- what it means


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ACTIVE, OwnerActive),
        (LEFT, OwnerLeftRunning),
        (UNFENCED, OwnerNotFenced),
        (UNCLEAR, OwnerHistoryUnclear),
        (STRANGER, OwnerUnknown),
        ("a kind of tomorrow", OwnerHistoryUnclear),
    ],
)
def test_each_state_that_is_not_gone_has_its_own_refusal(
    monkeypatch: pytest.MonkeyPatch, kind: str, message: type
) -> None:
    monkeypatch.setattr(Lvm, "own_system_id", lambda *_: "")
    vg = group(system_id=OWNER)
    (refusal,) = membership.against(vg, Standing(kind, "why"), RESOURCE, OTHER, Lvm(1))
    assert type(refusal) is message


@pytest.mark.parametrize("kind", GONE)
def test_an_owner_that_is_gone_is_no_reason(kind: str) -> None:
    assert membership.against(group(system_id=OWNER), Standing(kind), RESOURCE, OTHER, Lvm(1)) == ()
