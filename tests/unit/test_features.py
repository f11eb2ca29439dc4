"""README's table of what may stand below a volume group counts the tests that there are."""

from __future__ import annotations

from tests import features


def test_the_table_is_what_the_tests_names_make_it() -> None:
    """Where this fails: `make pages` renews it."""
    text = features.README.read_text(encoding="utf-8")
    assert features.renewed(text) == text


def test_every_row_has_tests() -> None:
    assert [row for row in features.table().splitlines() if row.endswith("|  |")] == []
