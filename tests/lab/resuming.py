"""A pytest plugin for runs that take hours: each result is said and kept at once; what was broken off goes on.

With --resume FILE a test that has passed is not run again as long as nothing has changed in what the guests run, in its
own file and in what all tests use. The file is as kept.py has it: of each test the seconds that it took.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab import kept
from lab.kept import Kept

TEST_FILES = ("tests/lab/test_*.py",)
WHAT_ALL_USE = (*kept.KIT, "tests/lab", ":(exclude)tests/lab/test_*.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --resume."""
    parser.addoption("--resume", metavar="FILE", type=Path, help="keep what has passed, and pass it over the next time")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep results, where that is wanted."""
    if config.getoption("--resume"):
        config.pluginmanager.register(Resuming(config))


def _name(node: str) -> str:
    """The ID of a test without the group that pytest-xdist has put behind it: PATH::NAME[PARAMETERS]@GROUP."""
    name, _, group = node.rpartition("@")
    return name if name and "]" not in group else node


class Resuming:
    """What has passed so far."""

    def __init__(self, config: pytest.Config) -> None:
        """Go on with what is kept in the file, as far as it is about what is there now."""
        self._config = config
        self._kept = Kept(config.getoption("--resume"))
        self._state_of_all = kept.state_of(kept.ROOT, WHAT_ALL_USE)
        self._states = {file: kept.state_of(kept.ROOT, (file,)) for file in kept.files_of(kept.ROOT, TEST_FILES)}
        self._seconds: dict[str, float] = {}
        self._others: set[str] = set()
        """tests that failed or were skipped"""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Pass over what has passed before."""
        seconds = {item: self._passed(item.nodeid) for item in items}
        before = {item: taken for item, taken in seconds.items() if taken is not None}
        items[:] = [item for item in items if item not in before]
        self._config.hook.pytest_deselected(items=list(before))
        minutes = sum(before.values()) / 60
        self._say(f"{len(before)} tests have passed before, in {minutes:.0f} minutes; {len(items)} are left")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say each result, and keep that a test has passed with its set-up and its end."""
        if hasattr(self._config, "workerinput"):
            return  # pytest-xdist's controller gets it, too, and keeps it
        test = _name(report.nodeid)
        self._seconds[test] = self._seconds.get(test, 0.0) + report.duration
        if not report.passed:
            self._others.add(test)
        if report.failed or report.when == "call":
            words = report.longreprtext if report.failed else ""
            self._say(f"{time.strftime('%H:%M:%S')} {report.outcome} in {report.duration:.0f} s {words}")
        if report.when == "teardown" and test not in self._others:
            self._kept.keep(test, self._state(test), round(self._seconds[test], 1))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """That nothing is left to run is success."""
        passed = any(self._passed(test) is not None for test in self._kept.names())
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and passed:
            session.exitstatus = pytest.ExitCode.OK

    def _state(self, test: str) -> str:
        """What a test depends on, as it was when this run began."""
        file = test.partition("::")[0]
        return f"{self._state_of_all} {self._states.get(file, '')}"

    def _passed(self, node: str) -> float | None:
        """The seconds in which a test has passed before, else None."""
        test = _name(node)
        seconds: float | None = self._kept.result(test, self._state(test))
        return seconds

    def _say(self, text: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            terminal.write_line(text)
            terminal.flush()
