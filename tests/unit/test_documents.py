"""What README and the pages under docs/ tell people to type: commands, options and scripts that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from lvmkit.cli import adddelpv
from lvmkit.cli.program import COMMANDS, program
from lvmkit.entry.lcdi.program import NAMES

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md")))
SCRIPT = re.compile(r"(?:subsys|lkadm/subsys)/(?:[\w{},]+/)+(?:actions|bin)/[\w{},]+")


def commands() -> list[tuple[str, str]]:
    """(page, command line) of lvmkit and adddelpv, in code blocks and in running text."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
        running = re.sub(r"```\n.*?```", "", text, flags=re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", running)
        for line in lines:
            words = line.partition("  ")[0].removeprefix("# ").removeprefix("sudo ")
            if re.match(r"(lvmkit|adddelpv)( |$)", words):
                found.append((page.name, words))
    return found


@pytest.mark.parametrize(("page", "words"), sorted(set(commands())))
def test_a_command_that_a_page_names_has_these_options(page: str, words: str) -> None:
    name, *rest = re.sub(r"[\[\]|,\\]", " ", words).split()
    options = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
    known = _options(adddelpv.program if name == adddelpv.NAME else program)
    if name != adddelpv.NAME and rest:
        assert isinstance(program, click.Group)
        context = click.Context(program)
        command = program.get_command(context, rest[0])
        assert command is not None, f"{page}: {words}"
        known |= _options(command)
    assert options <= known, f"{page}: {words}"


def _options(command: click.Command) -> set[str]:
    return {"-h", "--help", *(option for param in command.params for option in (*param.opts, *param.secondary_opts))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_script_that_a_page_names_is_there(page: Path) -> None:
    for pattern in SCRIPT.findall(page.read_text()):
        for place in _expanded(pattern):
            folder = "" if place.startswith("lkadm/") else "opt/LifeKeeper/"
            assert (ROOT / folder / place).is_file() or "db" in place, place


def _expanded(pattern: str) -> list[str]:
    """All that a pattern with braces means."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [each for word in match.group(1).split(",") for each in _expanded(before + word + after)]


def test_every_command_of_lifekeeper_s_that_a_page_names_is_one() -> None:
    known = set(NAMES)
    for page in PAGES:
        named = set(re.findall(r"`((?:app|typ|ins|dep|eqv|flg)_\w+)\b", page.read_text()))
        assert named <= known, page.name


def test_the_table_in_readme_has_every_command() -> None:
    table = re.findall(r"^\| (`.*?) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = {word for row in table for word in re.findall(r"`lvmkit ([a-z-]+)", row)}
    assert named == {name for name in COMMANDS if not _command(name).hidden}


def _command(name: str) -> click.Command:
    assert isinstance(program, click.Group)
    command = program.get_command(click.Context(program), name)
    assert command is not None
    return command
