"""docs/guide.md keeps its word: the tests and messages that it names exist, and the guide's own are all there."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import catalogue
from tests.unit.machine.disks import write
from tests.unit.one_server import Server
from tests.unit.test_guide_messages import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/guide.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)*)`", TEXT)))
HEADINGS = (
    "Introduction", "Requirements", "Overview", "Notes and restrictions", "Creation and administration of hierarchies",
    "Procedure", "With replication", "When a volume group changes", "Troubleshooting",
)  # fmt: skip
"""the guide's chapters, in its order"""


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_the_guide_names_exists(named: str) -> None:
    path, *parts = named.split("::")
    assert (ROOT / path).is_file()
    assert "::".join(parts) in {"", *_tests(path)}


@cache
def _tests(path: str) -> set[str]:
    """The tests of a file: function, or Class::function."""
    return set(_names(ast.parse((ROOT / path).read_text()).body))


def _names(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{name}" for name in _names(node.body))


def test_every_message_that_the_guide_names_exists() -> None:
    named = {int(number) for number in re.findall(r"\b(?:000|110)\d{3}\b", TEXT)}
    assert named <= catalogue().keys()


def test_the_table_of_messages_has_all_of_the_guide_s_and_in_order() -> None:
    assert [int(number) for number in re.findall(r"^\| (\d{6}) \|", TEXT, re.MULTILINE)] == list(NUMBERS)


def test_every_row_says_what_does_it_and_what_shows_it() -> None:
    rows = [line.strip("|").split(" | ") for line in TEXT.splitlines() if line.startswith("| ")]
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)


def test_it_follows_the_guide_s_order() -> None:
    headings = [heading for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE) if heading in HEADINGS]
    assert headings == list(HEADINGS)


def test_a_volume_that_was_resized_is_no_fault_and_no_difference(tmp_path: Path) -> None:
    server = Server(tmp_path)
    first, *others = server.metadata().volumes
    larger = replace(server.metadata(), volumes=(replace(first, size=2 * first.size), *others))
    write(larger, server.disks)
    (device,) = (each for each in server.machine.dm.devices.values() if each.name == f"vg1-{first.name}")
    device.size *= 2
    for kind, tag in (("lvmvg", "vg1"), ("lvmlv", "vg1/data"), ("filesys", "/data")):
        assert server("quickCheck", kind, tag).code == 0
    answer = server.machine.adddelpv("vg1")
    assert (answer.code, [line for line in answer.out if line.startswith(("+", "-", "~"))]) == (0, [])
