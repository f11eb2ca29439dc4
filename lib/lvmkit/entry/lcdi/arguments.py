"""Reading the words of a command line, by the command's description. As getopt(3) has it, so options may be joined."""

from __future__ import annotations

from lvmkit.model.messages import Failure
from lvmkit.model.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lvmkit.entry.lcdi.description import LcdiCommand, Option

HELP = "h"


class Given(Value):
    """What was on the command line."""

    options: dict[str, str]
    """by letter; '' for one that takes no argument. The last one counts"""
    operands: tuple[str, ...] = ()
    """what followed '--'"""

    @property
    def wants_help(self) -> bool:
        """Whether it only asks how the command is called."""
        return HELP in self.options


def parse(command: LcdiCommand, words: Sequence[str]) -> Given:
    """The options and operands. Raises Failure: UsageError (000002), InvalidName (110100) for a wrong argument."""
    options: dict[str, str] = {}
    waiting = list(words)
    while waiting and waiting[0] != "--":
        _take(command, waiting, options)
        if HELP in options:
            return Given(options)
    operands = tuple(waiting[1:])
    if operands and not command.operands:
        raise wrong(command, f"{operands[0]} is not expected")
    _refuse_missing(command, options)
    return Given(options, operands)


def wrong(command: LcdiCommand, why: str) -> Failure:
    """The failure of a command that is called in a wrong way."""
    from lvmkit.model.messages.guide import UsageError  # messages are loaded when one is needed

    return Failure(UsageError(f"{why}; {command.synopsis}"))


def _take(command: LcdiCommand, waiting: list[str], options: dict[str, str]) -> None:
    """Take the next word, and the one after it where that is an option's argument."""
    word = waiting.pop(0)
    if not word.startswith("-") or word == "-":
        raise wrong(command, f"{word or repr(word)} is not expected")
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        option = command.option(letter)
        if letter == HELP and option is None:
            options[HELP] = ""
            return
        if option is None:
            raise wrong(command, f"there is no option -{letter}")
        if option.word and not letters and not waiting:
            raise wrong(command, f"option -{letter} needs an argument")
        if option.word:
            options[letter] = _fitting(option, letters or waiting.pop(0))
            return
        options[letter] = ""


def _fitting(option: Option, given: str) -> str:
    if option.choices:
        if given.upper() not in option.choices:
            raise _invalid(given, f"{option.word} ({', '.join(option.choices)})")
        return given.upper()
    if option.fits is not None and not option.fits(given):
        raise _invalid(given, option.word)
    return given


def _invalid(given: str, what: str) -> Failure:
    from lvmkit.model.messages.command import InvalidName

    return Failure(InvalidName(given or "''", what))


def _refuse_missing(command: LcdiCommand, options: dict[str, str]) -> None:
    for option in command.options:
        if option.required and option.letter not in options:
            raise wrong(command, f"option -{option.letter} is missing")
