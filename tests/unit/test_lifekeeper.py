"""The adapter for LifeKeeper's core over a second core: what the contract of the port does not say.

Unknown is not gone, and silence is not consent: no failure of a command is ever taken for an empty hierarchy.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.lifekeeper import LifeKeeper, copy, core, records, status
from lvmkit.cluster.lifekeeper.records import Site
from lvmkit.cluster.port import Change
from lvmkit.entry import action, admin
from lvmkit.entry import kit as kits
from lvmkit.entry.kit import engine_name
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import (
    AUTOMATIC,
    ILLSTATE,
    INTELLIGENT,
    ISP,
    LVMLV,
    LVMVG,
    OSU,
    Dependency,
    Instance,
)
from lvmkit.model.messages import Failure
from lvmkit.model.messages.faults import LvGone
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.standing import ACTIVE, FENCED, STOPPED, STRANGER, UNFENCED
from lvmkit.model.value import replace
from lvmkit.plan import Kit, Plan, carry_out, finish_interrupted
from lvmkit.steps import Commit
from lvmkit.storage import lkvgs
from tests.contract.core import SYSTEMS, Core, forks
from tests.contract.core.beginnings import begin
from tests.unit.lcdi_server import Server, reported
from tests.unit.outlived import take_the_lock_and_die
from tests.unit.peer_fakes import Servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.model.facts import VgFacts
    from lvmkit.model.messages import Message
    from lvmkit.storage.run import Finished
    from tests.unit.peer_fakes import Asked

HERE, THERE = SYSTEMS
VG = Instance(HERE, "scsi", LVMVG, "vg", "lvmvg-vg", "vg_uuid=VG", OSU)
LV = Instance(HERE, "scsi", LVMLV, "lv", "/dev/vg/lv", "vg_uuid=VG\x02lv_uuid=LV", OSU)
LINK = Dependency("lv", "vg")
SICK = LvGone("vg1/data")
BOTH = Change(add=(VG, LV), link=(LINK,))


PATIENCE = 30.0
"""seconds for a program that gets the lock; real ones start slowly beside other work"""


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Core:
    """The core."""
    forks.instead_of_programs(monkeypatch)
    return Core(tmp_path / "core")


@pytest.fixture
def port(second: Core, tmp_path: Path) -> LifeKeeper:
    """The adapter of the first system."""
    return adapter(second, tmp_path, HERE)


def adapter(
    second: Core,
    folder: Path,
    system: str,
    ask_holder: Callable[[str], None] = lambda _server: None,
    **settings: object,
) -> LifeKeeper:
    """That of any system."""
    paths = Paths(lkroot=f"{folder}/lk", state=f"{folder}/{system}", run=f"{folder}/run", defaults=f"{folder}/none")
    own = replace(Settings(lkroot=second.root(system), lock_patience=0.5), **settings)
    return LifeKeeper(paths, own, ask_holder=ask_holder)


def numbers(work: Callable[[], object]) -> tuple[int, ...]:
    """The numbers of the messages that a refusal has."""
    with pytest.raises(Failure) as caught:
        work()
    return tuple(message.number for message in caught.value.messages)


def unheard(_message: Message) -> None:
    """What is said on the way."""


class TestAnswersOfCommands:
    @pytest.mark.parametrize(("code", "number"), [(code, 110400 + code) for code in range(1, 10)] + [(77, 110410)])
    def test_each_exit_code_is_a_message_of_its_own(
        self, second: Core, port: LifeKeeper, code: int, number: int
    ) -> None:
        second.behave(exit={"ins_list": code})
        assert numbers(port.hierarchy) == (number,)

    @pytest.mark.parametrize("said", ["garbage\n", "a\x01b\x01c\n", "alpha\x01scsi\x01lvmvg\x01vg\x01id\x01\x01WELL\n"])
    def test_garbage_is_no_empty_hierarchy(self, second: Core, port: LifeKeeper, said: str) -> None:
        second.behave(says={"ins_list": said})
        assert numbers(port.hierarchy) == (110411,)

    @pytest.mark.parametrize("command", ["ins_list", "dep_list"])
    def test_records_that_are_cut_short_are_refused(self, second: Core, port: LifeKeeper, command: str) -> None:
        port.commit(BOTH)
        second.behave(cut={command: 3})
        assert numbers(port.hierarchy) == (110411,)

    def test_a_command_that_does_not_end_is_given_up(self, second: Core, tmp_path: Path) -> None:
        port = adapter(second, tmp_path, HERE, command_deadline=1.0)
        second.behave(slow={"lcduname": 30})
        assert numbers(port.local_server) == (110062,)

    def test_a_server_that_is_not_reached_is_unknown_and_not_empty(self, second: Core, port: LifeKeeper) -> None:
        second.behave(exit={f"ins_list {THERE}": 9})
        assert numbers(partial(port.hierarchy_of, THERE)) == (110409,)
        assert numbers(port.overview) == (110409,)

    def test_a_type_that_is_not_installed_is_named_before_anything_is_made(
        self, second: Core, port: LifeKeeper
    ) -> None:
        second.behave(says={"typ_list": "scsi\x01lvmvg\n"})
        assert numbers(partial(port.commit, BOTH)) == (110000,)
        assert port.hierarchy() == Hierarchy()


class TestRecords:
    def test_what_follows_the_seventh_field_is_known_by_what_it_is(self) -> None:
        text = "\x01".join(("s", "scsi", "lvmvg", "vg", "id", "", "isp", "12", "AUTOMATIC", "x", "init_osu")) + "\n"
        (instance,) = records.instances(text, "s", "ins_list")
        assert (instance.state, instance.switchback, instance.initialisation) == (ISP, AUTOMATIC, "INIT_OSU")

    def test_a_record_may_end_with_the_state(self) -> None:
        (instance,) = records.instances("s\x01scsi\x01lvmvg\x01vg\x01id\x01info\x01OSU\n", "s", "ins_list")
        assert (instance.info, instance.state, instance.switchback) == ("info", OSU, INTELLIGENT)

    @pytest.mark.parametrize("record", ["lv\x01vg\n", "s\x01lv\x01vg\n", "lv\x01vg\x01more\x01fields\n"])
    def test_parent_and_child_stand_side_by_side(self, record: str) -> None:
        assert records.links(record, ("vg", "lv"), "dep_list") == (LINK,)

    def test_an_equivalency_that_is_listed_from_both_sides_is_one(self) -> None:
        text = "a\x01vg\x01b\x01data\x01SHARED\nb\x01data\x01a\x01vg\x01shared\x0110\n"
        assert len(records.pairs(text, "eqv_list")) == 1

    def test_a_status_without_this_server_is_none(self) -> None:
        assert numbers(lambda: status.parse("LifeKeeper does not appear to be running.\n", "a")) == (110411,)

    def test_machines_and_priorities_are_found_by_their_words(self) -> None:
        text = (
            'vg: id=x app=scsi type=lvmvg state=ISP\n   Local priority = 1\n   SHARED equivalency with "data" on "b",'
            ' priority = 10\nmachine=a state=ALIVE\n  machine=b state="DEAD"\n'
        )
        said = status.parse(text, "a")
        assert said.machines == (("a", "ALIVE"), ("b", "DEAD"))
        assert dict(said.ranks) == {Site("a", "vg"): 1, Site("b", "data"): 10}

    def test_the_copy_is_whole_or_empty(self) -> None:
        graph = Hierarchy((replace(VG, state=ILLSTATE), replace(LV, state=ILLSTATE)), (LINK,))
        text = copy.dump(graph)
        assert copy.parse(text) == graph
        assert copy.parse(text[: len(text) // 2]) == Hierarchy()

    @pytest.mark.parametrize("line", ["instance\x01one\x01field", "link\x01a\x01b\x01c"])
    def test_a_copy_with_other_fields_is_no_copy(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "lifekeeper.copy").write_text(f"{line}\nend\n")
        assert copy.read(Paths(state=str(tmp_path))) == Hierarchy()


class TestAtHand:
    def test_what_is_at_hand_starts_no_program(self, second: Core, port: LifeKeeper) -> None:
        port.commit(BOTH)
        second.forget()
        assert set(port.at_hand().tags) == {"vg", "lv"}
        assert second.told() == {}

    def test_a_hierarchy_costs_two_commands_and_an_overview_two_for_each_server_and_two(
        self, second: Core, port: LifeKeeper
    ) -> None:
        port.local_server()
        second.forget()
        port.hierarchy()
        assert {name: len(calls) for name, calls in second.told().items()} == {"ins_list": 1, "dep_list": 1}
        second.forget()
        port.overview()
        assert sum(map(len, second.told().values())) == 6


class TestHalfAChange:
    @pytest.mark.parametrize("command", ["ins_setstate", "dep_create", "lcdsync"])
    def test_a_change_that_is_refused_on_its_way_is_taken_back(
        self, second: Core, port: LifeKeeper, command: str
    ) -> None:
        second.behave(exit={command: 3})
        said = numbers(partial(port.commit, BOTH))
        second.behave(exit={})
        assert said[0] == 110403
        assert port.hierarchy() == Hierarchy()

    @pytest.mark.parametrize("commands", [1, 2, 4])
    def test_what_is_left_of_a_creation_is_taken_back_by_the_next_run(
        self, second: Core, port: LifeKeeper, tmp_path: Path, commands: int
    ) -> None:
        kit = Kit(port, port._paths, Settings(), unheard)
        second.behave(die_after=commands)
        assert 110085 in numbers(lambda: carry_out(Plan("create vg", (Commit(BOTH),)), kit))
        second.behave(die_after=99)
        finish_interrupted(kit)
        assert port.hierarchy() == Hierarchy()

    @pytest.mark.parametrize("commands", [1, 2, 3, 4])
    def test_what_is_left_of_a_new_id_is_put_back_by_the_next_run(
        self, second: Core, port: LifeKeeper, commands: int
    ) -> None:
        """An ID cannot be changed: the instance is made anew, and for a moment it is not there."""
        port.commit(BOTH)
        before, kit = port.hierarchy(), Kit(port, port._paths, Settings(), unheard)
        change = Change(update=(replace(LV, id="/dev/vg/renamed"),))
        second.behave(die_after=commands)
        numbers(lambda: carry_out(Plan("reconfigure vg", (Commit(change),)), kit))
        second.behave(die_after=99)
        finish_interrupted(kit)
        after = port.hierarchy()
        assert {each.tag: each for each in after.instances} == {each.tag: each for each in before.instances}
        assert after.dependencies == before.dependencies


class TestSeveralServers:
    """The other system has the same things under other tags: 'data' and 'volume'."""

    @pytest.fixture
    def extended(self, second: Core, port: LifeKeeper, tmp_path: Path) -> LifeKeeper:
        """This system's, with both resources on both systems."""
        begin("both", tmp_path, ("core/lcd.json",), lambda: self.extend(second, port, tmp_path))
        return port

    def extend(self, second: Core, port: LifeKeeper, tmp_path: Path) -> None:
        port.commit(replace(BOTH, add=(replace(VG, state=ISP), replace(LV, state=ISP))))
        other = adapter(second, tmp_path, THERE)
        for instance, tag in ((VG, "data"), (LV, "volume")):
            other.commit(Change(add=(replace(instance, server=THERE, tag=tag),)))
        other.commit(Change(link=(Dependency("volume", "data"),)))
        content = second.read()
        for own, theirs in (("vg", "data"), ("lv", "volume")):
            content["shared"][f"{HERE}\x01{own}"] = [[THERE, theirs]]
            content["shared"][f"{THERE}\x01{theirs}"] = [[HERE, own]]
        second._write(content)

    def test_an_overview_calls_everything_by_its_tag_here(self, extended: LifeKeeper) -> None:
        seen = extended.overview()
        assert set(seen.of(THERE).tags) == {"vg", "lv"}
        assert seen.of(THERE).dependencies == (LINK,)
        assert set(extended.hierarchy_of(THERE).tags) == {"data", "volume"}
        assert {(each.tag, each.server) for each in seen.equivalencies} >= {("vg", HERE), ("vg", THERE)}

    def test_of_a_dead_server_is_said_what_it_may_run(self, second: Core, extended: LifeKeeper) -> None:
        kill(second, THERE)
        seen = extended.overview()
        assert not seen.is_online(THERE)
        assert {(each.tag, each.state) for each in seen.of(THERE).instances} == {("vg", ILLSTATE), ("lv", ILLSTATE)}

    def test_a_removal_reaches_the_other_tags(self, second: Core, extended: LifeKeeper) -> None:
        remembered = extended.remember(Change(remove=("lv",)))
        before = (held(extended.hierarchy()), held(extended.hierarchy_of(THERE)), pairs(second))
        extended.commit(Change(remove=("lv",)))
        assert extended.hierarchy_of(THERE).tags == ("data",)
        extended.put_back(remembered)
        assert (held(extended.hierarchy()), held(extended.hierarchy_of(THERE)), pairs(second)) == before

    def test_nothing_is_removed_while_a_server_that_has_it_is_dead(self, second: Core, extended: LifeKeeper) -> None:
        kill(second, THERE)
        assert numbers(partial(extended.commit, Change(remove=("lv",)))) == (110415,)
        assert set(extended.hierarchy().tags) == {"vg", "lv"}

    def test_a_move_takes_it_out_there_and_brings_it_in_here(self, extended: LifeKeeper) -> None:
        extended.bring_in_service("lv", unheard, THERE)
        seen = extended.overview()
        assert seen.in_service_on("vg") == (THERE,)
        extended.bring_in_service("lv", unheard)
        assert extended.overview().in_service_on("vg") == (HERE,)
        extended.take_out_of_service("vg", unheard)
        assert extended.overview().in_service_on("lv") == ()

    def test_unextending_takes_the_other_server_only(self, extended: LifeKeeper) -> None:
        extended.unextend(("lv", "vg"), THERE)
        assert extended.hierarchy_of(THERE).tags == ()
        assert set(extended.hierarchy().tags) == {"vg", "lv"}

    def test_what_is_in_service_there_is_not_unextended(self, extended: LifeKeeper) -> None:
        assert 110169 in numbers(partial(extended.unextend, ("lv", "vg"), HERE))

    def test_priorities_are_given_on_each_server_by_its_own_tag(self, extended: LifeKeeper) -> None:
        extended.set_priorities("vg", {THERE: 7})
        ranks = {each.server: each.priority for each in extended.overview().equivalencies if each.tag == "lv"}
        assert ranks[THERE] == 7

    def test_a_report_for_lifekeeper_reads_it_through_the_kits_own_commands(
        self, server: Server, extended: LifeKeeper, mocker: MockerFixture
    ) -> None:
        extended.set_priorities("vg", {THERE: 7})
        mocker.patch.object(kits, "_engine", return_value=extended)
        assert set(reported(server)) == {
            f"status 0 lv ISP 1 {HERE}",
            f"status 1 vg ISP 1 {HERE}",
            f"machine {THERE} ALIVE",
            f"instance {HERE} scsi/lvmlv lv /dev/vg/lv ISP",
            f"instance {HERE} scsi/lvmvg vg lvmvg-vg ISP",
            f"equivalency lv on {HERE} with volume on {THERE} SHARED",
            f"equivalency vg on {HERE} with data on {THERE} SHARED",
        }

    def test_the_standing_of_an_owner_is_asked_by_its_own_tag(
        self, second: Core, extended: LifeKeeper, tmp_path: Path
    ) -> None:
        there = adapter(second, tmp_path, THERE)
        assert there.membership.standing(HERE, "data").kind == ACTIVE
        assert extended.membership.standing(THERE, "vg").kind == STOPPED
        assert extended.membership.standing("nobody", "vg").kind == STRANGER

    def test_a_dead_owner_is_not_gone_unless_this_core_fences(
        self, second: Core, extended: LifeKeeper, tmp_path: Path
    ) -> None:
        kill(second, THERE)
        assert extended.membership.standing(THERE, "vg").kind == UNFENCED
        assert [message.number for message in extended.overview().warnings] == [110413]
        trusting = adapter(second, tmp_path, HERE, core_fences="yes")
        assert trusting.membership.standing(THERE, "vg").kind == FENCED
        assert trusting.overview().warnings == ()

    def test_an_extension_is_the_same_as_its_template(self, second: Core, port: LifeKeeper, tmp_path: Path) -> None:
        port.commit(BOTH)
        other = adapter(second, tmp_path, THERE)
        mine = tuple(replace(each, server=THERE) for each in (VG, LV))
        other.commit(Change(add=mine, link=(LINK,), template=HERE))
        assert set(pairs(second)) == {(HERE, "vg", THERE, "vg"), (HERE, "lv", THERE, "lv")}
        assert {each.priority for each in port.overview().equivalencies if each.tag == "vg"} == {1, 2}

    def test_the_same_tag_for_something_else_is_told_apart(
        self, second: Core, port: LifeKeeper, tmp_path: Path
    ) -> None:
        port.commit(Change(add=(VG,)))
        adapter(second, tmp_path, THERE).commit(Change(add=(replace(VG, server=THERE, info="vg_uuid=OTHER"),)))
        assert port.overview().of(THERE).tags == (f"vg@{THERE}",)


class TestTheLock:
    def test_a_process_that_waits_in_vain_is_told_so(self, second: Core, port: LifeKeeper, tmp_path: Path) -> None:
        with adapter(second, tmp_path, THERE, lock_patience=PATIENCE).admin_lock("a test"):
            assert numbers(lambda: port.admin_lock("another").__enter__()) == (110414,)
        with port.admin_lock("another"):
            pass
        assert port.flags() == ()

    def test_what_a_killed_process_had_is_given_back(self, second: Core, port: LifeKeeper) -> None:
        take_the_lock_and_die(port)
        assert len(port.flags()) == 1
        with port.admin_lock("another"):
            assert len(port.flags()) == 1

    def test_the_server_on_which_a_killed_process_had_it_is_asked_once_to_give_it_back(
        self, second: Core, tmp_path: Path
    ) -> None:
        asked: list[str] = []

        def ask(server: str) -> None:
            asked.append(server)
            with adapter(second, tmp_path, server).admin_lock("free what a killed run has left"):
                pass

        take_the_lock_and_die(adapter(second, tmp_path, THERE))
        port = adapter(second, tmp_path, HERE, ask_holder=ask)
        with port.admin_lock("another"):
            assert [flag.rpartition("!")[2] for flag in port.flags()] == [f"{HERE}:another"]
        assert (asked, port.flags()) == ([THERE], ())

    def test_nobody_is_asked_where_a_flag_names_this_server_or_none(self, second: Core, tmp_path: Path) -> None:
        port = adapter(second, tmp_path, HERE, ask_holder=pytest.fail)
        for flag in (f"!action!00001!1!{HERE}:filesys", "!action!", "!action!12", "!action!12!34", "!action!12!34!:x"):
            port.create_flag(flag)
        assert numbers(lambda: port.admin_lock("another").__enter__()) == (110414,)

    def test_a_process_of_another_server_with_the_number_of_an_own_ancestor_is_none(
        self, second: Core, port: LifeKeeper
    ) -> None:
        port.create_flag(f"!action!{os.getppid():05d}!1!{THERE}:create")
        assert numbers(lambda: port.admin_lock("another").__enter__()) == (110414,)

    def test_who_was_called_under_the_lock_goes_straight_on(self, second: Core, tmp_path: Path) -> None:
        port = adapter(second, tmp_path, HERE, lock_patience=PATIENCE)
        flag = f"!action!{os.getppid():05d}!1!{HERE}:create"
        port.create_flag(flag)
        with port.admin_lock("create"):
            assert port.flags() == (flag,)


class TestTheCore:
    def test_there_is_none_where_nothing_is(self, tmp_path: Path) -> None:
        assert not core.is_there(str(tmp_path))
        assert numbers(lambda: LifeKeeper(Paths(), Settings(lkroot=str(tmp_path)))) == (110400,)

    def test_the_kit_s_own_commands_are_none(self, tmp_path: Path) -> None:
        """An adapter that started them would start itself, without end."""
        (tmp_path / "bin").mkdir()
        program = tmp_path / "bin/lcdi"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        (tmp_path / "bin/ins_list").symlink_to("lcdi")
        assert "own" in core.why_not(str(tmp_path))

    def test_a_failure_is_reported_by_its_type(self, second: Core, port: LifeKeeper) -> None:
        port.commit(replace(BOTH, add=(replace(VG, state=ISP), LV)))
        port.report_failure("vg")
        assert second.read()["events"] == {"vg": [[LVMVG, "failed"]]}


def held(graph: Hierarchy) -> dict[str, Instance]:
    """The instances by tag, and a sign of the links."""
    return {each.tag: each for each in graph.instances}


def pairs(second: Core) -> tuple[tuple[str, ...], ...]:
    """The equivalencies from this system's side."""
    rows = []
    for key, peers in second.read()["shared"].items():
        system, tag = key.split("\x01")
        rows += [(system, tag, *peer) for peer in peers if system == HERE]  # type: ignore[attr-defined]
    return tuple(sorted(rows))


def kill(second: Core, system: str) -> None:
    """Let the core call a system dead."""
    content = second.read()
    content["systems"][system]["state"] = "dead"  # type: ignore[index]
    second._write(content)


class TestTheScripts:
    """What the core calls, on the system that it calls it on."""

    @pytest.fixture
    def paths(self, second: Core, tmp_path: Path) -> Paths:
        """Those of the other system."""
        defaults = tmp_path / "defaults"
        defaults.write_text(f"LVMKIT_ENGINE=lifekeeper\nLKROOT={second.root(THERE)}\n")
        return Paths(
            lkroot=f"{tmp_path}/lk",
            state=f"{tmp_path}/state",
            run=f"{tmp_path}/run",
            lkvgs=f"{tmp_path}/lkvgs",
            defaults=str(defaults),
            own_defaults=f"{tmp_path}/none",
        )

    def test_extend_makes_one_instance_and_nothing_else(
        self, second: Core, port: LifeKeeper, paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Dependencies and equivalencies are the manager's, which has the admin lock while it calls."""
        port.commit(replace(BOTH, add=(replace(VG, switchback=AUTOMATIC), LV)))
        with port.admin_lock("extend lv"):
            code = admin.main("/lkadm/subsys/scsi/lvmvg/bin/extend", [HERE, "vg", "-t", "data"], paths)
        (made,) = adapter(second, tmp_path, THERE).hierarchy().instances
        assert (code, capsys.readouterr().out) == (0, "data\n")
        assert (made.tag, made.id, made.info, made.state, made.switchback) == ("data", VG.id, VG.info, OSU, AUTOMATIC)
        assert pairs(second) == ()
        assert lkvgs.listed(paths.lkvgs) == ("vg",)

    @pytest.mark.parametrize("script", ["canextend", "extend"])
    def test_what_is_there_under_another_tag_is_not_extended_again(
        self,
        second: Core,
        port: LifeKeeper,
        paths: Paths,
        tmp_path: Path,
        script: str,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        port.commit(Change(add=(VG,)))
        adapter(second, tmp_path, THERE).commit(Change(add=(replace(VG, server=THERE, tag="data"),)))
        assert admin.main(f"/lkadm/subsys/scsi/lvmvg/bin/{script}", [HERE, "vg", "-t", "new"], paths) == 1
        assert ":000004:" in capfd.readouterr().err

    @pytest.mark.parametrize(("state", "events"), [(ISP, {"data": [[LVMVG, "failed"]]}), (OSU, {})])
    def test_a_check_reports_what_is_in_service_and_has_failed(
        self,
        second: Core,
        paths: Paths,
        tmp_path: Path,
        mocker: MockerFixture,
        capfd: pytest.CaptureFixture[str],
        state: str,
        events: object,
    ) -> None:
        """LifeKeeper's monitor is this script: nobody else would tell the core."""
        own = replace(VG, server=THERE, tag="data", state=state)
        adapter(second, tmp_path, THERE).commit(Change(add=(own,)))
        mocker.patch("lvmkit.resources.dispatch.check", return_value=(SICK,))
        code = action.main("/subsys/scsi/resources/lvmvg/actions/quickCheck", ["-t", "data", "-i", VG.id], paths)
        assert (code, second.read()["events"]) == (1, events)
        assert (":000001:" in capfd.readouterr().err) == bool(events)

    @pytest.mark.parametrize("given", [("-t", "vg"), ("-i", VG.id)])
    def test_a_check_that_finds_all_well_starts_no_program(
        self, second: Core, paths: Paths, mocker: MockerFixture, given: tuple[str, ...]
    ) -> None:
        LifeKeeper(paths, Settings(lkroot=second.root(THERE))).commit(Change(add=(replace(VG, server=THERE),)))
        second.forget()
        mocker.patch("lvmkit.resources.dispatch.check", return_value=())
        assert action.main("/subsys/scsi/resources/lvmvg/actions/quickCheck", list(given), paths) == 0
        assert second.told() == {}

    @pytest.mark.parametrize("has_other", [True, False])
    @pytest.mark.parametrize("name", ["delete", "remove"])
    def test_only_the_last_server_that_deletes_a_group_lets_the_boot_activate_it(
        self,
        second: Core,
        port: LifeKeeper,
        paths: Paths,
        tmp_path: Path,
        mocker: MockerFixture,
        name: str,
        has_other: bool,
    ) -> None:
        """The core runs the script on each server, also when only that one is taken from the hierarchy."""
        group = replace(VG, info="vg_uuid=VG\x02autoactivation=y")
        if has_other:
            port.commit(Change(add=(group,)))
        there = replace(group, server=THERE)
        adapter(second, tmp_path, THERE).commit(Change(add=(there,), template=HERE if has_other else ""))
        facts: list[VgFacts] = []

        def act(given: VgFacts, _host: object) -> str:
            facts.append(given)
            return "done"

        mocker.patch(f"lvmkit.resources.lvmvg.{'release' if name == 'delete' else name}", act)
        assert action.main(f"/subsys/scsi/resources/lvmvg/actions/{name}", ["-t", "vg"], paths) == 0
        left = name == "delete" and has_other
        assert [(each.uuid, each.was_autoactivated) for each in facts] == [("VG", None if left else True)]

    def test_unextend_takes_one_instance_of_this_server_whatever_its_tag_is(
        self, second: Core, port: LifeKeeper, paths: Paths, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        script, there = "/lkadm/subsys/scsi/lvmvg/bin/unextend", adapter(second, tmp_path, THERE)
        port.commit(Change(add=(VG,)))
        there.commit(Change(add=(replace(VG, server=THERE, tag="data"),)))
        content = second.read()
        content["shared"] = {f"{HERE}\x01vg": [[THERE, "data"]], f"{THERE}\x01data": [[HERE, "vg"]]}
        second._write(content)
        assert admin.main(script, [HERE, "vg"], paths) == 0
        assert (capfd.readouterr().out, there.hierarchy(), port.hierarchy().tags) == ("data\n", Hierarchy(), ("vg",))
        assert admin.main(script, [HERE, "vg"], paths) == 1
        assert ":110167:" in capfd.readouterr().err

    @pytest.mark.parametrize("namesake", [False, True])
    def test_canextend_gives_the_reasons_against_it(
        self,
        second: Core,
        port: LifeKeeper,
        paths: Paths,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        namesake: bool,
    ) -> None:
        """The disks of the group are nowhere. This server may have the tag for something else."""
        port.commit(Change(add=(VG,)))
        if namesake:
            other = replace(VG, server=THERE, id="lvmvg-other", info="vg_uuid=OTHER")
            adapter(second, tmp_path, THERE).commit(Change(add=(other,)))
        assert admin.main("/lkadm/subsys/scsi/lvmvg/bin/canextend", [HERE, "vg"], paths) == 1
        said = capfd.readouterr().err
        assert (":000008:" in said, ":000003:" in said) == (True, False)

    @pytest.mark.parametrize(("found", "code"), [([()], 0), ([(SICK,), ()], 0), ([(SICK,), (SICK,)], 1)])
    def test_a_recovery_starts_what_is_broken_once_and_looks(
        self, second: Core, paths: Paths, tmp_path: Path, mocker: MockerFixture, found: list[object], code: int
    ) -> None:
        """Where that is not enough its exit status says so, and the core moves all of it to another server."""
        adapter(second, tmp_path, THERE).commit(Change(add=(replace(VG, server=THERE, state=ISP),)))
        mocker.patch("lvmkit.resources.dispatch.check", side_effect=found)
        restored: list[object] = []

        def restore(*given: object) -> str:
            restored.append(given)
            return "started"

        mocker.patch("lvmkit.resources.dispatch.restore", side_effect=restore)
        assert action.main("/subsys/scsi/resources/lvmvg/recovery/lvmvg/failed", ["-t", "vg"], paths) == code
        assert len(restored) == len(found) - 1

    def test_the_engine_is_lifekeeper_where_its_core_is(self, second: Core, paths: Paths) -> None:
        assert engine_name(paths, Settings(lkroot=second.root())) == "lifekeeper"
        assert engine_name(paths, Settings(lkroot=second.root(), engine="embedded")) == "embedded"
        assert engine_name(replace(paths, cib="/none"), Settings(lkroot="/none")) == "embedded"

    def test_the_kit_on_the_server_of_a_killed_process_is_asked_for_the_lock(
        self, second: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def free(_asked: Asked) -> Finished:
            with adapter(second, tmp_path, THERE).admin_lock("free what a killed run has left"):
                return Servers.whole()

        servers = Servers(monkeypatch)
        servers.answers["free-lock"] = free
        take_the_lock_and_die(adapter(second, tmp_path, THERE))
        (tmp_path / "settings").write_text(f"LKROOT={second.root(HERE)}\nLVMKIT_LOCK_PATIENCE=0.5\n")
        paths = Paths(state=f"{tmp_path}/state", run=f"{tmp_path}/run", own_defaults=f"{tmp_path}/settings")
        with kits.kit(paths, unheard).port.admin_lock("another"):
            assert servers.requests == [(THERE, "free-lock")]

    def test_the_scripts_of_other_kits_are_the_cores_where_that_is_the_engine(
        self, second: Core, paths: Paths, tmp_path: Path
    ) -> None:
        (tmp_path / "settings").write_text(f"LKROOT={second.root()}\n")
        chosen = replace(paths, own_defaults=f"{tmp_path}/settings")
        assert kits.kit(chosen, unheard).paths.kits == second.root()
        (tmp_path / "settings").write_text(f"LKROOT={second.root()}\nLVMKIT_ENGINE=embedded\n")
        assert kits.kit(chosen, unheard).paths.kits == paths.lkroot
