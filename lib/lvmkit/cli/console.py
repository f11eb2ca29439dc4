"""How the command line speaks: results on stdout, everything else on stderr in the form a person reads, and in the log.

The log gets LifeKeeper's line form, as from every other program of the kit; see entry/report.py.
"""

from __future__ import annotations

import os
import sys

from lvmkit.entry.report import Voice
from lvmkit.model.messages import ERROR, FATAL, INFO, WARN, Failure
from lvmkit.model.messages.command import OutputNotWritten
from lvmkit.view.language import advice_of, text_of, worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TextIO

    from lvmkit.model.messages import Message

RED, YELLOW = "31", "33"
_COLOURS = {WARN: YELLOW, ERROR: RED, FATAL: RED}


class Console(Voice):
    """A voice for a person: `lvmkit: ERROR 110014: text`, and a second line with the advice where there is any."""

    quiet: bool = False
    """leave out mere progress, which still goes to the log"""
    colour: bool = False

    def tell(self, message: Message) -> None:
        """Say it on stderr, unless it is mere progress and --quiet was given, and in the log."""
        self._say(message, advice_of(message))

    def tell_all(self, messages: Sequence[Message]) -> None:
        """Say why work stopped. Advice is given for the cause only, not for what it led to, and never twice."""
        given: set[str] = set()
        for position, message in enumerate(messages):
            advice = advice_of(message)
            if advice in given or (message.is_outcome and position > 0):
                advice = ""
            given.add(advice)
            self._say(message, advice)

    def rendered(self, message: Message, advice: str) -> str:
        """The lines for stderr."""
        level = painted(message.level, _COLOURS.get(message.level, ""), self.colour)
        second = f"  -> {advice}\n" if advice else ""
        return f"{self.program}: {level} {message.number:06d}: {text_of(message)}\n{second}"

    def _say(self, message: Message, advice: str) -> None:
        if message.level != INFO or not self.quiet:
            self._put(message, advice)
        self.log(message)

    def _put(self, message: Message, advice: str) -> None:
        _write_stderr(self.rendered(message, advice))


def _discard(_facts: dict[str, Any]) -> None:
    """What takes the lines of a voice that was given no reader."""


class LineConsole(Console):
    """A voice for a program, which gets each message as a line of JSON, in the form of view/event.py."""

    put: Callable[[dict[str, Any]], None] = _discard

    def _put(self, message: Message, advice: str) -> None:
        from lvmkit.view.event import message_event  # only where lines are asked for

        self.put(message_event(message, advice))


def painted(text: str, colour: str, wanted: bool) -> str:
    """The text in a colour (an SGR number of ECMA-48), or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted and colour else text


def may_colour(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that shows colours, and its user has not said no (https://no-color.org)."""
    environment = os.environ
    if stream is None or environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb":
        return False
    return stream.isatty()


def write(text: str) -> bool:
    """Put a result on stdout now. False when its reader has gone away, which is no failure: `lvmkit status | head -1`.

    Raises Failure (OutputNotWritten, 110111) when stdout does not take it for another reason.
    """
    if not text:
        return True
    if sys.stdout is None:
        raise Failure(OutputNotWritten("it is closed"))
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
        return False
    except OSError as error:
        abandon_stdout()
        raise Failure(OutputNotWritten(error.strerror or str(error))) from error
    return True


def one_a_line(words: Iterable[str]) -> str:
    """The words as text, each with a line of its own."""
    return "".join(f"{word}\n" for word in words)


def abandon_stdout() -> None:
    """Discard what is still buffered, so that Python's own flush at the end does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def is_interactive() -> bool:
    """Whether a person can be asked: both a question and its answer go through a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def confirms(question: str) -> bool:
    """Ask on the terminal; anything but y or yes is a no."""
    _write_stderr(f"{worded(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write_stderr(text: str) -> None:
    """A message in one write; a closed stderr is no error, but no reason to stop either."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return
