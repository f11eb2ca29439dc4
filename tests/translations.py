"""The catalogues of other languages (share/locale) and the sentences in the code that they translate.

`python -m tests.translations` brings each catalogue up to the code: in its order, with the number of the message or the
module above each sentence, without those that nobody says any more, and with '' for those that have no translation yet.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import click

from lvmkit.cli import help
from lvmkit.cli.program import COMMANDS, program
from lvmkit.model.messages import catalogue
from lvmkit.view.explain import cause

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "lib/lvmkit"
LOCALE = ROOT / "share/locale"
_BUILDER = ROOT / "share/install/catalogues.py"


def builder() -> Any:
    """The program that makes what gettext reads."""
    spec = importlib.util.spec_from_file_location("catalogues", _BUILDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def languages() -> tuple[str, ...]:
    """Those that there are catalogues for."""
    return tuple(sorted(path.stem for path in LOCALE.glob("*.po")))


def read(language: str) -> dict[str, str]:
    """The sentences of a catalogue with their translations; '' is its head."""
    pairs: dict[str, str] = builder().sentences((LOCALE / f"{language}.po").read_text())
    return pairs


@functools.cache
def sentences() -> dict[str, str]:
    """Every sentence that a reader may see, with where it is first: the number of its message, or its module."""
    places: dict[str, str] = {}
    for sentence, place in (*_of_messages(), *_of_phrases(), *_of_help()):
        if sentence:
            places.setdefault(sentence, place)
    return places


def _of_messages() -> Iterator[tuple[str, str]]:
    for number, kind in catalogue().items():
        for sentence in (kind.template, kind.action, cause(kind)):
            yield sentence, f"{number:06d}"


def _of_phrases() -> Iterator[tuple[str, str]]:
    """What the code says with Phrase("...") or, as titles of columns, with head("...", ...)."""
    for path in sorted(LIBRARY.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            for argument in call.args:
                if _is_said(call.func, argument):
                    yield ast.literal_eval(argument), path.relative_to(LIBRARY).as_posix()


def _is_said(function: ast.expr, argument: ast.expr) -> bool:
    """Whether it is a sentence; a title may also be a name. Raises ValueError for a phrase that is no literal."""
    name = function.id if isinstance(function, ast.Name) else ""
    is_literal = isinstance(argument, ast.Constant)
    if name == "Phrase" and not is_literal:
        raise ValueError(f"no literal, so it cannot be translated: {ast.unparse(argument)}")
    return is_literal and name in ("Phrase", "head")


def _of_help() -> Iterator[tuple[str, str]]:
    """What --help says, of click's words too: all that the formatter of help has translated."""
    assert isinstance(program, click.Group)
    programs: dict[str, click.Command] = {"cli/program.py": program}
    for name, module in COMMANDS.items():
        command = program.get_command(click.Context(program), name)
        assert command is not None
        programs[f"cli/commands/{module}.py"] = command
    for place, command in programs.items():
        context = help.HelpContext(command, info_name=command.name)
        with mock.patch.object(help, "translated", side_effect=str) as translated:
            command.get_help(context)
        for call in translated.call_args_list:
            yield call.args[0], place


def written(pairs: dict[str, str]) -> str:
    """A catalogue with these translations."""
    lines = ['msgid ""', f"msgstr {_quoted(pairs[''])}"]
    for sentence, place in sentences().items():
        lines += ["", f"#. {place}", f"msgid {_quoted(sentence)}", f"msgstr {_quoted(pairs.get(sentence, ''))}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main() -> None:
    """Write all of them anew."""
    for language in languages():
        pairs = read(language)
        (LOCALE / f"{language}.po").write_text(written(pairs))


if __name__ == "__main__":
    main()
