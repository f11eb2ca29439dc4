"""What a change on one server has the others do, and that what they could not be told is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster import transport
from lvmkit.model import names
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import NothingToDo
from lvmkit.model.messages.extend import NotFollowedThere, ServerUnreachable, StillListedThere, StillProtected
from lvmkit.model.record import Record
from lvmkit.model.servers import Server
from lvmkit.storage import lkvgs, records
from lvmkit.storage.run import Finished
from lvmkit.workflow import everywhere
from tests.unit.fakes import VG_UUID, FakeCluster, Shell, data_hierarchy, kit, numbers, on

if TYPE_CHECKING:
    from pathlib import Path

    from lvmkit.plan import Kit


class Elsewhere:
    """The other servers: what they are told, and how they answer."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.status = 0
        self.unreachable = False

    def run_on(self, server: str, argv: tuple[str, ...], *_: object, **__: Any) -> Finished:
        self.told.append((server, *argv[1:]))
        if self.unreachable:
            raise Failure(ServerUnreachable(server, "no route"))
        return Finished(argv, self.status, "", "lvmkit: ERROR 000019: no\n" if self.status else "", 0.1)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = Elsewhere()
    monkeypatch.setattr(transport, "run_on", made.run_on)
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


def test_the_others_follow_for_themselves_only(elsewhere: Elsewhere, tools: Kit, told: list[Message]) -> None:
    everywhere.follow("vg1", tools)
    assert elsewhere.told == [("n2", "reconfigure", "vg1", "--yes", "--here")]
    assert told == []


@pytest.mark.parametrize("fault", ["unreachable", "refused", "down"])
def test_who_could_not_follow_is_named(
    elsewhere: Elsewhere, port: FakeCluster, tools: Kit, told: list[Message], fault: str
) -> None:
    elsewhere.unreachable, elsewhere.status = fault == "unreachable", int(fault == "refused")
    if fault == "down":
        port.members["n2"] = Server("n2", online=False, unfit="offline")
    everywhere.follow("vg1", tools)
    everywhere.forget_there(port.hierarchy().instances, ("n2",), tools)
    assert [type(message) for message in told] == [NotFollowedThere, StillListedThere]
    assert bool(elsewhere.told) == (fault != "down")


def test_only_volume_groups_are_forgotten_elsewhere(elsewhere: Elsewhere, port: FakeCluster, tools: Kit) -> None:
    now = port.hierarchy()
    without = [instance for instance in now.instances if instance.tag != "vg1"]
    everywhere.forget_there(without, ("n2",), tools)
    assert elsewhere.told == []
    everywhere.forget_there(now.instances, ("n2",), tools)
    assert elsewhere.told == [("n2", "forget", "vg1")]


def test_forget_takes_list_and_record(tools: Kit) -> None:
    lkvgs.add(tools.paths.lkvgs, "vg9")
    records.store(tools.paths, Record("vg9", "vg9", VG_UUID, (), ()))
    assert everywhere.forget("vg9", tools)
    assert lkvgs.listed(tools.paths.lkvgs) == ()
    assert records.load(tools.paths, names.lvmvg_id("vg9")) is None
    assert not everywhere.forget("vg9", tools)


def test_the_command_refuses_what_is_protected_and_says_when_there_is_nothing(
    port: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, port, monkeypatch)
    refused = shell.run("forget", "vg9", "vg1")
    assert (refused.exit_code, numbers(refused)) == (StillProtected.lcdi_exit, [StillProtected.number])
    nothing = shell.run("forget", "vg9")
    assert (nothing.exit_code, numbers(nothing)) == (0, [NothingToDo.number])
    assert shell.run("forget", "-rf").exit_code != 0
