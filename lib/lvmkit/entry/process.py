"""What a program of the kit is as a process: what an interrupt does to it, and how it ends."""

from __future__ import annotations

import os
import sys

from lvmkit.model.signals import SIG_DFL, SIGINT, default_int_handler, getsignal, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def let_interrupts_end_it() -> None:
    """Let SIGINT end this process as it ends any program, unless it is ignored, as below nohup.

    It is for programs that have nothing to take back. Python would show a traceback of whatever it is at: of an
    import, mostly.
    """
    if getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, SIG_DFL)


def end(code: int) -> NoReturn:
    """End this process at once with an exit code; what it has written goes out before.

    The interpreter would take everything apart first, which costs a third of its start. Nothing waits for that: what
    the kit opens it closes, and a kill loses nothing either. Where the output cannot be written, the code is not 0.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by the caller
                stream.flush()
    except OSError:
        code = code or 1
    os._exit(code)
