"""Copies of the working tree to spoil, and runs of the unit tests in them.

Each run is a fork of a process that has imported pytest and nothing of the kit: the import of pytest is paid once, and
every run imports the kit anew.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mutants.source import Mutant

ROOT = Path(__file__).parents[2]
LIB = "lib/lvmkit"
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "mutants")
_IGNORED = ("--ignore=tests/unit/test_named_faults.py", "--ignore=tests/unit/test_lab_resuming.py")
"""one compares the list with the code, in which one of them is; one runs pytest within pytest, and is about guests"""
_PAUSE = 0.02
_PRELOADED = ("click", "hypothesis", "jsonschema", "pytest_mock", "sqlite3", "subprocess", "xml.etree.ElementTree")
_SURVIVED, _KILLED = (0,), (1, 2, 3)
"""exit codes of pytest: all passed; a test failed, collecting failed, an internal error"""


class Run:
    """Unit tests that run in a copy; poll() until it has a verdict."""

    def __init__(self, folder: Path, words: Sequence[str], plugins: Sequence[Any], patience: float) -> None:
        """patience: seconds; a run that takes longer is ended, and counts as one that failed."""
        self._end = time.monotonic() + patience
        self._output = folder / "output"
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            become_pytest(folder, self._output, words, plugins)
        self.passed: bool | None = None

    def poll(self) -> bool:
        """Whether it is over; `passed` is set then."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid and time.monotonic() < self._end:
            return False
        if not pid:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self.passed = False
            return True
        code = os.waitstatus_to_exitcode(status)
        if code not in (*_SURVIVED, *_KILLED) and code >= 0:
            raise RuntimeError(f"pytest ended with {code}:\n{self._output.read_text()[-2000:]}")
        self.passed = code in _SURVIVED
        return True

    def wait(self) -> bool:
        """Whether all passed."""
        while not self.poll():
            time.sleep(_PAUSE)
        return bool(self.passed)

    @property
    def output(self) -> str:
        """What pytest printed."""
        return self._output.read_text()


class Copy:
    """One copy of the working tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=_LEFT_OUT, symlinks=True)

    @contextmanager
    def spoilt(self, mutant: Mutant) -> Iterator[None]:
        """The copy with one mutant in it."""
        file = self.folder / LIB / mutant.file
        before = file.read_text(encoding="utf-8")
        self._put(file, mutant.applied(before))
        try:
            yield
        finally:
            self._put(file, before)

    def _put(self, file: Path, text: str) -> None:
        """Without its bytecode, which Python would take for that of the new text within the same second."""
        file.write_text(text, encoding="utf-8")
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
            compiled.unlink()

    def start(self, words: Sequence[str], plugins: Sequence[Any] = (), patience: float = 1200.0) -> Run:
        """Run pytest with these words."""
        return Run(self.folder, words, plugins, patience)


def preload() -> None:
    """Import what every run needs and a mutant cannot change."""
    for name in _PRELOADED:
        __import__(name)


def become_pytest(folder: Path, output: Path, words: Sequence[str], plugins: Sequence[Any]) -> NoReturn:
    """In a forked child: run pytest in a copy, and end with its exit code. output: a file for what it prints."""
    code = 3
    try:
        os.setsid()
        os.chdir(folder)
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.path[:] = [path for path in sys.path if not path.startswith(f"{ROOT}/") or "site-packages" in path]
        options = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *_IGNORED)
        code = int(pytest.main([*options, *words], plugins=[*plugins]))
    finally:
        os._exit(code)
