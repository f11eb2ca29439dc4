"""The outer boundary of every program of the kit: signals become exceptions, exceptions become numbered lines."""

from __future__ import annotations

import os
import sys

from lvmkit.entry.process import let_interrupts_end_it
from lvmkit.model import signals
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lvmkit.entry.report import Voice
    from lvmkit.model.messages import Message


def guarded(
    work: Callable[[], int],
    voice: Voice,
    server: str,
    exit_code: Callable[[Message], int],
    *,
    interruptible: bool = True,
) -> int:
    """Run the work and return the process's exit code; says in numbered lines why it did not end well.

    exit_code: which of a message's exit codes this program uses.  interruptible: False for work that has nothing to
    take back, such as a check; a signal then just ends it. Nothing gets past this function but sys.exit.
    """
    _occupy_standard_streams()
    os.chdir("/")  # so as not to be in the way of an unmount
    if interruptible:
        _turn_signals_into_exceptions()
    else:
        let_interrupts_end_it()
    try:
        return work()
    except Failure as failure:
        voice.tell_all(failure.messages)
        _log_last_commands(voice)
        return exit_code(failure.messages[0])
    except Interruption as interruption:
        from lvmkit.model.messages.guide import ActionInterrupted  # messages are loaded when one is needed

        message = ActionInterrupted(voice.action, voice.tag, server, interruption.signal_name)
        voice.tell(message)
        return exit_code(message)
    except Exception as error:  # noqa: BLE001 - the one outer boundary: an engine must never see a traceback
        from lvmkit.model.messages.engine import unexpected

        told = unexpected(error)
        voice.tell(told)
        _log_trace(voice)
        return exit_code(told)


def _occupy_standard_streams() -> None:
    """Where the caller closed 0, 1 or 2, the next file opened would get that number, and our messages with it."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one


def _turn_signals_into_exceptions() -> None:
    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in signals.ENDING:  # one is enough: a second one would interrupt the back-out
            signals.signal(each, signals.SIG_IGN)
        raise Interruption(signals.NAMES[number])

    for each in signals.ENDING:
        signals.signal(each, interrupt)


def _log_trace(voice: Voice) -> None:
    import traceback  # only on the way down: it costs more than a whole check

    voice.log_text(traceback.format_exc())
    _log_last_commands(voice)


def _log_last_commands(voice: Voice) -> None:
    """The flight recorder, if any command ran at all."""
    recorder = sys.modules.get("lvmkit.storage.recorder")
    if recorder is not None:
        voice.log_text(recorder.dump())
