"""A pytest plugin for runs that take hours: each result is said and kept at once; what was broken off goes on.

With --resume FILE a test that has passed is not run again as long as nothing has changed in what the guests run and in
the tests. FILE is JSON: {"state": digest of all that, "passed": {node ID: seconds}}.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHAT_IS_TESTED = ("lib", "opt", "bin", "lkadm", "share", "tests/lab", "Makefile")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --resume."""
    parser.addoption("--resume", metavar="FILE", type=Path, help="keep what has passed, and pass it over the next time")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep results, where that is wanted."""
    if config.getoption("--resume"):
        config.pluginmanager.register(Resuming(config, state_of(ROOT)))


def state_of(root: Path) -> str:
    """A digest of the files below `root` that a result depends on: all that git knows there, as they are now."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--", *WHAT_IS_TESTED), cwd=root, stdout=subprocess.PIPE, check=True
    )
    digest = hashlib.sha256()
    for name in listed.stdout.split(b"\0")[:-1]:
        path = root / os.fsdecode(name)
        content = path.read_bytes() if path.is_file() else b""
        digest.update(b"%s\0%d\0%s" % (name, len(content), content))
    return digest.hexdigest()


def _name(node: str) -> str:
    """The ID of a test without the group that pytest-xdist has put behind it: PATH::NAME[PARAMETERS]@GROUP."""
    name, _, group = node.rpartition("@")
    return name if name and "]" not in group else node


class Resuming:
    """What has passed so far."""

    def __init__(self, config: pytest.Config, state: str) -> None:
        """Go on with what is kept in the file, if it is about this `state`."""
        self._config, self._path, self._state = config, config.getoption("--resume"), state
        self._passed: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._others: set[str] = set()
        """tests that failed or were skipped"""
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        if kept.get("state") == state:
            self._passed = kept["passed"]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Pass over what has passed before."""
        before = [item for item in items if _name(item.nodeid) in self._passed]
        items[:] = [item for item in items if _name(item.nodeid) not in self._passed]
        self._config.hook.pytest_deselected(items=before)
        seconds = sum(self._passed[_name(item.nodeid)] for item in before)
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
            self._keep(test, self._seconds[test])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """That nothing is left to run is success."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._passed:
            session.exitstatus = pytest.ExitCode.OK

    def _keep(self, test: str, seconds: float) -> None:
        self._passed[test] = round(seconds, 1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"state": self._state, "passed": self._passed}, indent=1), encoding="utf-8")
        new.replace(self._path)

    def _say(self, text: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            terminal.write_line(text)
            terminal.flush()
