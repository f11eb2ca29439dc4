"""Manual pages and README say of commands and options what click knows, and keep the prose that was written by hand."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from lvmkit.cli.reference import PAGES, manual, readme, usage, visible_commands

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "share/man/man8/lvmkit.8").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_is_made_of_it(page: str) -> None:
    """Where this fails: `make pages` renews them; then write the prose that is missing."""
    text = (ROOT / page).read_text()
    assert PAGES[page](text) == text


def test_a_page_that_lacks_an_option_or_a_command_gets_it_and_one_that_is_none_goes() -> None:
    entry = ".TP\n\\fB\\-\\-deep\\fP\n"
    assert entry in MANUAL
    renewed = manual(MANUAL.replace(entry, ".TP\n\\fB\\-\\-shallow\\fP\n"))
    assert entry in renewed
    assert "shallow\\fP" not in renewed
    without = MANUAL.replace('.SS "lvmkit doctor"', '.SS "lvmkit nurse"').replace("\\fBlvmkit doctor\\fP", "gone")
    assert '.SS "lvmkit doctor"' in manual(without)
    assert "nurse" not in manual(without)
    assert "\\fBlvmkit doctor\\fP [\\fIoptions\\fP]" in manual(without)


def test_the_prose_of_an_option_follows_its_name() -> None:
    swapped = MANUAL.replace("\\-\\-deep\\fP", "\\-\\-x\\fP").replace("\\-\\-all\\fP", "\\-\\-deep\\fP")
    swapped = swapped.replace("\\-\\-x\\fP", "\\-\\-all\\fP")
    assert "\\fB\\-\\-deep\\fP\nWhat the engine's timer runs" in manual(swapped)
    assert manual(swapped).index("\\fB\\-\\-deep") < manual(swapped).index("\\fB\\-\\-all")


def test_readme_keeps_its_prose_and_gets_rows_for_new_commands() -> None:
    text = (ROOT / "README.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith("| `lvmkit forget"))
    assert row in text
    assert "| `lvmkit forget VG...` | Drop what is left of an ended protection. |" in readme(
        text.replace(f"{row}\n", "")
    )


def test_what_must_be_given_is_part_of_how_it_is_called() -> None:
    commands = visible_commands()
    assert usage("lvmkit extend", commands["extend"]) == "lvmkit extend TAG --to SERVER"
    assert usage("x", click.Command("x")) == "x"
    assert "removable" not in commands
