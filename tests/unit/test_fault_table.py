"""The fault table's verdicts: what is wrong is named, what is right is not, and every row can be made."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from faults import calm, kills, layouts, report
from faults.calm import Calm
from faults.judge import Record, wrong
from faults.kills import COMMANDS, START, Killed, Point
from faults.rows import DOWN, ROWS, UP, Row
from faults.sides import KIT, PEER, Answer
from faults.truth import ABSENT, HANGS, READS, WRITES, Truth

FINE, FAULT = Answer(0, 1.0), Answer(1, 1.0, ("110044",))
USABLE, BROKEN, GONE = Truth(READS, WRITES, 1), Truth("Input/output error", HANGS, 1), Truth(ABSENT, ABSENT, 0)
CLEAN: dict[str, Any] = {"down": FINE, "after_down": GONE, "up": FINE, "after_up": USABLE}


def _record(row: Row | None = None, **seen: Any) -> Record:
    quick, deep = seen.pop("quick", FINE), seen.pop("deep", FINE)
    checks = {"quickCheck": quick, "deep check": deep}
    return Record(KIT, row or Row("a fault", "true"), checks=checks, **{"truth": USABLE, **CLEAN, **seen})


def _page(records: list[Record], *killed: Killed) -> str:
    return report.page(records, killed, Calm(1000, ["110044"]), ("6.1", "4.12"))


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({}, []),
        ({"truth": BROKEN}, ["fine is said of what cannot be used"]),
        ({"truth": BROKEN, "deep": FAULT}, []),
        ({"quick": FAULT}, ["a fault is said of what can be used"]),
        ({"after_down": USABLE}, ["down is said of what is up"]),
        ({"down": FAULT}, ["the stop failed"]),
        ({"after_up": BROKEN}, ["up is said of what cannot be used"]),
        ({"up": FAULT, "after_up": GONE}, []),
        ({"up": FAULT, "after_up": BROKEN}, ["a failed start left something up"]),
        ({"quick": Answer(0, 22.0)}, ["quickCheck took too long"]),
        ({"deep": Answer(0, 60.5)}, []),
        ({"healed": FAULT, "after_heal": GONE}, ["not back once the fault was gone"]),
        ({"healed": FINE, "after_heal": USABLE, "same_data": False}, ["data lost"]),
    ],
)
def test_what_is_wrong_is_named(seen: dict[str, Any], said: list[str]) -> None:
    assert wrong(_record(**seen)) == said


def test_a_row_can_allow_an_alarm_and_a_stop_that_fails() -> None:
    assert wrong(_record(Row("a clone", "true", allowed=True), quick=FAULT)) == []
    assert wrong(_record(Row("in use", "true", stays=True), down=FAULT, after_down=USABLE)) == []


def test_a_start_below_a_fault_is_wrong_where_nothing_works_afterwards() -> None:
    row = Row("a fault", "true", when=DOWN)
    record = Record(KIT, row, before=FINE, truth=BROKEN)
    assert wrong(record) == ["started, and cannot be used"]
    assert wrong(Record(KIT, row, before=FAULT, truth=GONE)) == []


def test_rows_have_names_of_their_own_known_layouts_and_scripts_that_a_shell_can_read() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.layout for row in ROWS} == set(layouts.LAYOUTS)
    assert {row.when for row in ROWS} == {UP, DOWN}
    scripts = [script for row in ROWS for script in (row.fault, row.heal)] + [calm.SCRIPT, *START.values()]
    for script in (*scripts, *map(layouts.build, layouts.LAYOUTS)):
        subprocess.run(["/bin/sh", "-n", "-c", script], check=True)


def test_the_page_shows_each_row_once_and_what_is_wrong_in_bold() -> None:
    ours, theirs = _record(), Record(PEER, Row("a fault", "true"), checks={"monitor 0": FINE}, truth=BROKEN, **CLEAN)
    (line,) = [each for each in _page([ours, theirs]).splitlines() if "| a fault" in each]
    assert line.count("**") == 2
    assert re.search(r"\*\*fine is said of what cannot be used\*\* \| ok", line)


# ---- killed, and called again

TRACE = """\
flock(3, LOCK_EX|LOCK_NB)               = 0
ioctl(0, TCGETS, 0x7ffe) = -1 ENOTTY (Inappropriate ioctl for device)
ioctl(4, DM_LIST_DEVICES, {version=4.0.0}) = 0
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7} ---
ioctl(4, DM_TABLE_STATUS, {version=4.0.0}) = 0
rename("/run/a", "/run/b")              = 0
"""


def test_the_calls_of_note_are_counted_as_strace_counts_them() -> None:
    named = [("flock", 1), ("ioctl", 2), ("ioctl", 3), ("rename", 1)]
    assert [(point.call, point.nth) for point in kills.points(TRACE)] == named
    assert kills.struck(("lvmkit",), Point("ioctl", 2))[-2:] == ("inject=ioctl:signal=KILL:when=2", "lvmkit")


def test_points_are_spread_over_the_whole_work() -> None:
    every = [Point("ioctl", nth) for nth in range(1, 101)]
    assert kills.spread(every[:15], 15) == every[:15]
    chosen = kills.spread(every, 15)
    assert (len(set(chosen)), chosen[0], chosen[-1]) == (15, every[0], every[-1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((137, 0, "", ""), ""),
        ((-9, 0, "", ""), ""),
        ((0, 0, "", ""), ""),
        ((1, 0, "", ""), "ended with 1, not by the signal"),
        ((137, 4, "lvmkit: ERROR 000014: exists", ""), ""),
        ((137, 4, "lvmkit: ERROR 000014: exists", "a journal is left"), "the second call failed"),
        ((137, 1, "ERROR 110020", ""), "the second call failed"),
        ((137, 0, "", "a journal is left"), "a journal is left"),
    ],
)
def test_what_a_kill_must_not_leave_is_named(given: tuple[int, int, str, str], said: str) -> None:
    assert kills.wrong(*given).startswith(said)
    assert bool(kills.wrong(*given)) == bool(said)


def test_commands_have_names_of_their_own_and_show_what_went_wrong() -> None:
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    bad = Killed(COMMANDS[0], 15, {Point("rename", 2): "a journal is left"})
    page = _page([_record()], bad, Killed(COMMANDS[1], 15))
    assert f"| {COMMANDS[0].name} | 15 | **rename 2: a journal is left** |" in page
    assert f"| {COMMANDS[1].name} | 15 | none |" in page


def test_alarms_of_what_is_well_are_shown_with_what_was_said() -> None:
    said = "ALARM of lvmvg\nquickCheck: ERROR 110044: disk\nALARM of lvmvg\n"
    assert calm.alarms(said) == ["no word", "quickCheck: ERROR 110044: disk"]
    assert calm.alarms("") == []
    assert "1 named a fault. **110044**" in _page([_record()])
