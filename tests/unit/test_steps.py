"""Steps: taking one back is harmless where it was never done, and restores what was there where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lvmkit.cluster.embedded import Engine, changes
from lvmkit.cluster.port import Change
from lvmkit.model.facts import VgFacts
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DISK, ILLSTATE, ISP, LVMVG, OSU, Dependency, Instance
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.engine import InterruptedWork, StateNotStored, UndoFailed
from lvmkit.model.messages.guide import (
    InsCreateFailed,
    LkvgsNotUpdated,
    RemovingAfterCreateError,
    RemovingFilesysDependency,
    ResourceExists,
)
from lvmkit.model.messages.plans import JournalUnreadable
from lvmkit.model.messages.service import AutoactivationUnchanged
from lvmkit.model.messages.storage import CommandFailed
from lvmkit.model.value import replace
from lvmkit.plan import Kit, Plan, Step, carry_out, finish_interrupted
from lvmkit.steps import BringInService, Commit, ListVg, SetAutoactivation, listing
from lvmkit.storage import files, lkvgs, records
from tests.unit import local_storage
from tests.unit.fakes import SERVER, VG_UUID, FakeCluster, FakePort, data_hierarchy, instance, kit, on
from tests.unit.local_storage import Storage
from tests.unit.outlived import at_work

DISK_C = instance(DISK, "disk-C", "/dev/disk/by-id/C", OSU)
REASON = CommandFailed("lvm", "5", "no")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (SetAutoactivation("vg1", True, True), "turn autoactivation of volume group vg1 on"),
        (SetAutoactivation("vg1", False, True), "turn autoactivation of volume group vg1 off"),
        (ListVg("vg1", True), "add vg1 to /etc/lkvgs"),
        (ListVg("vg1", False), "remove vg1 from /etc/lkvgs"),
        (BringInService("/data", False), "bring /data in service"),
    ],
)
def test_a_step_says_what_it_does(step: Step, text: str) -> None:
    assert step.describe() == text


@pytest.fixture
def port() -> FakePort:
    return FakePort(data_hierarchy())


@pytest.fixture
def told() -> list[Message]:
    return []


@pytest.fixture
def tools(port: FakePort, told: list[Message], tmp_path: Path) -> Kit:
    return kit(port, tmp_path, told.append)


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    return Storage(tmp_path, monkeypatch)


class TestCommit:
    ADD = Commit(Change(add=(DISK_C,), link=(Dependency("vg1", "disk-C"),)))
    REMOVE = Commit(Change(unlink=(Dependency("/data", "vg1/data"),), remove=("/data",)))
    UPDATE = Commit(Change(update=(replace(data_hierarchy().instances[3], info="new"),)))
    BOTH = Commit(replace(ADD.change, unlink=REMOVE.change.unlink, remove=REMOVE.change.remove))

    @pytest.mark.parametrize("step", [ADD, REMOVE, UPDATE, BOTH], ids=["add", "remove", "update", "both"])
    def test_undo_restores_what_was_there(self, port: FakePort, tools: Kit, step: Commit) -> None:
        before = port.now
        step = step.prepared(tools)
        step.apply(tools)
        assert port.now != before
        step.undo(tools)
        assert set(port.now.instances) == set(before.instances)
        assert set(port.now.dependencies) == set(before.dependencies)

    @pytest.mark.parametrize("step", [ADD, REMOVE, UPDATE, BOTH], ids=["add", "remove", "update", "both"])
    def test_undo_of_what_was_not_done_changes_nothing(self, port: FakePort, tools: Kit, step: Commit) -> None:
        before = port.now
        step.prepared(tools).undo(tools)
        assert port.now == before

    @pytest.mark.parametrize("step", [ADD, REMOVE, UPDATE, BOTH], ids=["add", "remove", "update", "both"])
    def test_undo_twice_is_undo_once(self, port: FakePort, tools: Kit, step: Commit) -> None:
        step = step.prepared(tools)
        step.apply(tools)
        step.undo(tools)
        once = port.now
        step.undo(tools)
        assert port.now == once

    def test_a_start_that_outlived_a_killed_run_leaves_no_record(self, port: FakePort, tools: Kit) -> None:
        """It has the group's lock, and writes the record before it gives that away."""
        group = next(each for each in data_hierarchy().instances if each.type == LVMVG)
        step = Commit(Change(add=(group,)))
        step.apply(tools)
        record = Path(records.path_of(tools.paths, group.id))
        with at_work(tools.paths, VgFacts.noted(group).uuid, record.touch):
            step.undo(tools)
        assert port.hierarchy().by_tag(group.tag) is None
        assert not record.exists()

    def test_what_is_taken_away_again_is_told(self, tools: Kit, told: list[Message]) -> None:
        self.ADD.apply(tools)
        self.ADD.undo(tools)
        assert told == [RemovingAfterCreateError("disk-C", SERVER)]

    def test_only_the_link_goes_between_what_was_there_before(self, tools: Kit, told: list[Message]) -> None:
        step = Commit(Change(link=(Dependency("vg1", "/data"),)))
        step.apply(tools)
        step.undo(tools)
        assert told == [RemovingFilesysDependency("vg1", "/data", SERVER)]

    @pytest.mark.parametrize(("step", "numbers"), [(ADD, [14, 15]), (REMOVE, [14])])
    def test_ins_create_is_named_where_something_was_to_be_created(
        self, port: FakePort, tools: Kit, monkeypatch: pytest.MonkeyPatch, step: Commit, numbers: list[int]
    ) -> None:
        def refuse(_change: Change) -> None:
            raise Failure(ResourceExists("x"))

        monkeypatch.setattr(port, "commit", refuse)
        with pytest.raises(Failure) as caught:
            step.apply(tools)
        assert [m.number for m in caught.value.messages] == numbers
        assert InsCreateFailed.number == 15

    def test_it_says_what_is_stored(self) -> None:
        assert self.ADD.describe() == "create disk-C; link vg1-disk-C"
        assert self.REMOVE.describe() == "remove /data; unlink /data-vg1/data"

    def test_it_is_about_all_tags_that_it_names(self) -> None:
        assert self.BOTH.names() == ("disk-C", "/data", "vg1", "vg1/data")

    def test_each_part_of_it_must_be_stored(self, port: FakePort, tools: Kit) -> None:
        step = self.BOTH.prepared(tools)
        assert not step.is_in_effect(tools)
        step.apply(tools)
        assert step.is_in_effect(tools)
        for half in (self.ADD, self.REMOVE):
            whole, port.now = port.now, data_hierarchy()
            half.apply(tools)
            assert not step.is_in_effect(tools)
            port.now = whole

    @pytest.mark.parametrize(
        "change",
        [
            Change(link=(Dependency("/data", "disk-A"),)),
            Change(remove=("/data",), unlink=(Dependency("/data", "gone"),)),
            Change(remove=("gone",), unlink=(Dependency("/data", "vg1/data"),)),
        ],
        ids=["a link is missing", "an instance is still there", "a link is still there"],
    )
    def test_one_part_that_is_not_stored_is_enough(self, tools: Kit, change: Change) -> None:
        assert not Commit(change).is_in_effect(tools)

    def test_another_server_that_has_it_builds_on_it_but_not_by_a_disk(self, tmp_path: Path) -> None:
        port = FakeCluster(data_hierarchy(), n2=on("n2", data_hierarchy()))
        tools = kit(port, tmp_path, print)
        volumes = tuple(each for each in data_hierarchy().instances if each.type != DISK)
        disks = tuple(each for each in data_hierarchy().instances if each.type == DISK)
        assert Commit(Change(add=volumes)).is_built_on(tools)
        assert not Commit(Change(add=disks)).is_built_on(tools)
        port.others = {}
        assert not Commit(Change(add=volumes)).is_built_on(tools)


@pytest.mark.parametrize("step", [TestCommit.ADD, TestCommit.REMOVE, TestCommit.UPDATE, TestCommit.BOTH])
def test_the_engine_takes_every_way_back(tools: Kit, step: Commit) -> None:
    def here(of: tuple[Instance, ...]) -> tuple[Instance, ...]:
        return tuple(replace(i, server=os.uname().nodename) for i in of)

    engine = Engine(tools.paths, tools.settings)
    start = data_hierarchy()
    engine.commit(Change(add=here(start.instances), link=start.dependencies))
    before = engine.hierarchy()
    change = replace(step.change, add=here(step.change.add), update=here(step.change.update))
    for is_applied in (False, True):
        local = Commit(change).prepared(replace(tools, port=engine))
        if is_applied:
            local.apply(replace(tools, port=engine))
            assert engine.hierarchy() != before
        local.undo(replace(tools, port=engine))
        after = engine.hierarchy()
        assert set(after.instances) == set(before.instances)
        assert set(after.dependencies) == set(before.dependencies)


def test_states_of_an_earlier_boot_do_not_come_back_as_those_of_this_one(
    tools: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion is taken back after a power loss: nothing is active, so nothing may say that it is."""
    engine = Engine(tools.paths, tools.settings)
    here = tuple(replace(i, server=os.uname().nodename) for i in data_hierarchy().instances)
    links = data_hierarchy().dependencies
    monkeypatch.setattr(changes, "boot_id", lambda: "before")
    engine.commit(Change(add=here, link=links))
    on_engine = replace(tools, port=engine)
    step = Commit(Change(unlink=links, remove=tuple(i.tag for i in here))).prepared(on_engine)
    step.apply(on_engine)
    monkeypatch.undo()
    step.undo(on_engine)
    found = engine.hierarchy()
    assert (found.tags, found.dependencies) == (data_hierarchy().tags, links)
    assert {i.state for i in found.instances} == {ILLSTATE}
    assert "/data" in engine.wanted(), "it is brought back, once it was looked at"


def test_what_another_hand_protected_since_stays_as_it_is(tools: Kit) -> None:
    engine = Engine(tools.paths, tools.settings)
    (old,) = (replace(i, server=os.uname().nodename) for i in data_hierarchy().instances[:1])
    engine.commit(Change(add=(old,)))
    on_engine = replace(tools, port=engine)
    step = Commit(Change(remove=(old.tag,))).prepared(on_engine)
    step.apply(on_engine)
    engine.commit(Change(add=(replace(old, tag="mine"),)))
    step.undo(on_engine)
    assert engine.hierarchy().tags == ("mine",)


class TestAutoactivation:
    def test_it_is_written_and_written_back(self, port: FakePort, tools: Kit, storage: Storage) -> None:
        port.now = Hierarchy()
        step = SetAutoactivation("vg1", False, True)
        step.apply(tools)
        assert not storage.autoactivation()
        step.undo(tools)
        assert storage.autoactivation()

    def test_what_is_protected_by_now_is_not_left_to_the_boot(self, tools: Kit, storage: Storage) -> None:
        SetAutoactivation("vg1", False, True).apply(tools)
        SetAutoactivation("vg1", False, True).undo(tools)
        SetAutoactivation("vg1", True, False).finish(tools)
        assert not storage.autoactivation()

    def test_it_is_told_by_its_uuid_what_is_protected(self, port: FakePort, tools: Kit, storage: Storage) -> None:
        SetAutoactivation("vg1", False, True).apply(tools)
        port.now = Hierarchy((instance(LVMVG, "vg1", "lvmvg-before", vg_uuid=local_storage.VG_UUID),))
        SetAutoactivation("vg1", True, False, local_storage.VG_UUID).finish(tools)
        assert not storage.autoactivation()
        port.now = Hierarchy((instance(LVMVG, "vg1", "lvmvg-vg1", vg_uuid=VG_UUID),))
        SetAutoactivation("vg1", True, False, local_storage.VG_UUID).finish(tools)
        assert storage.autoactivation()

    def test_where_it_is_required_it_stops_the_plan(self, tools: Kit, storage: Storage) -> None:
        storage.machine.lvm.is_full = True
        with pytest.raises(Failure):
            SetAutoactivation("vg1", False, True).apply(tools)

    def test_elsewhere_and_on_the_way_back_it_warns(
        self, port: FakePort, tools: Kit, storage: Storage, told: list[Message]
    ) -> None:
        port.now = Hierarchy()
        storage.machine.lvm.is_full = True
        SetAutoactivation("vg1", True, False).apply(tools)
        SetAutoactivation("vg1", False, True).undo(tools)
        assert [type(m) for m in told] == [AutoactivationUnchanged] * 2


class TestList:
    def test_there_is_no_step_where_the_list_is_so_already(self, tools: Kit) -> None:
        assert listing("vg1", "", True, tools) == (ListVg("vg1", True),)
        assert listing("vg1", "", False, tools) == ()
        lkvgs.add(tools.paths.lkvgs, "vg1")
        assert listing("vg1", "", True, tools) == ()
        assert listing("vg1", "", False, tools) == (ListVg("vg1", False),)

    @pytest.mark.parametrize("listed", [True, False])
    def test_a_list_that_cannot_be_read_is_left_to_the_step_to_warn_of(
        self, tools: Kit, told: list[Message], listed: bool
    ) -> None:
        Path(tools.paths.lkvgs).mkdir()
        (step,) = listing("vg1", "", listed, tools)
        step.apply(tools)
        assert [type(m) for m in told] == [LkvgsNotUpdated]

    def test_the_way_back(self, port: FakePort, tools: Kit) -> None:
        port.now = Hierarchy()
        step = ListVg("vg1", True)
        step.apply(tools)
        step.undo(tools)
        assert lkvgs.listed(tools.paths.lkvgs) == ()

    def test_what_is_protected_here_by_now_stays_listed(self, tools: Kit) -> None:
        ListVg("vg1", True).apply(tools)
        ListVg("vg1", True).undo(tools)
        ListVg("vg1", False).finish(tools)
        assert lkvgs.listed(tools.paths.lkvgs) == ("vg1",)


class TestBringInService:
    def test_what_was_up_is_left_up(self, port: FakePort, tools: Kit) -> None:
        BringInService("/data", True).undo(tools)
        assert port.moves == []

    def test_what_was_down_goes_down_from_the_group_on(self, port: FakePort, tools: Kit) -> None:
        BringInService("/data", False).undo(tools)
        assert port.moves == [("remove", "vg1")]
        assert port.in_service() == {"disk-A", "disk-B"}

    def test_what_never_came_to_be_is_not_taken_down(self, port: FakePort, tools: Kit) -> None:
        port.now = Hierarchy()
        BringInService("/data", False).undo(tools)
        assert port.moves == []

    @pytest.mark.parametrize(("state", "moves"), [(ISP, [("restore", "/data")]), (OSU, [])])
    def test_finished_later_it_brings_up_what_is_in_service_here(
        self, port: FakePort, tools: Kit, state: str, moves: list[tuple[str, str]]
    ) -> None:
        port.now = data_hierarchy(state)
        BringInService("/data", False).finish(tools)
        assert port.moves == moves

    def test_finished_later_it_passes_over_what_is_gone(self, port: FakePort, tools: Kit) -> None:
        port.now = Hierarchy()
        BringInService("/data", False).finish(tools)
        assert port.moves == []

    @pytest.mark.parametrize(
        ("here", "there", "is_wanted", "is_done"),
        [
            (ISP, OSU, True, True),
            (OSU, ISP, True, True),
            (OSU, OSU, True, False),
            (ILLSTATE, OSU, True, True),
            (ILLSTATE, OSU, False, False),
            (OSU, ILLSTATE, True, False),
        ],
    )
    def test_it_is_done_where_any_server_has_it_or_this_one_had_it(
        self, tmp_path: Path, here: str, there: str, is_wanted: bool, is_done: bool
    ) -> None:
        port = FakeCluster(data_hierarchy(here), n2=on("n2", data_hierarchy(there)))
        port.unwanted = set() if is_wanted else {"/data"}
        assert BringInService("/data", False).is_in_effect(kit(port, tmp_path, print)) == is_done


class Broken(Step):
    """Fails on the way there, and on the way back where it is stubborn."""

    def describe(self) -> str:
        return "break"

    def apply(self, kit: Kit) -> None:
        raise Failure(REASON)

    def undo(self, kit: Kit) -> None:
        raise Failure(LkvgsNotUpdated("still no"))


class TestJournal:
    def test_a_run_that_knows_no_workflow_can_take_back_what_one_left(self, tools: Kit, tmp_path: Path) -> None:
        journal = Path(tools.paths.state, "journal", "1.json")
        seen: list[str] = []

        class Spy(Step):
            def describe(self) -> str:
                return "look"

            def apply(self, kit: Kit) -> None:
                seen.append(journal.read_text())

            def undo(self, kit: Kit) -> None:
                """Nothing."""

        lkvgs.add(tools.paths.lkvgs, "vg1")
        carry_out(Plan("work", (ListVg("vg1", False), Spy())), tools)
        stored = json.loads(seen[0])
        del stored["steps"][1:]
        journal.write_text(json.dumps({**stored, "begun": 1}))
        # Only the plan: as 'lvmkit check --all' and 'lvmkit in-service' find it.
        program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / "lib")!r})
from lvmkit.model.settings import Paths, Settings
from lvmkit.plan import Kit, finish_interrupted
paths = Paths(state={tools.paths.state!r}, lkvgs={tools.paths.lkvgs!r})
finish_interrupted(Kit(None, paths, Settings(), lambda message: print(message.number)))
"""
        done = subprocess.run([sys.executable, "-ISc", program], capture_output=True, text=True, cwd=tmp_path)
        assert (done.stdout, done.stderr) == (f"{InterruptedWork.number}\n", "")
        assert (lkvgs.listed(tools.paths.lkvgs), journal.exists()) == (("vg1",), False)

    def test_no_module_but_a_workflow_is_imported_for_a_journal(self, tools: Kit, tmp_path: Path) -> None:
        files.make_folder(tools.paths.state)
        Path(tools.paths.state, "journal.json").write_text(
            '{"plan": {"is": "Plan", "work": "", "steps": [{"is": "X", "from": "antigravity"}]}, "reached": 1}'
        )
        with pytest.raises(Failure) as caught:
            finish_interrupted(tools)
        assert isinstance(caught.value.messages[0], JournalUnreadable)
        assert "antigravity" not in sys.modules

    def test_the_journal_is_gone_for_good_before_a_plan_counts_as_done(
        self, tools: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[bool] = []
        folder = Path(tools.paths.state, "journal")
        fsync = os.fsync

        def spy(handle: int) -> None:
            fsync(handle)
            synced.append(Path(f"/proc/self/fd/{handle}").resolve() == folder and not list(folder.iterdir()))

        monkeypatch.setattr(os, "fsync", spy)
        carry_out(Plan("work", (ListVg("vg1", True),)), tools)
        assert synced[-1]

    def test_a_journal_that_cannot_be_removed_takes_the_plan_back(
        self, tools: Kit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unlink = os.unlink
        refused: list[str] = []

        def refuse_once(path: str) -> None:
            if path.endswith("journal/1.json") and not refused:
                refused.append(path)
                raise PermissionError(1, "no")
            unlink(path)

        tools = replace(tools, port=FakePort())
        monkeypatch.setattr(os, "unlink", refuse_once)
        with pytest.raises(Failure) as caught:
            carry_out(Plan("work", (ListVg("vg1", True),)), tools)
        assert isinstance(caught.value.messages[0], StateNotStored)
        assert lkvgs.listed(tools.paths.lkvgs) == ()

    def test_what_went_wrong_first_is_told_when_the_way_back_fails_too(self, tools: Kit, told: list[Message]) -> None:
        with pytest.raises(Failure) as caught:
            carry_out(Plan("work", (Broken(),)), tools)
        assert isinstance(caught.value.messages[0], UndoFailed)
        assert REASON in told
