"""What a hand made two, the next look says: no command of the kit lets it happen, and none is silent about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.guards import HeldTwice
from tests.unit.world.world import POINT, World

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

NUMBER = f"{HeldTwice.number:06d}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The file system is in service on n1 and extended to n2."""
    made = World(tmp_path)
    made.activate("n1")
    assert made.kit("n1", "create", POINT).code == 0
    assert made.kit("n1", "extend", POINT, "--to", "n2").code == 0
    return made


def activate_by_hand(world: World, server: str) -> None:
    """A second holder, as an administrator makes one: with the name of the owner."""
    own = 'global/system_id_source="lvmlocal" local/system_id="n1"'
    world.lvm(server, "vgchange", "-ay", world.name, "--config", own)
    assert world.machines[server].active(world.group.uuid)


def answer(world: World, server: str, *words: str) -> tuple[int, list[str]]:
    """The exit code, and what it says in JSON of groups that two hold."""
    told = world.kit(server, *words, "--format", "json")
    facts = json.loads("\n".join(told.out))
    parts = [resource["faults"] for resource in facts["resources"]] if words[0] == "check" else [facts.get("warnings")]
    messages = facts["findings"] if words[0] == "doctor" else [each for part in parts for each in part]
    return told.code, [each["text"] for each in messages if each["number"] == NUMBER]


@pytest.mark.parametrize("server", ["n1", "n2"])
@pytest.mark.parametrize("words", [("check",), ("check", "vg1"), ("status", "--exit-code"), ("doctor",)])
def test_a_group_that_two_kernels_hold_is_named_wherever_a_person_looks(
    world: World, server: str, words: tuple[str, ...]
) -> None:
    activate_by_hand(world, "n2")
    volume = "vg1-data"
    text = f"Volume group vg1 is active on more than one server: n1 ({volume}), n2 ({volume}). In service it is on n1."
    assert answer(world, server, *words) == (1, [text])
    told = world.kit(server, *words)
    assert NUMBER in "\n".join(told.out) or text in "\n".join(told.out)


@pytest.mark.parametrize("words", [("check",), ("status", "--exit-code")])
def test_where_one_holds_it_nothing_is_said(world: World, words: tuple[str, ...]) -> None:
    assert answer(world, "n1", *words) == (0, [])
    world.kit("n1", "in-service", POINT, "--on", "n2")
    assert answer(world, "n1", *words) == (0, [])


@pytest.mark.parametrize("words", [("check",), ("status", "--exit-code")])
def test_who_does_not_answer_is_not_accused(world: World, words: tuple[str, ...]) -> None:
    activate_by_hand(world, "n2")
    world.be_silent(True)
    assert answer(world, "n1", *words) == (0, [])


def test_two_by_hand_while_it_is_out_of_service_are_named_too(world: World) -> None:
    world.kit("n1", "out-of-service", "vg1")
    activate_by_hand(world, "n1")
    activate_by_hand(world, "n2")
    assert len(answer(world, "n1", "check")[1]) == 1


def test_the_round_of_the_timer_asks_no_other_server(world: World) -> None:
    activate_by_hand(world, "n2")
    before = len(world.machines["n1"].ran)
    world.kit("n1", "check", "--all")
    assert not [words for words in world.machines["n1"].ran[before:] if words[0].endswith("/ssh")]


def test_nobody_is_asked_about_what_is_down_everywhere(world: World) -> None:
    world.kit("n1", "out-of-service", "vg1")
    before = len(world.machines["n1"].ran)
    world.kit("n1", "check")
    assert not [words for words in world.machines["n1"].ran[before:] if words[0].endswith("/ssh")]


def test_a_group_that_moves_meanwhile_is_not_taken_for_two(world: World, mocker: MockerFixture) -> None:
    """It may be seen on the server that it leaves and, a moment later, on the one that it has come to."""
    from lvmkit.workflow import two_holders

    activate_by_hand(world, "n2")
    looks = []
    look = two_holders._look

    def moving(*given: object) -> two_holders.Seen:
        seen = dict(look(*given))  # type: ignore[arg-type]
        looks.append(seen)
        return seen if len(looks) == 1 else {**seen, "n1": {}}

    mocker.patch.object(two_holders, "_look", moving)
    assert answer(world, "n1", "check") == (0, [])
    assert len(looks) == 2
