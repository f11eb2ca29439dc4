"""lvmkit timeline: the last move, from the journals of all servers that answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.storage.deeds import JOURNAL
from tests.unit.world.world import World

if TYPE_CHECKING:
    from pathlib import Path

BEGIN, DONE, MOVED = "110010", "110011", "110170"
POINT = "/srv/data"
FIRST = (
    (10.0, DONE, "stop", "/srv/old"),
    (500.0, BEGIN, "stop", POINT),
    (501.0, DONE, "stop", POINT),
    (502.5, DONE, "stop", "vg1"),
    (503.0, DONE, "monitor", "vg1"),
)
OTHER_NAME = "lvmkit-_2fsrv_2fdata"
"""by which Pacemaker, and so an agent, knows POINT"""
SECOND = ((503.0, BEGIN, "start", "vg1"), (505.0, DONE, "start", "lvmkit-vg1"), (506.0, DONE, "start", OTHER_NAME))


def journal(server: str, *entries: tuple[float, str, str, str]) -> str:
    """What journalctl prints."""
    lines = []
    for at, number, action, tag in entries:
        facts = {"ACTION_NAME": action, "STATE": action, "TAG": tag, "SERVER": server}
        fields = {f"LVMKIT_FACT_{name}": value for name, value in facts.items()}
        lines.append(json.dumps({"__REALTIME_TIMESTAMP": str(int(at * 1e6)), "LVMKIT_NUMBER": number, **fields}))
    return "".join(f"{line}\n" for line in lines)


def logs(world: World, server: str, text: str, status: int = 0) -> None:
    """What the server's journalctl answers."""
    world.machines[server].programs[JOURNAL] = lambda _words, _stdin: (status, text, "no journal" if status else "")


def timeline(world: World, server: str = "n1") -> dict[str, Any]:
    """What the command answers."""
    told = world.kit(server, "timeline", "--format", "json")
    assert told.code == 0
    facts: dict[str, Any] = json.loads("\n".join(told.out))
    return facts


def done(facts: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    return [(step["server"], step["text"], step["start"], step["end"]) for step in facts["steps"]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.activate("n1")
    assert made.kit("n1", "create", POINT).code == 0
    logs(made, "n1", journal("n1", *FIRST))
    logs(made, "n2", journal("n2", *SECOND))
    return made


@pytest.mark.parametrize("server", ["n1", "n2"])
def test_it_has_the_parts_of_all_servers_wherever_it_is_asked(world: World, server: str) -> None:
    """An earlier move, and a monitor, are no part of it; a step begins with its own begin, where that is known."""
    facts = timeline(world, server)
    assert done(facts) == [
        ("n1", f"stop {POINT}", 0.0, 1.0),
        ("n1", "stop vg1", 1.0, 2.5),
        ("n2", "start vg1", 3.0, 5.0),
        ("n2", f"start {POINT}", 5.0, 6.0),
    ]
    assert (facts["begun"], facts["missing"]) == ("1970-01-01T00:08:20Z", [])
    text = "\n".join(world.kit(server, "timeline").out)
    assert "2.5 s  1.5 s  n1      stop vg1" in text


def test_a_server_that_is_down_is_named(world: World) -> None:
    world.lose_power("n1")
    facts = timeline(world, "n2")
    assert [each["number"] for each in facts["missing"]] == ["110455"]
    assert "n1" in facts["missing"][0]["text"]
    assert [step["server"] for step in facts["steps"]] == ["n2", "n2"]
    assert "110455" in world.kit("n2", "timeline").err


@pytest.mark.parametrize("server", ["n1", "n2"])
def test_a_journal_that_cannot_be_read_hides_no_other(world: World, server: str) -> None:
    logs(world, server, "", 1)
    facts = timeline(world)
    assert [each["text"].startswith(f"What {server} did is not known") for each in facts["missing"]] == [True]
    assert {step["server"] for step in facts["steps"]} == {"n1", "n2"} - {server}


def test_an_entry_that_a_server_has_of_another_one_counts_once(world: World) -> None:
    logs(world, "n2", journal("n1", *FIRST) + journal("n2", *SECOND))
    assert len(timeline(world)["steps"]) == 4


def test_where_a_move_brought_a_resource_is_a_step(world: World) -> None:
    logs(world, "n2", journal("n2", *SECOND, (507.0, MOVED, "ISP", POINT)))
    assert done(timeline(world))[-1] == ("n2", f"{POINT}: ISP", 6.0, 7.0)


@pytest.mark.parametrize("line", ["x", "[]", "5", "{}", '{"__REALTIME_TIMESTAMP": "x"}', '{"LVMKIT_NUMBER": ["1"]}'])
def test_what_is_no_entry_is_left_out(world: World, line: str) -> None:
    logs(world, "n1", f"{line}\n")
    logs(world, "n2", "")
    facts = timeline(world)
    assert (facts["begun"], facts["steps"], facts["missing"]) == (None, [], [])
    assert world.kit("n1", "timeline").out == []
