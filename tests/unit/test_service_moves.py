"""In and out of service through the port: which server, which tag, and what a dry run foresees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import FILESYS, ILLSTATE, ISP, LVMLV, OSF, OSU, Dependency
from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import EndFailedInService, ErrorBringingInService, ResourceNotFound
from lvmkit.model.messages.pacemaker import NoQuorum, NotExtended, ServerUnfit, UnknownServer
from lvmkit.model.messages.service import LvBusy, PvsMissing
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.workflow import bystanders, service
from lvmkit.workflow.service import REMOVE, RESTORE
from tests.unit.fakes import SERVER, FakeCluster, FakePort, data_hierarchy, instance, kit, on
from tests.unit.peer_fakes import Servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lvmkit.plan import Kit
    from lvmkit.storage.run import Finished
    from lvmkit.workflow.service import PlannedAction
    from tests.unit.peer_fakes import Asked

UP, DOWN = ["vg1", "vg1/data", "/data"], ["/data", "vg1/data", "vg1"]


@pytest.fixture
def port() -> FakeCluster:
    return FakeCluster(data_hierarchy(), n2=on("n2", data_hierarchy(OSU)))


@pytest.fixture
def in_the_way(monkeypatch: pytest.MonkeyPatch) -> list[LvBusy]:
    """Who holds volumes of what leaves this server; nobody until told otherwise."""
    found: list[LvBusy] = []

    def named(tags: Iterable[str], _now: Hierarchy, _required: object) -> tuple[LvBusy, ...]:
        assert set(tags) <= set(DOWN)
        return tuple(found)

    def ask(asked: Asked) -> Finished:
        raise AssertionError(f"{asked.server} was asked")

    monkeypatch.setattr(bystanders, "bystanders", named)
    Servers(monkeypatch).answers["bystanders"] = ask
    return found


@pytest.fixture
def tools(port: FakeCluster, tmp_path: Path, in_the_way: list[LvBusy]) -> Kit:
    return kit(port, tmp_path, lambda _message: None)


def _legs(actions: tuple[PlannedAction, ...]) -> list[tuple[str, str, str]]:
    return [(each.action, each.instance.server, each.instance.tag) for each in actions]


def _refused(work: Callable[[], object]) -> list[type]:
    with pytest.raises(Failure) as failure:
        work()
    return [type(message) for message in failure.value.messages]


class TestInService:
    def test_the_server_reaches_the_engine_under_the_lock(self, port: FakeCluster, tools: Kit) -> None:
        assert service.in_service("/data", tools, "n2") == "/data"
        assert port.calls == [("lock",), ("restore", "/data", "n2"), ("unlock",)]

    def test_a_tag_that_only_another_server_has(self, port: FakeCluster, tools: Kit) -> None:
        port.now = Hierarchy()
        service.in_service("vg1", tools, "n2")
        service.out_of_service("vg1", tools)
        assert port.moves == [("restore", "vg1", "n2"), ("remove", "vg1")]

    def test_a_tag_that_no_server_has_changes_nothing(self, port: FakeCluster, tools: Kit) -> None:
        assert _refused(lambda: service.in_service("vg9", tools, "n2")) == [ResourceNotFound]
        assert _refused(lambda: service.out_of_service("vg9", tools)) == [ResourceNotFound]
        assert port.calls == []

    @pytest.mark.parametrize(("given", "named"), [("n2", "n2"), ("", SERVER)])
    def test_a_failure_ends_with_the_guides_message_of_the_server(
        self, port: FakeCluster, tools: Kit, given: str, named: str
    ) -> None:
        why = PvsMissing("vg1", 1, ("A",))
        port.failing = {"vg1": why}
        with pytest.raises(Failure) as failure:
            service.in_service("vg1", tools, given)
        first, _, last = failure.value.messages
        assert (first, last) == (why, EndFailedInService("vg1", named))
        assert isinstance(failure.value.messages[1], ErrorBringingInService)


class TestBystanders:
    def test_what_would_make_the_stop_fail_is_named_and_nothing_is_moved(
        self, port: FakeCluster, tools: Kit, in_the_way: list[LvBusy]
    ) -> None:
        in_the_way.append(LvBusy("vg1-own", ("mount /mnt",)))
        assert _refused(lambda: service.in_service("/data", tools, "n2")) == [LvBusy, EndFailedInService]
        assert _refused(lambda: service.out_of_service("vg1", tools)) == [LvBusy]
        assert port.moves == []

    def test_it_is_in_nobodys_way_where_the_group_stays(
        self, port: FakeCluster, tools: Kit, in_the_way: list[LvBusy]
    ) -> None:
        in_the_way.append(LvBusy("vg1-own", ("mount /mnt",)))
        service.in_service("/data", tools)
        assert port.moves == [("restore", "/data", "")]


class TestForesight:
    def test_a_move_takes_down_there_and_brings_up_here(self, port: FakeCluster) -> None:
        actions = service.way_in("/data", "n2", port.overview())
        assert _legs(actions) == [(REMOVE, SERVER, tag) for tag in DOWN] + [(RESTORE, "n2", tag) for tag in UP]
        assert port.calls == []

    def test_what_stands_on_the_same_group_moves_along_unless_it_is_out_of_service(self, port: FakeCluster) -> None:
        logs = instance(FILESYS, "/logs", "/logs"), instance(LVMLV, "vg1/logs", "/dev/vg1/logs")
        idle = instance(LVMLV, "vg1/idle", "/dev/vg1/idle", OSU)
        links = [Dependency("/logs", "vg1/logs"), Dependency("vg1/logs", "vg1"), Dependency("vg1/idle", "vg1")]
        port.now = Hierarchy((*port.now.instances, *logs, idle), (*port.now.dependencies, *links))
        port.others["n2"] = on("n2", port.now, state=OSU)
        actions = service.way_in("/data", "n2", port.overview())
        removed = [each.instance.tag for each in actions if each.action == REMOVE]
        restored = [each.instance.tag for each in actions if each.action == RESTORE]
        assert set(removed) == set(restored) == {*UP, "/logs", "vg1/logs"}
        assert (removed[-1], restored[0]) == ("vg1", "vg1")
        assert restored.index("vg1/logs") < restored.index("/logs")
        assert removed.index("/logs") < removed.index("vg1/logs")

    def test_where_it_is_already_there_is_nothing_to_do(self, port: FakeCluster) -> None:
        assert service.way_in("/data", "", port.overview()) == ()

    @pytest.mark.parametrize("state", [OSU, OSF])
    def test_what_is_nowhere_is_only_brought_up(self, port: FakeCluster, state: str) -> None:
        port.now = data_hierarchy(state)
        assert [each for each in _legs(service.way_in("/data", "n2", port.overview())) if each[0] == RESTORE] == [
            (RESTORE, "n2", tag) for tag in UP
        ]

    def test_out_of_service_is_where_it_is(self, port: FakeCluster) -> None:
        port.now, port.others["n2"] = data_hierarchy(OSF), on("n2", data_hierarchy())
        assert _legs(service.way_out("vg1", port.overview())) == [(REMOVE, "n2", tag) for tag in DOWN]
        port.now = Hierarchy()
        assert _legs(service.way_out("/data", port.overview())) == [(REMOVE, "n2", "/data")]

    def test_what_is_in_doubt_on_a_member_goes_and_on_a_dead_server_does_not(self, port: FakeCluster) -> None:
        port.others["n2"] = on("n2", data_hierarchy(ILLSTATE))
        assert _legs(service.way_out("/data", port.overview())) == [(REMOVE, s, "/data") for s in (SERVER, "n2")]
        port.members["n2"] = Server("n2", online=False, unfit="offline")
        assert _legs(service.way_out("/data", port.overview())) == [(REMOVE, SERVER, "/data")]

    def test_on_one_server_disks_are_moved_as_well(self) -> None:
        seen = FakePort(data_hierarchy(OSU)).overview()
        assert [tag for _, _, tag in _legs(service.way_in("vg1", "", seen))] == ["disk-A", "disk-B", "vg1"]
        assert service.way_out("vg1", seen) == ()

    @pytest.mark.parametrize(
        ("tag", "server", "kind"),
        [("vg9", "n2", ResourceNotFound), ("/data", "n9", UnknownServer), ("/data", "n3", NotExtended)],
    )
    def test_what_the_engine_would_refuse_is_refused(
        self, port: FakeCluster, tag: str, server: str, kind: type
    ) -> None:
        assert _refused(lambda: service.way_in(tag, server, port.overview())) == [kind]

    def test_an_unfit_server_and_a_lost_quorum_are_both_said(self, port: FakeCluster) -> None:
        port.members["n2"] = replace(port.members["n2"], unfit="standby")
        port.trouble = (NoQuorum("stop"),)
        assert _refused(lambda: service.way_in("/data", "n2", port.overview())) == [NoQuorum, ServerUnfit]
        assert ISP in {i.state for i in port.now.instances}
