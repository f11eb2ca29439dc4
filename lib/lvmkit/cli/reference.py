"""Manual pages and README held against click, for their commands and options: `python3 -m lvmkit.cli.reference FOLDER`.

Names, arguments, order and completeness come from the commands; the prose is written by hand in the page itself and
stays, found again by the name of its command or option. What has none yet gets the words of --help.
"""

from __future__ import annotations

import re
import sys
import textwrap

import click

from lvmkit.cli import adddelpv
from lvmkit.cli.manual import escaped
from lvmkit.cli.program import COMMANDS, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_COMMON = ("--format", "--quiet", "--help", "--version")
"""those that lvmkit(8) explains once for all commands"""
_LONG = re.compile(r"\\-\\-([a-z]+(?:\\-[a-z]+)*)")
_ROW = re.compile(r"\| `lvmkit (?P<name>[a-z-]+)(?:\\\||[^|])* \| (?P<prose>.*) \|$")
_WIDTH = 118


def visible_commands() -> dict[str, click.Command]:
    """The commands that are not hidden, in the order in which --help has them."""
    context = click.Context(program)
    commands = {}
    for name in COMMANDS:
        command = program.get_command(context, name) if isinstance(program, click.Group) else None
        if command is not None and not command.hidden:
            commands[name] = command
    return commands


def usage(name: str, command: click.Command) -> str:
    """How a command is called, without what is optional but its arguments: "lvmkit extend TAG --to SERVER"."""
    words = [name]
    context = click.Context(command)
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            words += parameter.get_usage_pieces(context)
    for option in _options(command):
        if option.required:
            words.append(" ".join(filter(None, (option.opts[-1], _value(option)))))
    return " ".join(words).replace("|ID", "")


def manual(page: str) -> str:
    """lvmkit(8) as it should be."""
    commands = visible_commands()
    lines = [_called(f"lvmkit {name}", command) for name, command in commands.items()]
    page = _with_section(page, "SYNOPSIS", lambda _body: "\n.PP\n".join(lines) + "\n")
    return _with_section(page, "COMMANDS", lambda body: _sections(body, commands))


def adddelpv_manual(page: str) -> str:
    """adddelpv(8) as it should be."""
    command = adddelpv.program
    page = _with_section(page, "SYNOPSIS", lambda _body: f"{_called(command.name or '', command)}\n")
    return _with_section(page, "OPTIONS", lambda body: _with_options(body, _options(command)))


def readme(page: str) -> str:
    """README with its table of commands."""
    head = "| command | does |\n|---|---|\n"
    before, found, rest = page.partition(head)
    table, gap, after = rest.partition("\n\n")
    prose = {}
    for row in table.splitlines():
        cell = _ROW.match(row)
        if cell is not None:
            prose[cell["name"]] = cell["prose"]
    rows = []
    for name, command in visible_commands().items():
        called = usage(f"lvmkit {name}", command).replace("|", "\\|")
        rows.append(f"| `{called}` | {prose.get(name) or command.get_short_help_str(_WIDTH)} |")
    return before + found + "\n".join(rows) + gap + after


PAGES: dict[str, Callable[[str], str]] = {
    "share/man/man8/lvmkit.8": manual,
    "share/man/man8/adddelpv.8": adddelpv_manual,
    "README.md": readme,
}
"""the pages, below the folder of the project, and what makes each as it should be"""


def _with_section(page: str, title: str, renew: Callable[[str], str]) -> str:
    """The page with another body of one section."""
    before, head, rest = page.partition(f".SH {title}\n")
    body, following, after = rest.partition("\n.SH ")
    return before + head + renew(f"{body}\n").rstrip("\n") + following + after


def _sections(body: str, commands: dict[str, click.Command]) -> str:
    """The section of each command, with the prose that it has."""
    prose = {}
    for section in re.split(r"^\.SS ", body, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        prose[heading.strip('"').replace("\\-", "-").split()[1]] = text
    text = ""
    for name, command in commands.items():
        options = [option for option in _options(command) if _long(option) not in _COMMON]
        words = prose.get(name) or _sentence(command.help or "")
        text += f'.SS "{escaped(usage(f"lvmkit {name}", command))}"\n{_with_options(words, options)}'
    return text


def _with_options(body: str, options: Iterable[click.Option]) -> str:
    """The text of a section with an entry for each option, in their order, and after them what stood there."""
    entries = re.split(r"^\.TP\n(?=.*\\-\\-)", body, flags=re.MULTILINE)
    last, mark, trailing = entries[-1].partition("\n.PP\n") if len(entries) > 1 else ("", "", "")
    prose = {}
    for entry in (*entries[1:-1], last):
        head, _, words = entry.partition("\n")
        for long in _LONG.findall(head):
            prose[f"--{long}".replace("\\-", "-")] = words.rstrip("\n")
    text = entries[0]
    for option in options:
        words = (
            next((prose[name] for name in option.opts if name in prose), "") or _sentence(option.help or "").rstrip()
        )
        text += f".TP\n{_head(option)}\n{words}\n"
    return text + (f".PP\n{trailing}" if mark else "")


def _options(command: click.Command) -> list[click.Option]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    return [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]


def _long(option: click.Option) -> str:
    """The name that it is called by: the first long one."""
    return next(filter(_is_long, option.opts))


def _value(option: click.Option) -> str:
    """What an option takes: a placeholder, or all that it can be."""
    if isinstance(option.type, click.Choice):
        return "|".join(option.type.choices).lower()
    return "" if option.is_flag or option.count else option.metavar or "N"


def _head(option: click.Option) -> str:
    names = ", ".join(f"\\fB{escaped(name)}\\fP" for name in sorted(option.opts, key=_is_long))
    return f"{names} {_italic(_value(option))}".rstrip()


def _is_long(name: str) -> bool:
    return name.startswith("--")


def _called(name: str, command: click.Command) -> str:
    """How it is called, as a line of a synopsis."""
    arguments = usage("", command).strip()
    return f"\\fB{escaped(name)}\\fP [\\fIoptions\\fP] {_italic(arguments)}".rstrip()


def _italic(words: str) -> str:
    """Words of which the placeholders are in italics, and options in bold."""
    text = re.sub(r"--[a-z-]+", lambda found: f"\\fB{escaped(found.group())}\\fP", words)
    return re.sub(r"(?<![\w\\-])[A-Za-z]+(?![\w-])", lambda found: f"\\fI{found.group()}\\fP", text)


def _sentence(words: str) -> str:
    """Prose of --help as lines of roff."""
    return escaped(textwrap.fill(" ".join(words.split()), _WIDTH)) + "\n"


def main(folder: str) -> None:
    """Write each page as it should be."""
    for name, renew in PAGES.items():
        with open(f"{folder}/{name}", "r+", encoding="utf-8") as file:
            text = renew(file.read())
            file.seek(0)
            file.truncate()
            file.write(text)


if __name__ == "__main__":
    main(sys.argv[1])
