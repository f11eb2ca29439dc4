"""Measured numbers: paired, as ratios, never without their count and spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One thing measured on both sides in turn. The pairs belong together: they were taken right after each other.

    budget: the largest ratio that is good, 0 where there is none.  unit: 's', or '' for a count.
    load: of the machine below the guests, before it.
    """

    what: str
    unit: str
    peer: tuple[float, ...]
    kit: tuple[float, ...]
    budget: float = 0.0
    load: float = 0.0

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


HEAD = ("measured", "peer", "kit", "ratio", "budget", "")
SWITCHOVER_OF_ONE = "switchover, 1 fs: to first write"
LOST_DISK = "a lost disk: until it is acted on"


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
    rows = [HEAD, *map(cells, comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def cells(it: Comparison) -> tuple[str, ...]:
    """One comparison, in the columns of HEAD."""
    spread = f" [{min(it.ratios):.2f}-{max(it.ratios):.2f}]" if len(set(it.ratios)) > 1 else ""
    ratio = "-" if it.ratio is None else f"{it.ratio:.2f}{spread}"
    budget = f"{it.budget:.2f}" if it.budget else ""
    return it.what, described(it.peer, it.unit), described(it.kit, it.unit), ratio, budget, it.verdict
