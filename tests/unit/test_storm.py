"""The storm's plans can be repeated, make sense, and its verdicts tell the kit's fault from what was made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import writer
from lab.audit import Overlap, Sample, overlaps
from storm import actions, hands, verdict
from storm.actions import KIT, Action, Weather
from storm.verdict import Deed

GROUP = "a" * 32
HELD, FREE = frozenset({f"LVM-{GROUP}{'b' * 32}"}), frozenset[str]()
EPISODES = [actions.episode(seed, number) for seed in range(8) for number in range(25)]


def test_a_seed_gives_the_same_plan_again_and_another_seed_another_one() -> None:
    assert actions.episode(7, 3) == actions.episode(7, 3)
    assert len({actions.episode(seed, 0).actions for seed in range(20)}) == 20


def test_a_plan_survives_the_file_it_is_kept_in() -> None:
    plan = actions.episode(7, 3)
    assert actions.load(json.loads(json.dumps(plan.facts()))) == plan


def test_a_part_of_a_plan_can_be_run_alone() -> None:
    plan = actions.episode(7, 3)
    number, indexes = actions.chosen("3:0,2")
    assert (number, plan.only(indexes).actions) == (3, (plan.actions[0], plan.actions[2]))
    assert plan.only(actions.chosen("3")[1]) == plan


@pytest.mark.parametrize("text", ["", "x", "1:x", "1:2,,x"])
def test_what_is_no_part_of_a_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        actions.chosen(text)


def test_nothing_is_done_on_a_server_that_is_dead_or_stands_still() -> None:
    for plan in EPISODES:
        weather = Weather()
        for action in plan.actions:
            if action.kind not in ("boot", "resume", "mend"):
                assert weather.usable(action.node), f"{plan.seed} {plan.number}: {action}"
            weather = actions.after(weather, action)
            assert len(weather.dead | weather.paused) < 2


def test_every_kind_of_action_occurs_and_every_verb_of_the_kit_is_struck_by_every_signal() -> None:
    many = [action for seed in range(40) for number in range(25) for action in actions.episode(seed, number).actions]
    kinds = {kind for weather in _weathers(many) for kind, _node, _weight in actions.possible(weather)}
    assert {action.kind for action in many} == kinds
    struck = {(action.words[0], action.signal) for action in many if action.kind == KIT}
    verbs = {verb for verb, _signal in struck}
    assert verbs >= {"create", "extend", "in-service", "out-of-service", "delete", "unextend", "reconfigure"}
    frequent = {"create", "extend", "in-service", "out-of-service", "delete", "unextend"}
    assert {(verb, signal) for verb in frequent for signal in actions.SIGNALS} <= struck


def _weathers(many: list[Action]) -> list[Weather]:
    return [actions.after(Weather(), action) for action in many]


def test_every_switch_that_is_thrown_can_be_put_back() -> None:
    weather = Weather()
    for action in (
        Action("standby", 1),
        Action("maintenance-on", 1, ("cluster",)),
        Action("fencing-off", 1),
        Action("stop-pacemaker", 2, ("pacemaker",)),
        Action("cut", 1),
        Action("rename", 1),
        Action("pause", 2, ("long",)),
    ):
        weather = actions.after(weather, action)
    assert weather != Weather()
    for kind, node in (
        ("unstandby", 1),
        ("maintenance-off", 1),
        ("fencing-on", 1),
        ("mend", 1),
        ("rename-back", 1),
        ("resume", 2),
    ):
        weather = actions.after(weather, Action(kind, node))
    assert weather == Weather()


def test_every_action_by_hand_has_a_script() -> None:
    machine = {KIT, "kill", "boot", "reboot", "cut", "mend", "pause", "resume"}
    for plan in EPISODES:
        for action in plan.actions:
            if action.kind not in machine:
                assert hands.script(action.kind, action.node, action.words, elsewhere=False)


def test_by_hand_nothing_is_mounted_that_another_server_holds() -> None:
    words = ("as-owner", "mount")
    assert "mount" in hands.script("activate", 1, words, elsewhere=False)
    assert "mount" not in hands.script("activate", 1, words, elsewhere=True)


# ---- verdicts


def _samples(*held: bool) -> list[Sample]:
    """A sample a second, which took a tenth of one."""
    return [Sample(float(n), n + 0.1, HELD if each else FREE) for n, each in enumerate(held)]


def _two(first: str, second: str) -> tuple[list[Overlap], dict[int, list[Sample]]]:
    samples = {1: _samples(*(c == "x" for c in first)), 2: _samples(*(c == "x" for c in second))}
    return overlaps(dict(samples)), samples


def test_two_holders_are_a_finding_when_nobody_made_them_by_hand() -> None:
    found, samples = _two("xxxxxxxx", "...xxxxx")
    assert [each.kind for each in verdict.collisions(found, samples, ())] == ["two-holders"]


def test_two_holders_are_none_when_the_later_one_was_activated_by_hand() -> None:
    found, samples = _two("xxxxxxxx", "...xxxxx")
    assert found
    assert not verdict.collisions(found, samples, [Deed("override", 2, 2.5, 3.0)])


@pytest.mark.parametrize(
    "deed",
    [
        Deed("override", 1, 2.5, 3.0),
        Deed(KIT, 2, 2.5, 3.0),
        Deed("override", 2, 0.0, 0.0),
        Deed("override", 2, 4.5, 5.0),
    ],
    ids=["at the other server", "by the kit", "too early", "too late"],
)
def test_two_holders_are_not_excused_by_what_did_not_make_them(deed: Deed) -> None:
    found, samples = _two("xxxxxxxx", "....xxxx")
    assert verdict.collisions(found, samples, [deed])


def test_the_kit_is_to_blame_when_it_starts_beside_what_was_activated_by_hand() -> None:
    found, samples = _two("..xxxxxx", "....xxxx")
    assert verdict.collisions(found, samples, [Deed("activate", 1, 1.5, 2.1)])


def test_a_server_that_did_not_answer_for_a_while_has_held_the_group_all_the_time() -> None:
    samples = {
        1: _samples(*[True] * 12),
        2: [each for each in _samples(*"..xxxxxxxxxx") if each.asked not in (4, 5, 6, 7)],
    }
    samples[2] = [Sample(e.asked, e.arrived, HELD if e.asked >= 2 else FREE) for e in samples[2]]
    found = overlaps(dict(samples))
    assert len(found) == 2
    assert not verdict.collisions(found, samples, [Deed("override", 2, 1.5, 2.1)])


def test_a_device_that_both_servers_write_to_is_a_finding() -> None:
    assert verdict.double_mounts({1: {"db /srv/db": True}, 2: {"db /srv/db": True}})
    assert not verdict.double_mounts({1: {"db /srv/db": True}, 2: {"db /srv/db": False}})
    assert not verdict.double_mounts({1: {"db /srv/db": True}})


@pytest.mark.parametrize(
    ("code", "stderr", "signal", "kinds"),
    [
        (0, "", "", []),
        (1, "lvmkit: ERROR: 110217: somewhere else", "", []),
        (1, "", "", ["silent"]),
        (1, "Traceback (most recent call last):\n", "INT", ["traceback"]),
        (124, "", "", ["endless"]),
        (130, "", "INT", []),
        (137, "", "KILL", []),
        (4, "lvmkit: ERROR 000004: it exists there already", "", []),
        (139, "", "", ["silent"]),
        (139, "Segmentation fault", "", ["exit-code"]),
    ],
)
def test_a_command_ends_as_it_should_or_is_a_finding(code: int, stderr: str, signal: str, kinds: list[str]) -> None:
    assert [each.kind for each in verdict.answer(code, stderr, signal)] == kinds


# ---- the writer


def test_the_writer_refuses_a_folder_on_which_nothing_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="no file system is mounted there"):
        writer.refuse_bare_folder(f"{tmp_path}/records")
    writer.refuse_bare_folder("/proc/records")
    assert Path.cwd() == Path("/proc")
