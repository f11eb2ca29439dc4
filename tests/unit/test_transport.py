"""Running the kit on another server, with a program in ssh's place: a real process, real words, real exit codes."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from lvmkit.model import names
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.extend import (
    ConnectionLost,
    LoginRefused,
    ProgramMissingThere,
    ServerTooSlow,
    ServerUnreachable,
    TransportMissing,
)
from lvmkit.peer import transport
from lvmkit.peer.transport import command, run_on, run_on_each
from lvmkit.storage.run import Finished

AS_SSH = """#!/bin/sh
# Called as ssh(1) is: options, --, the server, one word for a shell.
while [ "$1" != -- ]; do shift; done
exec /bin/sh -c "$3"
"""
SHOW = f"#!{sys.executable} -IS\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


def script(folder: Path, text: str, name: str = "ssh") -> str:
    """An executable with this text; its path."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def ssh(tmp_path: Path) -> str:
    """A transport that runs the command on this machine, through a shell as sshd does."""
    return script(tmp_path, AS_SSH)


def failing(folder: Path, status: int, words: str) -> str:
    """A transport that only fails."""
    return script(folder, f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\nexit {status}\n")


def refusal(server: str, ssh: str, deadline: float = 9.0) -> Message:
    """Why nothing came of it."""
    with pytest.raises(Failure) as failure:
        run_on(server, ("/bin/true",), ssh, deadline=deadline)
    return failure.value.messages[0]


@pytest.mark.parametrize(
    "word",
    ["plain", "two words", "", "a'b\"c", "$(touch /nowhere)", "`id`", ";reboot", "*", "~", "-t", "a\\b", "a\nb", "ä"],
)
def test_words_arrive_as_they_are(ssh: str, tmp_path: Path, word: str) -> None:
    show = script(tmp_path, SHOW, "show words")
    answer = run_on("n2", (show, "first", word, "last"), ssh, deadline=9)
    assert json.loads(answer.stdout) == ["first", word, "last"]


def test_status_outputs_and_input_pass(ssh: str) -> None:
    argv = ("/bin/sh", "-c", "cat; echo err >&2; exit 7")
    answer = run_on("n2", argv, ssh, deadline=9, stdin=b"in")
    assert (answer.status, answer.stdout, answer.stderr, answer.argv) == (7, "in", "err\n", argv)


def test_each_line_of_stdout_is_heard_once_and_whole(ssh: str) -> None:
    lines: list[str] = []
    text = "printf 'one\\ntw'; sleep 0.15; printf 'o\\n\\nlast'; echo err >&2"
    answer = run_on("n2", ("/bin/sh", "-c", text), ssh, deadline=9, hear=lines.append)
    assert (lines, answer.stderr) == (["one", "two", "", "last"], "err\n")


def test_a_listener_that_raises_ends_the_program(ssh: str, tmp_path: Path) -> None:
    def hear(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError):
        run_on("n2", ("/bin/sh", "-c", f"echo x; sleep 0.3; touch {tmp_path}/late"), ssh, deadline=9, hear=hear)
    assert not (tmp_path / "late").exists()


def test_nothing_is_asked_and_nothing_forwarded() -> None:
    words = command("n2", ("/bin/true",), "/usr/bin/ssh")
    options = {words[at + 1] for at, word in enumerate(words) if word == "-o"}
    assert {"BatchMode=yes", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes"} <= options
    assert f"ConnectTimeout={transport.CONNECT_PATIENCE}" in options
    assert not any(option.startswith("StrictHostKeyChecking") for option in options)
    assert words[-3:] == ("--", "n2", "/bin/true")
    assert words[0] == "/usr/bin/ssh"


@pytest.mark.parametrize(
    "name", ["", "-oProxyCommand=x", "a b", "root@n2", "n2;id", ".", "n2\n", "ssh://n2", "x" * 254]
)
def test_what_is_no_name_of_a_server_never_reaches_ssh(name: str, tmp_path: Path) -> None:
    assert not names.is_server_name(name)
    assert isinstance(refusal(name, failing(tmp_path, 255, "reached")), InvalidName)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (255, "ssh: connect to host n2 port 22: Connection refused", ServerUnreachable),
        (255, "ssh: connect to host n2 port 22: Connection timed out", ServerUnreachable),
        (255, "ssh: Could not resolve hostname n2: Name or service not known", ServerUnreachable),
        (255, "kex_exchange_identification: read: Connection reset by peer", ServerUnreachable),
        (255, "", ServerUnreachable),
        (255, "root@n2: Permission denied (publickey).", LoginRefused),
        (255, "No ED25519 host key is known for n2 and you have requested strict checking.\n"
              "Host key verification failed.", LoginRefused),
        (255, "Timeout, server n2 not responding.", ConnectionLost),
        (255, "Connection to n2 closed by remote host.", ConnectionLost),
        (127, "bash: line 1: /opt/LifeKeeper/bin/lvmkit: No such file or directory", ProgramMissingThere),
        (126, "bash: line 1: /opt/LifeKeeper/bin/lvmkit: Permission denied", ProgramMissingThere),
    ],
)  # fmt: skip
def test_reasons_are_told_apart(tmp_path: Path, status: int, words: str, kind: type[Message]) -> None:
    told = refusal("n2", failing(tmp_path, status, words))
    assert type(told) is kind
    assert told.as_dict()["server"] == "n2"
    assert words.splitlines()[-1:] == [told.as_dict()["why"]] or not words


def test_the_kits_own_exit_codes_are_no_failures_of_the_transport(tmp_path: Path) -> None:
    answer = run_on("n2", ("/bin/true",), failing(tmp_path, 9, "Permission denied"), deadline=9)
    assert answer.status == 9


def test_a_transport_that_is_not_there(tmp_path: Path) -> None:
    assert refusal("n2", f"{tmp_path}/none") == TransportMissing(f"{tmp_path}/none")


def test_one_that_does_not_come_back(tmp_path: Path) -> None:
    ssh = script(tmp_path, "#!/bin/sh\nexec sleep 60\n")
    assert refusal("n2", ssh, deadline=0.05) == ServerTooSlow("n2", 0.05)


def test_one_that_is_killed_was_at_work(tmp_path: Path) -> None:
    assert isinstance(refusal("n2", script(tmp_path, "#!/bin/sh\nkill -9 $$\n")), ConnectionLost)


class TestSeveral:
    SLOW = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
case $2 in
slow) exec sleep 60 ;;
shut) echo "root@shut: Permission denied (publickey)." >&2; exit 255 ;;
esac
sleep 0.3
cat
"""

    def test_all_are_asked_at_the_same_time_and_each_answers_for_itself(self, tmp_path: Path) -> None:
        servers = ("slow", "a", "shut", "-x", "b")
        before = time.monotonic()
        stdin = [name.encode() for name in servers]
        answers = run_on_each(servers, ("/x",), script(tmp_path, self.SLOW), deadline=0.8, stdin=stdin)
        took = time.monotonic() - before
        assert {name for name in answers if isinstance(answers[name], Finished)} == {"a", "b"}
        assert [getattr(answers[name], "stdout", "") for name in ("a", "b")] == ["a", "b"]
        kinds = {name: type(why.messages[0]) for name, why in answers.items() if isinstance(why, Failure)}
        assert kinds == {"slow": ServerTooSlow, "shut": LoginRefused, "-x": InvalidName}
        assert 0.8 <= took < 2.5

    def test_a_signal_while_they_are_asked_ends_all(self, tmp_path: Path) -> None:
        folder = tmp_path / "started"
        folder.mkdir()
        ssh = script(tmp_path, f"#!/bin/sh\necho $$ >{folder}/$$\nexec sleep 60\n")

        def interrupt(*_: object) -> None:
            raise ZeroDivisionError

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(ZeroDivisionError):
                run_on_each(("a", "b"), ("/x",), ssh, deadline=30)
        finally:
            signal.signal(signal.SIGALRM, before)
        started = [int(path.name) for path in folder.iterdir()]
        assert len(started) == 2
        assert not any(Path(f"/proc/{pid}").exists() for pid in started)

    def test_a_transport_that_is_not_there(self, tmp_path: Path) -> None:
        answers = run_on_each(("a", "b"), ("/x",), f"{tmp_path}/none", deadline=1)
        assert [str(answer) for answer in answers.values()] == [str(Failure(TransportMissing(f"{tmp_path}/none")))] * 2
