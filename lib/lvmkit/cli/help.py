"""What --help prints, in the reader's language, in lines and columns by the cells that characters take."""

from __future__ import annotations

import re

import click

from lvmkit.cli.layout import folded, width
from lvmkit.view.language import translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_AS_IT_IS = "\b\n"
"""what click does not wrap begins so"""
_LABELLED = re.compile(r"(?P<label>[A-Za-z]+)(?P<value>: .*)?")
"""what click says of an option after its help ("required", "default: text"), and an example of ours"""


class HelpFormatter(click.HelpFormatter):
    """Translates each sentence that click would write, whether it is ours or click's."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """How the command is called."""
        super().write_usage(prog, args, prefix or f"{translated('Usage:')} ")

    def write_heading(self, heading: str) -> None:
        """The name of a section."""
        super().write_heading(translated(heading))

    def write_text(self, text: str) -> None:
        """Paragraphs: what a command does, or an example."""
        room = self.width - self.current_indent
        super().write_text("\n\n".join(_wrapped(_in_words(paragraph), room) for paragraph in text.split("\n\n")))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Options or commands, each with its sentence."""
        first = min(max(width(name) for name, _ in rows), col_max) + col_spacing
        wrapped = []
        for name, sentence in rows:
            words, bracket, extras = sentence.partition("  [")
            said = [_with_label(extra) for extra in extras.rstrip("]").split("; ")]
            text = _in_words(words) + (f"  [{'; '.join(said)}]" if bracket else "")
            wrapped.append((name, _wrapped(text, self.width - first - 2)))
        super().write_dl(wrapped, col_max, col_spacing)


class HelpContext(click.Context):
    """A context whose help is translated."""

    formatter_class = HelpFormatter


def _in_words(sentences: str) -> str:
    words = " ".join(sentences.split())
    return _with_label(words) if words.startswith("Example: ") else translated(words)


def _with_label(words: str) -> str:
    """With the word before a colon translated; what follows is what somebody types."""
    labelled = _LABELLED.fullmatch(words)
    return translated(labelled["label"]) + (labelled["value"] or "") if labelled else words


def _wrapped(text: str, room: int) -> str:
    return _AS_IT_IS + "\n".join(folded(text, room))
