"""What each version of Pacemaker says in one situation means one and the same to the kit.

The answers in data/pacemaker-VERSION are those of real clusters; tests/cluster/record.py made them (data/pacemaker.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.pacemaker import cib, commit, copy, elements, ids, patch, states, tools, volumes
from lvmkit.cluster.pacemaker.standing import PacemakerMembership
from lvmkit.cluster.pacemaker.tools import Action, Tools
from lvmkit.cluster.port import Change
from lvmkit.model.facts import VgFacts
from lvmkit.model.instance import ILLSTATE, ISP, ISU, OSF, OSU, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.pacemaker import (
    ClusterUnreachable,
    FencingOff,
    MaintenanceMode,
    NoQuorum,
    ToolFailed,
    ToolGarbled,
)
from lvmkit.model.settings import Paths
from lvmkit.model.standing import ACTIVE, FENCED, STOPPED
from lvmkit.storage.run import Finished
from tests.unit.test_pacemaker import hierarchy, links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mock import MockerFixture

    from lvmkit.cluster.pacemaker.states import Cluster
    from lvmkit.model.hierarchy import Hierarchy

DATA = Path(__file__).parent / "data"
VERSIONS = [folder.name.partition("-")[2] for folder in sorted(DATA.glob("pacemaker-*"))]
HOW = Tools(1.0)
TAGS = ("vg", "lv1", "fs1")
ASKS: dict[str, Callable[[], object]] = {
    "cibadmin": lambda: tools.cibadmin_query(HOW),
    "crm_mon": lambda: tools.crm_mon(HOW),
    "crm_node": lambda: tools.crm_node_name(HOW),
    "crm_resource": lambda: tools.crm_resource_wait(HOW, 1.0),
    "crm_attribute": lambda: tools.crm_attribute_unmark(HOW, "n1", "x"),
}


class Recorded:
    """The answers of one version."""

    def __init__(self, version: str, mocker: MockerFixture) -> None:
        self.version, self.folder = version, DATA / f"pacemaker-{version}"
        self.answers: dict[str, dict[str, Any]] = json.loads((self.folder / "answers.json").read_text())
        self._answer: Callable[[str], tuple[int, str, str]]
        mocker.patch.object(tools, "run", self._run)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def _run(self, argv: Sequence[str], **_: object) -> Finished:
        return Finished(tuple(argv), *self._answer(argv[0].rpartition("/")[2]), 0.1)

    def say(self, name: str) -> None:
        """Let the tools' next answer be the one of this name."""
        found = self.answers[name]
        self._answer = lambda _tool: (found["status"], found["stdout"], found["stderr"])

    def print(self, **files: str) -> None:
        """Let tools print these files. files: by tool."""
        self._answer = lambda tool: (0, self.text(files[tool]), "")

    def cluster(self, situation: str) -> Cluster:
        """What crm_mon said."""
        self.print(crm_mon=f"{situation}.crm_mon.xml")
        return states.cluster(tools.crm_mon(HOW))

    def standing(self, situation: str, owner: str, tag: str = "vg") -> str:
        """What the kind of standing of a server is."""
        self.print(crm_mon=f"{situation}.crm_mon.xml", cibadmin=f"{situation}.status.xml")
        return PacemakerMembership(HOW).standing(owner, ids.resource_id(tag)).kind

    def hierarchy(self, server: str, situation: str = "started") -> Hierarchy:
        """What is on a server, with its states."""
        root = elements.parse(self.text("cib.xml"), "cib.xml")
        return states.with_states(cib.hierarchy(root, server), server, self.cluster(situation))

    def states(self, server: str, situation: str) -> list[str]:
        """The states of the volume group, the volume and the file system on a server."""
        return [instance.state for instance in self.hierarchy(server, situation).of_tags(TAGS)]


@pytest.fixture(params=VERSIONS)
def recorded(request: pytest.FixtureRequest, mocker: MockerFixture) -> Recorded:
    return Recorded(request.param, mocker)


def test_there_are_answers_of_every_major_version() -> None:
    assert {version[:3] for version in VERSIONS} == {"2.0", "2.1", "3.0"}


class TestStates:
    def test_all_well(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("started")
        assert [(s.name, s.online, s.unfit) for s in cluster.servers] == [("n1", True, ""), ("n2", True, "")]
        assert (cluster.quorum, cluster.quorum_policy, cluster.fencing, cluster.maintenance) == (
            True,
            "stop",
            True,
            False,
        )
        assert [(cluster.active_on(tag), cluster.reason(tag, "n1")) for tag in TAGS] == [(("n1",), "")] * 3
        assert (recorded.states("n1", "started"), recorded.states("n2", "started")) == ([ISP] * 3, [OSU] * 3)
        assert cluster.warnings() == ()

    def test_a_failure_that_was_answered_is_remembered_and_no_state_where_it_runs(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("failed_once")
        (server,) = cluster.active_on("fs1")
        assert cluster.reason("fs1", "n1") == "asyncmon: Simulated failure"
        assert recorded.states(server, "failed_once") == [ISP] * 3

    def test_what_fails_for_good_is_failed_where_it_did_with_the_agents_own_words(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("failed")
        assert cluster.active_on("fs1") == ()
        assert cluster.reason("fs1", "n2") == "start: 110014 it was told to fail"
        assert recorded.states("n2", "failed")[2] == OSF

    def test_what_is_being_started_is_pending(self, recorded: Recorded) -> None:
        resource = recorded.cluster("starting").resource("fs1")
        assert resource is not None
        assert resource.pending

    def test_a_stop_that_failed_is_a_failure_also_where_it_runs(self, recorded: Recorded) -> None:
        (server,) = recorded.cluster("blocked").active_on("fs1")
        (reason,) = {i.reason for i in recorded.hierarchy(server, "blocked").of_tags(("fs1",))}
        assert recorded.states(server, "blocked") == [ISP, ISP, OSF]
        assert reason == "stop: 110014 it was told to fail"

    def test_what_is_out_of_service_is_not_failed(self, recorded: Recorded) -> None:
        (server,) = recorded.cluster("stopped").active_on("vg")
        assert recorded.states(server, "stopped") == [ISP, ISP, OSU]

    def test_what_the_cluster_does_not_manage_is_not_watched(self, recorded: Recorded) -> None:
        (server,) = recorded.cluster("unmanaged").active_on("vg")
        assert recorded.states(server, "unmanaged") == [ISU] * 3

    def test_a_server_on_standby_takes_nothing(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("standby")
        assert [(server.name, server.unfit) for server in cluster.servers] == [("n1", "standby"), ("n2", "")]
        assert recorded.states("n2", "standby") == [ISP] * 3

    def test_a_server_in_maintenance(self, recorded: Recorded) -> None:
        assert recorded.cluster("server_in_maintenance").servers[0].unfit == "in maintenance"

    def test_a_cluster_in_maintenance_watches_nothing(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("maintenance")
        (server,) = cluster.active_on("vg")
        assert [type(warning) for warning in cluster.warnings()] == [MaintenanceMode]
        assert recorded.states(server, "maintenance") == [ISU] * 3

    def test_a_cluster_without_fencing_is_warned_of(self, recorded: Recorded) -> None:
        assert [type(warning) for warning in recorded.cluster("fencing_off").warnings()] == [FencingOff]

    def test_a_cluster_without_quorum_says_what_it_does_then(self, recorded: Recorded) -> None:
        cluster = recorded.cluster("no_quorum")
        assert cluster.warnings() == (NoQuorum("freeze"),)
        assert not cluster.servers[0].online

    def test_a_server_that_died_is_unclean_until_it_is_fenced(self, recorded: Recorded) -> None:
        assert recorded.cluster("unclean").servers[0].unfit == "unclean, offline"
        assert recorded.cluster("fenced").servers[0].unfit == "offline"
        assert (recorded.states("n1", "fenced"), recorded.states("n2", "fenced")) == ([ILLSTATE] * 3, [ISP] * 3)


class TestStanding:
    @pytest.mark.parametrize(
        ("situation", "kind"),
        [("started", ACTIVE), ("standby", STOPPED), ("no_quorum", ACTIVE), ("unclean", ACTIVE), ("fenced", FENCED)],
    )
    def test_of_the_server_that_had_it(self, recorded: Recorded, situation: str, kind: str) -> None:
        assert recorded.standing(situation, "n1") == kind

    def test_of_a_file_system_that_was_stopped(self, recorded: Recorded) -> None:
        (server,) = recorded.cluster("stopped").active_on("vg")
        assert recorded.standing("stopped", server, "fs1") == STOPPED
        assert recorded.standing("stopped", server, "vg") == ACTIVE


class TestConfiguration:
    def test_what_the_kit_protected_is_read_back(self, recorded: Recorded) -> None:
        for server in ("n1", "n2"):
            found = recorded.hierarchy(server)
            assert set(found.tags) == {*TAGS, "disk"}
            assert set(found.dependencies) == set(links(1))
            assert [i.info for i in found.of_tags(("vg",))] == [i.info for i in hierarchy(1) if i.tag == "vg"]

    def test_it_can_be_changed(self, recorded: Recorded) -> None:
        root = elements.parse(recorded.text("cib.xml"), "cib.xml")
        assert cib.servers(root) == ("n1", "n2")
        gone = patch.apply(root, Change(remove=("fs1",), unlink=(Dependency("fs1", "lv1"),)), "n1")
        assert set(cib.hierarchy(gone, "n1").tags) == {"vg", "lv1", "disk"}
        assert commit.ours(root) - commit.ours(gone)

    def test_pacemaker_s_own_copy_on_disk_has_the_same_form(self, recorded: Recorded) -> None:
        paths = Paths(cib=str(recorded.folder / "cib.xml"))
        found = copy.read(paths)
        assert copy.servers(found) == ("n1", "n2")
        assert [facts.path for facts in copy.disks(found, "n2", "VG")] == ["/dev/sda"]
        assert [lv.tag for lv in volumes.volumes_of(VgFacts("vg", "lvmvg-vg", "vg", "VG"), paths) or ()] == [
            "lvmkit-lv1", "lvmkit-fs1",
        ]  # fmt: skip

    @pytest.mark.parametrize("edit", ["draw", "left", "let_go"])
    def test_every_kind_of_rule_that_the_kit_writes_is_accepted(self, recorded: Recorded, edit: str) -> None:
        recorded.say(f"crm_verify {edit}")
        assert tools.crm_verify(HOW, elements.new("cib")) == ()


class TestTools:
    def test_what_the_cluster_would_refuse_has_reasons(self, recorded: Recorded) -> None:
        recorded.say("crm_verify refused")
        assert tools.crm_verify(HOW, elements.new("cib"))

    @pytest.mark.parametrize("tool", sorted(ASKS))
    def test_without_a_cluster_each_says_so_and_why(self, recorded: Recorded, tool: str) -> None:
        recorded.say(f"{tool} without a cluster")
        with pytest.raises(Failure) as caught:
            ASKS[tool]()
        (message,) = caught.value.messages
        assert isinstance(message, ClusterUnreachable)
        is_silent = not recorded.answers[f"{tool} without a cluster"]["stderr"] and tool == "crm_node"  # 3.0
        assert (message.why == "no reason given") == is_silent

    def test_a_difference_is_told_from_none(self, recorded: Recorded) -> None:
        recorded.say("crm_diff same")
        assert tools.crm_diff(HOW, elements.new("cib"), elements.new("cib")) == ""
        recorded.say("crm_diff")
        assert tools.crm_diff(HOW, elements.new("cib"), elements.new("cib")).startswith("<diff ")

    def test_a_patch_of_an_older_configuration_is_no_failure(self, recorded: Recorded) -> None:
        recorded.say("cibadmin old")
        assert tools.cibadmin_patch(HOW, "<diff/>") == tools.OLD

    def test_whether_the_cluster_has_settled(self, recorded: Recorded) -> None:
        recorded.say("crm_resource wait")
        assert tools.crm_resource_wait(HOW, 30.0)
        recorded.say("crm_resource wait too long")
        assert not tools.crm_resource_wait(HOW, 1.0)

    def test_marks_come_and_go_and_one_that_is_not_there_is_no_failure(self, recorded: Recorded) -> None:
        for name in ("none", "unmark"):
            recorded.say(f"crm_attribute {name}")
            tools.crm_attribute_unmark(HOW, "n1", "nothing")
        recorded.say("crm_attribute mark")
        tools.crm_attribute_update(HOW, "n1", "nothing", "yes")

    def test_forgetting_failures(self, recorded: Recorded) -> None:
        recorded.say("crm_resource cleanup")
        tools.crm_resource_cleanup(HOW, "lvmkit-fs1", "n1")
        recorded.say("crm_resource refresh")
        tools.crm_resource_refresh(HOW, "lvmkit-fs1")
        recorded.say("crm_resource unknown")
        with pytest.raises(Failure) as caught:
            tools.crm_resource_cleanup(HOW, "lvmkit-no", "n1")
        assert isinstance(caught.value.messages[0], ToolFailed)

    def test_the_own_name(self, recorded: Recorded) -> None:
        recorded.say("crm_node")
        assert tools.crm_node_name(HOW) == "n2"

    def test_what_the_cluster_would_do_can_be_foreseen_from_2_1_on(self, recorded: Recorded) -> None:
        recorded.say("crm_simulate stop")
        if recorded.version.startswith("2.0"):
            with pytest.raises(Failure) as caught:
                tools.crm_simulate(HOW, elements.new("cib"))
            (message,) = caught.value.messages
            assert isinstance(message, ToolGarbled)
            assert "Unknown option --output-as=xml" in message.why
            return
        assert tools.crm_simulate(HOW, elements.new("cib")) == (Action("stop", "lvmkit-fs1", "n1"),)
        recorded.say("crm_simulate move")
        moves = [(a.resource, a.source, a.server) for a in tools.crm_simulate(HOW, elements.new("cib"))]
        assert moves == [(ids.resource_id(tag), "n1", "n2") for tag in TAGS]
