"""All that was measured, as docs/benchmark.json keeps it: a later run replaces only what it measures again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.layouts import DIMENSIONS
from bench.scale import Taken
from bench.series import Comparison


@dataclass(frozen=True)
class Results:
    """What was measured last of everything."""

    taken: tuple[Taken, ...] = ()
    """how cost grows"""
    pairs: tuple[Comparison, ...] = ()
    """the hand-made cluster and the kit in turn"""

    def with_taken(self, new: Sequence[Taken]) -> Results:
        """These with layouts that were measured anew, in the usual order."""
        again = {(each.dimension, each.size) for each in new}
        kept = [each for each in self.taken if (each.dimension, each.size) not in again]
        ordered = sorted((*kept, *new), key=lambda each: (DIMENSIONS.index(each.dimension), each.size))
        return Results(tuple(ordered), self.pairs)

    def with_pairs(self, new: Sequence[Comparison]) -> Results:
        """These with comparisons that were made anew."""
        again = {each.what for each in new}
        return Results(self.taken, (*(each for each in self.pairs if each.what not in again), *new))

    def pair(self, what: str) -> Comparison | None:
        """The comparison of that name."""
        return next((each for each in self.pairs if each.what == what), None)

    def size(self, dimension: str, size: int) -> dict[tuple[str, str], Taken]:
        """What was taken of a layout, by action and side."""
        return {
            (each.action, each.side): each for each in self.taken if (each.dimension, each.size) == (dimension, size)
        }


def read(path: Path) -> Results:
    """What earlier runs wrote; nothing where there was none."""
    if not path.exists():
        return Results()
    stored = json.loads(path.read_text(encoding="utf-8"))
    taken = [Taken(**_with_tuples(each, "seconds", "work")) for each in stored["scale"]]
    pairs = [Comparison(**_with_tuples(each, "peer", "kit")) for each in stored["pairs"]]
    return Results(tuple(taken), tuple(pairs))


def write(path: Path, results: Results) -> None:
    """Keep all of it."""
    facts = {"scale": [asdict(each) for each in results.taken], "pairs": [asdict(each) for each in results.pairs]}
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _with_tuples(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: tuple(value) if key in names else value for key, value in facts.items()}
