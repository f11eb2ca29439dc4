"""The administration scripts as a higher-level kit calls them, and the boundary around every program."""

from __future__ import annotations

import fcntl
import io
import os
import re
import signal
import socket
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import admin, report
from lvmkit.entry.boundary import guarded
from lvmkit.entry.output import write_lines
from lvmkit.entry.report import Voice
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import NothingToDo
from lvmkit.model.messages.storage import CommandFailed, NotAMountPoint
from lvmkit.steps import BringInService
from lvmkit.storage import recorder
from lvmkit.workflow.create import CreateRequest, create
from tests.unit.fakes import SERVER, FakePort, kit, paths
from tests.unit.local_storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lvmkit.model.settings import Paths
    from lvmkit.plan import Kit

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Scripts:
    """lkadm/ in this process, on a fake engine; what they print on stderr is the log that an administrator reads."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.port = FakePort()
        self.storage = Storage(folder, monkeypatch)
        self.kit: Kit = kit(self.port, folder, lambda _message: None)
        self._paths, self._capfd = paths(folder), capfd
        self.err = ""
        monkeypatch.setattr(report, "_send", lambda *_: True)
        monkeypatch.setattr(admin, "kit", lambda _paths, tell: kit(self.port, folder, tell))

    def run(self, script: str, *arguments: str) -> tuple[int, list[str], list[int]]:
        """(exit code, lines on stdout, numbers on stderr) of <type>/<script>."""
        kind, name = script.split("/")
        code = admin.main(f"/opt/lk/lkadm/subsys/scsi/{kind}/bin/{name}", list(arguments), self._paths)
        out, self.err = self._capfd.readouterr()
        numbers = re.findall(r"^\S+\[\d+\]: [A-Z]+:[^:]*:[^:]*:[^\n]*?:(\d{6}):", self.err, re.M)
        return code, out.splitlines(), [int(number) for number in numbers if number != "110093"]


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Scripts:
    return Scripts(tmp_path, monkeypatch, capfd)


class TestCreate:
    @pytest.mark.parametrize(
        ("script", "path", "kind"),
        [
            ("filesys/create", "/data", "filesys"),
            ("lvmlv/create", "/dev/vg1/data", "lvmlv"),
            ("lvmvg/create", "/data", "lvmvg"),
        ],
    )
    def test_the_hierarchy_ends_at_the_script_s_type_and_its_tag_is_printed(
        self, scripts: Scripts, script: str, path: str, kind: str
    ) -> None:
        assert scripts.run(script, "-t", "mine", "-s", "INTELLIGENT", "-p", path) == (0, ["mine"], [])
        assert scripts.port.now.roots() == ("mine",)
        assert scripts.port.now.by_tag("mine").type == kind  # type: ignore[union-attr]

    @pytest.mark.parametrize(("kind", "root"), [("lvmlv", "vg1/data"), ("lvmvg", "vg1")])
    def test_devicehier_chooses_the_tag(self, scripts: Scripts, kind: str, root: str) -> None:
        assert scripts.run(f"{kind}/devicehier", "-p", "/data") == (0, [root], [])

    def test_devicehier_again_prints_what_is_there(self, scripts: Scripts) -> None:
        scripts.run("lvmlv/devicehier", "-p", "/data")
        before = scripts.port.now
        assert scripts.run("lvmlv/devicehier", "-p", "/dev/vg1/data") == (0, ["vg1/data"], [])
        assert scripts.port.now == before

    def test_switchback_is_taken_in_any_case(self, scripts: Scripts) -> None:
        scripts.run("lvmvg/create", "-t", "vg", "-s", "automatic", "-p", "/data")
        assert {i.switchback for i in scripts.port.now.instances} == {"AUTOMATIC"}

    @pytest.mark.parametrize(
        ("arguments", "number"),
        [
            ("-t x -s INTELLIGENT", 13),
            ("-s INTELLIGENT -p /data", 30),
            ("-t|-s|INTELLIGENT|-p|/data", 13),
            ("-t||-s|INTELLIGENT|-p|/data", 30),
            ("-t x -p /data", 12),
            ("-t x -s SOMETIMES -p /data", 13),
            ("-t x -s INTELLIGENT -p", 13),
            ("-t x -s INTELLIGENT -p /data -i y", 13),
            ("-t x -s INTELLIGENT -p /data more", 13),
            ("-t x -s INTELLIGENT -p /data --force", 2),
            ("-t|x|-s|INTELLIGENT|-p|", 110005),
            ("-t x -s INTELLIGENT -p data", 110005),
            ("-t ../x -s INTELLIGENT -p /data", 110100),
        ],
    )
    def test_wrong_arguments_get_the_guide_s_numbers_and_change_nothing(
        self, scripts: Scripts, arguments: str, number: int
    ) -> None:
        words = arguments.split("|" if "|" in arguments else " ")
        code, out, numbers = scripts.run("lvmvg/create", *words)
        assert (code, out, numbers[0]) == (1, [], number)
        assert (scripts.port.now.instances, scripts.storage.written) == ((), [])

    def test_what_failed_is_named_in_the_guide_s_order(self, scripts: Scripts) -> None:
        assert scripts.run("lvmlv/create", "-t", "x", "-s", "INTELLIGENT", "-p", "/nowhere") == (
            1, [], [110064, 18, 24, 110002],
        )  # fmt: skip
        assert scripts.run("filesys/create", "-t", "x", "-s", "INTELLIGENT", "-p", "/nowhere") == (
            1, [], [110064, 18, 24],
        )  # fmt: skip

    def test_a_creation_that_fails_late_says_what_is_removed(
        self, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise Failure(CommandFailed("lvm", "5", "no"))

        monkeypatch.setattr(BringInService, "apply", fail)
        code, out, numbers = scripts.run("lvmvg/devicehier", "-p", "/data")
        assert (code, out, numbers) == (1, [], [21, 21, 21, 110061, 18, 24, 110002])
        assert scripts.port.now.instances == ()

    def test_a_signal_is_000026_after_everything_was_backed_out(
        self, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(BringInService, "apply", interrupt)
        code, out, numbers = scripts.run("lvmvg/devicehier", "-p", "/data")
        assert (code, out, numbers) == (1, [], [21, 21, 21, 24, 26])
        assert (scripts.port.now.instances, scripts.storage.autoactivation()) == ((), True)


class TestDelete:
    @pytest.fixture(autouse=True)
    def _protected(self, scripts: Scripts) -> None:
        create(CreateRequest("/data"), scripts.kit)

    @pytest.mark.parametrize(
        "arguments", [("-t", "/data", "-i", "/data"), ("-t", "/data"), ("-i", "/data"), ("-t", "", "-i", "/data")]
    )
    def test_the_tags_that_went_are_printed(self, scripts: Scripts, arguments: tuple[str, ...]) -> None:
        code, out, _ = scripts.run("filesys/delete", *arguments)
        assert (code, out[:3]) == (0, ["/data", "vg1/data", "vg1"])
        assert scripts.port.now.instances == ()

    @pytest.mark.parametrize(
        ("script", "arguments", "number"),
        [
            ("filesys/delete", (), 11),
            ("filesys/delete", ("-t", "", "-i", ""), 11),
            ("filesys/delete", ("-t",), 2),
            ("filesys/delete", ("-t", "nothing"), 19),
            ("filesys/delete", ("-t", "/data", "-i", "/other"), 19),
            ("lvmvg/delete", ("-t", "/data"), 110005),
            ("lvmvg/delete", ("-t", "vg1"), 110086),
        ],
    )
    def test_refusals(self, scripts: Scripts, script: str, arguments: tuple[str, ...], number: int) -> None:
        before = scripts.port.now
        assert scripts.run(script, *arguments) == (1, [], [number])
        assert scripts.port.now == before


class TestExtend:
    @pytest.fixture(autouse=True)
    def _protected(self, scripts: Scripts) -> None:
        create(CreateRequest("/data"), scripts.kit)

    def test_depstoextend_prints_the_children(self, scripts: Scripts) -> None:
        assert scripts.run("lvmlv/depstoextend", SERVER, "vg1/data") == (0, ["vg1"], [])
        assert scripts.run("lvmvg/depstoextend", SERVER, "vg1") == (0, ["disk-A", "disk-B"], [])

    @pytest.mark.parametrize(
        ("script", "arguments", "number"),
        [
            ("lvmvg/canextend", (SERVER, "vg1"), 4),
            ("lvmvg/extend", (SERVER, "vg1", "-t", "vg1"), 4),
            ("lvmvg/extend", (SERVER, "vg1"), 30),
            ("lvmvg/extend", (SERVER, "vg1", "-t", ""), 30),
            ("lvmvg/unextend", (SERVER, "vg1"), 110107),
            ("lvmvg/canextend", (SERVER,), 9),
            ("lvmvg/canextend", (), 9),
            ("lvmvg/depstoextend", (SERVER,), 9),
            ("lvmvg/canextend", ("n2", "vg1"), 3),
            ("lvmvg/canextend", (SERVER, "nothing"), 3),
            ("lvmvg/canextend", (SERVER, "vg1/data"), 3),
            ("lvmvg/canextend", (SERVER, "../x"), 110100),
            ("lvmvg/canextend", (SERVER, ""), 110100),
            ("lvmvg/canextend", (SERVER, "vg1", "--force"), 2),
            ("lvmvg/canextend", (SERVER, "vg1", "more"), 4),
        ],
    )
    def test_one_server_has_nowhere_to_extend_to(
        self, scripts: Scripts, script: str, arguments: tuple[str, ...], number: int
    ) -> None:
        before = scripts.port.now
        assert scripts.run(script, *arguments) == (1, [], [number])
        assert scripts.port.now == before

    @pytest.mark.parametrize(("tag", "shown"), [("../x", "../x"), ("", "''")])
    def test_a_wrong_tag_is_repeated_and_one_without_letters_is_seen(
        self, scripts: Scripts, tag: str, shown: str
    ) -> None:
        scripts.run("lvmvg/canextend", SERVER, tag)
        assert f":{shown} is not a valid tag" in scripts.err


class TestOutput:
    @pytest.mark.parametrize("name", ["full", "closed"])
    def test_a_tag_that_cannot_be_printed_is_a_numbered_message(self, scripts: Scripts, name: str) -> None:
        full = io.TextIOWrapper(open("/dev/full", "wb", buffering=0), write_through=True)  # noqa: SIM115
        with redirect_stdout(full if name == "full" else None):
            code, _, numbers = scripts.run("lvmvg/devicehier", "-p", "/data")
        assert (code, numbers) == (1, [110111])
        assert ("[Errno" in scripts.err, "No space left on device" in scripts.err) == (False, name == "full")
        assert scripts.port.now.by_tag("vg1") is not None

    def test_the_tree_that_a_script_stands_in_is_lkroot(self) -> None:
        installed: Callable[[str], Paths] = admin._installed
        assert installed("/srv/lk/lkadm/subsys/scsi/lvmvg/bin/create").lkroot == "/srv/lk"


class TestBoundary:
    VOICE = Voice("restore", "lvmvg", "restore", "vg1")

    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
        told: list[Message] = []
        monkeypatch.setattr(Voice, "tell", lambda _self, message: told.append(message))
        monkeypatch.setattr(Voice, "log_text", lambda *_: None)
        return told

    def test_what_ends_well_ends_with_its_own_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = self.told(monkeypatch)
        assert guarded(lambda: 3, self.VOICE, "n1", lambda m: m.script_exit) == 3
        assert told == []

    def test_the_first_message_decides_the_exit_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = self.told(monkeypatch)

        def work() -> int:
            raise Failure(NotAMountPoint("/x"), NothingToDo("x"))

        assert guarded(work, self.VOICE, "n1", lambda m: m.lcdi_exit) == NotAMountPoint.lcdi_exit
        assert [m.number for m in told] == [110064, 110102]

    @pytest.mark.parametrize("number", SIGNALS)
    def test_a_signal_is_000026(self, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
        told = self.told(monkeypatch)

        def work() -> int:
            os.kill(os.getpid(), number)
            return 0

        assert guarded(work, self.VOICE, "n1", lambda m: m.script_exit) == 1
        assert [m.as_dict() for m in told] == [
            {"action_name": "restore", "tag": "vg1", "server": "n1", "signal": number.name}
        ]

    def test_a_second_signal_does_not_interrupt_the_way_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told(monkeypatch)
        done: list[str] = []

        def work() -> int:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except Interruption:
                os.kill(os.getpid(), signal.SIGINT)
                done.append("taken back")
                raise
            return 0

        guarded(work, self.VOICE, "n1", lambda m: m.script_exit)
        assert done == ["taken back"]

    @pytest.mark.parametrize("error", [RuntimeError("x"), RecursionError(), MemoryError(), KeyError("\x1b[2J")])
    def test_no_traceback_gets_out(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        told = self.told(monkeypatch)

        def work() -> int:
            raise error

        assert guarded(work, self.VOICE, "n1", lambda m: m.script_exit) == 1
        assert [m.number for m in told] == [110099]
        assert told[0].text.isprintable()

    @pytest.mark.parametrize(
        ("error", "logged"), [(Failure(NothingToDo("x")), "lvs -o all"), (KeyError("x"), "KeyError: 'x'")]
    )
    def test_the_log_gets_what_was_at_fault_and_the_last_commands(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, logged: str
    ) -> None:
        texts: list[str] = []
        self.told(monkeypatch)
        monkeypatch.setattr(Voice, "log_text", lambda _self, text: texts.append(text))
        monkeypatch.setattr(recorder, "_entries", [])

        def work() -> int:
            recorder.begin(("lvs", "-o", "all"))
            raise error

        guarded(work, self.VOICE, "n1", lambda m: m.script_exit)
        assert logged in "\n".join(texts)
        assert "lvs -o all" in texts[-1]

    def test_nothing_is_logged_of_commands_where_nobody_had_a_use_for_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A check loads no module for that."""
        told = self.told(monkeypatch)
        monkeypatch.delitem(sys.modules, recorder.__name__)

        def work() -> int:
            raise Failure(NothingToDo("x"))

        guarded(work, self.VOICE, "n1", lambda m: m.script_exit)
        assert [m.number for m in told] == [NothingToDo.number]
        assert recorder.__name__ not in sys.modules

    @pytest.mark.parametrize(("number", "name"), enumerate(("stdin", "stdout", "stderr")))
    def test_no_file_gets_the_number_of_a_stream_that_the_caller_closed(
        self, monkeypatch: pytest.MonkeyPatch, number: int, name: str
    ) -> None:
        seen: list[object] = []

        def work() -> int:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(3)  # nothing more is opened
            seen.extend((os.readlink(f"/proc/self/fd/{number}"), os.get_inheritable(number)))
            return 0

        monkeypatch.setattr(sys, name, None)
        with _closed(number, 3):
            guarded(work, self.VOICE, "n1", lambda m: m.script_exit)
        assert seen == [os.devnull, True]

    def test_streams_that_are_open_stay_as_they_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
        monkeypatch.setattr(sys, "stdin", None)
        guarded(lambda: 0, self.VOICE, "n1", lambda m: m.script_exit)
        assert [os.readlink(f"/proc/self/fd/{number}") for number in range(3)] == before


@contextmanager
def _closed(*numbers: int) -> Iterator[None]:
    """These descriptors are closed for a while, if they are open."""
    kept = {}
    for number in numbers:
        with suppress(OSError):
            kept[number] = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)
            os.close(number)
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number, inheritable=number < 3)
            os.close(copy)


class TestLines:
    """What is written goes out at once, and in order."""

    def test_a_message_comes_after_what_was_written_before(self, capfd: pytest.CaptureFixture[str]) -> None:
        with open(os.dup(2), "w") as buffered, redirect_stderr(buffered):
            buffered.write("before\n")
            report.write_stderr("after")
            assert capfd.readouterr().err == "before\nafter\n"

    def test_a_message_needs_no_stream(self, capfd: pytest.CaptureFixture[str]) -> None:
        with redirect_stderr(None):
            report.write_stderr("said")
        assert capfd.readouterr().err == "said\n"

    def test_a_tag_is_printed_before_anything_else_happens(self, capfd: pytest.CaptureFixture[str]) -> None:
        with open(os.dup(1), "w") as buffered, redirect_stdout(buffered):
            write_lines(["vg1"])
            assert capfd.readouterr().out == "vg1\n"


class TestLog:
    """Logs that listen: a path of their own in the place of journald's and syslog's."""

    VOICE = Voice("restore", "lvmvg", "restore", "vg1")

    @pytest.fixture
    def logs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], socket.socket]:
        """Lets one of the two listen."""
        for name in ("JOURNAL", "SYSLOG"):
            monkeypatch.setattr(report, name, f"{tmp_path}/{name}")

        def listen(name: str) -> socket.socket:
            log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            log.bind(f"{tmp_path}/{name}")
            return log

        return listen

    def test_the_journal_gets_a_message_by_its_fields_and_syslog_nothing(
        self, logs: Callable[[str], socket.socket]
    ) -> None:
        with logs("JOURNAL") as journal, logs("SYSLOG") as syslog:
            self.VOICE.tell(NotAMountPoint("/x"))
            fields = _fields(journal.recv(9999))
            with pytest.raises(BlockingIOError):
                syslog.recv(9999)
        assert fields["MESSAGE"] == "ERROR:lvmvg:restore:vg1:110064:" + NotAMountPoint("/x").text
        assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"], fields["LVMKIT_TAG"]) == ("3", "restore", "vg1")
        assert (fields["LVMKIT_NUMBER"], fields["MESSAGE_ID"]) == ("110064", NotAMountPoint.journal_id())

    def test_syslog_gets_it_as_a_daemon_s_where_there_is_no_journal(self, logs: Callable[[str], socket.socket]) -> None:
        with logs("SYSLOG") as syslog:
            self.VOICE.tell(NotAMountPoint("/x"))
            said = syslog.recv(9999).decode()
        assert said == f"<27>restore[{os.getpid()}]: ERROR:lvmvg:restore:vg1:110064:{NotAMountPoint('/x').text}"

    def test_a_trace_is_logged_line_by_line_for_who_debugs(self, logs: Callable[[str], socket.socket]) -> None:
        with logs("JOURNAL") as journal:
            self.VOICE.log_text("one\ntwo")
            said = [_fields(journal.recv(9999)) for _ in range(2)]
        assert [(each["MESSAGE"], each["PRIORITY"]) for each in said] == [("one", "7"), ("two", "7")]

    def test_a_message_is_printed_where_there_is_no_log_and_nothing_stays_open(
        self,
        logs: Callable[[str], socket.socket],
        capfd: pytest.CaptureFixture[str],
        recwarn: pytest.WarningsRecorder,
    ) -> None:
        del logs
        self.VOICE.tell(NotAMountPoint("/x"))
        assert ":110064:" in capfd.readouterr().err
        assert recwarn.list == []


def _fields(datagram: bytes) -> dict[str, str]:
    """What systemd-journald reads: NAME, newline, length in 8 bytes, value, newline."""
    fields = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        end = 8 + int.from_bytes(rest[:8], "little")
        assert rest[end : end + 1] == b"\n"
        fields[name.decode()] = rest[8:end].decode()
        datagram = rest[end + 1 :]
    return fields
