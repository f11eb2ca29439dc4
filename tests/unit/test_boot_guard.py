"""The boot guard: takes down what the boot activated, and never what is in service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lvmkit.entry import boot_guard as entry
from lvmkit.entry import report
from lvmkit.host import Host
from lvmkit.model import names
from lvmkit.model.facts import VgFacts
from lvmkit.model.messages import Failure, Message
from lvmkit.model.messages.boot import (
    BootActiveStays,
    BootDeactivated,
    BootUnsettled,
    BootWouldDeactivate,
    BroughtUpByKit,
    GuardInCluster,
    GuardRanAlready,
    SystemGroupListed,
)
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.messages.storage import CommandFailed, CommandHung, FileUnreadable
from lvmkit.model.record import Record
from lvmkit.plan import Kit
from lvmkit.resources import lvmvg
from lvmkit.storage import activation, dm, mountinfo, records, sysfs
from lvmkit.storage.dm import Device
from lvmkit.storage.mountinfo import Mount
from lvmkit.storage.run import Finished
from lvmkit.workflow import boot_guard
from lvmkit.workflow.boot_guard import guard
from tests.unit.fakes import FakePort, kit
from tests.unit.machine import uuid_of

DATA, OTHER, ROOT = "my-vg.1", "other", "sys"
UUID = {DATA: uuid_of("d"), OTHER: uuid_of("o"), ROOT: uuid_of("r")}


class Machine:
    """A server that has booted: what device-mapper holds, what is mounted, who runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.devices: list[Device] = []
        self.mounts: list[Mount] = []
        self.below: dict[str, list[str]] = {}
        """number: numbers of the devices that it stands on"""
        self.refusing: dict[str, list[Message]] = {}
        """volume group: why it does not go, once for each entry"""
        self.removed: list[VgFacts] = []
        self.deadlines: list[float] = []
        self.waits = 0
        self.unsettled: Message | None = None
        self.told: list[Message] = []
        self.kit: Kit = kit(FakePort(), folder, self.told.append)
        (folder / "proc").mkdir()
        self.run_process(1, "systemd")
        monkeypatch.setattr(boot_guard, "PROC", f"{folder}/proc")
        monkeypatch.setattr(lvmvg, "remove", self._remove)
        monkeypatch.setattr(activation, "wait_until_done", self._wait)
        monkeypatch.setattr(dm, "list_devices", lambda: tuple(self.devices))
        monkeypatch.setattr(mountinfo, "mounts", lambda: tuple(self.mounts))
        monkeypatch.setattr(sysfs, "kernel_name", lambda number: "" if number.startswith("0:") else f"dev{number}")
        monkeypatch.setattr(sysfs, "number_of", lambda path: path if ":" in path else "")
        monkeypatch.setattr(sysfs, "whole_disk", lambda number, *_: number)
        monkeypatch.setattr(sysfs, "slaves", lambda n, *_: [sysfs.Block(each, each) for each in self.below.get(n, [])])

    def put_on_list(self, *vgs: str) -> None:
        (self.folder / "lkvgs").write_text("".join(f"{vg}\n" for vg in vgs))

    def activate(self, vg: str, *lvs: str, uuid: str = "") -> None:
        for lv in lvs or ("data",):
            number = f"253:{len(self.devices)}"
            self.devices.append(Device(names.dm_name(vg, lv), names.dm_uuid(uuid or UUID[vg], uuid_of(lv)), number))

    def run_process(self, pid: int, comm: str) -> None:
        (self.folder / "proc" / str(pid)).mkdir()
        (self.folder / "proc" / str(pid) / "comm").write_text(f"{comm}\n")

    def mount(self, number: str, where: str, source: str = "none") -> None:
        self.mounts.append(Mount(1, where, number, "/", "ext4", source, (), ()))

    @property
    def gone(self) -> list[str]:
        return [vg.name for vg in self.removed]

    def _remove(self, vg: VgFacts, host: Host) -> str:
        self.deadlines.append(host.settings.command_deadline)
        why = self.refusing.get(vg.name)
        if why:
            raise Failure(why.pop(0))
        self.removed.append(vg)
        return "done"

    def _wait(self, *, deadline: float) -> None:
        self.waits += 1
        if self.unsettled:
            raise Failure(self.unsettled)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


class TestWhatTheBootActivated:
    def test_a_listed_group_that_is_active_goes_down_by_its_uuid(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "data", "www")
        assert guard(machine.kit)
        assert machine.removed == [VgFacts(DATA, f"lvmvg-{DATA}", DATA, UUID[DATA])]
        assert machine.told == [BootDeactivated(DATA, "done")]

    def test_it_waits_for_the_boot_before_it_looks(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        machine.put_on_list(DATA)
        monkeypatch.setattr(activation, "wait_until_done", lambda *, deadline: machine.activate(DATA))
        assert guard(machine.kit)
        assert machine.gone == [DATA]

    def test_a_group_that_is_not_listed_is_nobodys_business(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.activate(OTHER)
        assert guard(machine.kit)
        assert (machine.removed, machine.told) == ([], [])

    def test_a_device_of_somebody_else_with_such_a_name_is_left_alone(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.devices.append(Device(names.dm_name(DATA, "data"), "mpath-1", "253:9"))
        assert guard(machine.kit)
        assert machine.removed == []

    def test_two_groups_of_one_name_both_go(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "a")
        machine.activate(DATA, "b", uuid=UUID[OTHER])
        assert guard(machine.kit)
        assert {vg.uuid for vg in machine.removed} == {UUID[DATA], UUID[OTHER]}

    def test_a_group_that_is_listed_by_its_uuid_is_meant_whatever_its_name(self, machine: Machine) -> None:
        machine.put_on_list(f"{DATA} # {UUID[DATA]}")
        machine.activate("renamed", uuid=UUID[DATA])
        machine.activate(DATA, uuid=UUID[OTHER])
        assert guard(machine.kit)
        assert [(vg.name, vg.uuid) for vg in machine.removed] == [("renamed", UUID[DATA])]

    @pytest.mark.parametrize("exists", [True, False])
    def test_without_a_list_nothing_is_waited_for(self, machine: Machine, exists: bool) -> None:
        if exists:
            machine.put_on_list()
        machine.activate(DATA)
        assert guard(machine.kit)
        assert (machine.waits, machine.removed) == (0, [])

    def test_a_list_that_cannot_be_read_is_said(self, machine: Machine) -> None:
        (machine.folder / "lkvgs").mkdir()
        with pytest.raises(Failure) as caught:
            guard(machine.kit)
        assert isinstance(caught.value.messages[0], FileUnreadable)


class TestWhatStays:
    def test_who_holds_it_is_named_and_the_others_still_go(self, machine: Machine) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.activate(DATA)
        machine.activate(OTHER)
        busy = LvBusy("data", ("mount /srv",))
        machine.refusing[DATA] = [busy] * 2
        assert not guard(machine.kit)
        assert machine.gone == [OTHER]
        assert BootActiveStays(DATA, str(Failure(busy))) in machine.told

    def test_a_group_below_another_one_goes_once_that_one_has_gone(self, machine: Machine) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.activate(DATA)
        machine.activate(OTHER)
        machine.refusing[DATA] = [LvBusy("data", ("nested PV other-data",))]
        assert guard(machine.kit)
        assert machine.gone == [OTHER, DATA]
        assert not any(isinstance(message, BootActiveStays) for message in machine.told)

    def test_one_that_never_goes_is_not_tried_for_ever(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA)
        machine.refusing[DATA] = [LvBusy("data", ("swap",))] * 9
        assert not guard(machine.kit)
        assert len(machine.refusing[DATA]) == 8

    def test_no_command_may_outlast_the_guard(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(boot_guard, "DEADLINE", 7.0)
        machine.put_on_list(DATA)
        machine.activate(DATA)
        guard(machine.kit)
        assert 0 < machine.deadlines[0] <= 7.0

    def test_when_the_time_is_over_nothing_more_is_tried(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(boot_guard, "DEADLINE", 0.0)
        machine.put_on_list(DATA)
        machine.activate(DATA)
        assert not guard(machine.kit)
        assert machine.removed == []
        assert [type(message) for message in machine.told] == [BootActiveStays]

    def test_a_boot_that_does_not_end_is_said_and_what_there_is_goes(self, machine: Machine) -> None:
        machine.unsettled = CommandHung("udevadm settle", 30.0, "killed")
        machine.put_on_list(DATA)
        machine.activate(DATA)
        assert guard(machine.kit)
        assert [type(message) for message in machine.told] == [BootUnsettled, BootDeactivated]


class TestNeverWhatIsInService:
    @pytest.mark.parametrize("comm", ["pacemakerd", "pacemaker-contr", "pacemaker-based", "corosync", "crmd"])
    def test_nothing_is_done_where_a_cluster_runs(self, machine: Machine, comm: str) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA)
        machine.run_process(4711, comm)
        with pytest.raises(Failure) as caught:
            guard(machine.kit)
        assert caught.value.messages == (GuardInCluster(comm),)
        assert machine.removed == []

    def test_a_cluster_that_starts_meanwhile_ends_the_work(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA)
        monkeypatch.setattr(activation, "wait_until_done", lambda *, deadline: machine.run_process(5, "corosync"))
        assert not guard(machine.kit)
        assert machine.removed == []

    def test_it_acts_once_in_a_boot(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        assert guard(machine.kit)
        machine.activate(DATA)
        assert guard(machine.kit)
        assert (machine.removed, machine.waits) == ([], 1)
        assert machine.told == [GuardRanAlready()]

    def test_one_that_was_killed_does_not_come_back(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        def killed(*, deadline: float) -> None:
            raise KeyboardInterrupt

        machine.put_on_list(DATA)
        machine.activate(DATA)
        with monkeypatch.context() as patch:
            patch.setattr(activation, "wait_until_done", killed)
            with pytest.raises(KeyboardInterrupt):
                guard(machine.kit)
        assert guard(machine.kit)
        assert machine.removed == []

    def test_what_the_kit_brought_up_stays(self, machine: Machine) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.activate(DATA)
        machine.activate(OTHER)
        records.store(machine.kit.paths, Record("tag", DATA, UUID[DATA], (), ()))
        assert guard(machine.kit)
        assert machine.gone == [OTHER]
        assert BroughtUpByKit(DATA) in machine.told

    def test_also_where_it_was_renamed_since(self, machine: Machine) -> None:
        machine.put_on_list(f"{DATA} # {UUID[DATA]}")
        machine.activate("renamed", uuid=UUID[DATA])
        records.store(machine.kit.paths, Record("tag", DATA, UUID[DATA], (), ()))
        assert guard(machine.kit)
        assert (machine.gone, machine.told) == ([], [BroughtUpByKit("renamed")])

    @pytest.mark.parametrize("where", ["/", "/var", "/boot"])
    def test_what_the_server_itself_runs_on_stays_though_listed(self, machine: Machine, where: str) -> None:
        machine.put_on_list(ROOT)
        machine.activate(ROOT, "root")
        machine.mount("253:0", where)
        assert guard(machine.kit)
        assert machine.removed == []
        (told,) = machine.told
        assert isinstance(told, SystemGroupListed)
        assert told.vg == ROOT

    def test_also_below_layers(self, machine: Machine) -> None:
        machine.put_on_list(ROOT)
        machine.activate(ROOT, "pv_of_root")
        machine.below = {"253:5": ["9:1"], "9:1": ["253:0"]}
        machine.mount("253:5", "/")
        assert guard(machine.kit)
        assert machine.removed == []

    def test_also_where_the_file_system_has_a_number_of_its_own(self, machine: Machine) -> None:
        machine.put_on_list(ROOT)
        machine.activate(ROOT, "root")
        machine.mount("0:31", "/", source="253:0")
        assert guard(machine.kit)
        assert machine.removed == []


class TestDryRun:
    def test_it_shows_and_changes_nothing(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "data")
        assert guard(machine.kit, dry_run=True)
        assert machine.told == [BootWouldDeactivate(DATA, ("my--vg.1-data",))]
        assert (machine.removed, machine.waits) == ([], 0)
        assert guard(machine.kit)
        assert machine.gone == [DATA]

    def test_after_the_boot_it_says_that_all_is_done_and_still_shows(self, machine: Machine) -> None:
        machine.put_on_list(DATA)
        guard(machine.kit)
        machine.activate(DATA)
        assert guard(machine.kit, dry_run=True)
        assert [type(message) for message in machine.told] == [GuardRanAlready, BootWouldDeactivate]

    def test_in_a_cluster_it_refuses_as_well(self, machine: Machine) -> None:
        machine.run_process(2, "pacemakerd")
        with pytest.raises(Failure):
            guard(machine.kit, dry_run=True)


class TestWaiting:
    """activation.wait_until_done() against commands that are declared in order."""

    @pytest.fixture
    def commands(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
        queue: list[tuple[str, int, str]] = []

        def run(argv: tuple[str, ...], *, deadline: float) -> Finished:
            wanted, status, stdout = queue.pop(0)
            assert wanted in argv
            return Finished(argv, status, stdout, "", 0.0)

        monkeypatch.setattr(activation, "run", run)
        monkeypatch.setattr(activation, "_PAUSE", 0.0)
        return queue

    def test_units_that_run_are_waited_for_and_ended_ones_are_not(self, commands: list[tuple[str, int, str]]) -> None:
        unit = "lvm-activate-vg.service loaded {} [systemd-run] /sbin/lvm vgchange -aay\n"
        states = [unit.format("active running"), unit.format("inactive dead") + unit.format("failed failed")]
        states += [unit.format("active exited") + unit.format("failed failed"), "extra"]
        commands += [("settle", 0, ""), *(("list-units", 0, state) for state in states)]
        activation.wait_until_done(deadline=30.0)
        assert [command[2] for command in commands] == ["extra"]

    def test_udev_that_is_not_done_is_a_failure(self, commands: list[tuple[str, int, str]]) -> None:
        commands += [("settle", 1, "")]
        with pytest.raises(Failure) as caught:
            activation.wait_until_done(deadline=30.0)
        assert isinstance(caught.value.messages[0], CommandFailed)

    def test_a_unit_that_does_not_end_is_a_failure_that_names_it(self, commands: list[tuple[str, int, str]]) -> None:
        commands += [("settle", 0, ""), ("list-units", 0, "lvm-activate-vg.service loaded active running x\n")]
        with pytest.raises(Failure) as caught:
            activation.wait_until_done(deadline=0.0)
        assert "lvm-activate-vg.service" in str(caught.value)


class TestProgram:
    @pytest.fixture(autouse=True)
    def _quiet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(report, "_send", lambda *_: True)
        monkeypatch.setattr("lvmkit.entry.boundary._turn_signals_into_exceptions", lambda: None)

    @pytest.mark.parametrize("words", [["--now"], ["-n", "x"], [""]])
    def test_wrong_usage_ends_with_000002(self, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
        assert entry.main(words) != 0
        assert ":000002:" in capfd.readouterr().err

    def test_it_needs_root(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert entry.main([]) == 1
        assert ":110103:" in capfd.readouterr().err

    def test_its_exit_code_says_whether_one_stays(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        machine.put_on_list(DATA)
        machine.activate(DATA)
        assert entry.main(["--dry-run"], machine.kit.paths) == 0
        machine.refusing[DATA] = [LvBusy("data", ("swap",))] * 2
        assert entry.main([], machine.kit.paths) == 1
        assert ":110182:" in capfd.readouterr().err
