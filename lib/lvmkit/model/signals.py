"""Signals without the module `signal`: that brings `enum`, which costs more than a whole check.

CPython's own `signal` only covers _signal with enumerations.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import SIG_BLOCK as SIG_BLOCK
    from signal import SIG_DFL as SIG_DFL
    from signal import SIG_IGN as SIG_IGN
    from signal import SIG_SETMASK as SIG_SETMASK
    from signal import SIGHUP as SIGHUP
    from signal import SIGINT as SIGINT
    from signal import SIGKILL as SIGKILL
    from signal import SIGPIPE as SIGPIPE
    from signal import SIGTERM as SIGTERM
    from signal import SIGXFSZ as SIGXFSZ
    from signal import default_int_handler as default_int_handler
    from signal import getsignal as getsignal
    from signal import pthread_sigmask as pthread_sigmask
    from signal import signal as signal
    from signal import valid_signals as valid_signals

    Mask = set[int]
else:
    from _signal import (  # noqa: F401
        SIG_BLOCK,
        SIG_DFL,
        SIG_IGN,
        SIG_SETMASK,
        SIGHUP,
        SIGINT,
        SIGKILL,
        SIGPIPE,
        SIGTERM,
        SIGXFSZ,
        default_int_handler,
        getsignal,
        pthread_sigmask,
        signal,
        valid_signals,
    )

ENDING = (SIGTERM, SIGINT, SIGHUP)
"""those that ask a program to end"""
IGNORED_BY_PYTHON = (SIGPIPE, SIGXFSZ)
"""a program that takes our place would go on ignoring them: execve(2)"""
NAMES: dict[int, str] = {SIGTERM: "SIGTERM", SIGINT: "SIGINT", SIGHUP: "SIGHUP"}
