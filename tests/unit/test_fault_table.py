"""The fault table: what is wrong is named, what is right is not, every row can be made, and what is done is kept."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from faults import __main__, calm, kills, layouts, report, work
from faults.__main__ import Plan
from faults.calm import Calm
from faults.judge import Record, in_words, record_of, wrong
from faults.kills import COMMANDS, START, Killed, Point
from faults.report import Where, Whole
from faults.rows import DOWN, ROWS, UP, Row
from faults.sides import KIT, NUMBER, PEER, Answer, Side
from faults.states import State
from faults.table import Table
from faults.truth import ABSENT, HANGS, READS, WRITES, Truth
from faults.work import Crew, Job, Queue
from lab import kept
from lab.guests.errors import LabError
from lab.kept import Kept

ROOT = Path(__file__).resolve().parents[2]
FINE, FAULT = Answer(0, 1.0), Answer(1, 1.0, ("110044",))
USABLE, BROKEN, GONE = Truth(READS, WRITES, 1), Truth("Input/output error", HANGS, 1), Truth(ABSENT, ABSENT, 0)
UNMOUNTED = Truth(READS, ABSENT, 0)
FAILED_GROUP, FAILED_MOUNT = Answer(1, 1.0, failed="lvmvg"), Answer(1, 1.0, failed="filesys")
CLEAN: dict[str, Any] = {"down": FINE, "after_down": GONE, "up": FINE, "after_up": USABLE}


def _record(row: Row | None = None, **seen: Any) -> Record:
    quick, deep = seen.pop("quick", FINE), seen.pop("deep", FINE)
    checks = {"quickCheck": quick, "deep check": deep}
    return Record(KIT, row or Row("a fault", "true"), checks=checks, **{"truth": USABLE, **CLEAN, **seen})


def _whole(records: list[Record], *killed: Killed) -> Whole:
    return Whole(records, killed, Calm(1000, ("110044",)), Where("6.1", "4.12", 2, 2))


def _page(records: list[Record], *killed: Killed) -> str:
    return report.page(_whole(records, *killed))


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
        ({"up": FAILED_GROUP, "after_up": UNMOUNTED}, ["a failed start left something up"]),
        ({"up": FAILED_MOUNT, "after_up": UNMOUNTED}, []),
        ({"up": FAILED_MOUNT, "after_up": BROKEN}, ["a failed start left something up"]),
        ({"quick": Answer(0, 22.0, longest=22.0)}, ["quickCheck took too long"]),
        ({"quick": Answer(0, 22.0, longest=15.0)}, []),
        ({"deep": Answer(0, 60.5, longest=60.5)}, []),
        ({"healed": FAULT, "after_heal": GONE}, ["not back once the fault was gone"]),
        ({"healed": FINE, "after_heal": USABLE, "same_data": False}, ["data lost"]),
    ],
)
def test_what_is_wrong_is_named(seen: dict[str, Any], said: list[str]) -> None:
    assert wrong(_record(**seen)) == said


def test_a_row_can_allow_an_alarm_and_a_stop_that_fails() -> None:
    assert wrong(_record(Row("a clone", "true", allowed=True), quick=FAULT)) == []
    used = Row("in use", "true", stays=True)
    assert wrong(_record(used, down=FAULT, after_down=USABLE)) == []
    assert wrong(_record(used, down=Answer(124, 9.0), after_down=USABLE)) == ["the stop failed without a word"]


def test_a_start_below_a_fault_is_wrong_where_nothing_works_afterwards() -> None:
    row = Row("a fault", "true", when=DOWN)
    record = Record(KIT, row, before=FINE, truth=BROKEN)
    assert wrong(record) == ["started, and cannot be used"]
    assert wrong(Record(KIT, row, before=FAILED_GROUP, truth=GONE)) == []
    assert wrong(Record(KIT, row, before=FAILED_MOUNT, truth=UNMOUNTED)) == []
    assert wrong(Record(KIT, row, before=FAILED_GROUP, truth=UNMOUNTED)) == ["a failed start left something up"]


def test_numbers_are_found_in_what_scripts_commands_and_checks_say() -> None:
    lines = (
        "restore[7]: ERROR:lvmvg:restore:vgf:110014:no",
        "lvmkit: ERROR 000014: exists",
        "FAULT  vgf  110026  123456",
    )
    assert NUMBER.findall("\n".join(lines)) == ["110014", "000014", "110026"]


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
    assert "wrong: the kit in 0 of 1 rows, the peer in 1 of 1 rows." in _page([ours, theirs])


def test_readme_and_page_have_the_figures_of_the_run_that_is_kept() -> None:
    rows = json.loads((ROOT / "docs/faults.json").read_text())["rows"]
    parts = []
    for side, name in ((KIT, "the kit"), (PEER, "the peer")):
        wrongs = [bool(row["wrong"]) for row in rows if row["side"] == side]
        parts.append(f"{name} in {sum(wrongs)} of {len(wrongs)} rows")
    for page in ("README.md", "docs/faults.md"):
        assert ", ".join(parts) in " ".join((ROOT / page).read_text().split())


def test_the_page_says_that_two_guests_ran_at_once() -> None:
    assert "2 guests ran at once on a machine with 2 cores" in _page([_record()])


def test_a_record_is_kept_as_json_and_judged_anew_by_the_row_as_it_is_then() -> None:
    record = _record(truth=BROKEN, before=FAULT, healed=FINE, after_heal=USABLE)
    kept = json.loads(json.dumps(record.as_kept()))
    assert record_of(KIT, record.row, kept) == record
    alarm = json.loads(json.dumps(_record(quick=FAULT).as_kept()))
    assert wrong(record_of(KIT, Row("a clone", "true", allowed=True), alarm)) == []
    assert "WRONG: a fault is said" in in_words(record_of(KIT, Row("a fault", "true"), alarm))


def test_the_whole_is_json_with_what_is_wrong() -> None:
    whole = json.loads(
        report.as_json(_whole([_record(quick=FAULT)], Killed(COMMANDS[0], 1, {Point("rename", 2): "bad"})))
    )
    assert whole["rows"][0]["wrong"] == ["a fault is said of what can be used"]
    assert (whole["killed"][0]["wrong"], whole["where"]["guests"]) == ({"rename 2": "bad"}, 2)


# ---- a run that is broken off


class _Guests:
    """Labs in whose place nothing runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def up(self) -> None: ...

    def down(self) -> None: ...


@pytest.fixture
def crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Crew]:
    """A crew that goes on with what the one before has kept."""
    monkeypatch.setattr(work, "reach", lambda lab, state: lab)
    labs: Any = [_Guests("one"), _Guests("two")]
    return lambda: Crew(labs, Kept(tmp_path / "kept.json"), lambda text: None)


def _job(item: str, do: Callable[[], Any], needs: str = "as it is", begin: str = "up") -> Job:
    state = State(begin, lambda guest: None)
    return Job(item, needs, state, lambda guest: do(), str, lambda result: result != "wrong")


def test_what_was_right_is_not_done_again_and_all_else_is(crew: Callable[[], Crew]) -> None:
    done: list[str] = []

    def does(item: str, result: str) -> Callable[[], str]:
        return lambda: done.append(item) or result  # type: ignore[func-returns-value]

    def fails() -> None:
        raise LabError("the fault could not be made")

    first = crew()
    first.work_off([_job("good", does("good", "right")), _job("bad", does("bad", "wrong")), _job("not made", fails)])
    jobs = [
        _job("good", does("good", "right")),
        _job("bad", does("bad", "right")),
        _job("not made", does("now", "right")),
    ]
    crew().work_off(jobs)
    assert sorted(done) == ["bad", "bad", "good", "now"]
    crew().work_off([_job("good", does("good", "right"), needs="changed"), *jobs[1:]])
    assert sorted(done) == ["bad", "bad", "good", "good", "now"]


def test_a_guest_takes_what_begins_in_a_state_that_it_has_and_else_what_nobody_has() -> None:
    jobs = [_job(f"{begin} {nth}", lambda: None, begin=begin) for nth in range(2) for begin in ("one", "two", "three")]
    queue, first, second = Queue(jobs), set[str](), set[str]()
    taken = [queue.take(made) for made in (first, second, first, second, first, second, first)]
    begun = [job.begin.label if job else "" for job in taken]
    assert begun == ["one", "two", "one", "two", "three", "three", ""]


def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> Table:
    """A table where the files have this content, by their folder."""
    content = lambda root, names: " ".join(files.get(name, "") for name in names)  # noqa: E731
    monkeypatch.setattr(kept, "state_of", content)
    return Table(Kept(tmp_path / "kept.json"))


def test_a_row_depends_on_its_script_and_what_it_tries_and_the_peer_not_on_the_kit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("a fault", "true")
    before, after = _table(tmp_path, monkeypatch, {}), _table(tmp_path, monkeypatch, {"lib": "changed"})
    assert before.row(row, KIT).needs != after.row(row, KIT).needs
    assert before.row(row, PEER).needs == after.row(row, PEER).needs
    assert before.row(row, KIT).needs == before.row(Row("a fault", "true", allowed=True, note="new"), KIT).needs
    assert before.row(row, KIT).needs != before.row(Row("a fault", "false"), KIT).needs


def test_what_has_no_result_ends_the_run_as_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = _table(tmp_path, monkeypatch, {})
    plan = Plan(table, ("frozen xfs",), [KIT], 2)
    versions, (job, *_) = table.versions_job(), plan.jobs()
    table.kept.keep(versions.item, versions.needs, ["6.1", "4.12"])
    assert (plan.verdict(), plan.missing()) == (2, ["kit: frozen xfs"])
    table.kept.keep(job.item, job.needs, _record(quick=FAULT).as_kept())
    assert plan.verdict() == 1
    table.kept.keep(job.item, job.needs, _record().as_kept())
    assert plan.verdict() == 0
    assert "WRONG: a fault is said of what can be used" in capsys.readouterr().out


def test_the_page_is_written_once_all_is_there_and_nothing_is_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def happen(guest: Any, row: Row, side: Side) -> Record:
        made.append(row.name)
        return Record(side.name, row, checks={"quickCheck": FINE}, truth=USABLE, **CLEAN)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(__main__, "Lab", lambda name, **_: _Guests(name))
    monkeypatch.setattr(work, "reach", lambda lab, state: lab)
    monkeypatch.setattr("faults.table.happen", happen)
    monkeypatch.setattr("faults.table._versions", lambda guest: ("6.1", "4.12"))
    monkeypatch.setattr(kills, "calls", lambda command, most, guest: [Point("rename", 1)])
    monkeypatch.setattr(kills, "kill", lambda command, point, guest, proved: "")
    monkeypatch.setattr(calm, "watch", lambda guest: [])
    ends = [_exit_code(words) for words in (["--side", KIT, "--write"], ["--write"])]
    assert ends == [0, 0]
    assert sorted(made) == sorted([row.name for row in ROWS] + [row.name for row in ROWS if row.applies])
    page = (tmp_path / "docs/faults.md").read_text()
    assert all(f"| {row.name}" in page for row in ROWS)
    assert f"| {COMMANDS[-1].name} | 1 | none |" in page


def _exit_code(words: list[str]) -> int:
    page = Path("docs/faults.md")
    assert not page.exists()
    return CliRunner().invoke(__main__.main, words).exit_code


def test_a_command_counts_when_all_of_its_points_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, command = _table(tmp_path, monkeypatch, {}), COMMANDS[0]
    calls, points = table.calls(command, 2), [Point("flock", 1), Point("rename", 3)]
    assert (table.points(command, 2), table.killed(command, 2)) == ([], None)
    table.kept.keep(calls.item, calls.needs, [["flock", 1], ["rename", 3]])
    assert table.points(command, 2) == points
    for point, said in zip(points, ("", "a journal is left")):
        assert table.killed(command, 2) is None
        job = table.kill(command, point)
        table.kept.keep(job.item, job.needs, said)
    assert table.killed(command, 2) == Killed(command, 2, {points[1]: "a journal is left"})


# ---- killed, and called again

TRACE = """\
flock(3</run/lvmkit/locks/vg1>, LOCK_EX|LOCK_NB)               = 0
ioctl(0</dev/null>, TCGETS, 0x7ffe) = -1 ENOTTY (Inappropriate ioctl for device)
ioctl(4</dev/mapper/control>, DM_LIST_DEVICES, {version=4.0.0}) = 0
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7} ---
ioctl(4, DM_TABLE_STATUS, {version=4.0.0}) = 0
rename("/run/a", "/run/b")              = 0
"""


def test_the_calls_of_note_are_counted_as_strace_counts_them() -> None:
    named = [("flock", 1), ("ioctl", 2)]
    assert [(point.call, point.nth) for point in kills.points(TRACE)] == named
    assert kills.struck(("lvmkit",), Point("ioctl", 2))[-2:] == ("inject=ioctl:signal=KILL:when=2", "lvmkit")


def test_of_calls_between_which_nothing_changes_one_is_a_point_unless_a_program_runs_meanwhile() -> None:
    status = "ioctl(4</dev/mapper/control>, DM_TABLE_STATUS, {version=4.0.0}) = 0"
    shared = 'pwrite64(5</var/lib/lvmkit/engine.sqlite-shm>, "", 1, 4095) = 1'
    refused = 'mkdir("/run/lvmkit", 0755) = -1 EEXIST (File exists)'
    trace = [
        status,
        shared,
        refused,
        "ioctl(4<control>, DM_DEV_REMOVE, {}) = 0",
        status,
        status,
        "vfork() = 7",
        status,
        status,
    ]
    named = [str(point) for point in kills.points("\n".join(trace))]
    assert named == ["ioctl 1", "ioctl 3", "ioctl 5", "ioctl 6"]


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
