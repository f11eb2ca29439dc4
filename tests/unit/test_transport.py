"""Running the kit on another server, with a program in ssh's place: a real process, real words, real exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lvmkit.cluster import transport
from lvmkit.cluster.transport import command, is_server_name, run_on
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
from lvmkit.model.settings import Settings

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
def ssh(tmp_path: Path) -> Settings:
    """A transport that runs the command on this machine, through a shell as sshd does."""
    return Settings(ssh=script(tmp_path, AS_SSH))


def failing(folder: Path, status: int, words: str) -> Settings:
    """A transport that only fails."""
    return Settings(ssh=script(folder, f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\nexit {status}\n"))


def refusal(server: str, settings: Settings, deadline: float = 9.0) -> Message:
    """Why nothing came of it."""
    with pytest.raises(Failure) as failure:
        run_on(server, ("/bin/true",), settings, deadline=deadline)
    return failure.value.messages[0]


@pytest.mark.parametrize(
    "word",
    ["plain", "two words", "", "a'b\"c", "$(touch /nowhere)", "`id`", ";reboot", "*", "~", "-t", "a\\b", "a\nb", "ä"],
)
def test_words_arrive_as_they_are(ssh: Settings, tmp_path: Path, word: str) -> None:
    show = script(tmp_path, SHOW, "show words")
    answer = run_on("n2", (show, "first", word, "last"), ssh, deadline=9)
    assert json.loads(answer.stdout) == ["first", word, "last"]


def test_status_outputs_and_input_pass(ssh: Settings) -> None:
    argv = ("/bin/sh", "-c", "cat; echo err >&2; exit 7")
    answer = run_on("n2", argv, ssh, deadline=9, stdin=b"in")
    assert (answer.status, answer.stdout, answer.stderr, answer.argv) == (7, "in", "err\n", argv)


def test_each_line_of_stderr_is_heard_once_and_whole(ssh: Settings) -> None:
    lines: list[str] = []
    text = "printf 'one\\ntw' >&2; sleep 0.15; printf 'o\\n\\nlast' >&2; echo out"
    answer = run_on("n2", ("/bin/sh", "-c", text), ssh, deadline=9, hear=lines.append)
    assert (lines, answer.stdout) == (["one", "two", "", "last"], "out\n")


def test_a_listener_that_raises_ends_the_program(ssh: Settings, tmp_path: Path) -> None:
    def hear(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError):
        run_on("n2", ("/bin/sh", "-c", f"echo x >&2; sleep 0.3; touch {tmp_path}/late"), ssh, deadline=9, hear=hear)
    assert not (tmp_path / "late").exists()


def test_nothing_is_asked_and_nothing_forwarded() -> None:
    words = command("n2", ("/bin/true",), Settings())
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
    assert not is_server_name(name)
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
    assert refusal("n2", Settings(ssh=f"{tmp_path}/none")) == TransportMissing(f"{tmp_path}/none")


def test_one_that_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CONNECT_PATIENCE", 0.05)
    settings = Settings(ssh=script(tmp_path, "#!/bin/sh\nexec sleep 60\n"))
    assert isinstance(refusal("n2", settings, deadline=0.05), ServerTooSlow)


def test_one_that_is_killed_was_at_work(tmp_path: Path) -> None:
    assert isinstance(refusal("n2", Settings(ssh=script(tmp_path, "#!/bin/sh\nkill -9 $$\n"))), ConnectionLost)
