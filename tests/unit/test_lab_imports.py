"""What tests in guests import of the kit is there: they run too seldom to find out by themselves."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def imported(path: Path) -> list[tuple[str, str]]:
    """(module, name) of all that a file takes from the kit."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lvmkit"):
            names += [(str(node.module), alias.name) for alias in node.names]
    return names


@pytest.mark.parametrize(
    "path", sorted((*TESTS.glob("lab/*.py"), *TESTS.glob("bench/*.py"))), ids=lambda path: path.name
)
def test_what_is_taken_from_the_kit_is_there(path: Path) -> None:
    for module, name in imported(path):
        assert hasattr(import_module(module), name) or import_module(f"{module}.{name}"), f"{module}.{name}"
