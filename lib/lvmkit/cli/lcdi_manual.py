"""The manual pages of LifeKeeper's commands, from their descriptions: `python3 -m lvmkit.cli.lcdi_manual FOLDER`."""

from __future__ import annotations

import sys

from lvmkit import VERSION
from lvmkit.cli.manual import DATE, escaped
from lvmkit.entry.lcdi.program import NAMES, described

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lvmkit.entry.lcdi.description import LcdiCommand, Option

EXITS = {
    0: "success",
    1: "an action, a program or the system failed",
    2: "the command was not called as it must be",
    3: "a fault in the kit, or in its records",
    4: "what was to be created exists already",
    5: "an argument cannot be what it is",
    6: "a number is out of range",
    7: "what was named does not exist",
    8: "another resource requires what was to be removed",
    9: "another server cannot be reached, or is none of this cluster",
}
"""LifeKeeper's, the same for all of its commands"""
_COMMON = (0, 1, 2, 3, 5)
_SECTION = "8"


def page(name: str) -> str:
    """The page of a command as roff source, for man(7) macros."""
    command = described(name)
    lines = [
        '.\\" Made from the description of the command by lvmkit.cli.lcdi_manual; do not edit.',
        f'.TH {escaped(name.upper())} {_SECTION} {DATE} "lvmkit {escaped(VERSION)}" "LifeKeeper commands"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(command.purpose)}",
        ".SH SYNOPSIS",
        f".B {escaped(command.synopsis)}",
    ]
    if command.notes:
        lines += [".SH DESCRIPTION", "\n.PP\n".join(map(escaped, command.notes))]
    if command.record:
        lines += [".SH OUTPUT", "One line each, whose fields are separated by byte 0x01:", *_list(command.record)]
    lines += [".SH OPTIONS", *_options(command), ".SH EXIT STATUS"]
    for code in sorted({*_COMMON, *command.exits}):
        lines += [".TP", f".B {code}", escaped(EXITS[code])]
    return "\n".join((*lines, ".SH SEE ALSO", ".BR lvmkit (8),", ".BR lvmkit\\-messages (7)", ""))


def _options(command: LcdiCommand) -> list[str]:
    lines = []
    for option in command.options:
        lines += [".TP", f".BI {_head(option)}", escaped(_sentence(option))]
    return [*lines, ".TP", ".B \\-h", "print how it is called"]


def _head(option: Option) -> str:
    return f'"\\-{option.letter} " "{escaped(option.word)}"' if option.word else f"\\-{option.letter}"


def _sentence(option: Option) -> str:
    choices = f": {', '.join(option.choices)}" if option.choices else ""
    idle = "; taken, and nothing is done" if option.is_idle else ""
    return f"{option.help}{choices}{idle}"


def _list(fields: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{', '.join(fields)}.",)


def main(folder: str) -> None:
    """Write a page for each command."""
    for name in NAMES:
        with open(f"{folder}/{name}.{_SECTION}", "w", encoding="ascii") as file:
            file.write(page(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
