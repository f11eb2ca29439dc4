"""What a command is: its options, what it prints, how it can end. Parser, -h and manual pages are made from this."""

from __future__ import annotations

from lvmkit.model import names
from lvmkit.model.instance import INITIALISATIONS, SWITCHBACKS
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lvmkit.entry.lcdi.call import Call


_MOST_DIGITS = 20


class Option(Value):
    """One option, a letter."""

    letter: str
    word: str
    """what its argument is; '' where it takes none"""
    help: str
    required: bool = False
    choices: tuple[str, ...] = ()
    """the arguments that it takes, in upper case; lower case is understood"""
    fits: Callable[[str], bool] | None = None
    """what a free argument must fit"""
    is_idle: bool = False
    """whether it is taken only so that scripts go on: the reference does not say what it does"""


class LcdiReply(Value):
    """What a command prints on stdout, and its exit status."""

    lines: tuple[str, ...] = ()
    status: int = 0


class LcdiCommand(Value):
    """One command."""

    name: str
    purpose: str
    """in one sentence, without a full stop"""
    options: tuple[Option, ...]
    run: Callable[[Call], LcdiReply]
    record: tuple[str, ...] = ()
    """the fields of each line that it prints"""
    operands: str = ""
    """what follows '--'; '' where nothing may"""
    changes: bool = False
    """whether it changes anything: then what it says also goes to the log"""
    is_local: bool = False
    """whether its work is on one server, so that another server must do it there"""
    notes: tuple[str, ...] = ()
    """paragraphs of its manual page"""
    exits: tuple[int, ...] = ()
    """exit codes beside 0, 1, 2, 3 and 5, which all have"""

    def option(self, letter: str) -> Option | None:
        """The option with this letter."""
        for option in self.options:
            if option.letter == letter:
                return option
        return None

    @property
    def synopsis(self) -> str:
        """How it is called, on one line."""
        words = [self.name, *map(_shown, self.options)]
        if self.operands:
            words.append(f"[-- {self.operands}]")
        return " ".join(words)


def _shown(option: Option) -> str:
    word = f"{{{'|'.join(option.choices)}}}" if option.choices else option.word
    joint = "" if option.letter == "f" and option.word == "C" else " "
    text = f"-{option.letter}{joint}{word}".rstrip()
    return text if option.required else f"[{text}]"


def is_number(text: str) -> bool:
    """Whether it is a number that can be read: int() refuses thousands of digits."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def tag_option(letter: str, word: str, help_text: str, *, required: bool = False) -> Option:
    """An option that takes a tag."""
    return Option(letter, word, help_text, required, fits=names.is_tag)


def required(option: Option) -> Option:
    """The same option, which must be given."""
    return Option(**{**option.as_dict(), "required": True})


DEST = Option(
    "d", "dest", "the server whose records are meant; this one where it is not given", fits=names.is_server_name
)
SEPARATOR = Option(
    "f", "C", "the character between two fields, in place of byte 0x01", fits=lambda text: len(text) == 1
)
APP = Option("a", "app", "the application", fits=names.is_vg_name)
TYPE = Option("r", "restyp", "the resource type", fits=names.is_vg_name)
TAG = tag_option("t", "tag", "the tag of the resource")
ID = Option("i", "id", "the ID of the resource", fits=bool)
INIT = Option("I", "init", "what a start of the server makes of it", choices=INITIALISATIONS)
SWITCHBACK = Option("s", "switchback", "whether it goes back to a server of higher priority", choices=SWITCHBACKS)
INFO = Option("v", "info", "what the resource's own scripts keep with it")
