"""How a program begins: as a child in a session of its own, with three descriptors, that dies with this process.

The module subprocess takes longer to import than most commands to run, and posix_spawn(3) cannot have a child die with
its parent; fork(2) and a few calls can. Between fork and exec the child does nothing else.
"""

from __future__ import annotations

import fcntl
import os
import sys

from lvmkit.model import signals
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from lvmkit.model.signals import Mask

EVENT = "lvmkit.begin"
"""what audit hooks are told (sys.audit), as they are of what the module subprocess starts; its argument is argv"""
_STANDARD = 3
"""descriptors: stdin, stdout, stderr"""
_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of linux/prctl.h"""
_DEFAULTS = (*signals.ENDING, *signals.IGNORED_BY_PYTHON)
"""A signal that is ignored stays so in the program (execve(2)): Python ignores the last two, we ignore the others while
a plan is taken back"""
_NOT_BEGUN = 127


class Birth(Value):
    """What a program begins with."""

    argv: tuple[bytes, ...]
    environment: Mapping[bytes, bytes]
    given: tuple[int, int, int]
    """our descriptors that become its stdin, stdout and stderr"""
    mask: Mask
    """its signal mask"""
    outlives_us: bool
    """it goes on when this process is killed"""


def begin(birth: Birth) -> int:
    """Start a program; returns its process ID. Signals must be held. Raises OSError as fork(2) and execve(2)."""
    sys.audit(EVENT, birth.argv)
    prctl = None if birth.outlives_us else _prctl()
    parent = os.getpid()
    heard, told = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.fork()
        if child == 0:
            _become(birth, told, prctl, parent)
    finally:
        os.close(told)
        why = os.read(heard, 16)  # nothing once it has become the program, which closes the pipe
        os.close(heard)
    if why:
        os.waitpid(child, 0)
        raise OSError(int(why), os.strerror(int(why)))
    return child


def status(child: int) -> int:
    """Wait for its end: the exit status; -N when signal N ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(birth: Birth, told: int, prctl: Callable[..., int] | None, parent: int) -> NoReturn:
    """The life of the child until it is the program; it tells the number of what goes wrong."""
    try:
        told = _out_of_the_way(told)
        os.setsid()
        os.chdir("/")  # so as not to keep a file system busy that the caller happens to stand in
        _keep_only(birth.given, told)
        for number in _DEFAULTS:
            signals.signal(number, signals.SIG_DFL)
        signals.pthread_sigmask(signals.SIG_SETMASK, birth.mask)
        if prctl is not None:
            prctl(_SET_PARENT_DEATH_SIGNAL, int(signals.SIGKILL), 0, 0, 0)
        if prctl is None or os.getppid() == parent:  # else that has died just now
            os.execve(birth.argv[0], birth.argv, birth.environment)  # noqa: S606 - a shell is what it must not be
    except OSError as error:
        os.write(told, b"%d" % (error.errno or 0))
    finally:
        os._exit(_NOT_BEGUN)


def _keep_only(given: Sequence[int], told: int) -> None:
    """Make these descriptors stdin, stdout and stderr, and close all others: also those that whoever started us left
    open for us. told: closes by itself.
    """
    for number, handle in enumerate(tuple(map(_out_of_the_way, given))):
        os.dup2(handle, number)
    os.closerange(_STANDARD, told)
    os.closerange(told + 1, os.sysconf("SC_OPEN_MAX"))


def _out_of_the_way(handle: int) -> int:
    """The same above the standard ones, where these were closed when we began."""
    return fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, _STANDARD)


def _prctl() -> Callable[..., int]:
    """prctl(2), which Python does not offer."""
    import ctypes  # many actions find nothing to run, and start without it

    function: Callable[..., int] = ctypes.CDLL(None).prctl
    return function
