"""apply: a file and what is protected come to agree, or nothing is changed; what is there already is left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, LVMVG, OSU
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.apply import (
    CreatedElsewhere,
    FileNotUnderstood,
    NotApplied,
    NotTakenBack,
    OtherResource,
    PlanChanged,
    ServersTorn,
    TagNotGiven,
)
from lvmkit.model.messages.pacemaker import ServerUnfit, UnknownServer
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.model.wanted import read_wanted
from lvmkit.workflow import create, delete, elsewhere
from lvmkit.workflow.apply import carry_out_agreement, draft_agreement, refuse_another, wanted_of
from tests.unit.fakes import OTHER_UUID, FakeCluster, FakePort, Shell, data_hierarchy, instance, kit, numbers, on
from tests.unit.local_storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.plan import Kit

REASON = CommandFailed("lvm", "5", "no")
DATA: dict[str, Any] = {"tag": "/data", "type": "filesys", "id": "/data"}


def document(*resources: dict[str, Any]) -> str:
    return json.dumps({"schema_version": 1, "resources": resources})


def data(**facts: Any) -> dict[str, Any]:
    """The file system /data; facts: what is said besides."""
    return {**DATA, **facts}


def places(**priorities: int) -> dict[str, dict[str, int]]:
    return {server: {"priority": priority} for server, priority in priorities.items()}


class Cluster:
    """n1 and n2 with /data, n3 without; what the workflows of other commands are told is noted."""

    def __init__(self, folder: Path, mocker: MockerFixture) -> None:
        self.port = FakeCluster(data_hierarchy(), n2=on("n2", data_hierarchy(OSU)))
        self.port.priorities = {"n1": 1, "n2": 11}
        self.told: list[Message] = []
        self.kit: Kit = kit(self.port, folder, self.told.append)
        self.done: list[tuple[str, ...]] = []
        self.failing: str = ""
        mocker.patch.object(create, "create", side_effect=self._noting("create"))
        mocker.patch.object(delete, "delete", side_effect=self._noting("delete"))
        self.draft: Any = mocker.patch.object(create, "draft_creation")
        ready = mocker.Mock(**{"readiness.is_ready": True})
        mocker.patch.object(elsewhere, "preview", return_value=ready)
        for name in ("extend", "unextend"):
            mocker.patch.object(elsewhere, name, side_effect=self._noting(name))

    def _noting(self, name: str) -> Any:
        def note(about: Any, *more: Any) -> None:
            server = more[0] if isinstance(more[0], str) else getattr(about, "server", "")
            self.done.append((name, getattr(about, "tag", about), server))
            if name == self.failing:
                raise Failure(REASON)

        return note

    def steps(self, *resources: dict[str, Any], may_delete: bool = False) -> list[str]:
        """What is to be done."""
        wanted = read_wanted(document(*resources))
        return [action.describe() for action in draft_agreement(wanted, self.kit, may_delete=may_delete).actions]

    def refusal(self, *resources: dict[str, Any]) -> tuple[Message, ...]:
        """Why nothing is done."""
        with pytest.raises(Failure) as caught:
            draft_agreement(read_wanted(document(*resources)), self.kit)
        assert (self.done, self.port.calls) == ([], [])
        return caught.value.messages

    def carry_out(self, *resources: dict[str, Any], may_delete: bool = False) -> None:
        wanted = read_wanted(document(*resources))
        carry_out_agreement(draft_agreement(wanted, self.kit, may_delete=may_delete), self.kit)


@pytest.fixture
def cluster(tmp_path: Path, mocker: MockerFixture) -> Cluster:
    return Cluster(tmp_path, mocker)


class TestDifference:
    def test_what_show_prints_is_what_is_there(
        self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shell = Shell(tmp_path, cluster.port, monkeypatch)
        for words in (("show",), ("show", "/data")):
            shown = shell.run(*words, "--output-format", "json").stdout
            agreement = draft_agreement(read_wanted(shown), cluster.kit, may_delete=True)
            assert (agreement.actions, agreement.left) == ((), ())

    def test_what_is_not_said_is_left_as_it_is(self, cluster: Cluster) -> None:
        assert cluster.steps(data()) == []

    def test_a_hierarchy_is_created_extended_and_its_servers_ranked(self, cluster: Cluster) -> None:
        cluster.port.now, cluster.port.others = Hierarchy(), {}
        assert cluster.steps(data(servers=places(n1=20, n2=10))) == [
            "create /data, with the tag /data",
            "extend /data to n2, with priority 10",
            "give the servers of /data the priorities n1 20, n2 10",
        ]

    def test_outer_file_systems_are_created_before_those_that_lie_in_them(self, cluster: Cluster) -> None:
        cluster.port.now, cluster.port.others = Hierarchy(), {}
        inner = {"tag": "a", "type": "filesys", "id": "/data/logs/x"}
        assert [step.split(",")[0] for step in cluster.steps(inner, data())] == ["create /data", "create /data/logs/x"]

    def test_what_moves_together_is_extended_once(self, cluster: Cluster) -> None:
        both = [data(servers=places(n1=1, n2=11, n3=5)), dict(data(servers=places(n1=1, n2=11, n3=5)))]
        both[1].update(tag="vg1/data", type="lvmlv", id="/dev/vg1/data")
        assert cluster.steps(*both) == ["extend /data to n3, with priority 5"]

    def test_priorities_that_were_exchanged(self, cluster: Cluster) -> None:
        wanted = data(servers=places(n1=11, n2=1))
        assert cluster.steps(wanted) == ["give the servers of /data the priorities n1 11, n2 1"]
        cluster.carry_out(wanted)
        assert [call for call in cluster.port.calls if call[0] == "priorities"] == [
            ("priorities", "vg1", "n1=11", "n2=1")
        ]

    def test_a_priority_that_another_server_still_has_is_given_afterwards(self, cluster: Cluster) -> None:
        assert cluster.steps(data(servers=places(n1=2, n2=11, n3=1))) == [
            "extend /data to n3",
            "give the servers of /data the priorities n1 2, n2 11, n3 1",
        ]

    def test_switchback_and_initialisation_are_set_on_every_server(self, cluster: Cluster) -> None:
        cluster.carry_out(data(switchback="automatic", initialisation="INIT_OSU"))
        assert [call for call in cluster.port.calls if call[0] == "amend"] == [
            ("amend", "/data", server, fact)
            for fact in ("switchback=AUTOMATIC", "initialisation=INIT_OSU")
            for server in ("n1", "n2")
        ]

    def test_nothing_is_taken_away_unless_that_is_asked_for(self, cluster: Cluster) -> None:
        wanted = read_wanted(document(data(servers=places(n1=1))))
        agreement = draft_agreement(wanted, cluster.kit)
        assert (agreement.actions, agreement.left) == ((), ("/data on n2",))
        assert draft_agreement((), cluster.kit).left == ("/data",)
        assert cluster.steps(data(servers=places(n1=1)), may_delete=True) == ["unextend /data from n2"]
        assert cluster.steps(may_delete=True) == ["delete /data; data and mounts stay"]


class TestRefusal:
    def test_another_resource_of_that_tag(self, cluster: Cluster) -> None:
        assert cluster.refusal(data(id="/other")) == (OtherResource("/data", "id", "/data", "/other"),)
        group = {"tag": "vg1", "type": "lvmvg", "id": "lvmvg-vg1", "info": {"vg_uuid": OTHER_UUID}}
        assert [type(message) for message in cluster.refusal(group)] == [OtherResource]
        reserved = cluster.refusal({**group, "info": {"reservation": "scsi"}})
        assert reserved == (OtherResource("vg1", "reservation", "none", "scsi"),)

    def test_another_tag_for_what_is_protected(self, cluster: Cluster) -> None:
        assert cluster.refusal(data(tag="mine")) == (OtherResource("/data", "tag", "/data", "mine"),)

    def test_a_tag_of_a_group_that_create_does_not_give(self, cluster: Cluster) -> None:
        group = {"tag": "mine", "type": "lvmvg", "id": "lvmvg-vg2"}
        assert cluster.refusal(group) == (TagNotGiven("mine", "lvmvg-vg2", "vg2"),)

    def test_what_another_kit_makes(self, cluster: Cluster) -> None:
        assert cluster.refusal({"tag": "db", "type": "pgsql", "id": "main"}) == (NotApplied("db", "pgsql"),)

    def test_a_server_that_there_is_not_and_one_that_is_offline(self, cluster: Cluster) -> None:
        assert [type(m) for m in cluster.refusal(data(servers=places(n1=1, n2=11, n9=2)))] == [UnknownServer]
        cluster.port.members["n3"] = Server("n3", online=False)
        assert [type(m) for m in cluster.refusal(data(servers=places(n1=1, n2=11, n3=2)))] == [ServerUnfit]

    def test_a_hierarchy_that_is_to_be_made_on_other_servers(self, cluster: Cluster) -> None:
        wanted = data(tag="logs", id="/logs", servers=places(n2=1))
        assert cluster.refusal(wanted) == (CreatedElsewhere("logs", "n1", ("n2",)),)

    def test_different_servers_for_one_volume_group(self, cluster: Cluster) -> None:
        volume = {"tag": "vg1/data", "type": "lvmlv", "id": "/dev/vg1/data", "servers": places(n1=1)}
        assert cluster.refusal(data(servers=places(n1=1, n2=11)), volume) == (ServersTorn("/data", "vg1/data"),)

    def test_all_that_speaks_against_it_is_said_at_once(self, cluster: Cluster) -> None:
        cluster.port.now, cluster.port.others = Hierarchy(), {}
        cluster.draft.side_effect = Failure(REASON)
        cluster.port.members["n3"] = Server("n3", online=False)
        told = cluster.refusal(data(servers=places(n1=1, n3=2)))
        assert [type(message) for message in told] == [CommandFailed, ServerUnfit]


class TestCarryingOut:
    def test_what_fails_takes_back_what_was_done_before_it(self, cluster: Cluster) -> None:
        cluster.port.now, cluster.port.others, cluster.failing = Hierarchy(), {}, "extend"
        with pytest.raises(Failure) as caught:
            cluster.carry_out(data(servers=places(n1=1, n2=11)))
        assert caught.value.messages == (REASON,)
        assert cluster.done == [("create", "/data", ""), ("extend", "/data", "n2"), ("delete", "/data", "")]

    def test_what_cannot_be_taken_back_is_said_and_the_rest_is(self, cluster: Cluster) -> None:
        cluster.failing = "unextend"
        resources = data(servers=places(n1=1, n3=5), switchback="automatic")
        with pytest.raises(Failure):
            cluster.carry_out(resources, may_delete=True)
        assert [type(message) for message in cluster.told if message.number != 110093] == [NotTakenBack]
        assert [call for call in cluster.port.calls if call[0] == "amend"][-1] == (
            "amend",
            "/data",
            "n2",
            "switchback=INTELLIGENT",
        )

    def test_exactly_what_was_shown_or_nothing(self, cluster: Cluster) -> None:
        shown = draft_agreement(read_wanted(document(data(switchback="automatic"))), cluster.kit)
        refuse_another(shown, "/f", "")
        refuse_another(shown, "/f", shown.digest)
        other = draft_agreement(read_wanted(document(data(initialisation="INIT_OSU"))), cluster.kit)
        with pytest.raises(Failure) as caught:
            refuse_another(other, "/f", shown.digest)
        assert caught.value.messages == (PlanChanged("/f", shown.digest, other.digest),)

    def test_on_one_server_it_protects_and_ends_and_has_nothing_to_do_in_between(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Storage(tmp_path, monkeypatch)
        port = FakePort()
        tools = kit(port, tmp_path, lambda _message: None)
        wanted = read_wanted(document(data()))
        carry_out_agreement(draft_agreement(wanted, tools), tools)
        assert {"/data", "vg1/data", "vg1"} <= set(port.now.tags)
        assert draft_agreement(wanted, tools, may_delete=True).actions == ()
        carry_out_agreement(draft_agreement((), tools, may_delete=True), tools)
        assert port.now.tags == ()


class TestFile:
    @pytest.mark.parametrize(
        "text",
        [
            "", "no json", "[]", "{}", '{"resources": {}}', '{"resources": [1]}', "[" * 100000,
            '{"schema_version": 2, "resources": []}', document({"tag": "x"}), document(data(), data()),
            document(data(tag="-x")), document(data(id="data")), document(data(id="/../x")), document(data(info=7)),
            document(data(switchback="sometimes")), document(data(children=[1])), document(data(servers=[])),
            document(data(servers={"-x": {}})), document(data(servers={"n1": 1})),
            document(data(servers=places(n1=1000))), document(data(servers=places(n1=True))),
            document(data(servers=places(n1=1, n2=1))),
        ],
    )  # fmt: skip
    def test_what_does_not_say_what_is_wanted_is_refused(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "f").write_text(text)
        with pytest.raises(Failure) as caught:
            wanted_of(f"{tmp_path}/f")
        assert isinstance(caught.value.messages[0], FileNotUnderstood)

    def test_fields_that_came_later_are_passed_over(self) -> None:
        (wanted,) = read_wanted(document(data(colour="red")))
        assert (wanted.tag, wanted.type, wanted.servers) == ("/data", FILESYS, ())

    def test_a_group_of_show_that_says_nothing_of_reservations_has_none(self) -> None:
        (wanted,) = read_wanted(document({"tag": "vg1", "type": LVMVG, "id": "lvmvg-vg1", "info": {"vg_uuid": "x"}}))
        assert wanted.reservation == "none"


class TestCommand:
    @pytest.fixture
    def shell(self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
        return Shell(tmp_path, cluster.port, monkeypatch)

    def test_it_shows_first_and_does_exactly_that(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_text(document(data(switchback="automatic")))
        shown = shell.run("apply", str(path), "--format", "json")
        answer = json.loads(shown.stdout)
        assert (shown.exit_code, answer["applied"], answer["tags"], shell.port.calls) == (0, False, ["/data"], [])
        assert numbers(shown) == [110493]
        done = shell.run("apply", str(path), "--expect", answer["digest"], "--format", "json")
        assert (done.exit_code, json.loads(done.stdout)["applied"]) == (0, True)
        assert ("amend", "/data", "n1", "switchback=AUTOMATIC") in shell.port.calls
        assert shell.run("apply", str(path), "--expect", "other").exit_code == 5

    def test_where_nothing_is_to_be_done_it_says_so(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "f").write_text(document(data()))
        result = shell.run("apply", f"{tmp_path}/f", "--yes")
        assert (result.exit_code, result.stdout, numbers(result), shell.port.calls) == (0, "", [110102], [])

    def test_a_file_that_is_not_there(self, shell: Shell, tmp_path: Path) -> None:
        result = shell.run("apply", f"{tmp_path}/nowhere", "--yes")
        assert (result.exit_code, numbers(result)) == (5, [110485])


def test_a_second_hierarchy_of_the_group_keeps_its_own_words(cluster: Cluster) -> None:
    other = instance(FILESYS, "/logs", "/logs")
    cluster.port.now = replace(cluster.port.now, instances=(*cluster.port.now.instances, other))
    assert cluster.steps(data(servers=places(n1=1, n2=11))) == []
