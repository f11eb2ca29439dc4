"""Plain text for a terminal: trees, aligned columns, and names that cannot harm it."""

from __future__ import annotations

import os
import sys
import unicodedata

from lvmkit.model.messages import shown
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

SHOWN_ABOVE = " (see above)"


class Glyphs(Value):
    """The four pieces of which a tree is drawn."""

    branch: str
    last: str
    line: str
    space: str


UNICODE_GLYPHS = Glyphs("├─ ", "└─ ", "│  ", "   ")
ASCII_GLYPHS = Glyphs("|- ", "`- ", "|  ", "   ")


class Twig(Value):
    """One line of a tree: what is drawn before the tag, and whether what is below it was shown further up."""

    lead: str
    tag: str
    is_repeated: bool = False


def glyphs() -> Glyphs:
    """The glyphs that stdout can show. Where the locale is C or POSIX on purpose, plain ones."""
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    try:
        "".join(UNICODE_GLYPHS.as_dict().values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_GLYPHS
    return ASCII_GLYPHS if locale in ("C", "POSIX") else UNICODE_GLYPHS


def twigs(roots: Sequence[str], children: Callable[[str], Sequence[str]], style: Glyphs) -> Iterator[Twig]:
    """The lines of a tree. What two parents require stands under both; what is below it is drawn the first time only.

    So the output grows with the number of links, however often file systems share a volume group, and damaged
    data that loops ends.
    """
    seen: set[str] = set()
    waiting = [(root, "", "") for root in reversed(roots)]
    while waiting:
        tag, lead, indent = waiting.pop()
        lower = children(tag)
        is_repeated = tag in seen and bool(lower)
        yield Twig(lead, tag, is_repeated)
        if tag not in seen:
            waiting += reversed(_below(lower, indent, style))
        seen.add(tag)


def _below(children: Sequence[str], indent: str, style: Glyphs) -> list[tuple[str, str, str]]:
    """(tag, what is drawn before it, what is drawn before its own children)."""
    upper = [(child, indent + style.branch, indent + style.line) for child in children[:-1]]
    return [*upper, *((child, indent + style.last, indent + style.space) for child in children[-1:])]


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows with their cells aligned; the last column is as long as it is."""
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells)]
    return "".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (wide - width(cell)) for cell, wide in zip(row[:-1], widths))
    return "  ".join((*padded, row[-1])).rstrip() + "\n"


def width(text: str) -> int:
    """Cells of a terminal that a text takes (Unicode Standard Annex 11; combining marks take none)."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)
