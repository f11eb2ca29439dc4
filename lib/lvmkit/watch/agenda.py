"""When to look: soon after the kernel had news, and at an interval; never so often that it costs much. No clock here.

All times are seconds of one clock that the caller reads.
"""

from __future__ import annotations

SETTLE, LONGEST_SETTLE = 0.1, 0.5
"""quiet that is waited for after news, and how long at most: news come in bursts, and the last tells the outcome"""
IDLE_SHARE = 0.008
"""of a processor, for looks at an interval: where a look takes longer, the interval is longer"""
STORM_SHARE = 0.25
"""of a processor at most, for looks while news do not end"""
LONGEST_REST = 2.0
"""between two looks because of news, whatever they cost; while news do not end, rests become as long as this"""
QUIET = 5.0
"""after so long without news the next ones are no part of a storm"""
_DOUBLINGS = 10


class Agenda:
    """The times of the next looks."""

    def __init__(self, interval: float) -> None:
        """interval: seconds between two looks where nothing happens. The first look is due at once."""
        self.interval = interval
        self._periodic = float("-inf")
        self._asked_for = float("inf")
        self._first_news: float | None = None
        self._after_news = float("inf")
        self._rested = self._last_news = float("-inf")
        self._in_a_row = 0

    def heard(self, now: float) -> None:
        """There are news."""
        if now - self._last_news > QUIET:
            self._in_a_row = 0
        self._last_news = now
        if self._first_news is None:
            self._first_news = now
        settled = min(now + SETTLE, self._first_news + LONGEST_SETTLE)
        self._after_news = max(settled, self._rested)

    def ask_for(self, time: float) -> None:
        """There is to be a look at a time, or before."""
        self._asked_for = min(self._asked_for, time)

    @property
    def next(self) -> float:
        """When the next look is due."""
        return min(self._periodic, self._asked_for, self._after_news)

    def begin(self) -> None:
        """A look begins: what was heard up to here, it sees."""
        if self._first_news is not None:
            self._in_a_row = min(self._in_a_row + 1, _DOUBLINGS)
        self._asked_for = self._after_news = float("inf")
        self._first_news = None

    def end(self, now: float, cost: float) -> None:
        """The look has ended. cost: its seconds of a processor."""
        self._periodic = now + max(self.interval, cost / IDLE_SHARE)
        self._rested = now + min(cost / STORM_SHARE * 2**self._in_a_row, LONGEST_REST)
        if self._first_news is not None:
            self._after_news = max(self._after_news, self._rested)
