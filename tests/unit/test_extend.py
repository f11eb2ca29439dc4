"""extend and unextend: what a server gets, what it gives up, and that a failure leaves nothing, on it and from afar."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from lvmkit import VERSION, journal
from lvmkit.cluster.port import Change
from lvmkit.entry import admin
from lvmkit.entry.report import Voice
from lvmkit.model.family import family
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import AUTOMATIC, DISK, ISP, LVMVG, OSU, Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import ERROR, Failure, Message
from lvmkit.model.messages.boot import AgentMissing
from lvmkit.model.messages.engine import ActionFailed
from lvmkit.model.messages.extend import (
    AnswerGarbled,
    ClockDiffers,
    ClockFarOff,
    ConnectionLost,
    KitVersionDiffers,
    LoginRefused,
    LvmVersionDiffers,
    MountPointNotEmpty,
    MovesAlong,
    NotExtendedByKit,
    OutcomeUnknown,
    ProgramMissingThere,
    SameTagEverywhere,
    ServerTooSlow,
    StillListedThere,
    WillMove,
)
from lvmkit.model.messages.guide import (
    CanextendNotAccessible,
    CannotExtend,
    ExtendNotAccessible,
    ExtensionInterrupted,
    InsCreateFailed,
    LkvgsNotUpdated,
    RemovingAfterCreateError,
    ResourceNotFound,
    TagMissing,
    TemplateAlreadyExtended,
    TemplateDoesNotExist,
    TypeNotInstalled,
    WrongServer,
)
from lvmkit.model.messages.pacemaker import (
    ClusterUnreachable,
    FencingOff,
    LastServer,
    NotExtended,
    PriorityInvalid,
    ServerUnfit,
    StillInService,
    UnknownServer,
)
from lvmkit.model.messages.service import PvsMissing
from lvmkit.model.record import Record
from lvmkit.model.servers import Server
from lvmkit.model.settings import Settings
from lvmkit.model.value import replace
from lvmkit.peer import wire
from lvmkit.peer.answers import Readiness
from lvmkit.peer.requests import (
    AskBystanders,
    AskReadiness,
    OrderExtend,
    OrderForget,
    OrderReconfigure,
    OrderUnextend,
)
from lvmkit.plan import Kit, Plan, Step, _storable, finish_interrupted
from lvmkit.resources import scripts
from lvmkit.steps import ListVg
from lvmkit.storage import lkvgs, lvmconf, records
from lvmkit.storage.run import Finished
from lvmkit.workflow import canextend, elsewhere
from lvmkit.workflow.elsewhere import ExtendOrder
from lvmkit.workflow.extend import ExtendTo, MakeMountPoint, draft_extension
from lvmkit.workflow.unextend import GiveUp, unextend
from tests.unit.extend_target import MEMBERS, TEMPLATE, Target, tree
from tests.unit.fakes import SERVER, Shell, has_journal, instance, killed, kit, numbers, on
from tests.unit.local_storage import BY_ID, VG_UUID
from tests.unit.outlived import at_work
from tests.unit.peer_fakes import Asked, FarEnd, Servers


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    return Target(tmp_path, monkeypatch)


def refused(work: Callable[[], object]) -> list[type[Message]]:
    """The kinds of the messages of the failure."""
    with pytest.raises(Failure) as failure:
        work()
    return [type(message) for message in failure.value.messages]


class TestFamily:
    def test_all_roots_of_a_volume_group_and_what_is_between(self, target: Target) -> None:
        now = tree(target.mounts)
        for tag in ("/data", "vg1/www", "vg1", "disk-A"):
            assert {i.tag for i in family(tag, now)} == set(MEMBERS)

    def test_children_come_first(self, target: Target) -> None:
        found = [i.tag for i in family("/data", tree(target.mounts))]
        assert found[0] == "vg1"
        assert found.index("vg1/data") < found.index("/data")

    def test_a_disk_ties_no_groups_together(self, target: Target) -> None:
        now = tree(target.mounts)
        other = instance(LVMVG, "vg2", "lvmvg-vg2", vg_uuid="x")
        both = Hierarchy((*now.instances, other), (*now.dependencies, Dependency("vg2", "disk-A")))
        assert "vg2" not in {i.tag for i in family("/data", both)}

    def test_a_link_between_two_hierarchies_does(self, target: Target) -> None:
        now = tree(target.mounts)
        other = instance(LVMVG, "vg2", "lvmvg-vg2", vg_uuid="x")
        both = Hierarchy((*now.instances, other), (*now.dependencies, Dependency("/www", "vg2")))
        assert "vg2" in {i.tag for i in family("/data", both)}


class TestExtend:
    def test_the_whole_volume_group_comes(self, target: Target) -> None:
        assert set(target.extend("/data")) == set(MEMBERS)
        there, here = target.port.others[TEMPLATE], target.port.now
        assert set(here.tags) == set(there.tags)
        for tag in MEMBERS:
            one, other = here.by_tag(tag), there.by_tag(tag)
            assert one is not None
            assert other is not None
            assert replace(one, server=TEMPLATE, state=other.state) == other
            assert (one.server, one.state) == (SERVER, OSU)

    def test_it_is_told_that_others_come_along(self, target: Target) -> None:
        target.extend("/data")
        assert MovesAlong("/data", ("/www",)) in target.told

    def test_disks_are_those_that_this_server_sees(self, target: Target) -> None:
        target.lose("a", "b")
        for old, new in (("a", "x"), ("b", "y")):
            target.machine.attach(target.storage.disks[old].clone(new.upper()), f"sd{new}")
        target.extend()
        disks = {i.tag: i.id for i in target.port.now.instances if i.type == DISK}
        assert disks == {"disk-X": f"{BY_ID}X", "disk-Y": f"{BY_ID}Y"}
        assert Dependency("vg1", "disk-X") in target.port.now.dependencies

    def test_the_switchback_is_that_of_the_template_everywhere(self, target: Target) -> None:
        target.port.others[TEMPLATE] = tree(target.mounts, switchback=AUTOMATIC)
        target.extend()
        assert {i.switchback for i in target.port.now.instances} == {AUTOMATIC}

    def test_the_boot_leaves_the_group_alone_and_the_mount_points_are_there(self, target: Target) -> None:
        target.extend()
        assert target.left()[1] == ("vg1",)
        assert sorted(path.name for path in target.mounts.iterdir()) == ["data", "www"]
        assert {path.stat().st_mode & 0o777 for path in target.mounts.iterdir()} == {0o755}

    def test_links_between_resources_that_the_cluster_has_already_are_not_made_again(self, target: Target) -> None:
        found = canextend.examine("/data", TEMPLATE, target.kit)
        _, change = draft_extension(found, 0)
        assert {link.parent for link in change.link} == {"vg1"}
        assert not change.update

    def test_where_each_server_has_links_of_its_own_all_of_them_are_made(self, target: Target) -> None:
        target.port.capabilities = replace(target.port.capabilities, common_tags=False)
        target.extend()
        made, there = target.port.now.dependencies, target.port.others[TEMPLATE].dependencies
        assert (set(made), len(made)) == (set(there), len(there))

    def test_the_template_s_links_to_its_disks_are_not_made(self, target: Target) -> None:
        target.port.capabilities = replace(target.port.capabilities, common_tags=False)
        target.port.now = on(SERVER, Hierarchy((instance(DISK, "disk-A", f"{BY_ID}Z"),)))
        target.extend()
        links = {link.child for link in target.port.now.dependencies if link.parent == "vg1"}
        assert links == {"disk-A-2", "disk-B"}

    def test_nothing_is_brought_in_service(self, target: Target) -> None:
        target.extend()
        assert target.port.moves == []
        assert target.storage.written == []

    def test_a_root_that_came_later_brings_no_second_group(self, target: Target) -> None:
        target.port.now = on(SERVER, tree(target.mounts, "data"), state=OSU)
        assert set(target.extend("/www")) == {"/www", "vg1/www"}
        assert len([i for i in target.port.now.instances if i.type in (DISK, LVMVG)]) == 3

    def test_a_second_time_is_000004_alone(self, target: Target) -> None:
        target.extend()
        before = target.left()
        assert refused(target.extend) == [TemplateAlreadyExtended]
        assert target.left() == before

    def test_a_tag_that_the_template_does_not_have(self, target: Target) -> None:
        assert refused(lambda: target.extend("/none")) == [TemplateDoesNotExist, CannotExtend]

    def test_errors_of_the_check_are_all_raised_and_warnings_told(self, target: Target) -> None:
        target.lose("b")
        target.machine.remove_agent("filesys")
        target.port.trouble = (FencingOff(),)
        before = target.left()
        kinds = refused(target.extend)
        assert len(kinds) == 3
        assert kinds[-1] == CannotExtend
        assert PvsMissing in kinds
        assert FencingOff() in target.told
        assert target.left() == before

    def test_warnings_do_not_stop_it(self, target: Target) -> None:
        (target.mounts / "data/x").mkdir(parents=True)
        target.extend()
        assert MountPointNotEmpty in {type(message) for message in target.told}

    def test_it_works_under_the_lock(self, target: Target) -> None:
        target.extend()
        names = [call[0] for call in target.port.calls]
        assert names == ["lock", "commit", "unlock"]

    def test_a_list_that_cannot_be_written_is_a_warning(self, target: Target) -> None:
        Path(target.kit.paths.lkvgs).mkdir()
        assert set(target.extend()) == set(MEMBERS)
        assert LkvgsNotUpdated in {type(message) for message in target.told}


class TestPriority:
    @pytest.fixture(autouse=True)
    def _ranked(self, target: Target) -> None:
        target.port.priorities = {TEMPLATE: 1}

    def test_one_that_is_free_is_given_to_the_group(self, target: Target) -> None:
        target.extend(priority=5)
        assert target.port.calls[-2] == ("priorities", "vg1", f"{SERVER}=5")

    @pytest.mark.parametrize("priority", [1, -1, 1000])
    def test_one_that_cannot_be_given_changes_nothing(self, target: Target, priority: int) -> None:
        before = target.left()
        assert refused(lambda: target.extend(priority=priority)) == [PriorityInvalid, CannotExtend]
        assert target.left() == before
        assert not target.preview(priority=priority).readiness.is_ready

    def test_one_that_makes_the_hierarchy_move_is_warned_of(self, target: Target) -> None:
        target.port.others[TEMPLATE] = tree(target.mounts, switchback=AUTOMATIC)
        target.port.priorities = {TEMPLATE: 10}
        assert WillMove("vg1", TEMPLATE, SERVER, 5) in target.preview(priority=5).readiness.messages
        assert target.preview(priority=15).readiness.is_ready
        assert WillMove not in {type(m) for m in target.preview(priority=15).readiness.messages}


class TestBackOut:
    STEPS = (MakeMountPoint, ListVg, ExtendTo)

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
    def test_a_failing_step_leaves_nothing(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, step: type[Step], is_late: bool
    ) -> None:
        before = target.left()
        fail_at(monkeypatch, step, is_late, Failure(ClusterUnreachable("gone")))
        assert refused(target.extend) == [ClusterUnreachable, CannotExtend]
        assert target.left() == before

    @pytest.mark.parametrize("step", STEPS)
    def test_so_does_a_signal_and_the_guides_message_says_it(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, step: type[Step]
    ) -> None:
        before = target.left()
        fail_at(monkeypatch, step, True, Interruption("SIGTERM"))
        with pytest.raises(Interruption):
            target.extend()
        assert target.left() == before
        assert target.told[-1] == ExtensionInterrupted("/data", SERVER, "SIGTERM")

    @pytest.mark.parametrize("step", STEPS)
    def test_what_a_kill_leaves_the_next_run_takes_back_unless_the_tags_are_here(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, step: type[Step]
    ) -> None:
        before = target.left()
        with killed(monkeypatch) as patched:
            fail_at(patched, step, True, SystemExit(9))
            with pytest.raises(SystemExit):
                target.extend()
        assert target.left() != before
        finish_interrupted(target.kit)
        if step is ExtendTo:
            assert (set(target.port.now.tags) > set(MEMBERS), has_journal(target.kit)) == (True, False)
        else:
            assert target.left() == before

    def test_one_that_is_in_service_here_by_then_is_finished_with_its_priority(
        self, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with killed(monkeypatch) as patched:
            patched.setattr(target.port, "set_priorities", lambda *_: sys.exit(9), raising=False)
            with pytest.raises(SystemExit):
                target.extend(priority=5)
        target.port.now = replace(
            target.port.now, instances=tuple(replace(i, state=ISP) for i in target.port.now.instances)
        )
        finish_interrupted(target.kit)
        assert not has_journal(target.kit)
        assert ("priorities", "vg1", f"{SERVER}=5") in target.port.calls
        assert not [call for call in target.port.calls if call[0] == "unextend"]

    def test_only_this_server_is_taken_from_the_tags(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        there = target.port.others[TEMPLATE]
        fail_at(monkeypatch, ExtendTo, True, Failure(ClusterUnreachable("gone")))
        refused(target.extend)
        assert target.port.others[TEMPLATE] == there
        unextended = [call for call in target.port.calls if call[0] == "unextend"]
        assert [(set(call[1:-1]), call[-1]) for call in unextended] == [(set(MEMBERS), SERVER)]
        assert RemovingAfterCreateError("vg1", SERVER) in target.told

    def test_what_was_here_before_stays(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        target.port.now = on(SERVER, tree(target.mounts, "data"), state=OSU)
        before = target.left()
        fail_at(monkeypatch, ExtendTo, True, Failure(ClusterUnreachable("gone")))
        refused(lambda: target.extend("/www"))
        assert (target.left()[0].tags, target.left()[2:]) == (before[0].tags, before[2:])
        assert target.left()[1] == ("vg1",), "what is protected here stays listed"

    def test_an_engine_that_refuses_is_named_as_the_guide_does(self, target: Target) -> None:
        target.port.refusing = Failure(ClusterUnreachable("read-only"))
        before = target.left()
        assert refused(target.extend) == [ClusterUnreachable, InsCreateFailed, CannotExtend]
        assert target.left() == before

    def test_folders_that_others_have_filled_stay(self, tmp_path: Path, target: Target) -> None:
        path = tmp_path / "a/b"
        step = MakeMountPoint(str(path), (str(tmp_path / "a"), str(path)))
        step.undo(target.kit)
        step.apply(target.kit)
        (tmp_path / "a/c").touch()
        step.undo(target.kit)
        assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["c"]


def fail_at(monkeypatch: pytest.MonkeyPatch, step: type[Step], is_late: bool, error: BaseException) -> None:
    """Let the last step of a kind raise, before or after it has done its work."""
    apply = step.apply

    def failing(self: Any, kit: Kit) -> None:
        if is_late:
            apply(self, kit)
        raise error

    monkeypatch.setattr(step, "apply", failing)


class TestUnextend:
    @pytest.fixture(autouse=True)
    def _extended(self, target: Target) -> None:
        target.extend()
        target.port.calls.clear()
        records.store(target.kit.paths, Record("vg1", "vg1", VG_UUID, (), ()))

    def test_the_server_loses_all_that_moves_together(self, target: Target) -> None:
        assert set(unextend("vg1/data", target.kit)) == set(MEMBERS)
        assert target.port.now == Hierarchy()
        assert target.left()[1] == ()
        assert records.load(target.kit.paths, "lvmvg-vg1") is None

    def test_a_start_that_outlived_a_killed_run_leaves_no_record(self, target: Target) -> None:
        record = Record("vg1", "vg1", VG_UUID, (), ())
        with at_work(target.kit.paths, VG_UUID, lambda: records.store(target.kit.paths, record)):
            unextend("/data", target.kit)
        assert records.load(target.kit.paths, "lvmvg-vg1") is None

    def test_the_other_server_keeps_it_and_so_do_the_mount_points(self, target: Target) -> None:
        unextend("/data", target.kit)
        assert set(MEMBERS) < set(target.port.others[TEMPLATE].tags)
        assert (target.mounts / "data").is_dir()

    def test_it_can_be_extended_again(self, target: Target) -> None:
        unextend("/data", target.kit)
        assert set(target.extend()) == set(MEMBERS)

    def test_what_is_in_service_here_stays(self, target: Target) -> None:
        target.port.now = on(SERVER, tree(target.mounts))
        before = target.left()
        assert set(refused(lambda: unextend("/data", target.kit))) == {StillInService}
        assert target.left() == before

    def test_the_last_server_stays(self, target: Target) -> None:
        del target.port.others[TEMPLATE]
        assert set(refused(lambda: unextend("/data", target.kit))) == {LastServer}

    def test_a_tag_that_is_not_here(self, target: Target) -> None:
        unextend("/data", target.kit)
        assert refused(lambda: unextend("/data", target.kit)) == [NotExtended]
        assert refused(lambda: unextend("/none", target.kit)) == [ResourceNotFound]

    @pytest.mark.parametrize("step", [GiveUp, ListVg])
    @pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
    def test_a_failure_puts_everything_back(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, step: type[Step], is_late: bool
    ) -> None:
        fail_at(monkeypatch, step, is_late, Failure(ClusterUnreachable("gone")))
        before = target.left()
        assert refused(lambda: unextend("/data", target.kit)) == [ClusterUnreachable]
        assert as_sets(target.left()) == as_sets(before)


def as_sets(left: tuple[Any, ...]) -> tuple[Any, ...]:
    """What is left, whatever the order of instances and links."""
    return {i.tag: i for i in left[0].instances}, set(left[0].dependencies), left[1:]


class Caller:
    """n2, from where all is ordered; the far end on n1 runs in this process."""

    def __init__(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        self.target = target
        self.told: list[Message] = []
        self.port = OnTemplate(target.port)
        self.kit = Kit(self.port, target.kit.paths, Settings(), self.told.append)
        self.servers = Servers(monkeypatch)
        self.far = FarEnd(lambda _paths, tell: kit(target.port, target.folder, tell), target.folder, monkeypatch)
        self.servers.answers[SERVER] = self.far

    @property
    def asked(self) -> list[Asked]:
        """What arrived on n1."""
        return self.servers.asked

    def breaks(self, name: str, why: BaseException) -> None:
        """Let nothing come of a request."""

        def answer(asked: Asked) -> Finished:
            if asked.name == name:
                raise why
            return self.far(asked)

        self.servers.answers[SERVER] = answer

    def extend(self, tag: str = "/data", priority: int = 0) -> tuple[str, ...]:
        """Extend a tag to n1."""
        return elsewhere.extend(ExtendOrder(tag, SERVER, priority), self.kit)


class OnTemplate:
    """The engine of the same cluster as another server sees it."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def local_server(self) -> str:
        """This is the template."""
        return TEMPLATE

    def overview(self) -> Any:
        """All, from here."""
        return replace(self._port.overview(), local=TEMPLATE)


@pytest.fixture
def caller(target: Target, monkeypatch: pytest.MonkeyPatch) -> Caller:
    return Caller(target, monkeypatch)


class TestFromAnotherServer:
    def test_the_target_does_the_work(self, caller: Caller) -> None:
        assert set(caller.extend()) == set(MEMBERS)
        assert set(MEMBERS) < set(caller.target.port.now.tags)
        assert (caller.target.mounts / "data").is_dir()

    def test_it_is_asked_first_and_told_then(self, caller: Caller) -> None:
        caller.extend(priority=7)
        question, order = caller.asked
        facts = {"tag": "/data", "template": TEMPLATE, "priority": 7}
        assert (question.name, question.facts) == ("readiness", {**facts, "with_steps": False})
        assert (order.name, order.facts) == ("extend", facts)

    def test_its_progress_and_its_warnings_arrive_once_as_what_they_are(self, caller: Caller) -> None:
        caller.target.port.trouble = (FencingOff(),)
        caller.extend()
        assert [type(m) for m in caller.told].count(FencingOff) == 1
        assert [m.number for m in caller.told].count(110093) == 4

    def test_all_that_is_against_it_arrives_and_nothing_is_ordered(self, caller: Caller) -> None:
        caller.target.lose("b")
        caller.target.machine.remove_agent("filesys")
        kinds = refused(caller.extend)
        assert PvsMissing in kinds
        assert (len(kinds), kinds[-1]) == (3, CannotExtend)
        assert len(caller.asked) == 1

    def test_a_failure_there_is_raised_here(self, caller: Caller) -> None:
        before = caller.target.left()
        caller.target.port.refusing = Failure(ClusterUnreachable("no quorum"))
        assert refused(caller.extend) == [ClusterUnreachable, InsCreateFailed, CannotExtend]
        assert caller.target.left() == before

    def test_the_lock_is_taken_by_the_target_only(self, caller: Caller) -> None:
        caller.extend()
        assert [call[0] for call in caller.target.port.calls] == ["lock", "commit", "unlock"]

    def test_here_it_needs_no_transport(self, caller: Caller) -> None:
        elsewhere.extend(ExtendOrder("/data", SERVER), caller.target.kit)
        assert caller.asked == []

    @pytest.mark.parametrize(
        ("order", "kind"),
        [
            (ExtendOrder("/none", SERVER), ResourceNotFound),
            (ExtendOrder("/data", "n9"), UnknownServer),
            (ExtendOrder("/data", "n3"), ServerUnfit),
        ],
    )
    def test_what_needs_no_question(self, caller: Caller, order: ExtendOrder, kind: type[Message]) -> None:
        caller.target.port.members["n3"] = Server("n3", False, "offline")
        assert refused(lambda: elsewhere.extend(order, caller.kit)) == [kind]
        assert caller.asked == []

    def test_where_only_the_target_has_it(self, caller: Caller) -> None:
        caller.extend()
        caller.target.port.others.clear()
        assert refused(caller.extend) == [TemplateAlreadyExtended]

    def test_the_template_is_where_it_is_in_service(self, caller: Caller) -> None:
        caller.target.port.others["n3"] = on("n3", tree(caller.target.mounts))
        caller.target.port.others[TEMPLATE] = on(TEMPLATE, tree(caller.target.mounts), state=OSU)
        seen = caller.port.overview()
        assert elsewhere.template_of(ExtendOrder("/data", SERVER), seen) == "n3"

    def test_refused_logins_are_no_reason_to_doubt(self, caller: Caller) -> None:
        caller.breaks("readiness", Failure(LoginRefused(SERVER, "Permission denied")))
        assert refused(caller.extend) == [LoginRefused]

    def test_a_kit_that_is_not_there(self, caller: Caller) -> None:
        caller.servers.lacks_the_kit(SERVER)
        assert refused(caller.extend) == [ProgramMissingThere, CanextendNotAccessible]

    @pytest.mark.parametrize(
        ("why", "kinds"),
        [
            (ConnectionLost(SERVER, "closed by remote host"), [ConnectionLost, OutcomeUnknown, CannotExtend]),
            (ServerTooSlow(SERVER, 300.0), [ServerTooSlow, OutcomeUnknown, CannotExtend]),
            (LoginRefused(SERVER, "Permission denied"), [LoginRefused, CannotExtend]),
            (ProgramMissingThere(SERVER, "/x", "not found"), [ProgramMissingThere, ExtendNotAccessible]),
        ],
        ids=lambda why: type(why).__name__,
    )
    def test_only_a_connection_that_breaks_at_work_leaves_a_doubt(
        self, caller: Caller, why: Message, kinds: list[type[Message]]
    ) -> None:
        caller.breaks("extend", Failure(why))
        assert refused(caller.extend) == kinds

    @pytest.mark.parametrize("result", [{}, {"extended": 5}, {"extended": [5]}, {"messages": []}])
    @pytest.mark.parametrize("name", ["readiness", "extend"])
    def test_an_answer_that_is_none(self, caller: Caller, result: dict[str, object], name: str) -> None:
        answers = Servers.whole(other=1, **result)
        caller.servers.answers[SERVER] = lambda asked: answers if asked.name == name else caller.far(asked)
        assert AnswerGarbled in refused(caller.extend)

    def test_another_version_of_the_kit(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(canextend, "VERSION", "9.9")
        before = caller.target.left()
        assert refused(caller.extend) == [KitVersionDiffers, CannotExtend]
        assert caller.target.left() == before

    def test_a_signal_here_is_000025(self, caller: Caller) -> None:
        caller.breaks("extend", Interruption("SIGINT"))
        with pytest.raises(Interruption):
            caller.extend()
        assert caller.told[-1] == ExtensionInterrupted("/data", SERVER, "SIGINT")

    def test_a_dry_run_shows_steps_and_foresight_and_changes_nothing(
        self, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(caller.target.port, "foresee", lambda _change: ("Move vg1",), raising=False)
        before = caller.target.left()
        found = elsewhere.preview(ExtendOrder("/data", SERVER), caller.kit)
        assert found.foreseen == ("Move vg1",)
        assert len(found.steps) == 4
        assert set(found.tags) == set(MEMBERS)
        assert caller.target.left() == before
        assert found == replace(
            elsewhere.preview(ExtendOrder("/data", SERVER), caller.target.kit), readiness=found.readiness
        )


class TestComparison:
    NOW = 1_000_000.0

    def told(self, target: Target, monkeypatch: pytest.MonkeyPatch, **facts: Any) -> list[type[Message]]:
        monkeypatch.setattr(lvmconf, "version", lambda *_: "2.03.16(2)")
        there = {"kit_version": VERSION, "lvm_version": "2.03.16(2)", "time": self.NOW, **facts}
        found = Readiness(SERVER, there["kit_version"], there["lvm_version"], there["time"], (), ())
        return [type(m) for m in elsewhere.compared(found, target.kit, self.NOW - 1, self.NOW + 1)]

    def test_alike_is_quiet(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.told(target, monkeypatch) == []
        assert self.told(target, monkeypatch, lvm_version="2.03.11(2)") == []
        assert self.told(target, monkeypatch, lvm_version="") == []

    def test_versions(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        told = self.told(target, monkeypatch, kit_version="0.0.9", lvm_version="2.02.187")
        assert told == [KitVersionDiffers, LvmVersionDiffers]
        assert KitVersionDiffers.level == ERROR
        assert LvmVersionDiffers.level != ERROR

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize(
        ("seconds", "kinds"), [(5.9, []), (6.5, [ClockDiffers]), (60.9, [ClockDiffers]), (61.5, [ClockFarOff])]
    )
    def test_clocks(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, sign: int, seconds: float, kinds: list[type[Message]]
    ) -> None:
        assert self.told(target, monkeypatch, time=self.NOW + sign * seconds) == kinds


class TestUnextendFromAnotherServer:
    @pytest.fixture(autouse=True)
    def _extended(self, caller: Caller) -> None:
        caller.extend()
        caller.asked.clear()
        caller.told.clear()

    def test_the_server_does_it_itself(self, caller: Caller) -> None:
        assert set(elsewhere.unextend("/data", SERVER, caller.kit)) == set(MEMBERS)
        assert caller.target.left()[1] == ()
        assert len(caller.asked) == 1
        assert any(message.number == 110093 for message in caller.told)

    def test_of_one_that_is_down_only_the_cluster_forgets(self, caller: Caller) -> None:
        caller.target.port.members[SERVER] = Server(SERVER, False, "offline")
        assert set(elsewhere.unextend("/data", SERVER, caller.kit)) == set(MEMBERS)
        assert caller.asked == []
        assert caller.target.port.now == Hierarchy()
        assert lkvgs.listed(caller.kit.paths.lkvgs) == ("vg1",)
        assert StillListedThere(SERVER, ("vg1",)) in caller.told

    def test_what_is_in_service_there_is_refused_without_a_question(self, caller: Caller) -> None:
        caller.target.port.now = on(SERVER, tree(caller.target.mounts))
        assert set(refused(lambda: elsewhere.unextend("/data", SERVER, caller.kit))) == {StillInService}
        assert caller.asked == []

    def test_a_server_that_there_is_not(self, caller: Caller) -> None:
        assert refused(lambda: elsewhere.unextend("/data", "n9", caller.kit)) == [UnknownServer]


class TestFarEnd:
    def test_a_caller_that_goes_away_has_all_taken_back(self, caller: Caller) -> None:
        before = caller.target.left()
        lines: list[str] = []

        def leaving(text: str) -> None:
            lines.append(text)
            if len(lines) > 2:
                raise BrokenPipeError

        caller.far.write = leaving
        order = OrderExtend("/data", TEMPLATE, 0)
        assert caller.far.receive(wire.encoded(wire.Letter(TEMPLATE, SERVER, order))) == wire.FAILED
        assert len(lines) > 2
        assert caller.target.left() == before

    def test_a_server_that_was_not_meant_does_nothing(self, caller: Caller) -> None:
        before = caller.target.left()
        for request in (
            OrderExtend("/data", TEMPLATE, 0),
            OrderUnextend("/data"),
            OrderReconfigure("vg1", ""),
            OrderForget(("vg1",)),
            AskReadiness("/data", TEMPLATE, 0, False),
            AskBystanders(("/data",)),
        ):
            assert caller.far.receive(wire.encoded(wire.Letter(TEMPLATE, "n3", request))) == wire.FAILED
            assert caller.far.messages == ["110273"]
        assert caller.target.left() == before

    def test_an_order_is_in_the_log_with_who_gave_it_and_what_came_of_it(self, caller: Caller) -> None:
        caller.extend()
        log = b"".join(caller.far.logged)
        assert b"orders: extend /data." in log
        assert b"lvmkit-peer" in log
        assert log.count(b"110093") >= 4


class TestCommand:
    @pytest.fixture
    def shell(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> Shell:
        return Shell(target.folder, target.port, monkeypatch)

    def test_tags_on_stdout_progress_on_stderr(self, shell: Shell) -> None:
        result = shell.run("extend", "/data", "--to", SERVER)
        assert (result.exit_code, set(result.stdout.split())) == (0, set(MEMBERS))
        assert numbers(result) == [110222, *[110093] * 4]

    def test_by_id_and_as_json(self, shell: Shell, target: Target) -> None:
        result = shell.run("extend", f"{target.mounts}/data", "--to", SERVER, "--format", "json")
        facts = json.loads(result.stdout)
        assert (facts["tag"], facts["server"], facts["dry_run"]) == ("/data", SERVER, False)
        assert set(facts["extended"]) == set(MEMBERS)

    def test_a_dry_run_that_is_refused_tells_all_and_fails(self, shell: Shell, target: Target) -> None:
        target.machine.remove_agent("filesys")
        target.lose("a")
        result = shell.run("extend", "/data", "--to", SERVER, "--dry-run", "--format", "json")
        facts = json.loads(result.stdout)
        assert (facts["ready"], facts["steps"], result.exit_code) == (False, [], 1)
        assert set(numbers(result)) == {110222, 110195, 110014, 8}
        assert {m["number"] for m in facts["messages"]} == {"110222", "110195", "110014"}

    def test_a_dry_run_as_text_has_the_steps(self, shell: Shell, target: Target) -> None:
        before = target.left()
        result = shell.run("extend", "/data", "--to", SERVER, "-n")
        assert (result.exit_code, len(result.stdout.splitlines())) == (0, 4)
        assert target.left() == before

    @pytest.mark.parametrize("words", [(), ("--to", "-x"), ("--to", SERVER, "--priority", "0"), ("--to", "a b")])
    def test_words_that_are_wrong(self, shell: Shell, words: Sequence[str]) -> None:
        assert shell.run("extend", "/data", *words).exit_code in (2, 5)

    def test_unextend_previews_and_does(self, shell: Shell, target: Target) -> None:
        shell.run("extend", "/data", "--to", SERVER)
        before = target.left()
        shown = shell.run("unextend", "/www", "--from", SERVER, "-n", "--format", "json")
        assert set(json.loads(shown.stdout)["unextended"]) == set(MEMBERS)
        assert len(shell.run("unextend", "/www", "--from", SERVER, "-n").stdout.splitlines()) == 2
        assert target.left() == before
        result = shell.run("unextend", "/www", "--from", SERVER)
        assert (result.exit_code, set(result.stdout.split())) == (0, set(MEMBERS))
        assert shell.run("unextend", "/www", "--from", SERVER).exit_code == NotExtended.lcdi_exit


def test_a_step_can_be_read_back_from_a_journal(target: Target) -> None:
    plan, _ = draft_extension(canextend.examine("/data", TEMPLATE, target.kit), 9)
    assert isinstance(plan, Plan)
    stored = json.loads(json.dumps(journal.packed(plan.steps)))
    assert journal.unpacked(stored, _storable) == plan.steps


class TestScripts:
    """lkadm/ on a server of a cluster, as a higher-level kit calls it."""

    @pytest.fixture
    def run(
        self, target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., tuple[int, set[str], list[type[Message]]]]:
        def run(script: str, *words: str) -> tuple[int, set[str], list[type[Message]]]:
            told: list[Message] = []
            monkeypatch.setattr(Voice, "tell", lambda _self, message: told.append(message))
            monkeypatch.setattr(Voice, "log_text", lambda *_: None)
            monkeypatch.setattr(admin, "kit", lambda _paths, tell: replace(target.kit, tell=tell))
            kind, name = script.split("/")
            before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
            code = admin.main(f"/opt/lk/lkadm/subsys/scsi/{kind}/bin/{name}", list(words), target.kit.paths)
            for number, handler in before.items():
                signal.signal(number, handler)
            return code, set(capsys.readouterr().out.split()), [type(m) for m in told if m.level == ERROR]

        return run

    def test_canextend_says_yes_without_a_tag(self, run: Callable[..., Any]) -> None:
        assert run("lvmvg/canextend", TEMPLATE, "vg1") == (0, set(), [])

    def test_or_no_with_all_reasons(self, run: Callable[..., Any], target: Target) -> None:
        target.lose("b")
        target.machine.remove_agent("filesys")
        code, out, told = run("lvmvg/canextend", TEMPLATE, "vg1")
        assert (code, out, set(told), told[-1]) == (1, set(), {PvsMissing, AgentMissing, CannotExtend}, CannotExtend)

    def test_depstoextend_prints_the_children_on_the_template(self, run: Callable[..., Any]) -> None:
        assert run("lvmvg/depstoextend", TEMPLATE, "vg1") == (0, {"disk-A", "disk-B"}, [])

    def test_extend_extends_and_unextend_takes_it_back(self, run: Callable[..., Any], target: Target) -> None:
        assert run("lvmvg/extend", TEMPLATE, "vg1", "-t", "vg1")[:2] == (0, set(MEMBERS))
        assert run("lvmvg/canextend", TEMPLATE, "vg1") == (1, set(), [TemplateAlreadyExtended])
        assert run("lvmvg/unextend", TEMPLATE, "vg1")[:2] == (0, set(MEMBERS))
        assert target.port.now == Hierarchy()

    @pytest.mark.parametrize(
        ("script", "words", "kind"),
        [
            ("lvmvg/extend", (TEMPLATE, "vg1", "-t", "mine"), SameTagEverywhere),
            ("lvmvg/extend", (TEMPLATE, "vg1"), TagMissing),
            ("lvmvg/extend", ("n9", "vg1", "-t", "vg1"), TemplateDoesNotExist),
            ("lvmlv/canextend", (TEMPLATE, "vg1"), TemplateDoesNotExist),
            ("lvmvg/canextend", (SERVER, "vg1"), TemplateDoesNotExist),
            ("lvmvg/unextend", (TEMPLATE, "vg1"), NotExtended),
            ("lvmvg/delete", ("-t", "vg1"), WrongServer),
            ("lvmvg/delete", ("-i", "lvmvg-vg1"), WrongServer),
        ],
    )
    def test_refusals(
        self, run: Callable[..., Any], target: Target, script: str, words: tuple[str, ...], kind: type[Message]
    ) -> None:
        before = target.left()
        assert run(script, *words) == (1, set(), [kind])
        assert target.left() == before


class TestOtherKits:
    """/data carries a database, whose type is another kit's."""

    DATABASE = Instance(TEMPLATE, "database", "pgsql", "db", "/data/db", "port=5432", state=ISP)

    @pytest.fixture
    def ran(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
        """The words of each script that was run; extend makes the instance, as ins_create does."""
        there = target.port.others[TEMPLATE]
        links = (*there.dependencies, Dependency("db", "/data"))
        target.port.others[TEMPLATE] = Hierarchy((*there.instances, self.DATABASE), links)
        for name in ("restore", "remove"):
            self.install(target, f"subsys/database/resources/pgsql/actions/{name}")
        words: list[tuple[str, ...]] = []

        def run(argv: tuple[str, ...], *_given: Any, **_how: Any) -> Finished:
            words.append((Path(argv[0]).name, *argv[1:]))
            if self.makes_instance and argv[0].endswith("/extend"):
                target.port.commit(Change(add=(replace(self.DATABASE, server=SERVER, state=OSU),)))
            return Finished(argv, self.status, "", "", 0.0)

        monkeypatch.setattr(scripts, "_run", run)
        return words

    makes_instance, status = True, 0

    def install(self, target: Target, name: str) -> None:
        path = Path(target.kit.paths.lkroot, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)

    def test_where_a_kit_has_no_extend_its_resource_comes_along(
        self, target: Target, ran: list[tuple[str, ...]]
    ) -> None:
        assert target.extend("/data")[-1] == "db"
        assert target.port.now.by_tag("db") == replace(self.DATABASE, server=SERVER, state=OSU)
        assert ran == []

    def test_a_kit_s_own_extend_makes_its_instance_after_all_that_it_requires(
        self, target: Target, ran: list[tuple[str, ...]]
    ) -> None:
        for name in ("canextend", "extend"):
            self.install(target, f"lkadm/subsys/database/pgsql/bin/{name}")
        assert "db" in target.extend("/data")
        assert ran == [("canextend", TEMPLATE, "db"), ("extend", TEMPLATE, "db", "-t", "db")]
        assert target.port.now.by_tag("db") is not None

    def test_where_each_server_has_links_of_its_own_what_it_made_gets_them_and_is_the_template_s(
        self, target: Target, ran: list[tuple[str, ...]], mocker: MockerFixture
    ) -> None:
        target.port.capabilities = replace(target.port.capabilities, common_tags=False)
        self.install(target, "lkadm/subsys/database/pgsql/bin/extend")
        committed = mocker.spy(target.port, "commit")
        target.extend("/data")
        assert set(target.port.others[TEMPLATE].dependencies) == set(target.port.now.dependencies)
        assert Change(same=("db",), template=TEMPLATE) in [call.args[0] for call in committed.call_args_list]
        assert ran[-1] == ("extend", TEMPLATE, "db", "-t", "db")

    def test_a_kit_whose_extend_makes_nothing_is_named_and_all_is_taken_back(
        self, target: Target, ran: list[tuple[str, ...]]
    ) -> None:
        self.makes_instance = False
        self.install(target, "lkadm/subsys/database/pgsql/bin/extend")
        before = target.left()
        with pytest.raises(Failure) as caught:
            target.extend("/data")
        assert NotExtendedByKit("db", SERVER, "pgsql") in caught.value.messages
        assert (target.left(), len(ran)) == (before, 1)

    def test_a_type_that_is_not_here_is_named(self, target: Target, ran: list[tuple[str, ...]]) -> None:
        Path(target.kit.paths.lkroot, "subsys/database/resources/pgsql/actions/remove").unlink()
        assert TypeNotInstalled in target.against("/data")
        assert ran == []

    def test_what_its_canextend_refuses_is_refused(self, target: Target, ran: list[tuple[str, ...]]) -> None:
        self.status = 1
        self.install(target, "lkadm/subsys/database/pgsql/bin/canextend")
        assert ActionFailed in target.against("/data")
        assert ran == [("canextend", TEMPLATE, "db")]
