"""One run of the command line: where the kit is installed, how loud to be, and the boundary around the work."""

from __future__ import annotations

import os
import sys

from lvmkit.cli.console import Console, LineConsole, may_colour, write
from lvmkit.entry.boundary import guarded
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.settings import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit

TEXT, JSON, JSONL = "text", "json", "jsonl"
"""for a person; the answer as JSON, and what is said on stderr; all of it as lines of JSON (view/event.py)"""
_CLEAR = "\x1b[H\x1b[2J"


def open_installed(paths: Paths, tell: Callable[[Message], None]) -> Kit:
    """The kit on the engine of this server."""
    from lvmkit.entry.kit import kit  # explain and --help need no engine

    return kit(paths, tell)


class Session:
    """What all commands of one run share. `quiet` and `form` are set by the options as they are parsed."""

    def __init__(
        self,
        paths: Paths,
        open_kit: Callable[[Paths, Callable[[Message], None]], Kit] = open_installed,
        program: str = "lvmkit",
        script: str = "/usr/sbin/lvmkit",
    ) -> None:
        """script: path of the lvmkit command, for what runs it again."""
        self.program = program
        self.script = script
        self.paths = paths
        self.quiet = False
        self.form = TEXT
        self._open_kit = open_kit
        self._answer: dict[str, Any] | None = None
        self._is_read = True

    def console(self, action: str, tag: str = "") -> Console:
        """The voice for one action."""
        if self.form == JSONL:
            return LineConsole(self.program, "cli", action, tag, self.quiet, put=self._write_line)
        return Console(self.program, "cli", action, tag, self.quiet, may_colour(sys.stderr))

    def guard(self, action: str, tag: str, job: Callable[[], int]) -> int:
        """Run a job; what goes wrong is printed in numbered lines. Returns the LCDI exit code of the first, never 0."""
        return guarded(job, self.console(action, tag), os.uname().nodename, lambda first: first.lcdi_exit or 1)

    def work(self, action: str, tag: str, job: Callable[[Kit], int]) -> int:
        """Run a job that needs the engine, and so root. Returns the exit code."""

        def as_root() -> int:
            if os.geteuid() != 0:
                raise Failure(NotRoot(f"{self.program} {action}"))
            return job(self._open_kit(self.paths, self._teller(self.console(action, tag))))

        return self.guard(action, tag, as_root)

    def open_quietly(self) -> Kit:
        """The kit, for who only looks something up. Raises Failure."""
        return self._open_kit(self.paths, lambda _message: None)

    def answer(self, facts: Callable[[], dict[str, Any]], text: Callable[[], str]) -> bool:
        """Print what a command answers, in the form that was asked for.

        False when nobody reads it any more. Raises Failure (OutputNotWritten, 110111).
        """
        if self.form == TEXT:
            return write(text())
        from lvmkit.view.document import document, versioned

        if self.form == JSON:
            return write(document(facts()))
        self._answer = versioned(facts())  # the last line has it
        return True

    def answer_again(self, facts: Callable[[], dict[str, Any]], text: Callable[[], str]) -> bool:
        """Print one of several answers, on a terminal in the place of the one before; as JSON each is a line.

        Returns, Raises: as answer().
        """
        if self.form == TEXT:
            return write((_CLEAR if sys.stdout.isatty() else "") + text())
        from lvmkit.view.document import document, versioned
        from lvmkit.view.event import answer_event

        shown = facts() if self.form == JSON else answer_event(versioned(facts()))
        return write(document(shown, compact=True))

    def end(self, status: int) -> int:
        """Say how the run ended, where all is lines of JSON. Returns status, the exit code of the process."""
        if self.form == JSONL:
            from lvmkit.view.event import result_event

            self._write_line(result_event(status, self._answer))
        return status

    def _teller(self, console: Console) -> Callable[[Message], None]:
        """How the work speaks. Where nobody reads its lines any more, it is interrupted, once, and so taken back."""

        def tell(message: Message) -> None:
            was_read = self._is_read
            console.tell(message)
            if was_read and not self._is_read:
                raise Interruption("SIGPIPE")

        return tell

    def _write_line(self, facts: dict[str, Any]) -> None:
        from lvmkit.view.document import document

        try:
            self._is_read = self._is_read and write(document(facts, compact=True))
        except Failure:  # a full disk, mostly; whoever reads the lines must not miss one
            self._is_read = False


def installed(script: str) -> Paths:
    """The paths of an installation. script: real path of the program, <root>/bin/<name>.

    LKROOT is the folder with the action scripts: the root itself where it is installed, below it in a checkout.
    """
    root = os.path.dirname(os.path.dirname(script))
    for place in (root, f"{root}/opt/LifeKeeper"):
        if os.path.isdir(f"{place}/subsys"):
            return Paths(lkroot=place)
    return Paths()
