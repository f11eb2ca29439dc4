"""A plan is carried out whole, or taken back whole, also by the run after a kill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from lvmkit import journal, plan
from lvmkit.cluster.port import Change
from lvmkit.journal import Journal
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import InterruptedWork, StateNotStored, StepDone, UndoFailed
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.model.messages.plans import FinishFailed, JournalStuck, JournalUnreadable
from lvmkit.model.settings import Paths, Settings
from lvmkit.plan import Kit, Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import BringInService, Commit, ListVg, SetAutoactivation
from lvmkit.storage import files
from tests.unit.fakes import has_journal, killed

if TYPE_CHECKING:
    from typing import ClassVar

    from pytest_mock import MockerFixture

LOG: list[str] = []
_ODD = {"?": OSError(28, "no room"), "%": KeyboardInterrupt(), "#": SystemExit(1)}


class Note(Step):
    """Writes its name to the log; a name that begins with '!' fails, one with '~' is interrupted, others see _ODD."""

    name: str
    stubborn: bool = False

    def describe(self) -> str:
        return f"note {self.name}"

    def apply(self, kit: Kit) -> None:
        LOG.append(f"+{self.name}")
        if self.name.startswith("!"):
            raise Failure(LkvgsNotUpdated("no"))
        if self.name.startswith("~"):
            raise Interruption("SIGTERM")
        if self.name[0] in _ODD:
            raise _ODD[self.name[0]]

    def undo(self, kit: Kit) -> None:
        LOG.append(f"-{self.name}")
        if self.stubborn:
            raise Failure(LkvgsNotUpdated("still no"))


class Turn(Step):
    """Decides, and answers what it is to answer."""

    decides: ClassVar[bool] = True
    is_there: bool = False
    is_used: bool = False
    fails: bool = False

    def describe(self) -> str:
        return "turn"

    def apply(self, kit: Kit) -> None:
        LOG.append("+turn")

    def finish(self, kit: Kit) -> None:
        LOG.append("finish")
        if self.fails:
            raise Failure(LkvgsNotUpdated("no"))

    def undo(self, kit: Kit) -> None:
        LOG.append("-turn")

    def is_in_effect(self, kit: Kit) -> bool:
        return self.is_there

    def is_built_on(self, kit: Kit) -> bool:
        return self.is_used


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def kit(tmp_path: Path, told: list[Message]) -> Kit:
    LOG.clear()
    port: Any = None
    return Kit(port, Paths(state=f"{tmp_path}/state", lkvgs=f"{tmp_path}/lkvgs"), Settings(), told.append)


def test_steps_are_applied_in_order_with_progress_and_leave_no_journal(
    kit: Kit, told: list[Message], tmp_path: Path
) -> None:
    carry_out(Plan("work", (Note("a"), Note("b"))), kit)
    assert LOG == ["+a", "+b"]
    assert told == [StepDone(1, 2, "note a"), StepDone(2, 2, "note b")]
    assert not has_journal(kit)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("!c", Failure), ("~c", Interruption), ("?c", OSError), ("%c", KeyboardInterrupt), ("#c", SystemExit)],
)
def test_a_failure_or_a_signal_takes_back_what_was_begun_in_reverse(
    kit: Kit, name: str, kind: type[BaseException]
) -> None:
    with pytest.raises(kind):
        carry_out(Plan("work", (Note("a"), Note("b"), Note(name), Note("d"))), kit)
    assert LOG == ["+a", "+b", f"+{name}", f"-{name}", "-b", "-a"]
    finish_interrupted(kit)
    assert LOG[-1] == "-a"


def test_a_plan_is_about_the_tags_and_volume_groups_of_its_steps(kit: Kit) -> None:
    steps = (Note("a"), SetAutoactivation("vg1", False, True), ListVg("vg1", True), BringInService("/data", False))
    assert Plan("work", steps).about == ("vg1", "/data")


def test_a_first_step_that_cannot_be_prepared_fails_for_that_alone_and_leaves_nothing(
    kit: Kit, tmp_path: Path, mocker: MockerFixture
) -> None:
    reason = LkvgsNotUpdated("no")
    mocker.patch.object(Note, "prepared", side_effect=Failure(reason))
    with pytest.raises(Failure) as caught:
        carry_out(Plan("work", (Note("a"),)), kit)
    assert (caught.value.messages, LOG, os.listdir(tmp_path)) == ((reason,), [], [])


def test_that_a_plan_is_taken_back_is_on_the_disk_before_a_step_is(kit: Kit, mocker: MockerFixture) -> None:
    mocker.patch.object(files, "flush_folder", lambda path: LOG.append(f"flush {os.listdir(path)}"))
    with pytest.raises(Failure):
        carry_out(Plan("work", (Note("!a"),)), kit)
    assert LOG[:3] == ["+!a", "flush ['1.back.json']", "-!a"]


def test_a_plan_is_taken_back_also_where_the_disk_refuses_to_note_that(
    kit: Kit, told: list[Message], mocker: MockerFixture
) -> None:
    class Worn(Note):
        def apply(self, kit: Kit) -> None:
            mocker.patch.object(os, "rename", side_effect=OSError(5, "Input/output error"))
            super().apply(kit)

    with pytest.raises(Failure):
        carry_out(Plan("work", (Worn("!a"),)), kit)
    assert LOG == ["+!a", "-!a"]
    assert told[1:] == [StateNotStored(f"{kit.paths.state}/journal/1.back.json", "Input/output error")]


def test_a_journal_that_was_lost_is_written_anew_for_the_way_back(kit: Kit) -> None:
    folder = Path(kit.paths.state, "journal")

    class Losing(Note):
        def apply(self, kit: Kit) -> None:
            (folder / "1.json").unlink()
            super().apply(kit)

    with pytest.raises(Failure):
        carry_out(Plan("work", (Losing("!a", stubborn=True),)), kit)
    assert os.listdir(folder) == ["1.back.json"]


def test_a_step_that_cannot_be_taken_back_keeps_the_journal_for_the_next_run(kit: Kit, told: list[Message]) -> None:
    with pytest.raises(Failure) as caught:
        carry_out(Plan("work", (Note("a", stubborn=True), Note("!b"))), kit)
    assert isinstance(caught.value.messages[0], UndoFailed)
    finish_interrupted(kit)
    assert InterruptedWork("work", "backing it out") in told
    assert isinstance(told[-1], JournalStuck)
    assert has_journal(kit)


def test_what_a_killed_run_left_is_taken_back_by_the_next(
    kit: Kit, told: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed(monkeypatch) as patched:
        patched.setattr(Note, "apply", _die)
        with pytest.raises(KeyError):
            carry_out(Plan("work", (Note("a"), Note("b"))), kit)
    finish_interrupted(kit)
    assert LOG == ["-a"]
    assert told[-1] == InterruptedWork("work", "backing it out")
    finish_interrupted(kit)
    assert LOG == ["-a"]


def test_a_run_killed_once_its_last_step_has_decided_takes_nothing_back(
    kit: Kit, told: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed(monkeypatch) as patched:
        patched.setattr(journal, "drop", Mock(side_effect=KeyError))
        with pytest.raises(KeyError):
            carry_out(Plan("work", (Note("a"), Turn())), kit)
    finish_interrupted(kit)
    assert LOG == ["+a", "+turn"]
    assert told[-1] == InterruptedWork("work", "finishing it")


def _die(_step: Note, _kit: Kit) -> None:
    raise KeyError


def test_every_kind_of_step_survives_the_journal(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance("n1", "scsi", "lvmvg", "vg", "lvmvg-vg", "vg_uuid=x\x02a=b")
    change = Change(add=(instance,), link=(Dependency("a", "b"),), remove=("old",))
    steps = (SetAutoactivation("vg", False, True), ListVg("vg", True), Commit(change, ("kept",)))
    with killed(monkeypatch) as patched:
        patched.setattr(SetAutoactivation, "apply", _die)
        with pytest.raises(KeyError):
            carry_out(Plan("work", steps), kit)
    seen: list[Step] = []
    for kind in (SetAutoactivation, ListVg, Commit):
        monkeypatch.setattr(kind, "undo", lambda step, _kit: seen.append(step))
    monkeypatch.setattr(plan, "goes_forward", lambda *_: False)
    place = tmp_path / "state" / "journal" / "1.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "begun": 3}))
    finish_interrupted(kit)
    assert tuple(reversed(seen)) == steps


@pytest.mark.parametrize(
    "rubbish", ["", "{", "[]", '{"plan": {"is": "system"}, "reached": 1}', '{"plan": 1, "reached": 1}']
)
def test_a_journal_that_is_not_ours_stops_the_work_and_is_kept(kit: Kit, tmp_path: Path, rubbish: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.json").write_text(rubbish)
    with pytest.raises(Failure) as caught:
        finish_interrupted(kit)
    assert isinstance(caught.value.messages[0], JournalUnreadable)
    assert (tmp_path / "state" / "journal.json").read_text() == rubbish


@pytest.mark.parametrize(
    ("steps", "remedy", "done"),
    [((Note("a"), Note("b")), "backing it out", ["-b", "-a"]), ((Turn(), Note("b")), "finishing it", ["+b"])],
)
def test_a_plan_of_the_first_version_is_taken_back_or_finished_without_a_complaint(
    kit: Kit, told: list[Message], tmp_path: Path, steps: tuple[Step, ...], remedy: str, done: list[str]
) -> None:
    (tmp_path / "state").mkdir()
    facts = {"plan": journal.packed(Plan("work", steps)), "reached": 2}
    (tmp_path / "state" / "journal.json").write_text(json.dumps(facts))
    finish_interrupted(kit)
    assert LOG == done
    assert told == [InterruptedWork("work", remedy)]


@pytest.mark.parametrize(
    ("steps", "begun", "done", "is_back", "forward"),
    [
        ((Note("a"), Note("b")), 2, 1, False, False),
        ((Note("a"), Turn()), 2, 2, False, True),
        ((Turn(), Note("b")), 2, 1, False, True),
        ((Turn(), Note("b")), 1, 0, False, False),
        ((Turn(is_there=True), Note("b")), 1, 0, False, True),
        ((Turn(), Note("b"), Turn(is_there=True)), 2, 1, False, False),
        ((Turn(is_there=True), Note("b"), Turn()), 3, 2, False, False),
        ((Turn(is_there=True), Note("b")), 2, 1, True, False),
        ((Turn(is_used=True), Note("b")), 2, 1, True, True),
        ((Note("a"), Turn(is_used=True)), 1, 0, False, False),
    ],
    ids=[
        "nothing decides",
        "the last step decides and is done",
        "the first one decides and is done",
        "it was begun and is not in effect",
        "it was begun and is in effect",
        "the last that decides was not begun, whatever is in effect",
        "the last that decides is not in effect, though another is",
        "it is being taken back already",
        "others have built on what is being taken back",
        "others have built on what it never began",
    ],
)
def test_an_interrupted_plan_is_finished_only_past_its_point_of_no_return_or_where_others_rely_on_it(
    kit: Kit, steps: tuple[Step, ...], begun: int, done: int, is_back: bool, forward: bool
) -> None:
    left = Journal("1", "work", steps=steps, begun=begun, done=done, is_back=is_back)
    assert plan.goes_forward(left, kit) is forward


def test_a_plan_past_its_point_of_no_return_is_finished_and_forgotten(kit: Kit, told: list[Message]) -> None:
    journal.write(Journal("1", "work", steps=(Note("a"), Turn(), Turn()), begun=3, done=3), kit.paths)
    finish_interrupted(kit)
    assert LOG == []
    assert not has_journal(kit)
    journal.write(Journal("1", "work", steps=(Note("a"), Turn(is_there=True)), begun=2, done=1), kit.paths)
    finish_interrupted(kit)
    assert LOG == ["finish"]
    assert told == [InterruptedWork("work", "finishing it")] * 2
    assert not has_journal(kit)


def test_a_plan_that_cannot_be_finished_waits_and_says_why(kit: Kit, told: list[Message]) -> None:
    journal.write(Journal("1", "work", steps=(Turn(is_there=True, fails=True),), begun=1), kit.paths)
    finish_interrupted(kit)
    assert isinstance(told[-1], JournalStuck)
    assert f"{FinishFailed.number} Finishing 'turn' failed" in told[-1].text
    assert has_journal(kit)
