"""The table of messages as a whole."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from lvmkit.model.messages import Message, catalogue
from lvmkit.model.messages.guide import DependencyNotCreated, UsageError

GUIDE = {*range(1, 16), 18, 19, *range(21, 31), *range(110000, 110010)}
LIB = Path(__file__).parents[2] / "lib" / "lvmkit"
ALL = sorted(catalogue().items())


def test_every_number_of_the_guide_is_there() -> None:
    assert catalogue().keys() >= GUIDE
    assert all(number in GUIDE or number >= 110010 for number in catalogue())


def test_no_number_is_given_twice() -> None:
    numbers = re.findall(r"^    number = (\d+)$", "".join(p.read_text() for p in LIB.glob("model/messages/*.py")), re.M)
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(("number", "kind"), ALL)
def test_texts_use_exactly_the_fields_of_their_message(number: int, kind: type[Message]) -> None:
    used = {field for sentence in (kind.template, kind.action) for _, field, _, _ in string.Formatter().parse(sentence)}
    assert used - {None} <= set(kind._fields)
    shown = {field for _, field, _, _ in string.Formatter().parse(kind.template)} - {None}
    assert shown == set(kind._fields) - {"name"}, "a fact that nobody sees"


@pytest.mark.parametrize(("number", "kind"), ALL)
def test_every_problem_has_a_cause_and_an_action(number: int, kind: type[Message]) -> None:
    assert kind.__doc__
    assert kind.action or kind.script_exit == 0
    assert (kind.level in ("INFO", "WARN")) == (kind.script_exit == 0)


def test_a_forged_second_line_is_made_visible() -> None:
    assert "\n" not in UsageError("x\n000000:fine\x1b[2J").text
    assert DependencyNotCreated("a", "b", "s").text == "Failed to create dependency a-b on machine s."
