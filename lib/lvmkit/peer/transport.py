"""How the kit runs a command of its own on another server: ssh(1) in batch mode, or a program that is called like it.

This is the only place that knows how. LVMKIT_SSH names another program; it gets ssh's options, '--', the server, and
one word with the command for a POSIX shell, and its exit status is that of the command, or 255 for its own failures.
"""

from __future__ import annotations

import shlex

from lvmkit.model import names
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.extend import (
    ConnectionLost,
    LoginRefused,
    ProgramMissingThere,
    ServerTooSlow,
    ServerUnreachable,
    TransportMissing,
)
from lvmkit.model.messages.storage import CommandHung, CommandMissing
from lvmkit.storage.run import Command, run, run_all, run_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.model.messages import Message
    from lvmkit.storage.run import Finished

CONNECT_PATIENCE = 10
"""seconds until a server that does not answer counts as unreachable"""
SILENCE, SILENCES = 5, 3
"""seconds without a sign of life until ssh asks for one, and how many questions may stay without an answer"""

_SSH_FAILED, _NOT_EXECUTABLE, _NOT_FOUND = 255, 126, 127
_OPTIONS = {
    "BatchMode": "yes",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": str(CONNECT_PATIENCE),
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",  # no banner among the words of the kit; why a login failed is still said
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": str(SILENCES),
    "ServerAliveInterval": str(SILENCE),
}
"""ssh_config(5). StrictHostKeyChecking is not among them: whether an unknown host is trusted the administrator says"""
_REFUSED = ("Permission denied", "Host key verification failed", "Too many authentication failures")
_LOST = ("not responding", "closed by remote host", "client_loop")
"""what ssh says where a connection breaks that had been made"""


def run_on(
    server: str,
    argv: tuple[str, ...],
    ssh: str,
    *,
    deadline: float,
    stdin: bytes | None = None,
    hear: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program on another server, as root there, and collect what it says.

    server: its name in the cluster, which ssh must be able to resolve.  argv: the words, unchanged; argv[0] absolute.
    ssh: path of the program that connects (LVMKIT_SSH).  deadline: seconds in all, connecting included.
    stdin: what it may read.  hear: is given each line of its stdout as it comes.
    Returns Finished whatever the program's own exit status; its argv is the one given here.
    Raises Failure: InvalidName, TransportMissing, ServerUnreachable, LoginRefused, ProgramMissingThere (126 or 127),
    ConnectionLost, ServerTooSlow. Where it does not come back in time the connection is closed; a program there that
    goes on writing gets EPIPE (ssh gives it no signal).
    Source: ssh(1), EXIT STATUS; the words are joined by blanks and read by the remote user's shell, so each is quoted.
    """
    words = command(server, argv, ssh)
    try:
        answer = run(words, deadline=deadline, stdin=stdin, hear=hear)
    except Failure as failure:
        raise _translate(failure, server, ssh, deadline) from failure
    return _of_the_program(answer, server, argv)


def run_on_each(
    servers: Sequence[str], argv: tuple[str, ...], ssh: str, *, deadline: float, stdin: Sequence[bytes] = ()
) -> dict[str, Finished | Failure]:
    """Run a program on several servers at the same time; for each what run_on() would return or raise.

    stdin: what it may read on each server, in their order.  deadline: seconds in all, for all of them together.
    """
    given = dict(zip(servers, stdin))
    outcomes: dict[str, Finished | Failure] = {}
    commands: dict[str, Command] = {}
    for server in servers:
        try:
            commands[server] = Command(command(server, argv, ssh), given.get(server, b""))
        except Failure as failure:
            outcomes[server] = failure
    for server, outcome in zip(commands, run_all(tuple(commands.values()), deadline=deadline)):
        outcomes[server] = _outcome_of_the_program(outcome, server, argv, ssh, deadline)
    return outcomes


class Underway:
    """A program that runs on another server while this one does something else. It changes nothing there."""

    def __init__(self, server: str, argv: tuple[str, ...], ssh: str) -> None:
        """Start it. Raises Failure (110100) for what cannot be the name of a server."""
        self._server, self._argv, self._ssh = server, argv, ssh
        self._begun = run_beside(Command(command(server, argv, ssh)))

    def outcome(self, *, deadline: float) -> Finished | Failure:
        """What run_on() would return or raise; to be asked for once. deadline: seconds from now."""
        outcome = self._begun.outcome(deadline=deadline)
        return _outcome_of_the_program(outcome, self._server, self._argv, self._ssh, deadline)


def command(server: str, argv: tuple[str, ...], ssh: str) -> tuple[str, ...]:
    """What is run here to run argv there. Raises Failure (110100) for what cannot be the name of a server."""
    if not names.is_server_name(server):
        raise Failure(InvalidName(server or "''", "name of a server"))
    options = (word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}"))
    return (ssh, *options, "--", server, " ".join(map(shlex.quote, argv)))


def _outcome_of_the_program(
    outcome: Finished | Failure, server: str, argv: tuple[str, ...], ssh: str, deadline: float
) -> Finished | Failure:
    if isinstance(outcome, Failure):
        return _translate(outcome, server, ssh, deadline)
    try:
        return _of_the_program(outcome, server, argv)
    except Failure as failure:
        return failure


def _of_the_program(answer: Finished, server: str, argv: tuple[str, ...]) -> Finished:
    """What the program there did, out of what ssh did here. Raises Failure where it was not run."""
    _raise_unless_run(answer, server, argv[0])
    return type(answer)(argv, answer.status, answer.stdout, answer.stderr, answer.seconds)


def _translate(failure: Failure, server: str, ssh: str, seconds: float) -> Failure:
    first = failure.messages[0]
    if isinstance(first, CommandMissing):
        return Failure(TransportMissing(ssh))
    return Failure(ServerTooSlow(server, seconds)) if isinstance(first, CommandHung) else failure


def _raise_unless_run(answer: Finished, server: str, program: str) -> None:
    """Tell apart why nothing was run there. Only ssh itself ends with 255: the kit's own exit codes are below 10."""
    lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    why = lines[-1] if lines else f"ssh ended with {answer.status} and did not say why"
    if answer.status in (_NOT_FOUND, _NOT_EXECUTABLE):
        raise Failure(ProgramMissingThere(server, program, why))
    if answer.status < 0:
        raise Failure(ConnectionLost(server, why))
    if answer.status == _SSH_FAILED:
        raise Failure(_reason(server, lines, why))


def _reason(server: str, lines: list[str], why: str) -> Message:
    for marks, kind in ((_REFUSED, LoginRefused), (_LOST, ConnectionLost)):
        found = next((line for line in lines if any(mark in line for mark in marks)), "")
        if found:
            return kind(server, found)
    return ServerUnreachable(server, why)
