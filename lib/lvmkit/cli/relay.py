"""The command line as another server's kit uses it: each message is a line of JSON on stderr, written as it comes.

Where the other side has gone away, the next line cannot be written any more; then the work is taken back, for nobody
will hear that it was done.
"""

from __future__ import annotations

import os

from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.cli.session import Session
    from lvmkit.model.messages import Message
    from lvmkit.plan import Kit


class Speaker:
    """Says messages to the kit on the other end of stderr, and to this server's own log."""

    def __init__(self, log: Callable[[Message], None]) -> None:
        self._log = log
        self._is_heard = True

    def tell(self, message: Message) -> None:
        """Say it. Raises Interruption, once, when nobody listens any more: the way back must not be interrupted."""
        from lvmkit.workflow.wire import line

        self._log(message)
        if not self._is_heard:
            return
        try:
            write_line(line(message))
        except OSError as error:
            self._is_heard = False
            raise Interruption("SIGPIPE") from error


def write_line(text: str) -> None:
    """A whole line on stderr, in one write. Raises OSError: of a reader that has gone, BrokenPipeError."""
    os.write(2, f"{text}\n".encode("ascii"))


def relayed(session: Session, action: str, tag: str, job: Callable[[Kit], int]) -> int:
    """Run a job whose messages go to another server's kit; returns the exit code."""
    speaker = Speaker(session.console(action, tag).log)

    def spoken(kit: Kit) -> int:
        try:
            return job(replace(kit, tell=speaker.tell))
        except Failure as failure:
            for message in failure.messages:
                speaker.tell(message)
            return failure.messages[0].lcdi_exit or 1

    return session.work(action, tag, spoken)
