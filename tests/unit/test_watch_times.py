"""When the watcher looks, and what a sight calls for: values in, values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvmkit.model.messages import ERROR, WARN
from lvmkit.model.value import replace
from lvmkit.resources.health import PAUSES
from lvmkit.watch.agenda import IDLE_SHARE, LONGEST_REST, LONGEST_SETTLE, QUIET, SETTLE, STORM_SHARE, Agenda
from lvmkit.watch.judgement import (
    ALWAYS,
    BETWEEN_ANSWERS,
    FIRST_REPEAT,
    LONGEST_REPEAT,
    REPEATS_AFTER_ARRIVAL,
    Memory,
    after_arrival,
    judge,
)
from lvmkit.watch.sight import Remark, Seen, Sight, idle, packed, unpacked

NEVER = float("inf")
COST = 0.01
REPEATING = Memory(ALWAYS)


@pytest.fixture
def agenda() -> Agenda:
    """One that has looked at the time 0."""
    agenda = Agenda(10)
    agenda.begin()
    agenda.end(0.0, COST)
    return agenda


class TestAgenda:
    def test_the_first_look_is_due_at_once(self) -> None:
        assert Agenda(10).next < 0

    def test_where_nothing_happens_looks_come_at_the_interval(self, agenda: Agenda) -> None:
        assert agenda.next == 10

    def test_soon_after_news_there_is_a_look(self, agenda: Agenda) -> None:
        agenda.heard(5.0)
        assert agenda.next == 5 + SETTLE

    def test_a_burst_of_news_is_one_look_after_its_end(self, agenda: Agenda) -> None:
        for tenth in range(3):
            agenda.heard(5 + tenth / 20)
        assert agenda.next == pytest.approx(5.1 + SETTLE)

    def test_news_without_end_do_not_put_the_look_off(self, agenda: Agenda) -> None:
        for hundredth in range(300):
            agenda.heard(5 + hundredth / 100)
        assert agenda.next == 5 + LONGEST_SETTLE

    def test_news_during_a_look_lead_to_another_one(self, agenda: Agenda) -> None:
        agenda.heard(5.0)
        agenda.begin()
        agenda.heard(5.2)
        agenda.end(5.3, COST)
        assert agenda.next == pytest.approx(5.3 + 2 * COST / STORM_SHARE)

    def test_while_news_do_not_end_looks_become_rarer_and_after_some_quiet_they_are_soon_again(
        self, agenda: Agenda
    ) -> None:
        looks = []
        for hundredth in range(3000):
            now = 5 + hundredth / 100
            agenda.heard(now)
            if agenda.next <= now:
                agenda.begin()
                agenda.end(now, COST)
                looks.append(now)
        gaps = [after - before for before, after in zip(looks, looks[1:])]
        assert gaps[0] < 1
        assert gaps[-1] == pytest.approx(LONGEST_REST, abs=0.1)
        agenda.begin()
        agenda.end(36.0, COST)
        agenda.heard(36 + QUIET)
        assert agenda.next == 36 + QUIET + SETTLE

    def test_what_was_asked_for_is_not_forgotten_before_it_is_done(self, agenda: Agenda) -> None:
        agenda.ask_for(3.0)
        agenda.ask_for(4.0)
        assert agenda.next == 3
        agenda.begin()
        agenda.end(3.0, COST)
        assert agenda.next == 13

    def test_a_look_that_costs_much_is_rarer(self, agenda: Agenda) -> None:
        agenda.begin()
        agenda.end(0.0, 0.4)
        assert agenda.next == pytest.approx(0.4 / IDLE_SHARE)


@given(st.floats(0.001, 3.0), st.floats(1.0, 60.0))
def test_an_idle_server_pays_less_than_one_percent(cost: float, interval: float) -> None:
    agenda, now, paid = Agenda(interval), 0.0, 0.0
    for _ in range(50):
        now = max(now, agenda.next) + cost
        agenda.begin()
        agenda.end(now, cost)
        paid += cost
    assert paid / agenda.next < 0.01


@given(st.floats(0.001, 0.4))
def test_a_storm_costs_a_quarter_at_most(cost: float) -> None:
    agenda, now, looks = Agenda(10), 0.0, 0
    while now < 20:
        agenda.heard(now)
        if now >= agenda.next:
            agenda.begin()
            now += cost
            agenda.end(now, cost)
            looks += 1
        now += 0.01
    assert looks * cost / now <= STORM_SHARE + 0.02
    assert looks >= 20 / (LONGEST_REST + LONGEST_SETTLE + cost) - 1


def fault(tag: str = "vg1", text: str = "a disk is gone", *, level: str = ERROR, **more: bool) -> Seen:
    return Seen(tag, (Remark("110043", level, text, ""),), **more)


def sight(*resources: Seen) -> Sight:
    return Sight("n1", resources)


class TestJudgement:
    def test_where_nothing_has_failed_there_is_nothing_to_do(self) -> None:
        found = judge(sight(Seen("vg1"), fault(level=WARN)), REPEATING, 0.0)
        assert (found.must_answer, found.look_again) == (False, NEVER)

    def test_a_fault_is_answered_once_for_as_long_as_it_lasts(self) -> None:
        memory, answers = Memory(), []
        for second in range(0, 1000, 10):
            found = judge(sight(fault()), memory, second)
            memory = found.memory
            answers.append(found.must_answer)
        assert answers.count(True) == 1
        assert answers[0]

    def test_another_fault_beside_it_is_answered(self) -> None:
        memory = judge(sight(fault()), Memory(), 0.0).memory
        assert judge(sight(fault(), fault("vg2")), memory, 10.0).must_answer
        assert judge(sight(fault(text="another disk is gone")), memory, 10.0).must_answer

    def test_a_fault_that_was_over_is_answered_when_it_is_back(self) -> None:
        memory = judge(sight(fault()), Memory(), 0.0).memory
        memory = judge(sight(Seen("vg1")), memory, 10.0).memory
        assert judge(sight(fault()), memory, 20.0).must_answer

    def test_where_a_disk_has_come_a_lasting_fault_is_answered_again(self) -> None:
        memory = judge(sight(fault()), Memory(), 0.0).memory
        memory, answers = after_arrival(memory), 0
        for second in range(10, 1000):
            found = judge(sight(fault()), memory, second)
            memory, answers = found.memory, answers + found.must_answer
        assert answers == 1 + REPEATS_AFTER_ARRIVAL

    def test_what_may_pass_is_answered_only_when_it_has_not_passed(self) -> None:
        memory, now, waits = Memory(), 0.0, []
        found = judge(sight(fault(may_pass=True)), memory, now)
        while not found.must_answer:
            waits.append(found.look_again)
            now += found.look_again
            found = judge(sight(fault(may_pass=True)), found.memory, now)
        assert tuple(waits) == PAUSES

    def test_each_thing_that_may_pass_gets_all_its_time(self) -> None:
        memory = judge(sight(fault(may_pass=True)), Memory(), 0.0).memory
        memory = judge(sight(Seen("vg1")), memory, 1.0).memory
        assert judge(sight(fault(may_pass=True)), memory, 2.0).look_again == PAUSES[0]

    def test_what_may_pass_does_not_keep_the_rest_waiting(self) -> None:
        found = judge(sight(fault(may_pass=True), fault("vg2")), Memory(), 0.0)
        assert (found.must_answer, found.look_again) == (True, PAUSES[0])

    def test_what_could_not_be_looked_at_is_no_fault(self) -> None:
        assert not judge(sight(fault(is_known=False)), REPEATING, 0.0).must_answer

    def test_an_engine_that_may_not_have_taken_it_is_asked_again_and_ever_more_rarely(self) -> None:
        memory, times = REPEATING, []
        for second in range(2000):
            found = judge(sight(fault()), memory, second)
            memory = found.memory
            if found.must_answer:
                times.append(second)
            else:
                assert second + found.look_again <= times[-1] + LONGEST_REPEAT
        gaps = [after - before for before, after in zip(times, times[1:])]
        assert gaps[:4] == [FIRST_REPEAT, 2 * FIRST_REPEAT, 4 * FIRST_REPEAT, 8 * FIRST_REPEAT]
        assert set(gaps[6:]) == {LONGEST_REPEAT}

    def test_it_goes_on_for_years(self) -> None:
        memory = replace(judge(sight(fault()), REPEATING, 0.0).memory, answers=1_000_000)
        assert judge(sight(fault()), memory, 1.0).look_again == LONGEST_REPEAT - 1

    def test_answers_do_not_come_in_a_row(self) -> None:
        memory = judge(sight(fault()), REPEATING, 0.0).memory
        found = judge(sight(fault("vg2")), memory, 0.5)
        assert (found.must_answer, found.look_again) == (False, BETWEEN_ANSWERS - 0.5)
        assert judge(sight(fault("vg2")), found.memory, BETWEEN_ANSWERS).must_answer


@given(
    st.builds(
        Sight,
        st.text(),
        st.lists(st.builds(Seen, st.text(), st.tuples(st.builds(Remark, *[st.text()] * 4)))).map(tuple),
        st.just(()),
        st.booleans(),
        st.booleans(),
    )
)
def test_a_sight_passes_from_the_child_unchanged(seen: Sight) -> None:
    assert unpacked(packed(seen)) == seen


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"server": "n1"}', b'{"resources": [1]}', b"\xff"])
def test_a_child_that_was_cut_off_has_said_nothing(said: bytes) -> None:
    assert unpacked(said) is None
    assert idle(said, frozenset(("vg1",))) == {"vg1"}
