"""Journals: one for each plan, each keeps only its own hierarchy waiting, and a person can look at one and drop it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit import journal
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import LVMVG, OSU
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.plans import (
    JournalBlocks,
    JournalDropped,
    JournalInUse,
    JournalLeft,
    JournalStuck,
    JournalUnknown,
    JournalUnreadable,
)
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.value import replace
from lvmkit.plan import Kit, Plan, Step, carry_out, finish_interrupted
from lvmkit.storage import files
from lvmkit.workflow import doctor, unfinished
from lvmkit.workflow.doctor_storage import Look
from lvmkit.workflow.service import in_service
from tests.unit.fakes import FakePort, Shell, data_hierarchy, has_journal, instance, killed, kit, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

DONE: list[str] = []


class Stubborn(Step):
    """Cannot be taken back."""

    tag: str

    def describe(self) -> str:
        return f"stub {self.tag}"

    def names(self) -> tuple[str, ...]:
        return (self.tag,)

    def apply(self, kit: Kit) -> None:
        DONE.append(self.tag)

    def undo(self, kit: Kit) -> None:
        raise Failure(CommandFailed("lvm", "5", "no"))


@pytest.fixture
def told() -> list[Message]:
    DONE.clear()
    return []


@pytest.fixture
def tools(tmp_path: Path, told: list[Message]) -> Kit:
    other = instance(LVMVG, "vg2", "lvmvg-vg2", OSU, vg_uuid="x")
    now = data_hierarchy()
    port = FakePort(Hierarchy((*now.instances, other), now.dependencies))
    return kit(port, tmp_path, told.append)


@pytest.fixture
def stuck(tools: Kit, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plan about vg1 that was killed after its only step, and cannot be taken back."""
    leave(tools, monkeypatch, "vg1")
    assert journal.names(tools.paths) == ("1",)
    return "1"


def leave(tools: Kit, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    def die(self: Stubborn, _kit: Kit) -> None:
        raise SystemExit(9)

    with killed(monkeypatch) as patched:
        patched.setattr(Stubborn, "apply", die)
        with pytest.raises(SystemExit):
            carry_out(Plan(f"change {tag}", (Stubborn(tag),)), tools)
    Path(tools.paths.state, "journal", "1.json").write_text(
        Path(tools.paths.state, "journal", "1.json").read_text().replace(f'"pid": {os.getpid()}', '"pid": 1')
    )


def kinds(work: Callable[[], object]) -> list[type[Message]]:
    with pytest.raises(Failure) as caught:
        work()
    return [type(message) for message in caught.value.messages]


class TestOthersGoOn:
    def test_what_cannot_be_finished_is_told_and_another_hierarchy_is_changed(
        self, tools: Kit, told: list[Message], stuck: str
    ) -> None:
        finish_interrupted(tools, ("vg2",))
        assert next(m for m in told if isinstance(m, JournalStuck)).about == ("vg1",)
        carry_out(Plan("change vg2", (Stubborn("vg2"),)), tools)
        assert DONE == ["vg2"]
        assert journal.names(tools.paths) == (stuck,)

    def test_the_same_hierarchy_is_refused_with_the_name_of_the_journal(self, tools: Kit, stuck: str) -> None:
        assert kinds(lambda: finish_interrupted(tools, ("vg1", "x"))) == [JournalBlocks]
        assert kinds(lambda: carry_out(Plan("again", (Stubborn("vg1"),)), tools)) == [JournalBlocks]
        assert (DONE, journal.names(tools.paths)) == ([], (stuck,))

    def test_moves_of_it_are_refused_and_of_others_not(self, tools: Kit, stuck: str) -> None:
        assert kinds(lambda: in_service("/data", tools)) == [JournalBlocks]
        assert in_service("vg2", tools) == "vg2"
        assert stuck in journal.names(tools.paths)

    def test_one_that_nobody_can_read_says_what_it_is_about_where_it_can(self, tools: Kit, stuck: str) -> None:
        path = Path(tools.paths.state, "journal", "1.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
        assert kinds(lambda: finish_interrupted(tools, ("vg1",))) == [JournalBlocks, JournalUnreadable]
        finish_interrupted(tools, ("vg2",))
        path.write_text("rubbish")
        assert kinds(lambda: finish_interrupted(tools, ("vg2",))) == [JournalUnreadable]

    def test_several_wait_beside_each_other(self, tools: Kit, stuck: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with killed(monkeypatch) as patched:
            patched.setattr(Stubborn, "apply", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                carry_out(Plan("change vg2", (Stubborn("vg2"),)), tools)
        assert journal.names(tools.paths) == (stuck, "2")
        assert kinds(lambda: finish_interrupted(tools, ("vg2",))) == [JournalBlocks]


class TestFolder:
    def test_only_root_may_look_into_a_journal(self, tools: Kit, stuck: str) -> None:
        state = Path(tools.paths.state)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (state, state / "journal", state / "journal/1.json")]
        assert modes == [0o700, 0o700, 0o600]

    def test_other_files_beside_the_journals_are_passed_over(self, tools: Kit, stuck: str) -> None:
        for name in ("2.txt", "notes.json", "\u00b2.json", ".3.json.1-2.lvmkit-new"):
            Path(tools.paths.state, "journal", name).touch()
        assert journal.names(tools.paths) == (stuck,)

    def test_journals_that_cannot_be_listed_are_an_error(self, tools: Kit) -> None:
        files.make_folder(tools.paths.state)
        Path(tools.paths.state, "journal").symlink_to("journal")
        assert kinds(lambda: finish_interrupted(tools)) == [StateNotStored]


class TestDirection:
    def test_a_full_disk_does_not_hide_that_a_plan_is_being_taken_back(
        self, tools: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: str, *_: Any, **__: Any) -> None:
            raise Failure(StateNotStored(path, "no room"))

        class Filling(Stubborn):
            def apply(self, kit: Kit) -> None:
                monkeypatch.setattr(files, "replace", refuse)
                raise OSError(28, "no room")

        with pytest.raises(Failure):
            carry_out(Plan("work", (Filling("vg1"),)), tools)
        assert os.listdir(f"{tools.paths.state}/journal") == ["1.back.json"]


class TestCommand:
    @pytest.fixture
    def shell(self, tools: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
        port: Any = tools.port
        return Shell(tmp_path, port, monkeypatch)

    def test_nothing_is_left(self, shell: Shell) -> None:
        result = shell.run("journal")
        assert (result.exit_code, result.stdout) == (0, "")
        assert json.loads(shell.run("journal", "--format", "json").stdout)["journals"] == []

    def test_the_list_and_the_steps(self, shell: Shell, stuck: str) -> None:
        assert shell.run("journal").stdout.split("\n")[1].split() == ["1", "change", "vg1", "interrupted", "vg1"]
        result = shell.run("journal", stuck)
        assert (result.exit_code, "stub vg1" in result.stdout, "begun" in result.stdout) == (1, True, True)
        (facts,) = json.loads(shell.run("journal", "--format", "json").stdout)["journals"]
        assert facts["steps"] == [{"state": "begun", "text": "stub vg1"}]
        assert (facts["name"], facts["about"], facts["faults"]) == ("1", ["vg1"], [])

    def test_one_is_dropped_and_nothing_else_is_done(self, shell: Shell, stuck: str, tools: Kit) -> None:
        assert shell.run("journal", stuck, "--drop", "--dry-run").exit_code == 1
        assert has_journal(tools)
        assert shell.run("journal", stuck, "--drop").exit_code == 0
        assert (has_journal(tools), DONE) == (False, [])
        assert JournalDropped("1", "change vg1") in shell.told

    def test_a_retry_says_why_it_waits(self, shell: Shell, stuck: str) -> None:
        result = shell.run("journal", "--retry")
        assert (result.exit_code, JournalStuck.number in numbers(result)) == (1, True)

    @pytest.mark.parametrize("words", [("--drop",), ("7", "--drop", "--retry")])
    def test_what_does_not_go_together_is_refused(self, shell: Shell, stuck: str, tools: Kit, words: Any) -> None:
        assert shell.run("journal", *words).exit_code != 0
        assert stuck in journal.names(tools.paths)

    def test_an_unknown_one_is_refused(self, shell: Shell, stuck: str) -> None:
        for words in (("9",), ("9", "--drop")):
            assert JournalUnknown.number in numbers(shell.run("journal", *words))
        assert shell.run("journal", "../../etc/passwd", "--drop").exit_code != 0
        assert stuck

    def test_one_that_is_running_is_not_dropped(self, tools: Kit) -> None:
        running = journal.fresh("work", ("vg1",), (Stubborn("vg1"),), tools.paths)
        journal.write(replace(running, begun=1), tools.paths)
        assert kinds(lambda: unfinished.drop("1", tools)) == [JournalInUse]
        assert has_journal(tools)


class TestDoctor:
    def test_it_names_what_waits_and_not_what_runs(self, tools: Kit, stuck: str) -> None:
        running = journal.fresh("work", ("vg2",), (Stubborn("vg2"),), tools.paths)
        journal.write(replace(running, begun=1), tools.paths)
        look = Look(tools, tools.port.overview())
        assert list(doctor._unfinished(look)) == [(f"journal {stuck}", JournalLeft("1", "change vg1", ("vg1",)))]
