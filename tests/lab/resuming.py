"""A pytest plugin for runs that take hours: each result is said and kept at once; what was broken off goes on.

With --resume FILE a test that has passed is not run again as long as nothing has changed in what the guests run and in
the tests. The file is as kept.py has it: of each test the seconds that it took.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab import kept
from lab.kept import Kept

WHAT_IS_TESTED = (*kept.KIT, "tests/lab")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --resume."""
    parser.addoption("--resume", metavar="FILE", type=Path, help="keep what has passed, and pass it over the next time")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep results, where that is wanted."""
    if config.getoption("--resume"):
        config.pluginmanager.register(Resuming(config, kept.state_of(kept.ROOT, WHAT_IS_TESTED)))


def _name(node: str) -> str:
    """The ID of a test without the group that pytest-xdist has put behind it: PATH::NAME[PARAMETERS]@GROUP."""
    name, _, group = node.rpartition("@")
    return name if name and "]" not in group else node


class Resuming:
    """What has passed so far."""

    def __init__(self, config: pytest.Config, state: str) -> None:
        """Go on with what is kept in the file, if it is about this `state`."""
        self._config, self._state = config, state
        self._kept = Kept(config.getoption("--resume"))
        self._seconds: dict[str, float] = {}
        self._others: set[str] = set()
        """tests that failed or were skipped"""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Pass over what has passed before."""
        before = [item for item in items if self._passed(item) is not None]
        items[:] = [item for item in items if self._passed(item) is None]
        self._config.hook.pytest_deselected(items=before)
        seconds = sum(self._passed(item) or 0.0 for item in before)
        self._say(f"{len(before)} tests have passed before, in {seconds / 60:.0f} minutes; {len(items)} are left")

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
            self._kept.keep(test, self._state, round(self._seconds[test], 1))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """That nothing is left to run is success."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._kept.knows(self._state):
            session.exitstatus = pytest.ExitCode.OK

    def _passed(self, item: pytest.Item) -> float | None:
        """The seconds in which a test has passed before, else None."""
        seconds: float | None = self._kept.result(_name(item.nodeid), self._state)
        return seconds

    def _say(self, text: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            terminal.write_line(text)
            terminal.flush()
