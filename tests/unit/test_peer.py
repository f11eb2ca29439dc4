"""Between kits: what travels stays what it is; the near end trusts no answer, and the far end no request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit import VERSION
from lvmkit.entry import peer
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.extend import (
    AnswerGarbled,
    LoginRefused,
    OutcomeUnknown,
    ProgramMissingThere,
    Relayed,
    RelayedError,
    RelayedWarning,
    ServerTooSlow,
)
from lvmkit.model.messages.pacemaker import FencingOff
from lvmkit.model.messages.peer import AnsweredByItself, ProtocolDiffers
from lvmkit.model.messages.service import PvsMissing
from lvmkit.model.settings import Paths, Settings
from lvmkit.peer import ask, order, wire
from lvmkit.peer.answers import Finding, Findings, findings_facts
from lvmkit.peer.remote import RemoteKit, remote_kit
from lvmkit.peer.requests import (
    REQUESTS,
    AskActive,
    AskBystanders,
    AskFindings,
    AskReadiness,
    OrderExtend,
    OrderForget,
    OrderReconfigure,
    OrderUnextend,
    Request,
)
from lvmkit.storage import boot, dm
from lvmkit.storage.run import Finished
from tests.unit.fakes import FakePort, kit
from tests.unit.peer_fakes import HELLO, FarEnd, Servers, finished
from tests.unit.storage_fake import OTHER_UUID, VG_UUID
from tests.unit.test_transport import AS_SSH, script

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

ROOT = Path(__file__).parents[2]
OURS, THEIRS = (f"LVM-{uuid.replace('-', '')}" for uuid in (VG_UUID, OTHER_UUID))
TABLE = f"vg1-data {OURS}abc\nvg9-lv {THEIRS}abc\nmpatha mpath-1\nvg1-www {OURS}def\n"
EVERY_REQUEST = (
    AskActive(VG_UUID),
    AskBystanders(("/data", "vg1")),
    AskReadiness("/data", "n2", 0, True),
    AskFindings(),
    OrderExtend("/data", "n2", 7),
    OrderUnextend("/data"),
    OrderReconfigure("vg1"),
    OrderForget(("vg1", "vg2")),
)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


@pytest.fixture
def told() -> list[Message]:
    return []


def there(server: str = "n2") -> RemoteKit:
    return remote_kit(server, Paths(), Settings())


def refused(work: Any, *arguments: Any, **named: Any) -> tuple[Message, ...]:
    with pytest.raises(Failure) as failure:
        work(*arguments, **named)
    return failure.value.messages


def active(server: str = "n2") -> tuple[str, ...]:
    return ask.active_volumes(there(server), VG_UUID, deadline=5)


class TestWire:
    @pytest.mark.parametrize("request_", EVERY_REQUEST, ids=lambda request: request.name)
    def test_a_request_arrives_as_it_was_sent(self, request_: Request) -> None:
        letter = wire.Letter("n1", "n2", request_)
        assert wire.encoded(letter).isascii()
        assert wire.decoded(wire.encoded(letter)) == letter

    def test_every_kind_of_request_is_known_by_a_word_of_its_own(self) -> None:
        assert {type(each) for each in EVERY_REQUEST} == set(REQUESTS.values()) == set(Request.__subclasses__())
        assert set(peer._HANDLERS) == set(REQUESTS)

    @pytest.mark.parametrize("message", [PvsMissing("vg1", 2, ("a", "b")), FencingOff(), InvalidName("\x1b[2J", "tag")])
    def test_a_message_stays_what_it_is(self, message: Message) -> None:
        line = wire.message_line(message)
        assert line.isascii()
        assert "\n" not in line
        assert wire.unpacked(json.loads(line)["message"], "n2") == message

    @pytest.mark.parametrize(
        ("level", "kind"), [("WARN", RelayedWarning), ("ERROR", RelayedError), ("FATAL", RelayedError), ("x", Relayed)]
    )
    def test_what_a_newer_kit_says_keeps_its_level(self, level: str, kind: type[Message]) -> None:
        facts = {"number": "999999", "level": level, "text": "new", "advice": "", "facts": {}}
        assert type(wire.unpacked(facts, "n2")) is kind

    @pytest.mark.parametrize("facts", [{"vg": "vg1"}, {"vg": {}, "known": 2, "missing": []}, {"vg": None}, 7])
    def test_so_does_a_message_whose_facts_have_changed(self, facts: object) -> None:
        assert isinstance(wire.unpacked({**wire.packed(PvsMissing("vg1", 2, ())), "facts": facts}, "n2"), RelayedError)


class TestAnswers:
    """What the near end makes of what comes back."""

    def test_a_result_after_other_words(self, servers: Servers, told: list[Message]) -> None:
        result = wire.result_line({"bystanders": []})
        servers.prints("n2", f"Welcome to n2\n\n{HELLO}\n{wire.message_line(FencingOff())}\n{result}\n", "motd")
        assert ask.bystanders({there(): ("vg1",)}, told.append, deadline=5) == {"n2": ()}
        assert told == [Relayed("n2", "Welcome to n2"), FencingOff()]

    @pytest.mark.parametrize("line", ["Traceback", "{}", "[1]", '{"message": {"number": "x"}}', "5", "[" * 100_000])
    def test_a_line_that_is_none_of_ours_is_passed_on(self, servers: Servers, told: list[Message], line: str) -> None:
        servers.prints("n2", "\n".join((HELLO, line, wire.result_line({"bystanders": []}))))
        ask.bystanders({there(): ("vg1",)}, told.append, deadline=5)
        ((server, text),) = [(message.as_dict()["server"], message.as_dict()["line"]) for message in told]
        assert (server, text) == ("n2", line[:2000])

    @pytest.mark.parametrize(
        "stdout",
        [
            "",
            HELLO,
            wire.result_line({"devices": []}),
            f"{HELLO}\n" + json.dumps({"result": [1]}),
            f"{HELLO}\n" + wire.result_line({}),
            f"{HELLO}\n" + wire.result_line({"devices": "vg1-data"}),
            f"{HELLO}\n" + wire.result_line({"devices": [1]}),
            json.dumps({"hello": {}}),
            json.dumps({"hello": 1}),
        ],
    )
    def test_what_is_no_answer_is_never_taken_for_not_active(self, servers: Servers, stdout: str) -> None:
        servers.prints("n2", stdout)
        assert [type(message) for message in refused(active)] == [AnswerGarbled]

    def test_a_result_of_a_program_that_failed_does_not_count(self, servers: Servers) -> None:
        servers.prints("n2", f"{HELLO}\n{wire.result_line({'devices': []})}\n", "Killed", 1)
        (message,) = refused(active)
        assert message == AnswerGarbled("n2", "exit status 1, Killed")

    def test_errors_are_raised_as_what_they_are(self, servers: Servers) -> None:
        servers.says("n2", FencingOff(), PvsMissing("vg1", 2, ("a", "b")))
        assert refused(active) == (PvsMissing("vg1", 2, ("a", "b")),)

    def test_an_answer_from_this_very_kernel_is_no_answer_of_another_server(self, servers: Servers) -> None:
        servers.prints("n2", f"{wire.hello()}\n{wire.result_line({'devices': []})}")
        assert refused(active) == (AnsweredByItself("n2"),)
        assert refused(order.unextend, there(), "/data", print, deadline=5) == (AnsweredByItself("n2"),)

    def test_another_protocol_is_said_in_its_own_words(self, servers: Servers) -> None:
        hello = json.dumps({"hello": {"protocol": 2, "version": "9.9", "boot": "x", "more": 1}})
        servers.prints("n2", f"{hello}\n", "", 2)
        message = ProtocolDiffers("n2", "9.9", 2, wire.PROTOCOL)
        assert refused(order.unextend, there(), "/data", print, deadline=5) == (message,)
        assert "Install the same version" in message.advice

    def test_a_server_speaks_for_itself_only(self, servers: Servers) -> None:
        finding = Finding("n3", "vg1", "110188", "WARN", "text", "advice")
        servers.says("n2", **findings_facts(Findings(VERSION, (finding,))))
        answer = ask.findings([there()], print, deadline=5)["n2"]
        assert isinstance(answer, Findings)
        assert [each.server for each in answer.findings] == ["n2"]


class TestActive:
    def test_each_server_is_asked_and_one_failure_hides_no_answer(self, servers: Servers) -> None:
        servers.silent("n2", LoginRefused("n2", "no"))
        servers.says("n3", devices=["vg1-data"])
        found = ask.active_volumes_on_each((there(), there("n3"), there("n4")), VG_UUID, deadline=5)
        assert {name: str(answer) if isinstance(answer, Failure) else answer for name, answer in found.items()} == {
            "n2": str(Failure(LoginRefused("n2", "no"))),
            "n3": ("vg1-data",),
            "n4": (),
        }

    def test_nobody_to_ask(self, servers: Servers) -> None:
        assert ask.active_volumes_on_each((), VG_UUID, deadline=5) == {}
        assert servers.asked == []

    @pytest.mark.parametrize("status", [126, 127])
    def test_where_there_is_no_kit_or_an_older_one_dmsetup_is_asked(self, servers: Servers, status: int) -> None:
        servers.lacks_the_kit("n2", status)
        servers.dmsetup["n2"] = finished(TABLE)
        assert active() == ("vg1-data", "vg1-www")
        assert servers.commands == [("n2", "/usr/sbin/dmsetup")]

    def test_so_it_is_where_the_kit_speaks_another_protocol(self, servers: Servers) -> None:
        servers.prints("n2", json.dumps({"hello": {"protocol": 2, "version": "9", "boot": "x"}}), "", 2)
        servers.dmsetup["n2"] = finished(TABLE)
        assert active() == ("vg1-data", "vg1-www")

    @pytest.mark.parametrize("said", [finished("", "no dm", 1), LoginRefused("n2", "no"), finished("", "", 127)])
    def test_a_dmsetup_that_does_not_say_is_silence(self, servers: Servers, said: Finished | Message) -> None:
        servers.lacks_the_kit("n2")
        servers.dmsetup["n2"] = said
        assert refused(active)

    def test_any_other_failure_is_not_asked_about_again(self, servers: Servers) -> None:
        servers.silent("n2", LoginRefused("n2", "no"))
        assert refused(active) == (LoginRefused("n2", "no"),)
        assert servers.commands == []

    def test_the_far_end_asks_its_kernel_and_no_engine(
        self, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        devices = (dm.Device("vg1-data", f"{OURS}x", "253:0"), dm.Device("vg9-lv", f"{THEIRS}x", "253:1"))
        monkeypatch.setattr(dm, "list_devices", lambda: devices)
        servers.answers["n2"] = FarEnd(no_kit, tmp_path, monkeypatch)
        assert active() == ("vg1-data",)


class TestOrders:
    @pytest.mark.parametrize(
        "work",
        [
            lambda: order.extend(there(), OrderExtend("/data", "n3", 0), print, deadline=5),
            lambda: order.unextend(there(), "/data", print, deadline=5),
            lambda: order.reconfigure(there(), "vg1", print, deadline=5),
            lambda: order.forget(there(), ("vg1",), print, deadline=5),
        ],
    )
    def test_work_that_was_begun_and_not_heard_of_again_is_named_as_unknown(self, servers: Servers, work: Any) -> None:
        servers.silent("n2", ServerTooSlow("n2", 15.0))
        assert [type(message) for message in refused(work)] == [ServerTooSlow, OutcomeUnknown]
        servers.lacks_the_kit("n2")
        assert [type(message) for message in refused(work)] == [ProgramMissingThere]


def no_kit(*_: object) -> Any:
    raise AssertionError("no engine is needed")


class TestFarEnd:
    @pytest.fixture
    def far(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FarEnd:
        return FarEnd(no_kit, tmp_path, monkeypatch)

    def envelope(self, **changes: object) -> bytes:
        known = {"protocol": 1, "asker": "n1", "server": "n2", "request": "active", "facts": {"vg_uuid": VG_UUID}}
        return json.dumps({**known, **changes}).encode()

    @pytest.mark.parametrize(
        "changes",
        [
            {"protocol": 2}, {"protocol": "1"}, {"protocol": True}, {"more": 1}, {"asker": ""},
            {"asker": 1}, {"server": "-x"}, {"server": "a;b"}, {"server": None}, {"request": "reboot"},
            {"request": ["active"]}, {"request": "_active"}, {"facts": None}, {"facts": []}, {"facts": {}},
            {"facts": {"vg_uuid": 1}}, {"facts": {"vg_uuid": ""}}, {"facts": {"vg_uuid": "x"}},
            {"facts": {"vg_uuid": VG_UUID, "more": 1}},
        ],
    )  # fmt: skip
    def test_what_is_no_request_is_refused_before_anything_is_begun(
        self, far: FarEnd, changes: dict[str, object]
    ) -> None:
        assert far.receive(self.envelope(**changes)) == wire.NOT_BEGUN
        assert far.messages == ["110270"]

    @pytest.mark.parametrize(
        ("name", "field", "bad"),
        [
            ("bystanders", "tags", ([], "vg1", ["-x"], ["a/../b"], ["vg1", 1], ["a" * 300], [["vg1"]], {"vg1": 1})),
            ("readiness", "tag", ("", "-x", ";x", None, 5, ["x"])),
            ("readiness", "template", ("", "-x", "a b", "a;b", None)),
            ("readiness", "priority", (-1, 1000, 1.0, "1", True, None)),
            ("readiness", "with_steps", (0, 1, "x", None)),
            ("extend", "tag", ("", "-x", "a\nb")),
            ("extend", "template", ("$(id)", "n 2")),
            ("extend", "priority", (-1, 1000, False)),
            ("unextend", "tag", ("", "../x", None)),
            ("reconfigure", "tag", ("", "*", None)),
            ("forget", "groups", ([], ["-x"], ["a/b"], [".."], "vg1", [""])),
        ],
    )
    def test_a_fact_that_cannot_be_one_is_refused(self, far: FarEnd, name: str, field: str, bad: Any) -> None:
        (known,) = (each for each in EVERY_REQUEST if each.name == name)
        for value in bad:
            assert far.receive(self.envelope(request=name, facts={**known.as_dict(), field: value})) == wire.NOT_BEGUN
            assert far.messages == ["110270"]

    @pytest.mark.parametrize("content", [b"", b"x", b"[]", b"5", b"\xff", b"[" * 100_000, b"{}", b'"protocol"'])
    def test_neither_is_anything_else(self, far: FarEnd, content: bytes) -> None:
        assert far.receive(content) == wire.NOT_BEGUN
        assert far.messages == ["110270"]

    def test_it_says_who_it_is_to_whoever_asks(self, far: FarEnd) -> None:
        far.receive(b"x")
        assert json.loads(far.lines[0]) == {"hello": {"protocol": 1, "version": VERSION, "boot": boot.boot_id()}}

    def test_only_root_is_answered_and_no_arguments_are_taken(
        self, far: FarEnd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert far.receive(self.envelope(), "--help") == wire.NOT_BEGUN
        assert far.messages == ["000002"]
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert far.receive(self.envelope()) == wire.NOT_BEGUN
        assert far.messages == ["110103"]

    def test_an_error_of_the_program_itself_is_a_message_too(self, far: FarEnd) -> None:
        assert far.receive(self.envelope(request="findings", facts={})) == wire.FAILED
        assert far.messages == ["110099"]

    def test_forget_refuses_what_is_protected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from tests.unit.fakes import data_hierarchy

        port = FakePort(data_hierarchy())
        monkeypatch.setattr(port, "local_server", lambda: "n2")
        far = FarEnd(lambda _paths, tell: kit(port, tmp_path, tell), tmp_path, monkeypatch)
        assert far.receive(self.envelope(request="forget", facts={"groups": ["vg9", "vg1"]})) == wire.FAILED
        assert far.messages == ["110228"]

    def test_a_server_that_is_told_to_follow_tells_no_other_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
    ) -> None:
        """Else two servers would have each other follow without end."""
        work = mocker.Mock()
        monkeypatch.setattr("lvmkit.workflow.reconfigure.reconfigure", work)
        port = FakePort()
        monkeypatch.setattr(port, "local_server", lambda: "n2")
        far = FarEnd(lambda _paths, tell: kit(port, tmp_path, tell), tmp_path, monkeypatch)
        assert far.receive(self.envelope(request="reconfigure", facts={"tag": "vg1"})) == wire.DONE
        assert (work.call_args.args[0], work.call_args.kwargs) == ("vg1", {"here": True})

    def test_each_message_is_a_line_and_goes_to_the_log(self, far: FarEnd) -> None:
        logged: list[Message] = []
        peer.Speaker(logged.append).tell(FencingOff())
        assert [wire.unpacked(json.loads(line)["message"], "n2") for line in far.lines] == logged == [FencingOff()]

    def test_where_nobody_listens_the_work_is_interrupted_once(self, far: FarEnd) -> None:
        def gone(_text: str) -> None:
            raise BrokenPipeError

        far.write = gone
        speaker = peer.Speaker(lambda _message: None)
        with pytest.raises(Interruption):
            speaker.tell(FencingOff())
        speaker.tell(FencingOff())


def said(work: Any, *arguments: Any, **named: Any) -> object:
    """What comes of work, a failure as its words: a machine may have no device-mapper."""
    try:
        return work(*arguments, **named)
    except Failure as failure:
        return str(failure)


def held_here() -> tuple[str, ...]:
    return tuple(device.name for device in dm.of_vg(dm.list_devices(), VG_UUID))


class TestProcess:
    """The real far end, as a process, behind a program in ssh's place."""

    @pytest.fixture
    def remote(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteKit:
        """The kit on this machine, taken for another one."""
        monkeypatch.setattr(wire, "boot_id", lambda: "the asker's")
        return remote_kit("n2", Paths(lkroot=str(ROOT)), Settings(ssh=script(tmp_path, AS_SSH)))

    def test_a_question_goes_there_and_back(self, remote: RemoteKit) -> None:
        assert said(ask.active_volumes, remote, VG_UUID, deadline=20) == said(held_here)

    def test_an_order_for_another_server_changes_nothing(self, remote: RemoteKit) -> None:
        (message,) = refused(order.unextend, remote, "/data", print, deadline=20)
        assert message.number == (110273 if os.geteuid() == 0 else 110103)

    def test_a_server_of_another_name_that_is_this_one(
        self, remote: RemoteKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        assert refused(ask.active_volumes, remote, VG_UUID, deadline=20) == (AnsweredByItself("n2"),)

    def test_it_is_thin_and_executable_and_ends_by_its_exit_status(self) -> None:
        path = ROOT / "bin/lvmkit-peer"
        assert path.stat().st_mode & 0o777 == 0o755
        assert path.read_text().startswith("#!/usr/bin/python3 -IS\n")
        done = subprocess.run([path], input=b"nonsense", capture_output=True, env={}, timeout=20)
        assert (done.returncode, done.stderr) == (wire.NOT_BEGUN, b"")
        assert [next(iter(json.loads(line))) for line in done.stdout.splitlines()] == ["hello", "message"]

    def test_a_request_that_is_too_long_is_refused(self) -> None:
        content = b" " * (wire.LONGEST_REQUEST + 1)
        done = subprocess.run([ROOT / "bin/lvmkit-peer"], input=content, capture_output=True, env={}, timeout=20)
        assert done.returncode == wire.NOT_BEGUN

    def test_a_listener_that_has_gone_is_no_traceback(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([ROOT / "bin/lvmkit-peer"], input=b"x", stdout=writer, stderr=subprocess.PIPE, timeout=20)
        os.close(writer)
        assert (done.returncode, done.stderr) == (wire.NOT_BEGUN, b"")


@pytest.mark.parametrize("name", ["lvmkit.peer.ask", "lvmkit.entry.peer"])
def test_the_door_is_light(name: str) -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        f"import {name}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "lib")]
    loaded = set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
    unwanted = {
        "typing",
        "dataclasses",
        "subprocess",
        "logging",
        "argparse",
        "pathlib",
        "sqlite3",
        "click",
        "threading",
    }
    assert not loaded & unwanted
    assert not [module for module in loaded if module.startswith(("lvmkit.workflow", "lvmkit.plan", "lvmkit.cluster"))]
