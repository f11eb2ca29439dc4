"""What an interrupt from the terminal does to a program that has nothing to take back: it ends it, without a word."""

from __future__ import annotations

from lvmkit.model.signals import SIG_DFL, SIGINT, default_int_handler, getsignal, signal


def let_interrupts_end_it() -> None:
    """Let SIGINT end this process as it ends any program, unless it is ignored, as below nohup.

    Python would show a traceback of whatever it is at: of an import, mostly.
    """
    if getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, SIG_DFL)
