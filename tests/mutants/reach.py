"""Which tests come by which function: a mutant is shown to those only, the quickest ones first."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mutants.copies import LIB

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

    from mutants.copies import Copy
    from mutants.source import Mutant

_FILE = "reached.json"
_PATIENCE = 1800.0


class Watch:
    """A plugin of pytest that notes which functions of the kit each test calls, and how long it takes."""

    def __init__(self, lib: str, into: str) -> None:
        self._lib, self._into = f"{lib}/", into
        self._tests: dict[str, set[CodeType]] = {}
        self._seconds: dict[str, float] = {}
        self._now: set[CodeType] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._now = self._tests.setdefault(nodeid, set())
        sys.setprofile(self._called)

    def pytest_runtest_logfinish(self) -> None:
        sys.setprofile(None)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        found: dict[str, list[str]] = {}
        for test in sorted(self._tests, key=lambda one: self._seconds.get(one, 0.0)):
            for code in self._tests[test]:
                if code.co_filename.startswith(self._lib):
                    file = code.co_filename[len(self._lib) :]
                    found.setdefault(f"{file}:{code.co_qualname.replace('.<locals>', '')}", []).append(test)
        with open(self._into, "w", encoding="utf-8") as file:
            json.dump(found, file)

    def _called(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self._now.add(frame.f_code)


class Only:
    """A plugin of pytest that runs these tests in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._order = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self._order), key=lambda item: self._order[item.nodeid])


class Reached:
    """By function the tests that call it, the quickest first."""

    def __init__(self, tests: dict[str, list[str]]) -> None:
        self._tests = tests

    def tests_of(self, mutant: Mutant) -> list[str]:
        """What may notice a mutant."""
        return self._tests.get(f"{mutant.file}:{mutant.function}", [])


def look(copy: Copy) -> Reached:
    """Run all tests once and watch them. Raises RuntimeError where they fail."""
    into = copy.folder / _FILE
    run = copy.start(["tests/unit"], [Watch(str(copy.folder / LIB), str(into))], _PATIENCE)
    if not run.wait():
        raise RuntimeError(f"The unit tests fail without any mutant:\n{run.output[-3000:]}")
    return Reached(json.loads(into.read_text(encoding="utf-8")))
