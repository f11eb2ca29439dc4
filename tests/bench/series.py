"""Measured numbers: paired, as ratios, never without their count and spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """One thing measured on both sides in turn. The pairs belong together: they were taken right after each other.

    budget: the largest ratio that is good, 0 where there is none.  unit: 's', or '' for a count.
    """

    what: str
    unit: str
    peer: tuple[float, ...]
    kit: tuple[float, ...]
    budget: float = 0.0

    @property
    def ratios(self) -> list[float]:
        """The kit's number over the peer's, for each pair."""
        return [ours / theirs for ours, theirs in zip(self.kit, self.peer) if theirs]

    @property
    def ratio(self) -> float | None:
        """The median of the pairs' ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def verdict(self) -> str:
        """Whether the budget is kept."""
        if not self.budget or self.ratio is None:
            return ""
        return "ok" if self.ratio <= self.budget else "OVER"

    def facts(self) -> dict[str, Any]:
        """Everything, for the JSON file."""
        return {
            "what": self.what,
            "unit": self.unit,
            "pairs": len(self.ratios),
            "peer": list(self.peer),
            "kit": list(self.kit),
            "ratio": self.ratio,
            "ratio_range": [min(self.ratios), max(self.ratios)] if self.ratios else None,
            "budget": self.budget or None,
            "verdict": self.verdict,
        }


def described(values: Sequence[float], unit: str) -> str:
    """Median, range and count of some numbers."""
    if not values:
        return "-"
    shape = "{:.3g}" if unit else "{:.0f}"
    middle = shape.format(statistics.median(values))
    if min(values) == max(values):
        return f"{middle}{unit} (n={len(values)})"
    low, high = shape.format(min(values)), shape.format(max(values))
    return f"{middle}{unit} [{low}-{high}] (n={len(values)})"


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons, a line for each."""
    head = ("measured", "peer", "kit", "ratio", "budget", "")
    rows = [head, *map(_row, comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def _row(it: Comparison) -> tuple[str, ...]:
    spread = f" [{min(it.ratios):.2f}-{max(it.ratios):.2f}]" if len(set(it.ratios)) > 1 else ""
    ratio = "-" if it.ratio is None else f"{it.ratio:.2f}{spread}"
    budget = f"{it.budget:.2f}" if it.budget else ""
    return it.what, described(it.peer, it.unit), described(it.kit, it.unit), ratio, budget, it.verdict
