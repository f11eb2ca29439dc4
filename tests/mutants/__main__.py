"""`make mutants`: the named faults, of which none may survive.

`make mutants-all`: every small fault of the modules that decide who may do what; those that survive must be in
survivors.txt, each with the reason why it may.

First all tests run once, to see which come by which function; then a mutant takes a fork and the tests until one fails.
While tests are written for a module, show its mutants to a few files only:

    make mutants-all MUTANTS="plan.py journal.py --tests tests/unit/test_plan.py tests/unit/test_journal.py"

With three files of tests these 136 took 46 seconds on two busy cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mutants.copies import LIB, ROOT, Copy, preload
from mutants.forks import KILLED, UNCLEAR, verdicts
from mutants.named import NAMED
from mutants.source import Rotten, find_named, mutants_of
from mutants.survivors import Survivors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mutants.source import Mutant

AREAS = ("guards", "plan.py", "journal.py", "steps.py", "resources", "entry")
_WORKERS = 2
_PROCESSES = [
    f"tests/unit/test_{name}.py"
    for name in ("cli_process", "lcdi_events", "locks", "ocf_scripts", "run", "scripts", "steps")
]
"""the tests that start the kit from its files, in a process of its own"""
_EVERYTHING = ["tests/unit", "--ignore=tests/unit/test_fault_table.py"]
"""but for what asks git, of which a copy has none"""


def main(words: list[str]) -> int:
    """0 where none survives that may not."""
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("--tests", nargs="+", default=[], metavar="FILE", help="show them to these test files only")
    parser.add_argument("words", nargs="*", help="a part of a name, or 'all' and files or folders below lib/lvmkit")
    given = parser.parse_args(words)
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trial = Trial(Copy(Path(folder) / "copy"), given.tests)
        if given.words[:1] == ["all"]:
            return _all(trial, given.words[1:] or list(AREAS))
        return _named(trial, " ".join(given.words))


def _named(trial: Trial, part: str) -> int:
    meant = [named for named in NAMED if part in named.name]
    rotten, mutants = [], []
    for named in meant:
        try:
            mutants.append(find_named(ROOT / LIB, named.function, named.old, named.new, named.name))
        except Rotten as error:
            rotten.append(str(error))
    survivors = trial.survivors(mutants)
    for line in rotten:
        print(f"not found     {line}")
    print(f"{len(meant)} named mutants, {len(survivors)} survived, {len(rotten)} not found")
    return 1 if survivors or rotten else 0


def _all(trial: Trial, areas: list[str]) -> int:
    mutants = [mutant for file in _files(areas) for mutant in mutants_of(ROOT / LIB, file)]
    known = Survivors.load()
    return known.compared(trial.survivors(mutants, known.reasons), mutants)


def _files(areas: list[str]) -> list[Path]:
    lib = ROOT / LIB
    found: list[Path] = []
    for area in areas:
        place = lib / area
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place] * place.exists()
    return [file.relative_to(lib) for file in found]


class Trial:
    """Mutants and the tests that they are shown to."""

    def __init__(self, copy: Copy, tests: Sequence[str]) -> None:
        """tests: files; none: all."""
        self._copy, self._tests = copy, list(tests) or _EVERYTHING
        self._processes = [] if tests else _PROCESSES

    def survivors(self, mutants: Sequence[Mutant], known: Iterable[str] = ()) -> list[Mutant]:
        """Show all mutants to the tests, and say how far it is.

        known: those that may survive; they are not looked at twice.
        """
        survived, begun = [], time.monotonic()
        print(f"{len(mutants)} mutants; the tests run once without any", flush=True)
        for number, (mutant, verdict) in enumerate(verdicts(self._copy, mutants, self._tests, _WORKERS), 1):
            _say(number, len(mutants), begun, verdict, mutant)
            if verdict != KILLED:
                survived.append((mutant, verdict))
        alive = []
        for number, (mutant, verdict) in enumerate(survived, 1):
            if mutant.where not in known and self._is_noticed_in_files(mutant, verdict):
                _say(number, len(survived), begun, KILLED, mutant)
                continue
            alive.append(mutant)
        return alive

    def _is_noticed_in_files(self, mutant: Mutant, verdict: str) -> bool:
        tests = self._tests if verdict == UNCLEAR else self._processes
        if not tests:
            return False
        with self._copy.spoilt(mutant):
            return not self._copy.start(tests).wait()


def _say(number: int, of: int, begun: float, verdict: str, mutant: Mutant) -> None:
    minutes, seconds = divmod(int(time.monotonic() - begun), 60)
    print(f"{number:>4} of {of}  {minutes}:{seconds:02}  {verdict:<12} {mutant.where}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
