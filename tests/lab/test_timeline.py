"""The timeline of a failover says what the survivor's log says, adds up, and is drawn to scale."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from lab import evidence, timeline
from lab.evidence import CONTROLLER, FENCER, Cast, Clock, Reading, Sighting
from lab.guests.errors import LabError
from lab.timeline import CLUSTER, KIT, WRITER, Milestone, Phase, Timeline

CAST = Cast("node1", "node2", "lvmkit-vg.1", "lvmkit-vg.1_2fdb", "lvmkit-_2fsrv_2fdb")
KILLED = 1_000_000.0
AHEAD = 7.5
ASKED, DONE = (
    "Requesting local execution of start operation for {} on node2",
    "Result of start operation for {} on node2: ok",
)
LOG = (
    (-2.0, CONTROLLER, "Node node1 state is now lost"),
    (13.0, FENCER, "Node node1 state is now lost"),
    (13.2, CONTROLLER, "Node node1 state is now lost"),
    (14.0, FENCER, "Requesting peer fencing (reboot) targeting node1"),
    (36.0, FENCER, "Operation 'reboot' [316] targeting node1 using fencing returned 0"),
    (36.5, FENCER, "Operation 'reboot' targeting node1 by node2 for pacemaker-controld.270@node2: OK (complete)"),
    (37.0, CONTROLLER, ASKED.format("fencing")),
    (38.0, CONTROLLER, ASKED.format("lvmkit-vg.1")),
    (41.0, CONTROLLER, DONE.format("lvmkit-vg.1")),
    (41.2, CONTROLLER, ASKED.format("lvmkit-vg.1_2fdb")),
    (42.0, CONTROLLER, DONE.format("lvmkit-vg.1_2fdb")),
    (42.1, CONTROLLER, ASKED.format("lvmkit-_2fsrv_2fdb")),
    (44.0, CONTROLLER, DONE.format("lvmkit-_2fsrv_2fdb")),
)
SEEN = Sighting(KILLED, KILLED + 43.0, KILLED + 43.25)


def journal(log: tuple[tuple[float, str, str], ...] = LOG) -> str:
    """A survivor's journal whose clock is ahead; seconds are since the kill."""
    return "\n".join(
        json.dumps(
            {
                "MESSAGE": f"notice: {text}",
                "SYSLOG_IDENTIFIER": source,
                "__REALTIME_TIMESTAMP": str(int((KILLED + AHEAD + seconds + 0.9) * 1e6)),
                "_SOURCE_REALTIME_TIMESTAMP": str(int((KILLED + AHEAD + seconds) * 1e6)),
            }
        )
        for seconds, source, text in log
    )


def milestones(log: tuple[tuple[float, str, str], ...] = LOG) -> dict[str, Milestone]:
    found = evidence.milestones(evidence.entries(journal(log)), CAST, Clock(AHEAD, 0.1), SEEN)
    return {it.name: it for it in found}


def drawn(*given: Milestone) -> ET.Element:
    return ET.fromstring(timeline.picture(Timeline("a < b", given, ("note & more",))))  # noqa: S314 - it is ours


def bars(svg: ET.Element) -> list[tuple[str, float, float]]:
    """(colour, left, right) of every bar."""
    rects = [it for it in svg.iterfind(".//{*}rect") if it.get("height") == f"{timeline.BAR:g}"]
    return [
        (it.attrib["fill"], float(it.attrib["x"]), float(it.attrib["x"]) + float(it.attrib["width"])) for it in rects
    ]


# ---- evidence


def test_times_of_the_survivors_log_are_seconds_since_the_kill_on_our_clock() -> None:
    assert {name: round(it.at, 3) for name, it in milestones().items()} == {
        "detected": 13.2,
        "fenced": 36.5,
        "volume group": 41.0,
        "logical volume": 42.0,
        "file system": 43.0,
        "first write": 43.25,
    }


def test_work_begins_when_the_cluster_has_asked_for_it() -> None:
    found = milestones()
    assert [round(found[name].begun or 0, 3) for name in ("fenced", "volume group", "file system")] == [14, 38, 42.1]


def test_each_milestone_names_its_evidence() -> None:
    found = milestones()
    assert "targeting node1 by node2" in found["fenced"].evidence
    assert all(it.evidence for it in found.values())


@pytest.mark.parametrize("missing", [2, 5, 8, 9])
def test_a_log_that_lacks_a_line_is_no_evidence(missing: int) -> None:
    with pytest.raises(LabError, match="does not have it"):
        milestones(LOG[:missing] + LOG[missing + 1 :])


def test_a_start_that_failed_is_no_start() -> None:
    log = tuple((at, source, text.replace("node2: ok", "node2: error")) for at, source, text in LOG)
    with pytest.raises(LabError, match="Result of start"):
        milestones(log)


def test_of_several_attempts_the_first_that_succeeded_counts() -> None:
    failed = ((39.0, CONTROLLER, DONE.format("lvmkit-vg.1").replace("ok", "error")),)
    assert milestones(LOG[:8] + failed + LOG[8:])["volume group"].at == pytest.approx(41.0)


def test_the_quickest_reading_sets_the_clock() -> None:
    readings = (Reading(10.0, 18.0, 12.0), Reading(20.0, 27.6, 20.2), Reading(30.0, 37.0, 31.0))
    found = evidence.clock(readings)
    assert [found.ahead, found.uncertain] == pytest.approx([7.5, 0.1])


def test_an_entry_without_text_is_left_out() -> None:
    binary = json.dumps({"MESSAGE": [1, 2], "__REALTIME_TIMESTAMP": "1"})
    early = json.dumps({"MESSAGE": "x", "__REALTIME_TIMESTAMP": "2500000"})
    assert [(it.at, it.text) for it in evidence.entries(f"{binary}\n{early}\n")] == [(2.5, "x")]


# ---- the timeline


def test_phases_add_up_to_the_whole() -> None:
    it = Timeline("", tuple(milestones().values()))
    assert sum(phase.seconds for phase in it.phases()) == pytest.approx(it.seconds)
    assert sum(it.by_whom().values()) == pytest.approx(it.seconds)


def test_waiting_counts_for_the_cluster() -> None:
    it = Timeline("", (Milestone("vg", KIT, 10.0, 8.0), Milestone("fs", KIT, 13.0, 10.5)))
    assert it.by_whom() == {CLUSTER: 8.5, KIT: 4.5}


def test_work_that_began_before_its_phase_counts_from_there() -> None:
    it = Timeline("", (Milestone("a", CLUSTER, 5.0), Milestone("b", KIT, 6.0, 4.0)))
    assert it.phases()[1] == Phase("b", KIT, 5.0, 5.0, 6.0)


def test_milestones_in_disorder_are_no_timeline() -> None:
    with pytest.raises(ValueError, match="b: 4"):
        Timeline("", (Milestone("a", CLUSTER, 5.0), Milestone("b", KIT, 4.0))).phases()


def test_facts_can_be_read_again() -> None:
    it = Timeline("title", tuple(milestones().values()), ("note",))
    read = json.loads(json.dumps(it.facts()))
    assert (read["seconds"], read["notes"]) == (43.25, ["note"])
    assert [each["name"] for each in read["milestones"]] == [each["name"] for each in read["phases"]]


def test_the_text_has_a_line_for_the_kill_and_one_for_each_milestone() -> None:
    lines = timeline.table(Timeline("", (Milestone("vg", KIT, 10.0), Milestone("fs", KIT, 12.5)))).splitlines()
    assert [line.split() for line in lines] == [
        ["0.0", "s", "killed"],
        ["10.0", "s", "+10.0", "s", "vg", *KIT.split()],
        ["12.5", "s", "+2.5", "s", "fs", *KIT.split()],
    ]


# ---- the picture


def test_bars_follow_each_other_and_are_to_scale() -> None:
    (_, zero, ten), (_, also_ten, forty) = bars(drawn(Milestone("a", CLUSTER, 10.0), Milestone("b", KIT, 40.0)))
    assert also_ten == pytest.approx(ten, abs=0.2)
    assert forty - ten == pytest.approx(3 * (ten - zero), abs=0.5)


def test_waiting_is_paler_than_work() -> None:
    pale, strong = bars(drawn(Milestone("a", KIT, 10.0, 5.0)))
    assert (strong[0], pale[0]) == (timeline.COLOURS[KIT], timeline.WAITING)
    assert pale[2] == pytest.approx(strong[1], abs=0.2)


def test_what_takes_no_time_can_be_seen_and_ends_where_it_ends() -> None:
    long, short = bars(drawn(Milestone("a", CLUSTER, 60.0), Milestone("b", WRITER, 60.0)))
    assert short[2] - short[1] == pytest.approx(timeline.THINNEST)
    assert short[2] == pytest.approx(long[2], abs=0.2)


def test_everything_is_inside_and_on_a_ground_of_its_own() -> None:
    svg = drawn(*milestones().values())
    ground = next(svg.iterfind(".//{*}rect"))
    assert ground.get("fill") == timeline.PAPER
    assert float(ground.attrib["height"]) == float(svg.attrib["height"]) - 1
    for it in svg.iterfind(".//{*}text"):
        assert 0 < float(it.attrib["x"]) < timeline.WIDTH
        assert 0 < float(it.attrib["y"]) < float(svg.attrib["height"])


def test_words_are_escaped_and_all_there() -> None:
    svg = drawn(*milestones().values())
    words = [it.text for it in svg.iterfind(".//{*}text")]
    assert {"a < b", "note & more", "killed", "43.2 s", "+23.3 s", *milestones()} <= set(words)
    assert "fenced after 36.5 s" in (svg.findtext("{*}title") or "")


@pytest.mark.parametrize(("whole", "step"), [(9.0, 1), (43.0, 5), (95.0, 10), (250.0, 30)])
def test_there_are_few_ticks_at_round_seconds(whole: float, step: int) -> None:
    words = [it.text for it in drawn(Milestone("a", CLUSTER, whole)).iterfind(".//{*}text")]
    assert f"{step} s" in words
    assert len([it for it in words if it and it.endswith(" s") and not it.startswith("+")]) <= timeline.MOST_TICKS + 2
