"""Lines over sizes as an SVG: small panels side by side, both axes logarithmic. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

INK, FAINT, GRID, PAPER = "#1f2328", "#59636e", "#d8dee4", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
PANEL, HEIGHT, LEFT, TOP, BOTTOM, GAP = 150.0, 170.0, 46.0, 70.0, 44.0, 54.0
_LEAST = 0.001
"""seconds; less cannot be told"""


@dataclass(frozen=True)
class Line:
    """One side: (size, value) in order."""

    name: str
    colour: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Panel:
    """One action: a line for each side that has it."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Scale:
    """Where values are; every panel has the same."""

    sizes: tuple[int, ...]
    low: int
    high: int
    """powers of ten"""

    def x(self, size: int) -> float:
        """Sizes stand at equal distances."""
        steps = max(1, len(self.sizes) - 1)
        return PANEL * self.sizes.index(size) / steps

    def y(self, value: float) -> float:
        """From the top."""
        share = (math.log10(max(value, _LEAST)) - self.low) / (self.high - self.low)
        return HEIGHT * (1.0 - share)


def drawn(title: str, unit: str, panels: Sequence[Panel]) -> str:
    """The picture. unit: what the sizes count."""
    scale = _scale(panels)
    width = LEFT + len(panels) * (PANEL + GAP)
    height = TOP + HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="11" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>',
        _text(LEFT, 22, title, size=14),
        *_legend(panels),
    ]
    for number, panel in enumerate(panels):
        left = LEFT + number * (PANEL + GAP)
        parts += [f'<g transform="translate({left:.1f} {TOP:.1f})">', *_panel(panel, scale, unit), "</g>"]
    return "\n".join((*parts, "</svg>", ""))


def _scale(panels: Sequence[Panel]) -> _Scale:
    points = [point for panel in panels for line in panel.lines for point in line.points]
    values = [max(value, _LEAST) for _, value in points] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return _Scale(tuple(sorted({size for size, _ in points})), low, max(high, low + 1))


def _legend(panels: Sequence[Panel]) -> list[str]:
    colours = {line.name: line.colour for panel in panels for line in panel.lines}
    parts = []
    for number, (name, colour) in enumerate(colours.items()):
        at = LEFT + 110 * number
        parts += [f'<rect x="{at:.1f}" y="34" width="18" height="4" fill="{colour}"/>', _text(at + 24, 40, name)]
    return parts


def _panel(panel: Panel, scale: _Scale, unit: str) -> list[str]:
    parts = [_text(0, -8, panel.title, size=12)]
    for power in range(scale.low, scale.high + 1):
        y = scale.y(10.0**power)
        parts.append(f'<line x1="0" x2="{PANEL:.0f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(_text(-6, y + 4, f"{10.0**power:g}", anchor="end", fill=FAINT))
    for size in scale.sizes:
        parts.append(_text(scale.x(size), HEIGHT + 16, str(size), anchor="middle", fill=FAINT))
    parts.append(_text(PANEL / 2, HEIGHT + 32, unit, anchor="middle", fill=FAINT))
    for line in panel.lines:
        parts += _line(line, scale)
    return parts


def _line(line: Line, scale: _Scale) -> list[str]:
    places = [(scale.x(size), scale.y(value)) for size, value in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"/>']
    for (x, y), (size, value) in zip(places, line.points):
        told = escape(f"{line.name}, {size}: {value:.3g} s")
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.colour}"><title>{told}</title></circle>')
    return parts


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start", fill: str = INK) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {where}>{escape(text)}</text>"
