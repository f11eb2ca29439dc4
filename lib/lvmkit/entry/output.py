"""The result of a script or command: lines on stdout."""

from __future__ import annotations

import sys

from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def write_lines(lines: Iterable[str]) -> None:
    """Write them, flushed. Raises Failure (OutputNotWritten, 110111); what was done stays done."""
    if sys.stdout is None:
        raise _not_written("it is closed")
    try:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # else Python tries again at its end, and complains in its own words
        raise _not_written(error.strerror or str(error)) from error


def _not_written(why: str) -> Failure:
    from lvmkit.model.messages.command import OutputNotWritten  # few meet it

    return Failure(OutputNotWritten(why))
