"""The table of messages as a whole."""

from __future__ import annotations

import re
import string
from pathlib import Path

from lvmkit.model.messages import catalogue
from lvmkit.model.messages.guide import DependencyNotCreated, UsageError

GUIDE = {*range(1, 16), 18, 19, *range(21, 31), *range(110000, 110010)}
LIB = Path(__file__).parents[2] / "lib" / "lvmkit"
ALL = sorted(catalogue().items())


def test_every_number_of_the_guide_is_there() -> None:
    assert catalogue().keys() >= GUIDE
    assert all(number in GUIDE or number >= 110010 for number in catalogue())


def test_no_number_is_given_twice() -> None:
    text = "".join(path.read_text() for path in LIB.glob("model/messages/*.py"))
    numbers = re.findall(r"\bnumber ?= ?(\d+)(?:\):)?$", text, re.M)
    assert len(numbers) == len(set(numbers)) == len(catalogue())


def test_texts_use_exactly_the_fields_of_their_message() -> None:
    for number, kind in ALL:
        facts, shown = set(kind._fields), _fields(kind.template) | _fields(kind.action)
        assert shown <= facts, number
        assert shown - {"name"} == facts - {"name"}, f"{number}: a fact that nobody sees"


def _fields(sentence: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field is not None}


def test_every_problem_has_a_cause_and_an_action() -> None:
    for number, kind in ALL:
        assert kind.__doc__, number
        assert kind.action or kind.script_exit == 0, number
        assert (kind.level in ("INFO", "WARN")) == (kind.script_exit == 0), number


def test_a_forged_second_line_is_made_visible() -> None:
    assert "\n" not in UsageError("x\n000000:fine\x1b[2J").text
    assert DependencyNotCreated("a", "b", "s").text == "Failed to create dependency a-b on machine s."
