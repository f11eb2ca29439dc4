"""Plain text for a terminal: trees and aligned columns, in which no name can do harm."""

from __future__ import annotations

import os
import re
import sys
import unicodedata

from lvmkit.model.phrase import Phrase
from lvmkit.model.value import Value
from lvmkit.view.language import worded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_PIECES = re.compile(r"[「『（]*(?:[^\s\u2e80-\uffef]+|[\u2e80-\uffef])[、。」』）：；…ー]*\s*")
"""a word, or one wide character, with the marks that a line must not end or begin with"""


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

    def labelled(self, name: str) -> str:
        """The line with the name of what is there."""
        return Phrase("{name} (see above)", name=self.lead + name) if self.is_repeated else self.lead + name


def glyphs() -> Glyphs:
    """The glyphs that stdout can show. Where the locale is C or POSIX on purpose, plain ones."""
    given = os.environ
    locale = given.get("LC_ALL") or given.get("LC_CTYPE") or given.get("LANG")
    try:
        "".join(UNICODE_GLYPHS.as_dict().values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_GLYPHS
    return ASCII_GLYPHS if locale in ("C", "POSIX") else UNICODE_GLYPHS


def twigs(roots: Sequence[str], children: Callable[[str], Sequence[str]], style: Glyphs) -> Iterator[Twig]:
    """The lines of a tree. What two parents require is shown under both, and what is below it under the first only.

    So the output grows with the number of links, however many file systems share a volume group, and ends even where
    damaged data loops.
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
    lines = [(child, indent + style.branch, indent + style.line) for child in children]
    if lines:
        lines[-1] = (children[-1], indent + style.last, indent + style.space)
    return lines


def numbered(steps: Iterable[str]) -> str:
    """Steps as columns: "1.  create ..."."""
    return columns((f"{number}.", step) for number, step in enumerate(steps, 1))


def head(*titles: str) -> tuple[str, ...]:
    """The first row of a table."""
    return tuple(map(Phrase, titles))


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows with their cells aligned, phrases in the reader's language; the last column is not padded."""
    cells = [tuple(map(worded, row)) for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells)]
    return "".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    text = ""
    for cell, cell_width in zip(row[:-1], widths):
        text += cell + " " * (cell_width - width(cell) + 2)
    return (text + row[-1]).rstrip() + "\n"


def folded(text: str, room: int) -> list[str]:
    """A text in lines of at most so many cells, broken at spaces and between wide characters, which have none."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if width(lines[-1] + piece.rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def width(text: str) -> int:
    """Cells of a terminal that a text takes (Unicode Standard Annex 11; combining marks take none)."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    is_wide = unicodedata.east_asian_width(character) in "WF"
    return 1 + is_wide - (unicodedata.combining(character) != 0)
