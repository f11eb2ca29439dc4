"""Mutants in a process that has imported everything: each is a fork in which one function has other code.

To import and collect all tests takes as long as to run hundreds of them; here it is done once. A fork gives the
function the mutant's code, wherever else the function is known by then, and runs the tests that come by it, the
quickest first, until one fails. What was computed at import, and what tests run from the files in a process of its
own, does not see the mutant; so those that survive here are shown in copies.py as well.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from mutants.copies import LIB, become_pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from mutants.copies import Copy
    from mutants.source import Mutant

KILLED, SURVIVED, UNCLEAR, NOT_REACHED = "killed", "SURVIVED", "unclear", "not reached"
"""UNCLEAR: it survived, and was not seen by all that it may concern"""
_PASSED, _FAILED, _NOT_SHOWN = 0, 1, 2
_NAMED = "failed: "
_SECONDS, _PAUSE = 1200.0, 0.01
_CPU_SECONDS, _TIMES = 20, 2
"""A mutant that waits for longer, or computes for that long and twice what its tests took without it, does not end by
itself: a test would have failed."""


def verdicts(copy: Copy, mutants: Sequence[Mutant], tests: Sequence[str], workers: int) -> Iterator[tuple[Mutant, str]]:
    """(mutant, verdict) as they are known. tests: files or folders.

    Raises RuntimeError where the tests fail without any mutant.
    """
    reading, writing = os.pipe()
    output = copy.folder / "output"
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(reading)
        become_pytest(copy.folder, output, ["-s", *tests], [Suite(copy.folder / LIB, mutants, workers, writing)])
    os.close(writing)
    with open(reading, encoding="utf-8") as lines:
        for line in lines:
            number, verdict = json.loads(line)
            yield mutants[number], verdict
    _, status = os.waitpid(pid, 0)
    if status:
        raise RuntimeError(f"The unit tests fail without any mutant:\n{_failures(output.read_text())}")


class Suite:
    """A plugin of pytest: collects all tests, and shows mutants to them instead of running them once."""

    def __init__(self, lib: Path, mutants: Sequence[Mutant], workers: int, out: int) -> None:
        """out: a descriptor that is told of each mutant as a line of JSON: number, verdict."""
        self._lib, self._mutants, self._workers, self._out = f"{lib}/", mutants, workers, out
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        self._seen: set[CodeType] = set()
        """what was called since it was emptied"""
        self._tells = False
        """whether it is said why a test failed"""
        self._costs: dict[int, float] = {}
        """by place in the list of all tests: processor seconds"""
        sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self._seen.add(frame.f_code)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self) -> None:
        """Find the functions, before the objects are frozen, after which they are not to be found."""
        package = importlib.import_module("lvmkit")
        for module in pkgutil.walk_packages(package.__path__, "lvmkit."):
            importlib.import_module(module.name)
        sys.setprofile(None)
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(self._lib):
                self._functions.setdefault(_place(each.__code__), []).append(each)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In the place of the run of all tests."""
        reached = self._reached(session)
        at_import = set(self._names(self._seen))
        busy: dict[int, tuple[int, str, float]] = {}
        for number, mutant in enumerate(self._mutants):
            name = f"{mutant.file}:{mutant.function or '<module>'}"
            alive = UNCLEAR if name in at_import else SURVIVED if name in reached else NOT_REACHED
            while len(busy) >= self._workers:
                self._collect(busy)
            pid = _fork(partial(self._show, session, mutant, reached.get(name, ())))
            busy[pid] = (number, alive, time.monotonic() + _SECONDS)
        while busy:
            self._collect(busy)
        return True

    def _reached(self, session: pytest.Session) -> dict[str, list[int]]:
        """By function the tests that come by it, as places in the list of all; each worker runs a part of them once."""
        files = [Path(f"{self._lib}reached-{number}") for number in range(self._workers)]
        children = []
        for number, file in enumerate(files):
            part = range(number, len(session.items), self._workers)
            children.append(_fork(partial(self._look, session, part, file)))
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        if any(codes):
            os.write(1, f"\n{_NAMED}exit statuses of the workers: {codes}\n".encode())
            os._exit(_FAILED)
        seen: list[tuple[float, int, list[str]]] = []
        for file in files:
            seen += json.loads(file.read_text())
        found: dict[str, list[int]] = {}
        for seconds, place, names in sorted(seen):
            self._costs[place] = seconds
            for name in names:
                found.setdefault(name, []).append(place)
        return found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a test that fails without any mutant."""
        if self._tells and report.failed:
            os.write(1, f"\n{report.longreprtext}\n".encode())

    def _look(self, session: pytest.Session, part: Sequence[int], into: Path) -> int:
        self._tells = True
        seen = []
        for place in part:
            self._seen.clear()
            begun = time.process_time()
            if not (self._is_well(session, place) or self._is_well(session, place)):
                os.write(1, f"\n{_NAMED}{session.items[place].nodeid}\n".encode())
                return _FAILED
            seen.append((time.process_time() - begun, place, self._names(self._seen)))
        into.write_text(json.dumps(seen))
        return _PASSED

    def _is_well(self, session: pytest.Session, place: int) -> bool:
        """Run one test and see what it comes by. Beside other work one may fail that passes a moment later."""
        session.testsfailed = 0
        sys.setprofile(self._called)
        try:
            return _all_pass(session, [place])
        finally:
            sys.setprofile(None)

    def _names(self, codes: set[CodeType]) -> list[str]:
        ours = (code for code in codes if code.co_filename.startswith(self._lib))
        return [f"{code.co_filename[len(self._lib) :]}:{code.co_qualname.replace('.<locals>', '')}" for code in ours]

    def _show(self, session: pytest.Session, mutant: Mutant, tests: Sequence[int]) -> int:
        seconds = int(_CPU_SECONDS + _TIMES * sum(self._costs[place] for place in tests))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        if not self._is_applied(mutant):
            return _NOT_SHOWN
        return _PASSED if _all_pass(session, tests) else _FAILED

    def _is_applied(self, mutant: Mutant) -> bool:
        """Put the mutant in place; False where that cannot be, and it is for copies.py."""
        path = f"{self._lib}{mutant.file}"
        text = Path(path).read_text(encoding="utf-8")
        line = text.count("\n", 0, mutant.start) + 1
        old, new = (list(_outermost(compile(each, path, "exec"))) for each in (text, mutant.applied(text)))
        number = max(number for number, code in enumerate(old) if code.co_firstlineno <= line)
        try:
            for function in self._functions.get(_place(old[number]), ()):
                function.__code__ = new[number]
        except ValueError:  # it needs other variables of the code around it
            return False
        return True

    def _collect(self, busy: dict[int, tuple[int, str, float]]) -> None:
        time.sleep(_PAUSE)
        for pid, (number, alive, end) in list(busy.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done and time.monotonic() < end:
                continue
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            if not done:
                os.waitpid(pid, 0)
            del busy[pid]
            code = os.waitstatus_to_exitcode(status) if done else _FAILED
            verdict = {_PASSED: alive, _NOT_SHOWN: UNCLEAR}.get(code, KILLED)
            os.write(self._out, f"{json.dumps([number, verdict])}\n".encode())


def _failures(output: str) -> str:
    """The names of the tests that failed, and the last of what was said."""
    names = [line.partition(_NAMED)[2] for line in output.splitlines() if _NAMED in line]
    return "\n".join([*names, output[-3000:]])


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _outermost(module: CodeType) -> Iterator[CodeType]:
    """The functions of a module and of its classes, in the order of their lines, without those within them."""
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            is_function = constant.co_flags & 1  # CO_OPTIMIZED, which the body of a class has not
            yield from (constant,) if is_function else _outermost(constant)


def _fork(work: Callable[[], int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = _FAILED
    try:
        os.setsid()
        code = work()
    finally:
        if sys.exc_info()[0] is not None:
            os.write(1, traceback.format_exc().encode())
        os._exit(code)


def _all_pass(session: pytest.Session, tests: Sequence[int]) -> bool:
    """Run tests until one fails."""
    items: list[Any] = [session.items[place] for place in tests]
    for item, following in zip(items, [*items[1:], None]):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return False
    return True
