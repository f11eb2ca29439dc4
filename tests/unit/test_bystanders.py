"""Who would make a stop fail on another server is named before a move; a server that cannot be asked is told of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster import transport
from lvmkit.model.instance import ILLSTATE, ISP, OSF, OSU, Dependency
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.extend import LoginRefused, ProgramMissingThere, ServerTooSlow
from lvmkit.model.messages.guide import EndFailedInService
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.messages.view import BystandersUnknown
from lvmkit.model.servers import Server
from lvmkit.model.value import replace
from lvmkit.storage import dm, holders
from lvmkit.storage.holders import MOUNT, SWAP, Holder
from lvmkit.storage.run import Finished
from lvmkit.workflow import service
from lvmkit.workflow.wire import packed
from tests.unit.fakes import FakeCluster, FakePort, Shell, data_hierarchy, kit, numbers, on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.plan import Kit

STANDING = ("vg1", "vg1/data", "/data")
BUSY_THERE = LvBusy("vg1-data", ("mount /mnt",), " on n2")


class Elsewhere:
    """The other servers: what they were asked, in how many seconds, and their answer; nobody in the way at first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.deadlines: set[float] = set()
        self.answer: Callable[[tuple[str, ...]], Finished] = lambda argv: answered(argv)

    def run_on(self, server: str, argv: tuple[str, ...], *_: object, deadline: float, **__: Any) -> Finished:
        self.asked.append((server, *argv[1:]))
        self.deadlines.add(deadline)
        return self.answer(argv)

    def refuse(self, why: Message) -> None:
        """Be out of reach, for this reason."""

        def answer(_argv: tuple[str, ...]) -> Finished:
            raise Failure(why)

        self.answer = answer

    def print(self, stdout: str, stderr: str = "", status: int = 0) -> None:
        """Answer with this."""
        self.answer = lambda argv: Finished(argv, status, stdout, stderr, 0.1)

    @property
    def servers(self) -> set[str]:
        """Who was asked."""
        return {words[0] for words in self.asked}


def answered(argv: tuple[str, ...], *named: Message) -> Finished:
    """The answer of a server that names these."""
    text = json.dumps({"schema_version": 1, "bystanders": [packed(message) for message in named]})
    return Finished(argv, 0, text, "", 0.1)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = Elsewhere()
    monkeypatch.setattr(transport, "run_on", made.run_on)
    return made


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
def port(held: list[Holder]) -> FakeCluster:
    """All is in service on n2; this server is n1."""
    del held
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
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit
    ) -> None:
        elsewhere.answer = lambda argv: answered(argv, LvBusy("vg1-data", ("mount /mnt",)))
        assert refused(lambda: service.in_service("/data", tools)) == (BUSY_THERE, EndFailedInService("/data", "n1"))
        assert refused(lambda: service.in_service("/data", tools, "n3"))[0] == BUSY_THERE
        assert refused(lambda: service.out_of_service("vg1", tools)) == (BUSY_THERE,)
        assert port.moves == []
        assert BUSY_THERE.text == "Logical volume vg1-data on n2 is in use: mount /mnt."

    def test_it_goes_on_where_nobody_is_in_the_way(self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit) -> None:
        service.in_service("/data", tools)
        service.out_of_service("vg1", tools)
        assert port.moves == [("restore", "/data", ""), ("remove", "vg1")]
        assert {words[:2] for words in elsewhere.asked} == {("n2", "bystanders")}
        assert [set(words[2:]) for words in elsewhere.asked] == [set(STANDING)] * 2
        assert elsewhere.deadlines == {tools.settings.command_deadline}

    def test_what_is_in_use_here_and_there_is_named_together(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, held: list[Holder]
    ) -> None:
        port.now = data_hierarchy(ILLSTATE)
        held.append(Holder(SWAP, "/dev/dm-0"))
        elsewhere.answer = lambda argv: answered(argv, LvBusy("vg1-data", ("mount /mnt",)))
        here = LvBusy("vg1-data", ("swap /dev/dm-0",))
        assert refused(lambda: service.out_of_service("vg1", tools)) == (here, BUSY_THERE)

    @pytest.mark.parametrize(("state", "servers"), [(ILLSTATE, {"n2"}), (OSU, set()), (OSF, set())])
    def test_only_where_the_group_may_be_up(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, state: str, servers: set[str]
    ) -> None:
        port.others["n2"] = on("n2", data_hierarchy(state))
        service.in_service("/data", tools)
        assert elsewhere.servers == servers

    def test_what_is_mounted_within_a_file_system_that_leaves_is_in_the_way(
        self, port: FakeCluster, tools: Kit, held: list[Holder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port.now, port.others["n2"] = data_hierarchy(), on("n2", data_hierarchy(OSU))
        held.append(Holder(MOUNT, "/data"))
        monkeypatch.setattr(holders, "mounts_below", lambda point: (Holder(MOUNT, f"{point}/tmp"),))
        (found,) = refused(lambda: service.out_of_service("vg1", tools))
        assert found == LvBusy("vg1-data", ("mount /data/tmp",))

    def test_what_leaves_this_server_needs_no_connection(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit
    ) -> None:
        port.now, port.others["n2"] = data_hierarchy(), on("n2", data_hierarchy(OSU))
        service.in_service("/data", tools, "n2")
        service.out_of_service("vg1", tools)
        assert elsewhere.asked == []

    @pytest.mark.parametrize("state", [ILLSTATE, ISP])
    def test_a_server_that_is_down_is_not_asked(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, told: list[Message], state: str
    ) -> None:
        port.members["n2"] = Server("n2", online=False, unfit="offline")
        port.others["n2"] = on("n2", data_hierarchy(state))
        service.in_service("/data", tools)
        assert (elsewhere.asked, told) == ([], [])

    def test_where_a_file_system_goes_alone_its_group_stays_up(self, elsewhere: Elsewhere, tools: Kit) -> None:
        service.out_of_service("/data", tools)
        assert elsewhere.asked == []

    def test_without_a_cluster_nobody_is_asked(self, elsewhere: Elsewhere, tmp_path: Path, held: list[Holder]) -> None:
        held.append(Holder(MOUNT, "/mnt"))
        alone = FakePort(data_hierarchy())
        service.out_of_service("vg1", kit(alone, tmp_path, lambda _message: None))
        assert (alone.moves, elsewhere.asked) == ([("remove", "vg1")], [])


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
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, told: list[Message], why: Message
    ) -> None:
        elsewhere.refuse(why)
        service.in_service("/data", tools)
        assert told == [BystandersUnknown("n2", f"{why.number:06d} {why.text}")]
        assert port.moves == [("restore", "/data", "")]

    def test_a_kit_without_the_command_is_told_of_with_its_own_words(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, told: list[Message]
    ) -> None:
        elsewhere.print("", "lvmkit: ERROR 000001: No such command 'bystanders'.\n  -> Look it up.\n", 2)
        service.out_of_service("vg1", tools)
        (message,) = told
        assert isinstance(message, BystandersUnknown)
        assert message.why.startswith("110061")
        assert message.why.endswith("ended with 2: lvmkit: ERROR 000001: No such command 'bystanders'.")
        assert port.moves == [("remove", "vg1")]

    @pytest.mark.parametrize(
        "text",
        ["", "hello", "[]", "{}", '{"schema_version": 2, "bystanders": []}', '{"schema_version": 1}',
         '{"schema_version": 1, "bystanders": 7}', '{"schema_version": 1, "bystanders": ["x"]}',
         '{"schema_version": 1, "bystanders": [{"number": "x"}]}', "[" * 100_000],
    )  # fmt: skip
    def test_an_answer_that_is_none_is_told_of(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit, told: list[Message], text: str
    ) -> None:
        elsewhere.print(text)
        service.in_service("/data", tools)
        assert [(m.number, str(m.as_dict()["why"])[:6]) for m in told] == [(110233, "110205")]
        assert port.moves == [("restore", "/data", "")]

    def test_a_message_of_a_later_version_still_refuses(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit
    ) -> None:
        named = {"number": "119999", "level": "ERROR", "text": "It is in use.", "facts": {}}
        elsewhere.print(json.dumps({"schema_version": 1, "bystanders": [named]}))
        assert refused(lambda: service.out_of_service("vg1", tools))[0].text == "n2: 119999 It is in use."
        assert port.moves == []


class TestCommandLine:
    def test_both_kits_understand_each_other(
        self,
        elsewhere: Elsewhere,
        port: FakeCluster,
        held: list[Holder],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        there = Shell(tmp_path, FakePort(on("n2", data_hierarchy())), monkeypatch)

        def answer(argv: tuple[str, ...]) -> Finished:
            result = there.run(*argv[1:])
            return Finished(argv, result.exit_code, result.stdout, result.stderr, 0.1)

        elsewhere.answer = answer
        held += [Holder(MOUNT, "/data"), Holder(MOUNT, "/mnt")]
        assert refused(lambda: service.in_service("/data", kit(port, tmp_path, print)))[0] == BUSY_THERE

    def test_tags_that_are_not_there_are_in_nobodys_way(
        self, port: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: list[Holder]
    ) -> None:
        held.append(Holder(MOUNT, "/mnt"))
        result = Shell(tmp_path, port, monkeypatch).run("bystanders", "vg9")
        assert (result.exit_code, json.loads(result.stdout)) == (0, {"schema_version": 1, "bystanders": []})

    @pytest.mark.parametrize("words", [("in-service", "/data"), ("out-of-service", "vg1")])
    def test_a_dry_run_refuses_what_the_command_would(
        self,
        elsewhere: Elsewhere,
        port: FakeCluster,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        words: tuple[str, ...],
    ) -> None:
        shell = Shell(tmp_path, port, monkeypatch)
        assert shell.run(*words, "--dry-run").exit_code == 0
        elsewhere.answer = lambda argv: answered(argv, replace(BUSY_THERE, where=""))
        result = shell.run(*words, "--dry-run")
        assert (result.exit_code, numbers(result), result.stdout) == (1, [110021], "")
        assert port.calls == []

    def test_what_stands_on_the_same_group_is_asked_for_too(
        self, elsewhere: Elsewhere, port: FakeCluster, tools: Kit
    ) -> None:
        there = port.others["n2"]
        more = replace(there.instances[1], tag="vg1/logs", id="/dev/vg1/logs")
        links = (*there.dependencies, Dependency("vg1/logs", "vg1"))
        port.others["n2"] = replace(there, instances=(*there.instances, more), dependencies=links)
        service.in_service("/data", tools)
        assert set(elsewhere.asked[0][2:]) == {*STANDING, "vg1/logs"}
