"""Killed in the middle: whatever was begun is finished or taken back by the next run, and no data is touched."""

from __future__ import annotations

import signal

import pytest

from lab.guests.guest import BY_ID, Guest
from lab.guests.lab import Lab
from lab.helpers_changes import (
    CHECK_ALL,
    CREATE,
    DELETE,
    PROTECTED,
    Outcome,
    calls,
    killed,
    made,
    protected,
    same_data,
    shell,
    traces,
)
from lab.helpers_service import guest_in

JOURNAL = "os.rename /var/lib/lvmkit/journal/1.json"
JOURNAL_DONE = "os.remove /var/lib/lvmkit/journal/1.json"
LKVGS = "os.rename /etc/lkvgs"
AUTOACTIVATION = "--setautoactivation"
STORE = "mode=rw"
"""the engine's database is opened to be changed"""
NOTHING = {"instances": {}, "links": []}
OUT = ("lvmkit", "-q", "out-of-service", "vg1")
IN = ("lvmkit", "-q", "in-service", "/srv/data")
GROW = ("adddelpv", "-q", "vg1", "--yes")


@pytest.fixture
def unprotected(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "made", made)


@pytest.fixture
def served(pushed_lab: Lab) -> Guest:
    return guest_in(pushed_lab, "protected", protected, base=("made", made))


def _died(outcome: Outcome) -> bool:
    return outcome.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_create_is_taken_back_by_the_next_check(unprotected: Guest) -> None:
    points = (
        killed(CREATE, JOURNAL, 1),
        killed(CREATE, AUTOACTIVATION, later=0.2),
        killed(CREATE, JOURNAL, 2),
        killed(CREATE, LKVGS),
        killed(CREATE, JOURNAL, 3),
        killed(CREATE, STORE, 2),
        killed(CREATE, "lvmvg/actions/restore"),
        killed(CREATE, "lvmvg/actions/restore", later=0.5),
    )
    outcomes = calls(unprotected, *(call for point in points for call in (point, CHECK_ALL)))
    before = traces(outcomes[0].before)
    for kill, check in zip(outcomes[::2], outcomes[1::2]):
        assert _died(kill), kill
        assert check.returncode == 0, (kill, check)
        assert traces(check.after) == before, (kill, check)
    assert same_data(unprotected)


@pytest.mark.slow
def test_a_create_that_was_killed_when_all_was_done_counts_and_one_before_that_can_be_made_again(
    unprotected: Guest,
) -> None:
    lost, again, gone, done, check = calls(
        unprotected, killed(CREATE, JOURNAL_DONE), CREATE, DELETE, killed(CREATE, STORE, after=JOURNAL_DONE), CHECK_ALL
    )
    assert (_died(lost), lost.after["journal"]) == (True, True)
    assert (again.numbers[0], "000014" in again.numbers) == ("110084", True), "it is finished, so it exists"
    assert again.states == dict.fromkeys(PROTECTED, "ISP")
    assert again.after["leftovers"] == []
    assert (gone.returncode, gone.states) == (0, {})
    assert (_died(done), done.after["journal"]) == (True, False)
    assert (check.returncode, check.numbers, check.states) == (0, [], dict.fromkeys(PROTECTED, "ISP"))
    assert same_data(unprotected)


@pytest.mark.slow
def test_a_create_that_is_told_to_end_takes_everything_back_itself(unprotected: Guest) -> None:
    stops = [
        killed(CREATE, LKVGS, signal=signal.SIGTERM),
        killed(CREATE, "lvmvg/actions/restore", later=0.5, signal=signal.SIGINT),
    ]
    for outcome in calls(unprotected, *stops):
        assert outcome.returncode == 1
        assert outcome.numbers[-2:] == ["000024", "000026"], outcome
        assert traces(outcome.after) == traces(outcome.before), outcome


def test_a_kill_within_a_transaction_stores_all_or_nothing(served: Guest) -> None:
    inject = "exec strace -qq -o /dev/null -e trace={0} -e inject={0}:signal=KILL:when={1} lvmkit -q delete /srv/data"
    points = [inject.format("pwrite64", 4), inject.format("fdatasync", 2)]
    outcomes = calls(served, *(call for point in points for call in (shell(point), CHECK_ALL, CREATE)))
    for kill, check in zip(outcomes[::3], outcomes[1::3]):
        assert kill.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), kill
        assert kill.after["engine"] in (NOTHING, kill.before["engine"]), kill
        if kill.after["engine"] == NOTHING:
            assert _is_gone(check), check
        else:
            assert traces(check.after) == traces(kill.before), (kill, check)


@pytest.mark.slow
def test_a_killed_delete_leaves_the_protection_or_takes_it_away(served: Guest) -> None:
    points = (
        killed(DELETE, LKVGS),
        killed(DELETE, AUTOACTIVATION, later=0.2),
        killed(DELETE, JOURNAL_DONE),
        killed(DELETE, "os.remove /run/lvmkit/lvmvg-vg1"),
    )
    early = (killed(DELETE, JOURNAL, 1), CHECK_ALL)
    first, kept, *outcomes = calls(served, *early, *(call for it in points for call in (it, CHECK_ALL, CREATE)))
    assert (_died(first), kept.returncode, traces(kept.after)) == (True, 0, traces(first.before))
    for kill, check in zip(outcomes[::3], outcomes[1::3]):
        assert (_died(kill), check.returncode, _is_gone(check)) == (True, 0, True), (kill, check)
        assert traces(check.after)["mounts"] == traces(first.before)["mounts"]
    assert same_data(served)


def _is_gone(outcome: Outcome) -> bool:
    """Whether the protection was ended as a whole."""
    left = traces(outcome.after)
    return (left["listed"], left["autoactivation"], left["journal"], outcome.states) == ([], True, False, {})


@pytest.mark.slow
def test_killed_moves_are_finished_by_the_next_check(served: Guest) -> None:
    out, after_out, back, after_back = calls(
        served,
        killed(OUT, "lvmlv/actions/remove", later=0.5),
        CHECK_ALL,
        killed(IN, "lvmvg/actions/restore", later=0.5),
        CHECK_ALL,
    )
    assert (_died(out), _died(back)) == (True, True)
    for finished in (after_out, after_back):
        assert finished.numbers[0] == "110084", finished
        assert finished.after["flags"] == []
    assert [after_out.states[tag] for tag in ("/srv/data", "vg1/data", "vg1")] == ["OSU"] * 3
    assert (after_out.after["mapped"], after_out.after["records"]) == ({}, [])
    assert traces(after_back.after) == traces(out.before)
    assert same_data(served)


@pytest.mark.slow
def test_a_killed_adddelpv_is_taken_back_and_can_be_made_again(served: Guest) -> None:
    grown = shell(f"vgextend -qq vg1 {BY_ID}SHARED3; vgreduce -qq vg1 {BY_ID}SHARED2")
    points = (killed(GROW, JOURNAL, 1), killed(GROW, JOURNAL, 2))
    _, *outcomes, last = calls(served, grown, *(call for point in points for call in (point, CHECK_ALL)), GROW)
    before = traces(outcomes[0].before)["engine"]
    for kill, check in zip(outcomes[::2], outcomes[1::2]):
        assert _died(kill), kill
        assert traces(check.after)["engine"] == before, (kill, check)
    assert last.returncode == 0, last
    assert set(last.states) == PROTECTED - {"disk-SHARED2"} | {"disk-SHARED3"}
