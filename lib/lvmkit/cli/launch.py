"""Between click and the process: words in, exit code out; what the parser complains of becomes a numbered message."""

from __future__ import annotations

import os
import sys

import click

from lvmkit.cli.console import abandon_stdout
from lvmkit.cli.session import JSONL
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import OutputNotWritten
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.phrase import Phrase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lvmkit.cli.session import Session
    from lvmkit.model.messages import Message


def launch(
    command: click.Command,
    words: Sequence[str],
    session: Session,
    complaints: Callable[[UsageError], tuple[Message, ...]] = lambda usage: (usage,),
) -> int:
    """Parse the words, run the command, and return the exit code.

    complaints: the messages for words that the command does not take.
    """
    _accept_any_character()
    if _asks_for_lines(words):
        session.form = JSONL

    def job() -> int:
        try:
            return 0 if _is_asked_by_shell(command, session) else _run(command, words, session)
        except click.ClickException as error:
            raise Failure(*complaints(_usage(error, command))) from error
        except BrokenPipeError:  # from click's own output: --help into a pager that was closed
            abandon_stdout()
            return 0
        except OSError as error:
            abandon_stdout()
            raise Failure(OutputNotWritten(error.strerror or str(error))) from error

    return session.end(session.guard(session.program, "", job))


def _is_asked_by_shell(command: click.Command, session: Session) -> bool:
    """Whether a shell asked what could be typed, and has its answer."""
    if "_LVMKIT_COMPLETE" not in os.environ:
        return False
    from lvmkit.cli.completion import answers_shell

    return answers_shell(command, session)


def _asks_for_lines(words: Sequence[str]) -> bool:
    """Whether --format jsonl is among the words. What the parser says against them must have that form, too."""
    return "--format=jsonl" in words or ("--format", JSONL) in zip(words, words[1:])


def _run(command: click.Command, words: Sequence[str], session: Session) -> int:
    try:
        with command.make_context(session.program, list(words), obj=session) as context:
            return int(command.invoke(context) or 0)
    except click.exceptions.Exit as end:  # --help and --version
        return end.exit_code


def _usage(error: click.ClickException, command: click.Command) -> UsageError:
    """What was wrong, and the form the command takes."""
    context = getattr(error, "ctx", None) or click.Context(command, info_name=command.name)
    form = " ".join((context.command_path, *context.command.collect_usage_pieces(context)))
    return UsageError(Phrase.joined((error.format_message(), form), " "))


def _accept_any_character() -> None:
    """A name that the terminal's encoding cannot show is shown in escapes instead of ending the program."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
