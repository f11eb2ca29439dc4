"""lcdremexec, and commands whose work is another server's: what is run there, and what comes back."""

from __future__ import annotations

import os

from lvmkit.entry.lcdi.arguments import wrong
from lvmkit.entry.lcdi.description import DEST, LcdiCommand, LcdiReply, Option, is_number, required
from lvmkit.entry.output import write_lines
from lvmkit.model import signals
from lvmkit.model.messages import LCDI_NO_COMMUNICATION, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.call import Call
    from lvmkit.storage.run import Finished


def lcdremexec(call: Call) -> LcdiReply:
    """Run a program on another server; what it prints is printed, and its exit status is ours."""
    words = _words(call)
    if not call.is_elsewhere:
        _become(words, call)
    seconds = int(call.get("t")) if call.has("t") else call.kit.settings.remote_timeout
    return _passed(_run_there(words, seconds, call), apart=call.has("e"))


def pass_on(call: Call) -> LcdiReply:
    """Have the server of -d run the same command for itself."""
    words = [call.command.name]
    for letter, argument in call.given.options.items():
        if letter != DEST.letter:
            words.append(f"-{letter}{argument}")
    return _passed(_run_there(tuple(words), call.kit.settings.remote_timeout, call), apart=True)


def _words(call: Call) -> tuple[str, ...]:
    """The program and its arguments. One operand with blanks is a command line: quotes count, nothing else does."""
    operands = call.given.operands
    if len(operands) == 1 and " " in operands[0]:
        import shlex

        try:
            operands = tuple(shlex.split(operands[0]))
        except ValueError as error:
            raise wrong(call.command, str(error)) from error
    if not operands:
        raise wrong(call.command, "no program follows '--'")
    return operands


def _run_there(words: tuple[str, ...], seconds: int, call: Call) -> Finished:
    from lvmkit.peer import order
    from lvmkit.peer.requests import OrderRun

    return order.run_program(call.kit.remote(call.server), OrderRun(words, seconds), call.tell)


def _become(words: tuple[str, ...], call: Call) -> None:
    """Be the program from here on: its streams are ours. Raises Failure: 110392; 110061 where it cannot be started."""
    from lvmkit.storage import offered

    path, lkroot = offered.program(words[0], call.paths.lkroot), call.paths.lkroot
    for number in signals.IGNORED_BY_PYTHON:
        signals.signal(number, signals.SIG_DFL)
    try:
        os.execve(path, words, offered.environment(lkroot))  # noqa: S606 - a program of a kit, and no shell
    except OSError as error:
        from lvmkit.model.messages.storage import CommandFailed
        from lvmkit.storage import files

        raise Failure(CommandFailed(" ".join(words), "no start", files.why(error))) from error


def _passed(finished: Finished, *, apart: bool) -> LcdiReply:
    """What came back; stderr on ours where it is to be kept apart."""
    from lvmkit.entry.report import write_stderr

    out = finished.stdout if apart else finished.stdout + finished.stderr
    if out:
        write_lines(out.removesuffix("\n").split("\n"))
    if apart and finished.stderr:
        write_stderr(finished.stderr.removesuffix("\n"))
    return LcdiReply(status=finished.status if finished.status >= 0 else 128 - finished.status)


def _is_timeout(text: str) -> bool:
    from lvmkit.peer.requests import LONGEST_TIMEOUT

    return is_number(text) and 0 < int(text) <= LONGEST_TIMEOUT


COMMANDS = (
    LcdiCommand(
        "lcdremexec",
        "run a program of a kit on another server",
        (
            Option("e", "", "keep the program's stderr apart from its stdout"),
            required(DEST),
            Option("t", "timeout", "how many seconds it may take; REMOTETIMEOUT where not given", fits=_is_timeout),
        ),
        lcdremexec,
        operands="program argument...",
        changes=True,
        exits=(LCDI_NO_COMMUNICATION,),
        notes=(
            "The exit status is the program's. It must be in $LKROOT/bin, or below $LKROOT/lkadm or $LKROOT/subsys, and"
            " nobody but root may be able to change it; anything else is refused. No shell reads the words: an operand"
            " that is a whole command line is taken apart at its blanks, with quotes, and nothing in it is replaced.",
            "What the program prints comes when it has ended. On this server it has the streams of the caller.",
        ),
    ),
)
