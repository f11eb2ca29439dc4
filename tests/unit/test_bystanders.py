"""Who would make a stop fail on another server is named before a move; a server that cannot be asked is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.model.instance import ILLSTATE, ISP, OSF, OSU, Dependency
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.extend import LoginRefused, ProgramMissingThere, ServerTooSlow
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.messages.view import BystandersUnknown
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.peer.wire import packed
from lvmkit.storage import dm, holders
from lvmkit.storage.holders import MOUNT, SWAP, Holder
from lvmkit.workflow import admission, service
from lvmkit.workflow.bystanders import bystanders
from tests.unit.fakes import FakeCluster, FakePort, Shell, data_hierarchy, kit, numbers, on
from tests.unit.peer_fakes import FarEnd, Servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.plan import Kit

STANDING = ("vg1", "vg1/data", "/data")
BUSY_THERE = LvBusy("vg1-data", ("mount /mnt",), " on n2")


def names_them(servers: Servers, *named: Message) -> None:
    """Let n2 name these."""
    servers.says("n2", bystanders=[packed(message) for message in named])


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    """The other servers; nobody in the way at first."""
    return Servers(monkeypatch)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[Holder]:
    """Who uses the volume, as the kernel of this machine knows it."""
    found: list[Holder] = []
    device = dm.Device("vg1-data", "253:0", "LVM-x")
    monkeypatch.setattr(dm, "list_devices", lambda: (device,))
    monkeypatch.setattr(dm, "of_vg", lambda devices, _uuid: tuple(devices))
    monkeypatch.setattr(holders, "of_device", lambda _number: tuple(found))
    return found


@pytest.fixture
def port(held: list[Holder], monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """All is in service on n2; this server is n1, and no disk is lost."""
    del held
    monkeypatch.setattr(admission, "_all_there", lambda _facts: True)
    monkeypatch.setattr(admission, "_has_lost_disks", lambda *_: False)
    return FakeCluster(data_hierarchy(OSU), n2=on("n2", data_hierarchy()))


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def tools(port: FakeCluster, tmp_path: Path, told: list[Message]) -> Kit:
    return kit(port, tmp_path, told.append)


def refused(work: Callable[[], object]) -> tuple[Message, ...]:
    with pytest.raises(Failure) as failure:
        work()
    return failure.value.messages


class TestAsking:
    def test_a_move_from_another_server_is_refused_for_what_is_in_use_there(
        self, servers: Servers, port: FakeCluster, tools: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dm, "of_vg", lambda *_: ())
        names_them(servers, LvBusy("vg1-data", ("mount /mnt",)))
        assert refused(lambda: service.in_service("/data", tools)) == (BUSY_THERE, EndFailedInService("/data", "n1"))
        assert refused(lambda: service.in_service("/data", tools, "n3"))[0] == BUSY_THERE
        assert refused(lambda: service.out_of_service("vg1", tools)) == (BUSY_THERE,)
        assert port.moves == []
        assert BUSY_THERE.text == "Logical volume vg1-data on n2 is in use: mount /mnt."

    def test_it_goes_on_where_nobody_is_in_the_way(self, servers: Servers, port: FakeCluster, tools: Kit) -> None:
        service.in_service("/data", tools)
        service.out_of_service("vg1", tools)
        assert port.moves == [("restore", "/data", ""), ("remove", "vg1")]
        assert servers.requests == [("n2", "bystanders")] * 2
        assert [set(asked.facts["tags"]) for asked in servers.asked] == [set(STANDING)] * 2
        assert {asked.deadline for asked in servers.asked} == {tools.settings.command_deadline}

    def test_what_is_in_use_here_and_there_is_named_together(
        self, servers: Servers, port: FakeCluster, tools: Kit, held: list[Holder]
    ) -> None:
        port.now = data_hierarchy(ILLSTATE)
        held.append(Holder(SWAP, "/dev/dm-0"))
        names_them(servers, LvBusy("vg1-data", ("mount /mnt",)))
        here = LvBusy("vg1-data", ("swap /dev/dm-0",))
        assert refused(lambda: service.out_of_service("vg1", tools)) == (here, BUSY_THERE)

    @pytest.mark.parametrize(("state", "expected"), [(ILLSTATE, {"n2"}), (OSU, set()), (OSF, set())])
    def test_only_where_the_group_may_be_up(
        self, servers: Servers, port: FakeCluster, tools: Kit, state: str, expected: set[str]
    ) -> None:
        port.others["n2"] = on("n2", data_hierarchy(state))
        service.in_service("/data", tools)
        assert {asked.server for asked in servers.asked} == expected

    def test_what_is_mounted_within_a_file_system_that_leaves_is_in_the_way(
        self, port: FakeCluster, tools: Kit, held: list[Holder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port.now, port.others["n2"] = data_hierarchy(), on("n2", data_hierarchy(OSU))
        held.append(Holder(MOUNT, "/data"))
        monkeypatch.setattr(holders, "mounts_below", lambda point: (Holder(MOUNT, f"{point}/tmp"),))
        (found,) = refused(lambda: service.out_of_service("vg1", tools))
        assert found == LvBusy("vg1-data", ("mount /data/tmp",))

    def test_of_what_leaves_this_server_no_other_one_is_asked(
        self, servers: Servers, port: FakeCluster, tools: Kit
    ) -> None:
        port.now, port.others["n2"] = data_hierarchy(), on("n2", data_hierarchy(OSU))
        service.in_service("/data", tools, "n2")
        service.out_of_service("vg1", tools)
        assert servers.requests == [("n2", "admission")]

    @pytest.mark.parametrize("state", [ILLSTATE, ISP])
    def test_a_server_that_is_down_is_not_asked(
        self, servers: Servers, port: FakeCluster, tools: Kit, told: list[Message], state: str
    ) -> None:
        port.members["n2"] = Server("n2", online=False, unfit="offline")
        port.others["n2"] = on("n2", data_hierarchy(state))
        service.in_service("/data", tools)
        assert (servers.asked, told) == ([], [])

    def test_where_a_file_system_goes_alone_its_group_stays_up(self, servers: Servers, tools: Kit) -> None:
        service.out_of_service("/data", tools)
        assert servers.asked == []

    def test_without_a_cluster_nobody_is_asked(self, servers: Servers, tmp_path: Path, held: list[Holder]) -> None:
        held.append(Holder(MOUNT, "/mnt"))
        alone = FakePort(data_hierarchy())
        service.out_of_service("vg1", kit(alone, tmp_path, lambda _message: None))
        assert (alone.moves, servers.asked) == ([("remove", "vg1")], [])


class TestNoAnswer:
    @pytest.mark.parametrize(
        "why",
        [
            LoginRefused("n2", "Permission denied (publickey)."),
            ServerTooSlow("n2", 70.0),
            ProgramMissingThere("n2", "/opt/LifeKeeper/bin/lvmkit", "not found"),
        ],
    )
    def test_a_server_that_cannot_be_asked_is_told_of_and_the_move_goes_on(
        self, servers: Servers, port: FakeCluster, tools: Kit, told: list[Message], why: Message
    ) -> None:
        servers.silent("n2", why)
        service.in_service("/data", tools)
        assert told == [BystandersUnknown("n2", f"{why.number:06d} {why.text}")]
        assert port.moves == [("restore", "/data", "")]

    @pytest.mark.parametrize(
        "result",
        [{}, {"bystanders": 7}, {"bystanders": ["x"]}, {"bystanders": [{"number": "x"}]}, {"bystanders": {"a": 1}}],
    )
    def test_an_answer_that_is_none_is_told_of(
        self, servers: Servers, port: FakeCluster, tools: Kit, told: list[Message], result: dict[str, object]
    ) -> None:
        servers.says("n2", **{"other": 1, **result})
        service.in_service("/data", tools)
        assert [(m.number, str(m.as_dict()["why"])[:6]) for m in told] == [(110233, "110205")]
        assert port.moves == [("restore", "/data", "")]

    def test_a_message_of_a_later_version_still_refuses(self, servers: Servers, port: FakeCluster, tools: Kit) -> None:
        servers.says("n2", bystanders=[{"number": "119999", "level": "ERROR", "text": "It is in use.", "facts": {}}])
        assert refused(lambda: service.out_of_service("vg1", tools))[0].text == "n2: 119999 It is in use."
        assert port.moves == []


class TestCommandLine:
    def test_both_kits_understand_each_other(
        self,
        servers: Servers,
        port: FakeCluster,
        held: list[Holder],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        there = FakePort(on("n2", data_hierarchy()))
        monkeypatch.setattr(there, "local_server", lambda: "n2")
        servers.answers["n2"] = FarEnd(lambda _paths, tell: kit(there, tmp_path, tell), tmp_path, monkeypatch)
        held += [Holder(MOUNT, "/data"), Holder(MOUNT, "/mnt")]
        assert refused(lambda: service.in_service("/data", kit(port, tmp_path, print)))[0] == BUSY_THERE

    def test_tags_that_are_not_there_are_in_nobodys_way(self, tools: Kit, held: list[Holder]) -> None:
        held.append(Holder(MOUNT, "/mnt"))
        assert bystanders(("vg9",), tools.port.hierarchy(), frozenset) == ()

    @pytest.mark.parametrize("words", [("in-service", "/data"), ("out-of-service", "vg1")])
    def test_a_dry_run_refuses_what_the_command_would(
        self,
        servers: Servers,
        port: FakeCluster,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        words: tuple[str, ...],
    ) -> None:
        shell = Shell(tmp_path, port, monkeypatch)
        assert shell.run(*words, "--dry-run").exit_code == 0
        names_them(servers, replace(BUSY_THERE, where=""))
        result = shell.run(*words, "--dry-run")
        assert (result.exit_code, numbers(result), result.stdout) == (1, [110021], "")
        assert port.calls == []

    def test_what_stands_on_the_same_group_is_asked_for_too(
        self, servers: Servers, port: FakeCluster, tools: Kit
    ) -> None:
        there = port.others["n2"]
        more = replace(there.instances[1], tag="vg1/logs", id="/dev/vg1/logs")
        links = (*there.dependencies, Dependency("vg1/logs", "vg1"))
        port.others["n2"] = replace(there, instances=(*there.instances, more), dependencies=links)
        service.in_service("/data", tools)
        assert set(servers.asked[0].facts["tags"]) == {*STANDING, "vg1/logs"}
