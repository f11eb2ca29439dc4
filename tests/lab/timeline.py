"""The timeline of a failover, as text, as data and as a picture. Pure: what it is made of comes from evidence.py.

All times are seconds since the kill. A phase lasts from one milestone to the next, so the phases add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from xml.sax.saxutils import escape

CLUSTER, KIT, WRITER = "Pacemaker, fencing", "lvmkit's agents", "application"
COLOURS = {CLUSTER: "#818b98", KIT: "#0969da", WRITER: "#8250df"}
"""of each one's work; their contrast with white is at least 3:1"""
WAITING = "#d8dee4"

WIDTH, MARGIN = 860.0, 20.0
LABELS, FIGURES = 176.0, 130.0
"""widths of the column on the left, of the one on the right"""
ROW, BAR, TOP = 32.0, 16.0, 74.0
THINNEST = 2.0
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300)
MOST_TICKS = 10
INK, FAINT, LINE, PAPER = "#1f2328", "#59636e", "#d0d7de", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Milestone:
    """Something that happened, `at` seconds after the kill.

    who: whose work it is, one of COLOURS.  begun: when that work began; None where it can't be told from waiting.
    evidence: who says so.
    """

    name: str
    who: str
    at: float
    begun: float | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Phase:
    """The time that ends with a milestone. begun: where the waiting in it ends and the work begins."""

    name: str
    who: str
    start: float
    begun: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took, waiting and work."""
        return self.end - self.start


@dataclass(frozen=True)
class Timeline:
    """A failover. title: a line.  notes: lines on where and how it was measured."""

    title: str
    milestones: tuple[Milestone, ...]
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """From the kill to the last milestone."""
        return self.milestones[-1].at

    def phases(self) -> list[Phase]:
        """The milestones as phases. Raises ValueError when a milestone is before the one that it follows."""
        found, start = [], 0.0
        for it in self.milestones:
            if it.at < start:
                raise ValueError(f"{it.name}: {it.at:.3f} s, but {start:.3f} s have passed before it")
            begun = start if it.begun is None else min(max(it.begun, start), it.at)
            found.append(Phase(it.name, it.who, start, begun, it.at))
            start = it.at
        return found

    def by_whom(self) -> dict[str, float]:
        """How many seconds went to whom, in the order in which they appear; waiting counts for the cluster."""
        taken: dict[str, float] = {}
        for phase in self.phases():
            taken[CLUSTER] = taken.get(CLUSTER, 0.0) + phase.begun - phase.start
            taken[phase.who] = taken.get(phase.who, 0.0) + phase.end - phase.begun
        return taken

    def facts(self) -> dict[str, Any]:
        """Everything, for a JSON file."""
        return {
            "title": self.title,
            "unit": "s since the kill",
            "seconds": round(self.seconds, 3),
            "milestones": [_rounded(asdict(it)) for it in self.milestones],
            "phases": [_rounded({**asdict(it), "seconds": it.seconds}) for it in self.phases()],
            "seconds_by_whom": _rounded(self.by_whom()),
            "notes": list(self.notes),
        }


def table(timeline: Timeline) -> str:
    """The timeline as lines of text: when, after how long, what, by whom."""
    phases = timeline.phases()
    widest = max(len(it.name) for it in phases)
    rows = [f"{it.end:6.1f} s {'+' + figure(it.seconds):>7} s  {it.name:<{widest}}  {it.who}" for it in phases]
    return "\n".join((f"{0:6.1f} s {'':9}  killed", *rows))


def figure(seconds: float) -> str:
    """A duration as people read it; what is short gets the digits that it needs."""
    return f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.2f}"


def _rounded(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}


# ---- the picture


def picture(timeline: Timeline) -> str:
    """The timeline as an SVG document, with its own background: it looks the same on a light and a dark page."""
    phases = timeline.phases()
    foot = TOP + ROW * len(phases) + 30
    height = foot + 22 + 18 * len(timeline.notes)
    body = [
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1:g}" height="{height - 1:g}" rx="8" fill="{PAPER}" stroke="{LINE}"/>',
        _text(MARGIN, 32, timeline.title, size=16, weight=600),
        *_legend(timeline.by_whom()),
        *_axis(timeline.seconds, foot - 26),
        *(line for row, phase in enumerate(phases) for line in _row(phase, row, timeline.seconds)),
        *(_text(MARGIN, foot + 18 + 18 * row, note, fill=FAINT, size=12) for row, note in enumerate(timeline.notes)),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}" height="{height:g}" '
        f'viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-labelledby="title" font-family="{FONT}">'
    )
    said = ", ".join(f"{phase.name} after {phase.end:.1f} s" for phase in phases)
    title = f'<title id="title">{escape(f"{timeline.title}: {said}")}</title>'
    return "\n".join((head, title, *body, "</svg>", ""))


def _x(seconds: float, whole: float) -> float:
    """Where a moment is."""
    return MARGIN + LABELS + (WIDTH - 2 * MARGIN - LABELS - FIGURES) * seconds / whole


def _row(phase: Phase, row: int, whole: float) -> Iterator[str]:
    """A phase: its name, a bar, and its figures."""
    middle = TOP + ROW * row + ROW / 2
    yield _text(MARGIN, middle + 5, phase.name)
    if phase.begun > phase.start:
        yield _bar(phase.start, phase.begun, middle, WAITING, whole)
    yield _bar(phase.begun, phase.end, middle, COLOURS[phase.who], whole)
    yield _text(WIDTH - MARGIN - 66, middle + 5, f"+{figure(phase.seconds)} s", anchor="end", fill=FAINT)
    yield _text(WIDTH - MARGIN, middle + 5, f"{phase.end:.1f} s", anchor="end", weight=600)


def _bar(start: float, end: float, middle: float, fill: str, whole: float) -> str:
    """A bar; never so thin that it can't be seen."""
    left, right = _x(start, whole), _x(end, whole)
    width = max(right - left, THINNEST)
    size = f'y="{middle - BAR / 2:.1f}" width="{width:.1f}" height="{BAR:g}"'
    return f'<rect x="{right - width:.1f}" {size} fill="{fill}"/>'


def _legend(taken: dict[str, float]) -> Iterator[str]:
    """Whose the colours are, and how much of the time."""
    x = MARGIN
    for who, seconds in taken.items():
        words = f"{who} {figure(seconds)} s"
        yield f'<rect x="{x:g}" y="44" width="12" height="12" fill="{COLOURS[who]}"/>'
        yield _text(x + 17, 54.5, words, size=12, fill=FAINT)
        x += 17 + 6.6 * len(words) + 18


def _axis(whole: float, foot: float) -> Iterator[str]:
    """A line for every round number of seconds."""
    step = next((step for step in STEPS if whole / step <= MOST_TICKS), STEPS[-1])
    for second in range(0, int(whole) + 1, step):
        x = _x(second, whole)
        yield f'<line x1="{x:.1f}" y1="{TOP:g}" x2="{x:.1f}" y2="{foot:g}" stroke="{LINE}"/>'
        yield _text(x, foot + 15, f"{second} s" if second else "killed", anchor="middle", fill=FAINT, size=11)


def _text(
    x: float, y: float, words: str, *, size: int = 13, weight: int = 400, fill: str = INK, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )
