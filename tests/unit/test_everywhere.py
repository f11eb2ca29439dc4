"""What a change on one server has the others do, and that what they could not be told is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model import names
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import NothingToDo, SeenDifferently
from lvmkit.model.messages.extend import NotFollowedThere, ServerUnreachable, StillListedThere, StillProtected
from lvmkit.model.messages.guide import ResourceNotFound
from lvmkit.model.record import Record
from lvmkit.model.servers import Server
from lvmkit.storage import lkvgs, records
from lvmkit.workflow import everywhere
from tests.unit.fakes import VG_UUID, FakeCluster, Shell, data_hierarchy, kit, numbers, on
from tests.unit.outlived import at_work
from tests.unit.peer_fakes import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.plan import Kit


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    made = Servers(monkeypatch)
    made.says("reconfigure", done=True)
    made.says("forget", done=True)
    return made


@pytest.fixture
def port() -> FakeCluster:
    return FakeCluster(data_hierarchy(), n2=on("n2", data_hierarchy()))


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def tools(port: FakeCluster, tmp_path: Path, told: list[Message]) -> Kit:
    return kit(port, tmp_path, told.append)


def test_the_others_follow_for_themselves_only(servers: Servers, tools: Kit, told: list[Message]) -> None:
    everywhere.follow("vg1", tools)
    assert [(each.server, each.name, each.facts) for each in servers.asked] == [
        ("n2", "reconfigure", {"tag": "vg1", "contents": ""})
    ]
    assert told == []


class TestAnotherView:
    """What is asked before exactly what was shown is applied."""

    def test_a_server_that_sees_another_group_is_named(self, servers: Servers, tools: Kit) -> None:
        servers.says("n2", contents="other")
        with pytest.raises(Failure) as caught:
            everywhere.refuse_another_view("vg1", "shown", tools)
        assert caught.value.messages == (SeenDifferently("n2", "vg1"),)
        assert [(each.server, each.name, each.facts) for each in servers.asked] == [("n2", "contents", {"tag": "vg1"})]

    def test_one_that_sees_the_same_or_cannot_be_asked_is_not(self, servers: Servers, tools: Kit) -> None:
        servers.says("n2", contents="shown")
        everywhere.refuse_another_view("vg1", "shown", tools)
        servers.silent("n2", ServerUnreachable("n2", "no route"))
        everywhere.refuse_another_view("vg1", "shown", tools)

    def test_who_follows_is_told_what_to_expect(self, servers: Servers, tools: Kit) -> None:
        everywhere.follow("vg1", tools, "shown")
        assert [each.facts for each in servers.asked] == [{"tag": "vg1", "contents": "shown"}]


@pytest.mark.parametrize("fault", ["unreachable", "refused", "down"])
def test_who_could_not_follow_is_named(
    servers: Servers, port: FakeCluster, tools: Kit, told: list[Message], fault: str
) -> None:
    if fault == "unreachable":
        servers.silent("n2", ServerUnreachable("n2", "no route"))
    if fault == "refused":
        servers.says("n2", ResourceNotFound("vg1"))
    if fault == "down":
        port.members["n2"] = Server("n2", online=False, unfit="offline")
    everywhere.follow("vg1", tools)
    everywhere.forget_there(port.hierarchy().instances, ("n2",), tools)
    assert [type(message) for message in told] == [NotFollowedThere, StillListedThere]
    assert bool(servers.asked) == (fault != "down")


def test_what_another_server_refuses_is_said_in_its_words(servers: Servers, tools: Kit, told: list[Message]) -> None:
    servers.says("n2", ResourceNotFound("vg1"))
    everywhere.follow("vg1", tools)
    assert told == [NotFollowedThere("n2", "vg1", f"000019 {ResourceNotFound('vg1').text}")]


def test_only_volume_groups_are_forgotten_elsewhere(servers: Servers, port: FakeCluster, tools: Kit) -> None:
    now = port.hierarchy()
    without = [instance for instance in now.instances if instance.tag != "vg1"]
    everywhere.forget_there(without, ("n2",), tools)
    assert servers.asked == []
    everywhere.forget_there(now.instances, ("n2",), tools)
    assert [(each.server, each.name, each.facts) for each in servers.asked] == [("n2", "forget", {"groups": ["vg1"]})]


def test_forget_takes_list_and_record_and_says_when_there_is_nothing(tools: Kit, told: list[Message]) -> None:
    lkvgs.add(tools.paths.lkvgs, "vg9")
    records.store(tools.paths, Record("vg9", "vg9", VG_UUID, (), ()))
    everywhere.forget(("vg9",), tools)
    assert (lkvgs.listed(tools.paths.lkvgs), told) == ((), [])
    assert records.load(tools.paths, names.lvmvg_id("vg9")) is None
    everywhere.forget(("vg9",), tools)
    assert told == [NothingToDo("vg9")]


def test_forget_looks_what_is_protected_while_no_other_change_can_begin(
    port: FakeCluster, tools: Kit, mocker: MockerFixture
) -> None:
    def looking() -> Hierarchy:
        port.calls.append(("look",))
        return Hierarchy()

    lkvgs.add(tools.paths.lkvgs, "vg9")
    mocker.patch.object(port, "hierarchy", side_effect=looking)
    everywhere.forget(("vg9",), tools)
    assert port.calls == [("lock",), ("look",), ("unlock",)]


@pytest.mark.parametrize("is_recorded", [True, False])
def test_forget_waits_for_a_start_that_writes_the_record(tools: Kit, is_recorded: bool) -> None:
    record = Record("vg9", "vg9", VG_UUID, (), ())
    lkvgs.add(tools.paths.lkvgs, "vg9", VG_UUID)
    if is_recorded:
        records.store(tools.paths, record)
    with at_work(tools.paths, VG_UUID, lambda: records.store(tools.paths, record)):
        assert everywhere.forget(("vg9",), tools) == ("vg9",)
    assert records.load(tools.paths, names.lvmvg_id("vg9")) is None


def test_the_command_refuses_what_is_protected_and_says_when_there_is_nothing(
    port: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, port, monkeypatch)
    refused = shell.run("forget", "vg9", "vg1")
    assert (refused.exit_code, numbers(refused)) == (StillProtected.lcdi_exit, [StillProtected.number])
    nothing = shell.run("forget", "vg9")
    assert (nothing.exit_code, numbers(nothing)) == (0, [NothingToDo.number])
    assert shell.run("forget", "-rf").exit_code != 0
