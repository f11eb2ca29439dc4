"""Programs in Python, each in a fork of this process: to start the interpreter anew is most of what a command costs.

Only execve(2) is replaced. A program still is a process of its own, with the words, the environment and the
descriptors that it was given, and it still ends by an exit code or a signal. What is different: the modules that the
tests have loaded are there already, with what a test may have patched in them.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from lvmkit.storage import dm, locks, recorder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    import pytest

_INTERPRETER = b" -IS\n"
"""how the first line of our programs in Python ends"""
_execve = os.execve
_codes: dict[str, CodeType] = {}
"""by path; only of what was prepared"""


def instead_of_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, children of this process become programs in Python without starting the interpreter.

    Not where LVMKIT_PROGRAMS is `real`, as in `make check-long`.
    """
    if os.environ.get("LVMKIT_PROGRAMS") == "real":
        return
    monkeypatch.setattr(os, "execve", _become)
    monkeypatch.setattr(os, "execv", lambda path, argv: _become(path, argv, os.environb))


def prepare(path: str) -> None:
    """Compile a program that many children will become."""
    if path not in _codes:
        _codes[path] = _compiled(path)


def _become(path: str | bytes, argv: Sequence[Any], environment: Mapping[Any, Any]) -> NoReturn:
    """Be the program from here on, as execve(2); raises OSError as that does."""
    real = os.path.realpath(os.fsdecode(path))
    if not _is_ours(real):
        _execve(path, tuple(argv), environment)
    code = _codes.get(real) or _compiled(real)
    words, variables = list(map(os.fsdecode, argv)), dict(environment)
    status = 1
    try:
        _begin_anew(words, variables)
        exec(code, {"__name__": "__main__", "__file__": real})  # noqa: S102 - that is what a program is
        status = 0
    except SystemExit as end:
        status = _exit_code(end)
    except BaseException:  # noqa: BLE001 - the interpreter prints what a program does not catch
        traceback.print_exc()
    finally:
        _end(status)


def _is_ours(path: str) -> bool:
    """Whether it is a program that runs with the interpreter of the tests; raises OSError where it cannot be run."""
    if not os.access(path, os.X_OK):
        return False
    with open(path, "rb") as file:
        return file.readline().endswith(_INTERPRETER)


def _compiled(path: str) -> CodeType:
    with open(path, encoding="utf-8") as file:
        return compile(file.read(), path, "exec")


def _begin_anew(words: list[str], variables: Mapping[Any, Any]) -> None:
    """What a new interpreter has of its own, without what the process before had open."""
    gc.disable()  # looking through what was loaded would copy all of it
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for handles in (locks._own, locks._shared, dm._controls):
        handles.clear()
    recorder.clear()
    os.environ.clear()
    for name, content in variables.items():
        os.environ[os.fsdecode(name)] = os.fsdecode(content)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.argv = words
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    return 1


def _end(status: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)
