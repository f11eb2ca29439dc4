"""Between kits: what travels stays what it is; the near end trusts no answer, and the far end no request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit import VERSION
from lvmkit.entry import peer, report
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
from lvmkit.peer.kernels import Kernels, KernelsAskedEarly
from lvmkit.peer.remote import RemoteKit, remote_kit
from lvmkit.peer.requests import (
    REQUESTS,
    AskAdmission,
    AskBystanders,
    AskContents,
    AskDeeds,
    AskFindings,
    AskReadiness,
    OrderExtend,
    OrderForget,
    OrderFreeLock,
    OrderReconfigure,
    OrderRun,
    OrderUnextend,
    Request,
)
from lvmkit.storage import boot, dm
from lvmkit.storage.run import Finished
from tests.unit.fakes import OTHER_UUID, VG_UUID, FakePort, data_hierarchy, kit
from tests.unit.peer_fakes import HELLO, FarEnd, Servers, finished
from tests.unit.test_transport import AS_SSH, script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mock import MockerFixture

ROOT = Path(__file__).parents[2]
ASK = Kernels.devices
OURS, THEIRS = (f"LVM-{uuid.replace('-', '')}" for uuid in (VG_UUID, OTHER_UUID))
TABLE = f"vg1-data {OURS}abc\nvg9-lv {THEIRS}abc\nmpatha mpath-1\nvg1-www {OURS}def\n"
EVERY_REQUEST = (
    AskBystanders(("/data", "vg1")),
    AskAdmission(("vg1",), ("vg1",)),
    AskReadiness("/data", "n2", 0, True),
    AskContents("vg1"),
    AskFindings(),
    AskDeeds(),
    OrderExtend("/data", "n2", 7),
    OrderUnextend("/data"),
    OrderReconfigure("vg1", "0123456789abcdef"),
    OrderForget(("vg1", "vg2")),
    OrderFreeLock(),
    OrderRun(("ins_list", "-t", "a b\udcff"), 20),
)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


@pytest.fixture
def told() -> list[Message]:
    return []


def there(server: str = "n2") -> RemoteKit:
    return remote_kit(server, Paths(), Settings())


def unheard(_message: Message) -> None:
    """Nobody listens to what servers say besides."""


def refused(work: Any, *arguments: Any, **named: Any) -> tuple[Message, ...]:
    with pytest.raises(Failure) as failure:
        work(*arguments, **named)
    return failure.value.messages


def asked(server: str = "n2") -> tuple[Message, ...]:
    """A question to the kit there."""
    answer = ask.bystanders({there(server): ("vg1",)}, unheard, deadline=5)[server]
    if isinstance(answer, Failure):
        raise answer
    return answer


def held(server: str = "n2") -> tuple[tuple[str, str], ...]:
    """A question to the kernel there."""
    answer = Kernels("/usr/bin/ssh").devices((server,), patience=5)[server]
    if isinstance(answer, Failure):
        raise answer
    return answer


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
            wire.result_line({"bystanders": []}),
            f"{HELLO}\n" + json.dumps({"result": [1]}),
            f"{HELLO}\n" + wire.result_line({}),
            f"{HELLO}\n" + wire.result_line({"bystanders": "vg1-data"}),
            f"{HELLO}\n" + wire.result_line({"bystanders": [1]}),
            json.dumps({"hello": {}}),
            json.dumps({"hello": 1}),
        ],
    )
    def test_what_is_no_answer_is_never_taken_for_not_active(self, servers: Servers, stdout: str) -> None:
        servers.prints("n2", stdout)
        assert [type(message) for message in refused(asked)] == [AnswerGarbled]

    def test_a_result_of_a_program_that_failed_does_not_count(self, servers: Servers) -> None:
        servers.prints("n2", f"{HELLO}\n{wire.result_line({'bystanders': []})}\n", "Killed", 1)
        (message,) = refused(asked)
        assert message == AnswerGarbled("n2", "exit status 1, Killed")

    def test_errors_are_raised_as_what_they_are(self, servers: Servers) -> None:
        servers.says("n2", FencingOff(), PvsMissing("vg1", 2, ("a", "b")))
        assert refused(asked) == (PvsMissing("vg1", 2, ("a", "b")),)

    def test_an_answer_from_this_very_kernel_is_no_answer_of_another_server(self, servers: Servers) -> None:
        servers.prints("n2", f"{wire.hello()}\n{wire.result_line({'bystanders': []})}")
        assert refused(asked) == (AnsweredByItself("n2"),)
        assert refused(order.unextend, there(), "/data", unheard, deadline=5) == (AnsweredByItself("n2"),)

    def test_another_protocol_is_said_in_its_own_words(self, servers: Servers) -> None:
        hello = json.dumps({"hello": {"protocol": 2, "version": "9.9", "boot": "x", "more": 1}})
        servers.prints("n2", f"{hello}\n", "", 2)
        message = ProtocolDiffers("n2", "9.9", 2, wire.PROTOCOL)
        assert refused(order.unextend, there(), "/data", unheard, deadline=5) == (message,)
        assert "Install the same version" in message.advice

    def test_a_server_speaks_for_itself_only(self, servers: Servers) -> None:
        finding = Finding("n3", "vg1", "110188", "WARN", "text", "advice")
        servers.says("n2", **findings_facts(Findings(VERSION, (finding,))))
        answer = ask.findings([there()], unheard, deadline=5)["n2"]
        assert isinstance(answer, Findings)
        assert [each.server for each in answer.findings] == ["n2"]


class TestKernels:
    """What other servers' kernels hold; the kit there is not needed."""

    @pytest.fixture(autouse=True)
    def real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Kernels, "devices", ASK)

    def test_the_devices_of_lvm_are_told_whatever_else_there_is(self, servers: Servers) -> None:
        servers.dmsetup["n2"] = finished(TABLE)
        assert held() == (("vg1-data", f"{OURS}abc"), ("vg9-lv", f"{THEIRS}abc"), ("vg1-www", f"{OURS}def"))
        assert (servers.commands, servers.asked) == ([("n2", "/bin/sh")], [])

    def test_each_server_is_asked_and_one_failure_hides_no_answer(self, servers: Servers) -> None:
        servers.dmsetup |= {"n2": LoginRefused("n2", "no"), "n3": finished(f"vg1-data {OURS}abc\n")}
        found = Kernels("/usr/bin/ssh").devices(("n2", "n3", "n4"), patience=5)
        assert {name: str(answer) if isinstance(answer, Failure) else answer for name, answer in found.items()} == {
            "n2": str(Failure(LoginRefused("n2", "no"))),
            "n3": (("vg1-data", f"{OURS}abc"),),
            "n4": (),
        }

    def test_nobody_to_ask(self, servers: Servers) -> None:
        assert Kernels("/usr/bin/ssh").devices((), patience=5) == {}
        assert servers.commands == []

    @pytest.mark.parametrize("said", [finished("", "no dm", 1), LoginRefused("n2", "no"), finished("", "", 127)])
    def test_a_dmsetup_that_does_not_say_is_silence(self, servers: Servers, said: Finished | Message) -> None:
        servers.dmsetup["n2"] = said
        assert refused(held)

    @pytest.mark.parametrize("stdout", ["", "No devices found\n", TABLE, "Welcome\n"])
    def test_an_answer_of_nobody_is_silence(self, servers: Servers, stdout: str, mocker: MockerFixture) -> None:
        mocker.patch.object(servers, "_run_other", return_value=finished(stdout))
        assert [type(message) for message in refused(held)] == [AnswerGarbled]

    def test_what_a_login_script_prints_is_passed_over(self, servers: Servers, mocker: MockerFixture) -> None:
        mocker.patch.object(servers, "_run_other", return_value=finished(f"Welcome\n\nlvmkit-boot x\n{TABLE}"))
        assert [name for name, _ in held()] == ["vg1-data", "vg9-lv", "vg1-www"]

    def test_this_very_kernel_is_no_other_server(self, servers: Servers, mocker: MockerFixture) -> None:
        text = f"lvmkit-boot {boot.boot_id()}\nNo devices found\n"
        mocker.patch.object(servers, "_run_other", return_value=finished(text))
        assert refused(held) == (AnsweredByItself("n2"),)


class TestAskedEarly:
    """Processes in ssh's place: each notes that it was begun, and answers when it may."""

    @pytest.fixture(autouse=True)
    def real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Kernels, "devices", ASK)

    @pytest.fixture
    def ssh(self, tmp_path: Path, disk_path: Path) -> str:
        return script(disk_path, SLOW_SSH.format(folder=tmp_path))

    def test_they_are_asked_at_once_and_answer_while_something_else_is_done(self, ssh: str, tmp_path: Path) -> None:
        kernels = KernelsAskedEarly(("n2", "n3"), ssh)
        wait_for(tmp_path / "n2", tmp_path / "n3")
        (tmp_path / "go").touch()
        found = kernels.devices(("n3", "n2"), patience=20)
        assert found == dict.fromkeys(("n3", "n2"), (("vg1-data", f"{OURS}abc"),))
        assert (tmp_path / "n2").read_text() == "begun\n"

    def test_who_is_not_asked_about_in_the_end_is_not_waited_for(self, ssh: str, tmp_path: Path) -> None:
        kernels = KernelsAskedEarly(("n2", "fenced"), ssh)
        (tmp_path / "go").touch()
        (tmp_path / "never-fenced").touch()
        begun = time.monotonic()
        assert set(kernels.devices(("n2",), patience=60)) == {"n2"}
        assert time.monotonic() - begun < 30

    def test_silence_is_said_when_the_patience_is_over(self, ssh: str, tmp_path: Path) -> None:
        kernels = KernelsAskedEarly(("n2",), ssh)
        wait_for(tmp_path / "n2")
        answer = kernels.devices(("n2",), patience=0.2)["n2"]
        assert isinstance(answer, Failure)
        assert answer.messages == (ServerTooSlow("n2", answer.messages[0].as_dict()["seconds"]),)

    def test_who_was_not_known_at_first_is_asked_in_turn_and_nothing_is_answered_twice(
        self, ssh: str, tmp_path: Path
    ) -> None:
        kernels = KernelsAskedEarly(("n2", "-oProxyCommand=x"), ssh)
        (tmp_path / "go").touch()
        assert set(kernels.devices(("n2", "n4"), patience=20)) == {"n2", "n4"}
        kernels.devices(("n2",), patience=20)
        assert (tmp_path / "n2").read_text() == "begun\n" * 2

    def test_a_question_ends_with_the_run_that_asked_it(self, ssh: str, tmp_path: Path) -> None:
        program = (
            "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
            "from lvmkit.peer.kernels import KernelsAskedEarly\n"
            "KernelsAskedEarly(('n2',), sys.argv[2])\n"
            "while not os.path.exists(sys.argv[3]): time.sleep(0.01)\n"
        )
        argv = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "lib"), ssh, str(tmp_path / "n2")]
        subprocess.run(argv, check=True, timeout=20)
        pid = int((tmp_path / "pid-n2").read_text())
        end = time.monotonic() + 9
        while is_running(pid) and time.monotonic() < end:
            time.sleep(0.01)
        assert not is_running(pid)


SLOW_SSH = f"""#!/bin/sh
while [ "$1" != -- ]; do shift; done
echo $$ > {{folder}}/pid-$2
echo begun >> {{folder}}/$2
while [ ! -e {{folder}}/go ] || [ -e {{folder}}/never-$2 ]; do sleep 0.05; done
echo lvmkit-boot another
echo vg1-data {OURS}abc
"""


def wait_for(*paths: Path) -> None:
    end = time.monotonic() + 20
    while not all(path.exists() for path in paths):
        assert time.monotonic() < end
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestOrders:
    @pytest.mark.parametrize(
        "work",
        [
            lambda: order.extend(there(), OrderExtend("/data", "n3", 0), unheard, deadline=5),
            lambda: order.unextend(there(), "/data", unheard, deadline=5),
            lambda: order.reconfigure(there(), OrderReconfigure("vg1", ""), unheard, deadline=5),
            lambda: order.forget(there(), ("vg1",), unheard, deadline=5),
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
        known = {"protocol": 1, "asker": "n1", "server": "n2", "request": "bystanders", "facts": {"tags": ["vg1"]}}
        return json.dumps({**known, **changes}).encode()

    @pytest.mark.parametrize(
        "changes",
        [
            {"protocol": 2}, {"protocol": "1"}, {"protocol": True}, {"more": 1}, {"asker": ""},
            {"asker": 1}, {"server": "-x"}, {"server": "a;b"}, {"server": None}, {"request": "reboot"},
            {"request": ["bystanders"]}, {"request": "_bystanders"}, {"facts": None}, {"facts": []}, {"facts": {}},
            {"facts": {"tags": 1}}, {"facts": {"tags": [""]}}, {"facts": {"tags": "vg1"}},
            {"facts": {"tags": ["vg1"], "more": 1}},
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
            ("reconfigure", "contents", ("-x", "a b", None, 5)),
            ("contents", "tag", ("", "*", None)),
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
        port = FakePort(data_hierarchy())
        monkeypatch.setattr(port, "local_server", lambda: "n2")
        far = FarEnd(lambda _paths, tell: kit(port, tmp_path, tell), tmp_path, monkeypatch)
        assert far.receive(self.envelope(request="forget", facts={"groups": ["vg9", "vg1"]})) == wire.FAILED
        assert far.messages == ["110228"]

    @pytest.mark.parametrize("is_at_work", [False, True])
    def test_the_lock_of_a_killed_process_is_freed_and_that_of_a_live_one_is_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture, is_at_work: bool
    ) -> None:
        port = FakePort()
        monkeypatch.setattr(port, "local_server", lambda: "n2")
        taken = mocker.spy(port, "admin_lock")
        far = FarEnd(lambda _paths, tell: kit(port, tmp_path, tell), tmp_path, monkeypatch)
        lock = Path(kit(port, tmp_path, print).paths.state) / "admin.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        other = f"import fcntl; file = open({str(lock)!r}, 'w'); fcntl.flock(file, 2); print(flush=True); input()"
        with subprocess.Popen((sys.executable, "-c", other), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            if not is_at_work:
                process.kill()
                process.wait()
            status = far.receive(self.envelope(request="free-lock", facts={}))
            process.kill()
        assert (status, taken.called) == ((wire.FAILED, False) if is_at_work else (wire.DONE, True))
        assert far.messages == (["110083"] if is_at_work else [])

    def test_a_server_that_is_told_to_follow_tells_no_other_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
    ) -> None:
        """Else two servers would have each other follow without end."""
        work = mocker.Mock()
        monkeypatch.setattr("lvmkit.workflow.reconfigure.reconfigure", work)
        port = FakePort()
        monkeypatch.setattr(port, "local_server", lambda: "n2")
        far = FarEnd(lambda _paths, tell: kit(port, tmp_path, tell), tmp_path, monkeypatch)
        assert far.receive(self.envelope(request="reconfigure", facts={"tag": "vg1", "contents": "7f"})) == wire.DONE
        assert (work.call_args.args[0], work.call_args.kwargs) == ("vg1", {"here": True, "expected": "7f"})

    def test_each_message_is_a_line_and_goes_to_the_log(self, far: FarEnd) -> None:
        logged: list[Message] = []
        peer.Speaker(logged.append).tell(FencingOff())
        assert [wire.unpacked(json.loads(line)["message"], "n2") for line in far.lines] == logged == [FencingOff()]

    def test_what_is_refused_is_noted_where_it_was_refused(self, far: FarEnd) -> None:
        far.receive(b"x")
        assert any(b"110270" in datagram for datagram in far.logged)

    def test_where_nobody_hears_who_it_is_nothing_is_begun(self, far: FarEnd) -> None:
        def gone(_text: str) -> None:
            raise BrokenPipeError

        far.write = gone
        assert far.receive(self.envelope(request="forget", facts={"groups": ["vg1"]})) == wire.NOT_BEGUN

    def test_while_it_waits_for_the_request_a_signal_does_what_it_did_before(self, far: FarEnd) -> None:
        before = signal.getsignal(signal.SIGTERM)
        handlers: list[object] = []

        def wait() -> bytes:
            handlers.append(signal.getsignal(signal.SIGTERM))
            return b""

        far.hear(wait)
        assert handlers == [before]

    def test_where_nobody_listens_the_work_is_interrupted_once(self, far: FarEnd) -> None:
        def gone(_text: str) -> None:
            raise BrokenPipeError

        far.write = gone
        speaker = peer.Speaker(lambda _message: None)
        with pytest.raises(Interruption):
            speaker.tell(FencingOff())
        speaker.tell(FencingOff())


def refused_by(answer: object) -> tuple[Message, ...]:
    assert isinstance(answer, Failure)
    return answer.messages


class TestStreams:
    """What comes on stdin and goes to stdout, in this process."""

    @pytest.fixture
    def ask(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], mocker: MockerFixture
    ) -> Iterator[Callable[[bytes], list[Any]]]:
        """Let the program read a request; returns its exit status, and what its lines are."""
        port = FakePort(data_hierarchy())
        mocker.patch.object(peer, "_open_installed", lambda _paths, tell: kit(port, tmp_path, tell))
        mocker.patch.object(dm, "list_devices", return_value=())
        mocker.patch.object(os, "geteuid", return_value=0)
        mocker.patch.object(os, "chdir")
        mocker.patch.object(report, "_send", return_value=True)
        mocker.patch("lvmkit.entry.boundary._turn_signals_into_exceptions")
        given = tmp_path / "request"

        def ask(request: bytes) -> list[Any]:
            given.write_bytes(request)
            with given.open("rb") as file:
                os.dup2(file.fileno(), 0)
            status = peer.main("/nonexistent/bin/lvmkit-peer", [])
            return [status, *map(json.loads, capfd.readouterr().out.splitlines())]

        stdin = os.dup(0)
        yield ask
        os.dup2(stdin, 0)
        os.close(stdin)

    def letter(self) -> bytes:
        return wire.encoded(wire.Letter("n2", "n1", AskBystanders(("vg1",))))

    def test_a_request_is_answered_line_by_line(self, ask: Callable[[bytes], list[Any]]) -> None:
        status, hello, result = ask(self.letter())
        assert (status, list(hello), result) == (wire.DONE, ["hello"], {"result": {"bystanders": []}})

    def test_a_request_may_be_as_long_as_the_longest_and_no_longer(self, ask: Callable[[bytes], list[Any]]) -> None:
        longest = self.letter().ljust(wire.LONGEST_REQUEST)
        assert ask(longest)[0] == wire.DONE
        status, _hello, refusal = ask(longest + b" ")
        assert (status, refusal["message"]["number"]) == (wire.NOT_BEGUN, "110270")
        assert "longer than 1048576 bytes" in refusal["message"]["text"]


class TestProcess:
    """The real far end, as a process, behind a program in ssh's place."""

    @pytest.fixture
    def remote(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteKit:
        """The kit on this machine, taken for another one."""
        monkeypatch.setattr(wire, "boot_id", lambda: "the asker's")
        return remote_kit("n2", Paths(lkroot=str(ROOT)), Settings(ssh=script(tmp_path, AS_SSH)))

    def test_an_order_for_another_server_changes_nothing(self, remote: RemoteKit) -> None:
        (message,) = refused(order.unextend, remote, "/data", unheard, deadline=20)
        assert message.number == (110273 if os.geteuid() == 0 else 110103)

    def test_a_server_of_another_name_that_is_this_one(
        self, remote: RemoteKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        assert refused(order.unextend, remote, "/data", unheard, deadline=20) == (AnsweredByItself("n2"),)

    def test_the_question_to_a_kernel_passes_the_shell_there_and_knows_itself(
        self, remote: RemoteKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(Kernels, "devices", ASK)
        assert refused_by(Kernels(remote.ssh).devices(("n2",), patience=20)["n2"]) == (AnsweredByItself("n2"),)

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


@pytest.mark.parametrize("name", ["lvmkit.peer.ask", "lvmkit.peer.kernels", "lvmkit.entry.peer"])
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
