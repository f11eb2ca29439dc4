"""A plan is carried out whole, or taken back whole, also by the run after a kill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit import plan
from lvmkit.cluster.port import Change
from lvmkit.model.instance import Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import InterruptedWork, StepDone, UndoFailed
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.model.messages.plans import JournalStuck, JournalUnreadable
from lvmkit.model.settings import Paths, Settings
from lvmkit.plan import Kit, Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import Commit, ListVg, SetAutoactivation
from tests.unit.fakes import has_journal, killed

if TYPE_CHECKING:
    from pathlib import Path

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
    journal = tmp_path / "state" / "journal" / "1.json"
    journal.write_text(json.dumps({**json.loads(journal.read_text()), "begun": 3}))
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
