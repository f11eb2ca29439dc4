"""The boot guard: takes down what the boot activated, and never what is in service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import boot_guard as entry
from lvmkit.model import names
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
from lvmkit.model.messages.command import NotRoot
from lvmkit.model.messages.guide import UsageError
from lvmkit.model.messages.service import LvBusy
from lvmkit.model.messages.storage import CommandFailed, FileUnreadable
from lvmkit.model.record import Record
from lvmkit.model.settings import Settings
from lvmkit.plan import Kit
from lvmkit.storage import activation, records
from lvmkit.workflow import boot_guard
from lvmkit.workflow.boot_guard import guard
from tests.unit.fakes import FakePort
from tests.unit.machine import Machine, SharedDisk, uuid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.unit.machine import Mapped

DATA, OTHER, ROOT = "my-vg.1", "other", "sys"
UUID = {DATA: uuid_of("d"), OTHER: uuid_of("o"), ROOT: uuid_of("r")}
SYSTEMCTL, UDEVADM = "/usr/bin/systemctl", "/usr/bin/udevadm"


class Booted(Machine):
    """A server that has booted. Volume groups are up in its kernel, as somebody else activated them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.disk = SharedDisk("A")
        self.attach(self.disk)
        self.told: list[Message] = []
        self.kit = Kit(FakePort(), self.paths, Settings(), self.told.append)
        self.start_process(1, "systemd")
        self.take_over(patch)

    def put_on_list(self, *vgs: str) -> None:
        Path(self.paths.lkvgs).write_text("".join(f"{vg}\n" for vg in vgs))

    def activate(self, vg: str, *lvs: str, uuid: str = "", on: Mapped | None = None, kind: str = "linear") -> Mapped:
        """on: a device on which it has its physical volume; a disk by default. Returns the last of its volumes."""
        below, legs = ((on.number,), on.legs) if on else ((self.place_of(self.disk).number,), (self.disk,))
        for lv in lvs or ("data",):
            dm_uuid = names.dm_uuid(uuid or UUID[vg], uuid_of(lv))
            device = self.dm.create(names.dm_name(vg, lv), dm_uuid, kind, below, legs)
        return device

    def use(self, device: Mapped) -> None:
        """Somebody uses a volume."""
        self.start_process(77, "db", opens=[f"/dev/mapper/{device.name}"])

    def before(self, program: str, act: Callable[[], object]) -> None:
        """Let something happen when a program is started."""

        def watch(event: str) -> None:
            if program in event:
                self.watch = lambda _event: None
                act()

        self.watch = watch

    @property
    def waits(self) -> int:
        """How often the end of the boot was waited for."""
        return sum("settle" in argv for argv in self.ran)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Booted:
    return Booted(tmp_path, monkeypatch)


class TestWhatTheBootActivated:
    def test_a_listed_group_that_is_active_goes_down(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "data", "www")
        assert guard(machine.kit)
        assert machine.active() == []
        (told,) = machine.told
        assert (type(told), told.as_dict()["vg"]) == (BootDeactivated, DATA)

    def test_it_waits_for_the_boot_before_it_looks(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.before("udevadm settle", lambda: machine.activate(DATA))
        assert guard(machine.kit)
        assert [type(message) for message in machine.told] == [BootDeactivated]

    def test_a_group_that_is_not_listed_is_nobodys_business(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.activate(OTHER)
        assert guard(machine.kit)
        assert (machine.active(), machine.told) == (["other-data"], [])

    def test_a_device_of_somebody_else_with_such_a_name_is_left_alone(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.dm.create(names.dm_name(DATA, "data"), "mpath-1", "multipath", (), ())
        assert guard(machine.kit)
        assert len(machine.dm.devices) == 1

    def test_two_groups_of_one_name_both_go(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "a")
        machine.activate(DATA, "b", uuid=UUID[OTHER])
        assert guard(machine.kit)
        assert machine.active() == []

    def test_a_group_that_is_listed_by_its_uuid_is_meant_whatever_its_name(self, machine: Booted) -> None:
        machine.put_on_list(f"{DATA} # {UUID[DATA]}")
        machine.activate("renamed", uuid=UUID[DATA])
        left = machine.activate(DATA, uuid=UUID[OTHER])
        assert guard(machine.kit)
        assert list(machine.dm.devices.values()) == [left]

    @pytest.mark.parametrize("exists", [True, False])
    def test_without_a_list_nothing_is_waited_for(self, machine: Booted, exists: bool) -> None:
        if exists:
            machine.put_on_list()
        machine.activate(DATA)
        assert guard(machine.kit)
        assert (machine.ran, len(machine.active())) == ([], 1)

    def test_a_list_that_cannot_be_read_is_said(self, machine: Booted) -> None:
        Path(machine.paths.lkvgs).mkdir()
        with pytest.raises(Failure) as caught:
            guard(machine.kit)
        assert isinstance(caught.value.messages[0], FileUnreadable)


class TestWhatStays:
    def test_who_holds_it_is_named_and_the_others_still_go(self, machine: Booted) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.use(machine.activate(DATA))
        machine.activate(OTHER)
        assert not guard(machine.kit)
        assert machine.active() == ["my--vg.1-data"]
        why = str(Failure(LvBusy("my--vg.1-data", ("process 77 (db): the device is open",))))
        assert BootActiveStays(DATA, why) in machine.told

    def test_a_group_below_another_one_goes_once_that_one_has_gone(self, machine: Booted) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.activate(OTHER, on=machine.activate(DATA))
        assert guard(machine.kit)
        assert machine.active() == []
        assert [message.as_dict()["vg"] for message in machine.told] == [OTHER, DATA]

    def test_one_that_never_goes_is_tried_once(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.use(machine.activate(DATA))
        assert not guard(machine.kit)
        patience = Settings().busy_patience
        assert patience <= machine.slept < 2 * patience

    def test_no_command_may_outlast_the_guard(self, machine: Booted, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(boot_guard, "DEADLINE", 7.0)
        machine.put_on_list(DATA)
        machine.activate(DATA, kind="raid")
        machine.slow["vgchange"] = float("inf")
        guard(machine.kit)
        assert "vgchange" in machine.ran[-1]
        assert machine.slept == pytest.approx(7.0, abs=0.1)

    def test_when_the_time_is_over_nothing_more_is_tried(
        self, machine: Booted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(boot_guard, "DEADLINE", 0.0)
        machine.put_on_list(DATA)
        machine.activate(DATA)
        assert not guard(machine.kit)
        assert len(machine.active()) == 1
        assert [type(message) for message in machine.told] == [BootActiveStays]

    def test_a_boot_that_does_not_end_is_said_and_what_there_is_goes(self, machine: Booted) -> None:
        machine.slow["udevadm settle"] = float("inf")
        machine.put_on_list(DATA)
        machine.activate(DATA)
        assert guard(machine.kit)
        assert [type(message) for message in machine.told] == [BootUnsettled, BootDeactivated]


class TestNeverWhatIsInService:
    @pytest.mark.parametrize("comm", ["pacemakerd", "pacemaker-contr", "pacemaker-based", "corosync", "crmd"])
    def test_nothing_is_done_where_a_cluster_runs(self, machine: Booted, comm: str) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA)
        machine.start_process(4711, comm)
        with pytest.raises(Failure) as caught:
            guard(machine.kit)
        assert caught.value.messages == (GuardInCluster(comm),)
        assert len(machine.active()) == 1

    def test_a_cluster_that_starts_meanwhile_ends_the_work(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA)
        machine.before("udevadm settle", lambda: machine.start_process(5, "corosync"))
        assert not guard(machine.kit)
        assert len(machine.active()) == 1

    def test_it_acts_once_in_a_boot(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        assert guard(machine.kit)
        machine.activate(DATA)
        assert guard(machine.kit)
        assert (len(machine.active()), machine.waits) == (1, 1)
        assert machine.told == [GuardRanAlready()]
        machine.reboot()
        machine.activate(DATA)
        assert guard(machine.kit)
        assert machine.active() == []

    def test_one_that_was_killed_does_not_come_back(self, machine: Booted) -> None:
        def kill() -> None:
            raise KeyboardInterrupt

        machine.put_on_list(DATA)
        machine.activate(DATA)
        machine.before("udevadm settle", kill)
        with pytest.raises(KeyboardInterrupt):
            guard(machine.kit)
        assert guard(machine.kit)
        assert len(machine.active()) == 1

    def test_what_the_kit_brought_up_stays(self, machine: Booted) -> None:
        machine.put_on_list(DATA, OTHER)
        machine.activate(DATA)
        machine.activate(OTHER)
        records.store(machine.paths, Record("tag", DATA, UUID[DATA], (), ()))
        assert guard(machine.kit)
        assert machine.active() == ["my--vg.1-data"]
        assert BroughtUpByKit(DATA) in machine.told

    def test_also_where_it_was_renamed_since(self, machine: Booted) -> None:
        machine.put_on_list(f"{DATA} # {UUID[DATA]}")
        machine.activate("renamed", uuid=UUID[DATA])
        records.store(machine.paths, Record("tag", DATA, UUID[DATA], (), ()))
        assert guard(machine.kit)
        assert (machine.active(), machine.told) == (["renamed-data"], [BroughtUpByKit("renamed")])

    @pytest.mark.parametrize("where", ["/", "/var", "/boot"])
    def test_what_the_server_itself_runs_on_stays_though_listed(self, machine: Booted, where: str) -> None:
        machine.put_on_list(ROOT)
        machine.activate(ROOT, "swap")
        machine.add_mount(where, machine.activate(ROOT, "root").number, "ext4", "/dev/mapper/sys-root")
        assert guard(machine.kit)
        assert machine.active() == ["sys-root", "sys-swap"]
        (told,) = machine.told
        assert (type(told), told.as_dict()["vg"]) == (SystemGroupListed, ROOT)

    def test_also_below_layers(self, machine: Booted) -> None:
        machine.put_on_list(ROOT)
        device = machine.activate(ROOT, "pv_of_root")
        for layer in ("crypt", "cache"):
            device = machine.dm.create(layer, f"{layer.upper()}-1", layer, (device.number,), ())
        machine.add_mount("/", device.number, "ext4", "/dev/mapper/cache")
        assert guard(machine.kit)
        assert [type(message) for message in machine.told] == [SystemGroupListed]

    def test_also_where_the_file_system_has_a_number_of_its_own(self, machine: Booted) -> None:
        machine.put_on_list(ROOT)
        machine.activate(ROOT, "root")
        machine.add_mount("/", "0:31", "btrfs", "/dev/mapper/sys-root")
        assert guard(machine.kit)
        assert machine.active() == ["sys-root"]


class TestDryRun:
    def test_it_shows_and_changes_nothing(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.activate(DATA, "data")
        assert guard(machine.kit, dry_run=True)
        assert machine.told == [BootWouldDeactivate(DATA, ("my--vg.1-data",))]
        assert (len(machine.active()), machine.ran) == (1, [])
        assert guard(machine.kit)
        assert machine.active() == []

    def test_after_the_boot_it_says_that_all_is_done_and_still_shows(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        guard(machine.kit)
        machine.activate(DATA)
        assert guard(machine.kit, dry_run=True)
        assert [type(message) for message in machine.told] == [GuardRanAlready, BootWouldDeactivate]

    def test_in_a_cluster_it_refuses_as_well(self, machine: Booted) -> None:
        machine.start_process(2, "pacemakerd")
        with pytest.raises(Failure):
            guard(machine.kit, dry_run=True)


class TestWaiting:
    """For the end of the boot's own activations."""

    @staticmethod
    def _answer(machine: Machine, *lists: str) -> list[str]:
        """Let systemd list units, one list after the other; returns those that are left."""
        left = [*lists]

        def list_units(words: Sequence[str], _stdin: bytes | None) -> tuple[int, str, str]:
            assert words[0] == "list-units"
            return 0, left.pop(0), ""

        machine.programs[SYSTEMCTL] = list_units
        return left

    def test_units_that_run_are_waited_for_and_ended_ones_are_not(self, machine: Booted) -> None:
        unit = "lvm-activate-vg.service loaded {} [systemd-run] /sbin/lvm vgchange -aay\n"
        states = [unit.format("active running"), unit.format("inactive dead") + unit.format("failed failed")]
        states += [unit.format("active exited") + unit.format("failed failed"), "extra"]
        left = self._answer(machine, *states)
        activation.wait_until_done(deadline=30.0)
        assert left == ["extra"]
        assert machine.waits == 1

    def test_udev_that_is_not_done_is_a_failure(self, machine: Booted) -> None:
        machine.programs[UDEVADM] = lambda *_: (1, "", "")
        with pytest.raises(Failure) as caught:
            activation.wait_until_done(deadline=30.0)
        assert isinstance(caught.value.messages[0], CommandFailed)

    def test_a_unit_that_does_not_end_is_a_failure_that_names_it(self, machine: Booted) -> None:
        self._answer(machine, *["lvm-activate-vg.service loaded active running x\n"] * 999)
        with pytest.raises(Failure) as caught:
            activation.wait_until_done(deadline=30.0)
        assert "lvm-activate-vg.service" in str(caught.value)
        assert 30.0 <= machine.slept < 31.0


class TestProgram:
    @pytest.mark.parametrize("words", [["--now"], ["-n", "x"], [""]])
    def test_wrong_usage_ends_with_000002(self, machine: Booted, words: list[str]) -> None:
        answer = machine.call(lambda: entry.main(words, machine.paths))
        assert (answer.code != 0, answer.said) == (True, [UsageError.number])

    def test_it_needs_root(
        self, machine: Booted, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert entry.main([], machine.paths) == 1
        assert f":{NotRoot.number}:" in capfd.readouterr().err

    def test_its_exit_code_says_whether_one_stays(self, machine: Booted) -> None:
        machine.put_on_list(DATA)
        machine.use(machine.activate(DATA))
        assert machine.call(lambda: entry.main(["--dry-run"], machine.paths)).code == 0
        answer = machine.call(lambda: entry.main([], machine.paths))
        assert (answer.code, answer.said) == (1, [BootActiveStays.number])
