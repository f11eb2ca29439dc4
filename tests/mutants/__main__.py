"""`make mutants`: the named faults, of which none may survive.

`make mutants-all`: every small fault of the modules that decide who may do what; those that survive must be in
survivors.txt, each with the reason why it may.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mutants.copies import LIB, ROOT, Copy, preload
from mutants.named import NAMED
from mutants.reach import Only, Reached, look
from mutants.source import Rotten, find_named, mutants_of
from mutants.survivors import Survivors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutants.copies import Run
    from mutants.source import Mutant

AREAS = ("entry", "resources", "guards", "plan.py")
_COPIES = 2
_PAUSE = 0.02


def main(words: list[str]) -> int:
    """Words: none for the whole named list, or a part of the names that are meant.

    'all' for every small fault and, if not all areas are meant, files or folders below lib/lvmkit.
    """
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(_COPIES)]
        if words[:1] == ["all"]:
            return _all(copies, words[1:] or list(AREAS))
        return _named(copies, " ".join(words))


def _named(copies: list[Copy], part: str) -> int:
    meant = [named for named in NAMED if part in named.name]
    if not part and not copies[0].start(["tests/unit"]).wait():
        print("The unit tests fail without any mutant.")
        return 1
    rotten, waiting = [], []
    for named in meant:
        try:
            mutant = find_named(ROOT / LIB, named.function, named.old, named.new, named.name)
        except Rotten as error:
            rotten.append(str(error))
            continue
        waiting.append((mutant, [named.tests.split(), ["tests/unit"]]))
    survivors = [mutant for mutant, passed in _judged(copies, waiting) if passed]
    for line in rotten:
        print(f"not found     {line}")
    print(f"{len(meant)} named mutants, {len(survivors)} survived, {len(rotten)} not found")
    return 1 if survivors or rotten else 0


def _judged(copies: list[Copy], waiting: Iterable[tuple[Mutant, list[list[str]]]]) -> Iterable[tuple[Mutant, bool]]:
    """(mutant, whether it survived) as they are known. Each is shown to one set of test files after the other."""
    ahead = deque((mutant, deque(sets)) for mutant, sets in waiting)
    free, busy = list(copies), []
    while ahead or busy:
        while ahead and free:
            mutant, sets = ahead.popleft()
            copy, stack = free.pop(), ExitStack()
            stack.enter_context(copy.spoilt(mutant))
            busy.append((mutant, sets, copy, stack, copy.start(sets.popleft())))
        time.sleep(_PAUSE)
        for job in [job for job in busy if job[4].poll()]:
            busy.remove(job)
            mutant, sets, copy, stack, run = job
            if run.passed and sets:
                busy.append((mutant, sets, copy, stack, copy.start(sets.popleft())))
                continue
            stack.close()
            free.append(copy)
            print(f"{'SURVIVED' if run.passed else 'killed':<13} {mutant.kind}", flush=True)
            yield mutant, bool(run.passed)


def _all(copies: list[Copy], areas: list[str]) -> int:
    reached = look(copies[0])
    mutants = [mutant for file in _files(areas) for mutant in mutants_of(ROOT / LIB, file)]
    print(f"{len(mutants)} mutants", flush=True)
    survived = [mutant for mutant, passed in _shown_to_those_that_reach(copies, mutants, reached) if passed]
    return Survivors.load().compared(survived, mutants)


def _files(areas: list[str]) -> list[Path]:
    lib = ROOT / LIB
    found: list[Path] = []
    for area in areas:
        place = lib / area
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place] * place.exists()
    return [file.relative_to(lib) for file in found]


def _shown_to_those_that_reach(
    copies: list[Copy], mutants: list[Mutant], reached: Reached
) -> Iterable[tuple[Mutant, bool]]:
    ahead, free = deque(mutants), list(copies)
    busy: list[tuple[Mutant, Copy, ExitStack, Run]] = []
    while ahead or busy:
        while ahead and free:
            mutant = ahead.popleft()
            tests = reached.tests_of(mutant)
            if not tests:
                print(f"not reached   {mutant.file}: {mutant.key}", flush=True)
                yield mutant, True
                continue
            copy, stack = free.pop(), ExitStack()
            stack.enter_context(copy.spoilt(mutant))
            files = sorted({test.partition("::")[0] for test in tests})
            busy.append((mutant, copy, stack, copy.start(files, [Only(tests)])))
        time.sleep(_PAUSE)
        for job in [job for job in busy if job[3].poll()]:
            busy.remove(job)
            mutant, copy, stack, run = job
            stack.close()
            free.append(copy)
            if run.passed:
                print(f"SURVIVED      {mutant.file}: {mutant.key}", flush=True)
            yield mutant, bool(run.passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
