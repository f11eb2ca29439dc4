"""The benchmark of scale: what it lays out, protects and times, and the page and the charts made of that."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from bench import budgets, calls, chart, page, protect, results, timed
from bench.calls import Call
from bench.hierarchies import KIT, PEER
from bench.layouts import DIMENSIONS, GROUPS, UNRELATED, VOLUMES, layouts
from bench.results import Results
from bench.scale import BARE, MONITOR, QUICK_CHECK, START, STATUS, Taken
from bench.series import LOST_DISK, SWITCHOVER_OF_ONE, Comparison
from lvmkit import VERSION
from lvmkit.model import settings
from tests.unit.machine import Machine, SharedDisk, make_group

if TYPE_CHECKING:
    from pytest_mock import MockerFixture


def taken(size: int, action: str, side: str, *seconds: float, programs: int | None = 2) -> Taken:
    work = tuple(each / 2 for each in seconds)
    return Taken(VOLUMES, size, action, side, seconds, work, programs, programs, 0.5 if size == 1 else 1.25)


RUN = [
    taken(1, START, BARE, 1.0, 1.2, 0.8),
    taken(1, START, PEER, 4.0),
    taken(1, START, KIT, 1.5),
    taken(1, MONITOR, PEER, 0.2, programs=4),
    taken(1, QUICK_CHECK, KIT, 0.3, programs=0),
    taken(1, STATUS, KIT, 0.5),
    taken(512, START, KIT, 20.0),
]


ROOT = Path(__file__).parents[2]
MOVE = Comparison(SWITCHOVER_OF_ONE, "s", (10.0, 30.0), (5.0, 15.0), 0.6, 0.7)


def test_every_size_that_is_promised_is_laid_out() -> None:
    sizes = {(each.dimension, each.size) for each in layouts(())}
    assert {size for dimension, size in sizes if dimension == VOLUMES} == {1, 8, 64, 512}
    assert {size for dimension, size in sizes if dimension == GROUPS} == {1, 10, 50}
    assert (UNRELATED, 200) in sizes
    assert {dimension for dimension, _ in sizes} == set(DIMENSIONS)
    assert [each.size for each in layouts((GROUPS,))] == [1, 10, 50]


def test_the_script_that_builds_a_layout_is_one_of_the_shell() -> None:
    for each in layouts(()):
        checked = subprocess.run(["/bin/sh", "-n"], input=each.building(), text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert each.building().count("vgcreate") == each.groups


def test_a_turn_is_timed_with_its_processor_time() -> None:
    task = {
        "rounds": 2,
        "turns": [calls.turn([Call(("/bin/true",), {})] * 3), Call(("/bin/true",), {}).turn(counts=False)],
    }
    argv = [sys.executable, "-IS", timed.__file__]
    done = subprocess.run(argv, input=json.dumps(task), text=True, capture_output=True, check=True)
    (turn,) = json.loads(done.stdout)
    assert len(turn) == 2
    assert all(wall > 0 and work >= 0 for wall, work in turn)
    task = {"rounds": 1, "turns": [Call(("/bin/false",), {}).turn()]}
    done = subprocess.run(argv, input=json.dumps(task), text=True, capture_output=True)
    assert "exit status 1" in done.stderr


def test_what_is_protected_for_it_is_in_service_and_well(
    tmp_path: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, disk = Machine(tmp_path), SharedDisk("A")
    group = make_group("bench1", (disk,), "lv1 lv2")
    machine.attach(disk)
    mocker.patch.object(settings, "Paths", return_value=machine.paths)
    mocker.patch.object(protect, "NAMES", "/dev/disk/by-id/wwn-*")
    with machine.running():
        protect.main(["bench1"])
    assert json.loads(capsys.readouterr().out) == {"bench1": group.uuid}
    assert machine.action("lvmvg", "restore", "bench1", "lvmvg-bench1").code == 0
    assert machine.action("lvmvg", "quickCheck", "bench1", "lvmvg-bench1").code == 0
    assert machine.command("check", "--all").code == 0
    assert machine.action("lvmvg", "remove", "bench1", "lvmvg-bench1").code == 0


def test_the_table_has_a_line_for_each_size_and_action_of_the_kit() -> None:
    head, _, *lines = page.table(RUN, VOLUMES).splitlines()
    assert head.startswith("| volumes | action | LVM itself: s |")
    assert [line.split(" | ")[:2] for line in lines] == [
        ["| 1", START], ["| 1", QUICK_CHECK], ["| 1", STATUS], ["| 512", START],
    ]  # fmt: skip
    assert "1s [0.8-1.2] (n=3)" in lines[0]
    assert "| 1.50 (1.50) | 0.38 (0.38) |" in lines[0]
    assert "| 1.50 (1.50) |  | 4, 4 | 0, 0 |" in lines[1], "a quickCheck is compared with the peer's monitor"


def test_the_page_shows_what_is_promised_and_a_chart_for_each_table() -> None:
    text = page.page(Results(tuple(RUN), (MOVE,)), "1.0")
    assert "version 1.0" in text
    assert "its load before each part: 0.5 to 1.2" in text
    assert "| switchover / the peer's, to the first write | 0.6 | 0.5 | kept |" in text
    assert "| switchover, 1 fs: to first write | 20s [10-30] (n=2) | 10s [5-15] (n=2) | 0.50 | 0.60 | ok |" in text
    assert "](benchmark-volumes.svg)" in text
    assert page.chart_name(UNRELATED) == "benchmark-unrelated-disks.svg"


def test_a_promise_is_kept_or_over_or_was_not_measured() -> None:
    found = {each.what: each for each in budgets.budgets(Results(tuple(RUN)))}
    assert found["start / LVM's own, 8 volumes, time"].verdict == "not measured"
    run = (taken(8, START, BARE, 2.0), taken(8, START, KIT, 2.4, programs=2))
    found = {each.what: each for each in budgets.budgets(Results(run))}
    assert found["start / LVM's own, 8 volumes, time"].verdict == "kept"
    assert found["start: LVM commands"].value == 2
    slower = (run[0], taken(8, START, KIT, 2.5, programs=4))
    found = {each.what: each for each in budgets.budgets(Results(slower))}
    assert found["start / LVM's own, 8 volumes, time"].verdict == "**OVER**"
    assert found["start: LVM commands"].verdict == "**OVER**"


def test_a_chart_is_a_picture_of_every_side() -> None:
    root = ElementTree.fromstring(page.chart(RUN, VOLUMES))  # noqa: S314 - our own
    named = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {BARE, PEER, KIT, START, "512"} <= named
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert {line.get("stroke") for line in lines} == set(page.COLOURS.values())
    for line in lines:
        for point in str(line.get("points")).split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= chart.PANEL
            assert 0 <= y <= chart.HEIGHT


def test_a_later_run_leaves_what_it_did_not_measure(tmp_path: Path) -> None:
    store = tmp_path / "benchmark.json"
    assert results.read(store) == Results()
    first = Results(tuple(RUN), (MOVE,))
    results.write(store, first)
    assert results.read(store) == first
    newer = Taken(GROUPS, 10, START, KIT, (1.0,), (0.5,), None, None)
    again = taken(1, START, KIT, 9.0)
    assert first.with_taken([newer]).with_taken([again]) == Results((again, RUN[-1], newer), (MOVE,))
    slower = replace(MOVE, kit=(30.0, 30.0))
    assert first.with_pairs([slower]) == Results(tuple(RUN), (slower,))


def test_the_page_and_the_readme_say_what_was_measured() -> None:
    found = results.read(ROOT / "docs/benchmark.json")
    assert (ROOT / "docs/benchmark.md").read_text() == page.page(found, VERSION)
    move, loss, programs = map(found.pair, (SWITCHOVER_OF_ONE, LOST_DISK, "start: programs"))
    assert move
    assert loss
    assert programs
    ours, theirs = statistics.median(move.kit), statistics.median(move.peer)
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"{move.ratio:.2f} of the time of LVM-activate and Filesystem ({ours:.1f} s against {theirs:.1f} s" in readme
    assert f"was acted on after {statistics.median(loss.kit):.1f} s" in readme
    assert f"in {programs.kit[0]:.0f} programs instead of {programs.peer[0]:.0f}" in readme
