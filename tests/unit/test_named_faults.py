"""The list of named faults keeps up with the code: each finds its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutants.named import NAMED, Named
from mutants.source import find_named

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.name)
def test_a_named_fault_has_its_place(named: Named) -> None:
    mutant = find_named(ROOT / "lib/lvmkit", named.function, named.old, named.new, named.name)
    assert mutant.kind == named.name
