"""The round of the timer on a whole machine: look, finish what was interrupted, recover what can be helped."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import database
from lvmkit.cluster.embedded.recovery import TAKING_DOWN
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import (
    AdminLockHeld,
    Recovered,
    RecoveriesUsedUp,
    RecoveryBegins,
    RecoveryCannotHelp,
    RecoveryFailed,
    RecoveryInVain,
    StateNotStored,
)
from lvmkit.model.messages.faults import LvWrongTable, MountedReadOnly, NotMounted, NotProtected
from lvmkit.model.messages.guide import CallingSendevent
from tests.unit.machine.disks import Metadata, write
from tests.unit.one_server import BOTH, POINT, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mock import MockerFixture

    from tests.unit.machine import Answer, Mount

HOUR = 3600
ALL = {"/data", "vg1/data", "vg1"}
RECOVERY = [CallingSendevent.number, RecoveryBegins.number, Recovered.number]


class Killed(BaseException):
    """kill -9, as far as a process that goes on can act it."""


class World(Server):
    """/srv/data on vg1/data on vg1, protected and in service; vg1/www is nobody's."""

    def round(self) -> Answer:
        """What the timer runs."""
        return self.machine.command("check", "--all")

    def states(self) -> dict[str, str]:
        resources = json.loads("".join(self.machine.command("status", "--format", "json").out))["resources"]
        return {each["tag"]: each["state"] for each in resources if each["tag"] in ALL}

    def reason(self, tag: str) -> str:
        resources = json.loads("".join(self.machine.command("status", "--format", "json").out))["resources"]
        return next(str(each["reason"]) for each in resources if each["tag"] == tag)

    @property
    def is_well(self) -> bool:
        return self.machine.command("check").code == 0 and set(self.states().values()) == {"ISP"}

    def wipe(self, name: str = "vg1-data") -> None:
        for device in self.machine.dm.devices.values():
            if device.name == name:
                device.kind = "error"

    def mount(self) -> Mount:
        (mount,) = self.machine.mounts
        return mount

    def moves(self, answer: Answer) -> list[int]:
        """What was said of recovery, without its steps."""
        return [number for number in answer.said if number in {*RECOVERY, RecoveryFailed.number}]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    Path(world.machine.paths.defaults).write_text("LVMKIT_BUSY_PATIENCE=0\nLVMKIT_LOCK_PATIENCE=0\n")
    return world


class TestTheRound:
    def test_when_all_is_well_nothing_is_said_run_or_locked(self, world: World) -> None:
        locks = Path(world.machine.paths.state, "admin.lock")
        locks.unlink()
        answer = world.round()
        assert (answer.code, answer.err, world.machine.ran, locks.exists()) == (0, "", [], False)

    def test_what_broke_is_brought_back(self, world: World) -> None:
        world.unmount()
        answer = world.round()
        assert (answer.code, answer.out[-1].split()[0]) == (0, "recovered")
        assert world.moves(answer) == RECOVERY
        assert (world.mount().point, world.is_well) == (POINT, True)

    def test_a_volume_goes_down_with_all_above_it_and_comes_back(self, world: World) -> None:
        world.wipe()
        answer = world.round()
        assert (answer.code, world.moves(answer)) == (0, RECOVERY)
        assert (world.mount().point, world.is_well) == (POINT, True)

    def test_those_who_use_other_volumes_of_the_group_are_left_alone(self, world: World) -> None:
        world.machine.mount_at("/srv/www", "vg1/www")
        www = ("-t", "/www", "-s", "INTELLIGENT", "-p", "/srv/www")
        assert world.machine.admin("filesys/create", *www).code == 0
        before = world.machine.mounts[-1]
        world.wipe()
        assert world.round().code == 0
        assert (before in world.machine.mounts, len(world.machine.mounts), world.is_well) == (True, 2, True)

    def test_a_volume_that_stays_down_is_no_reason_to_take_its_group_down(
        self, world: World, mocker: MockerFixture
    ) -> None:
        world.machine.mount_at("/srv/www", "vg1/www")
        www = ("-t", "/www", "-s", "INTELLIGENT", "-p", "/srv/www")
        assert world.machine.admin("filesys/create", *www).code == 0
        before = world.machine.mounts[-1]
        world.wipe()
        mocker.patch.object(world.machine.lvm, "_activate_volume", return_value="  it does not come up\n")
        assert world.round().code == 1
        assert world.states() == {"/data": "OSF", "vg1/data": "OSF", "vg1": "ISP"}
        assert world.round().code == 0
        assert before in world.machine.mounts

    def test_one_cause_is_told_once(self, world: World) -> None:
        world.wipe()
        world.unmount()
        said = world.round().said
        assert [said.count(number) for number in (LvWrongTable.number, NotMounted.number)] == [1, 0]

    def test_what_is_out_of_service_stays_so(self, world: World) -> None:
        assert world.machine.command("out-of-service", "/data").code == 0
        world.wipe()
        assert world.round().code == 0
        assert world.states() == {"/data": "OSU", "vg1/data": "ISP", "vg1": "ISP"}

    def test_what_does_not_come_back_is_failed(self, world: World, mocker: MockerFixture) -> None:
        world.unmount()
        mocker.patch.object(world.machine, "_mount", return_value=(32, "", "mount: bad superblock"))
        answer = world.round()
        assert (answer.code, RecoveryFailed.number in answer.said) == (1, True)
        assert world.states()["/data"] == "OSF"

    def test_a_boot_brings_back_what_was_in_service(self, world: World) -> None:
        world.machine.reboot()
        assert world.states() == dict.fromkeys(ALL, "ILLSTATE")
        answer = world.round()
        assert (answer.code, world.moves(answer), world.is_well) == (0, [], True)
        assert world.machine.command("out-of-service", "vg1").code == 0
        world.machine.reboot()
        world.round()
        assert (world.states(), world.machine.active()) == (dict.fromkeys(ALL, "OSU"), [])


class TestItCannotHelp:
    """Then nobody is disturbed, and it is said why; the next round looks again."""

    def left_alone(self, world: World, number: int) -> Answer:
        world.machine.ran.clear()
        answer = world.round()
        assert (answer.code, number in answer.said, world.moves(answer)) == (1, True, [])
        assert not [argv for argv in world.machine.ran if argv[0].endswith(("umount", "remove", "restore"))]
        return answer

    def test_a_device_that_takes_no_writes(self, world: World) -> None:
        name = os.path.basename(os.path.realpath(f"{world.machine.root}/dev/vg1/data"))
        protected = Path(world.machine.root, "sys/devices", name, "ro")
        protected.write_text("1\n")
        world.machine.set_read_only(POINT)
        self.left_alone(world, RecoveryCannotHelp.number)
        protected.write_text("0\n")
        assert (world.round().code, world.is_well) == (0, True)

    def test_a_disk_that_is_gone_until_it_is_back(self, world: World) -> None:
        world.machine.detach(world.disks[1])
        answer = self.left_alone(world, RecoveryCannotHelp.number)
        assert "110014" in answer.err
        assert (world.mount().point, set(world.states().values())) == (POINT, {"ISP"})
        world.machine.attach(world.disks[1])
        answer = world.round()
        assert (answer.code, world.moves(answer), world.is_well) == (0, RECOVERY, True)

    def test_a_full_run_until_there_is_room(self, world: World) -> None:
        world.wipe()
        world.machine.leave_room_in_run(kibibytes=0)
        answer = self.left_alone(world, RecoveryCannotHelp.number)
        assert "110352" in answer.err
        world.machine.leave_room_in_run()
        answer = world.round()
        assert (answer.code, world.moves(answer), world.is_well) == (0, RECOVERY, True)

    def test_another_file_system_at_the_mount_point(self, world: World) -> None:
        world.unmount()
        other = world.machine.add_mount(POINT, "259:9", "tmpfs", "none")
        self.left_alone(world, RecoveryCannotHelp.number)
        world.machine.mounts.remove(other)
        world.machine._write_mounts()
        assert (world.round().code, world.is_well) == (0, True)

    def test_a_volume_that_was_removed_on_purpose(self, world: World) -> None:
        world.unmount()
        self.lvremove(world, "data")
        answer = self.left_alone(world, RecoveryCannotHelp.number)
        assert "110028" in answer.err
        assert world.states() == {"/data": "OSF", "vg1/data": "OSF", "vg1": "ISP"}
        assert "110028" in world.reason("vg1/data")
        assert (world.round().code, world.machine.active()) == (0, ["vg1-www"])

    def test_the_record_follows_where_nothing_protected_stood_on_it(self, world: World) -> None:
        self.lvremove(world, "www")
        assert f"{NotProtected.number}" in "".join(world.machine.command("check").out)
        answer = world.round()
        assert (answer.code, answer.said, world.machine.lvm_commands()) == (0, [], [])
        assert f"{NotProtected.number}" not in "".join(world.machine.command("check").out)
        assert world.record.read_text().count("\nlv ") == 1

    def test_a_removed_volume_of_a_group_that_is_protected_as_a_whole_disturbs_nobody(self, world: World) -> None:
        self.protect_the_whole(world)
        self.lvremove(world, "www")
        answer = world.round()
        assert (answer.code, world.moves(answer), world.machine.active()) == (0, [], ["vg1-data"])
        assert world.machine.command("check").code == 0

    def test_one_that_is_only_down_is_not_taken_for_removed(self, world: World) -> None:
        self.protect_the_whole(world)
        world.machine.dm.discard(world.machine.dm.by_name("vg1-data"))
        answer = world.round()
        assert (answer.code, world.moves(answer), world.machine.active()) == (0, RECOVERY, BOTH)

    @staticmethod
    def protect_the_whole(world: World) -> None:
        assert world.machine.admin("filesys/delete", "-t", "/data").code == 0
        world.unmount()
        created = world.machine.admin("lvmvg/create", "-t", "vg1", "-s", "INTELLIGENT", "-p", "/dev/vg1/www")
        assert created.code == 0, created.err

    @staticmethod
    def lvremove(world: World, name: str) -> None:
        metadata: Metadata = world.metadata()
        left = tuple(lv for lv in metadata.volumes if lv.name != name)
        write(Metadata(**{**vars(metadata), "volumes": left}), world.disks)
        gone = next(device for device in world.machine.dm.devices.values() if device.name == f"vg1-{name}")
        world.machine.dm.discard(gone)


class TestItDoesNotHelp:
    @pytest.fixture
    def world(self, world: World) -> World:
        """It is read-only again as soon as its start has ended, whatever the device says."""
        script = world.machine._script

        def ended(path: str, words: Sequence[str]) -> tuple[int, str, str]:
            answer = script(path, words)
            if path.endswith("filesys/actions/restore"):
                world.machine.set_read_only(POINT)
            return answer

        world.machine._script = ended  # type: ignore[method-assign]
        world.machine.set_read_only(POINT)
        return world

    def test_that_is_said_and_it_is_not_done_again(self, world: World) -> None:
        first = world.round()
        assert (first.code, RecoveryInVain.number in first.said, Recovered.number in first.said) == (1, True, False)
        assert (world.mount().point, world.states()["/data"]) == (POINT, "ISP")
        second = world.round()
        assert (second.code, world.moves(second)) == (1, [])
        assert {MountedReadOnly.number, RecoveryInVain.number} <= set(second.said)

    def test_another_fault_is_another_matter(self, world: World) -> None:
        world.round()
        world.unmount()
        assert CallingSendevent.number in world.round().said

    def test_once_it_was_well_it_counts_no_more(self, world: World) -> None:
        world.round()
        world.mount().read_only = False
        world.machine._write_mounts()
        assert world.round().code == 0
        world.machine.set_read_only(POINT)
        assert CallingSendevent.number in world.round().said

    def test_nor_when_somebody_has_seen_to_it(self, world: World) -> None:
        world.round()
        assert world.machine.command("in-service", "/data").code == 0
        assert CallingSendevent.number in world.round().said


class TestTheyAreCounted:
    def break_and_look(self, world: World) -> bool:
        """Whether it was recovered from."""
        if world.machine.mounts:
            world.unmount()
        answer = world.round()
        assert (RecoveriesUsedUp.number in answer.said) == (answer.code != 0)
        return answer.code == 0

    def test_within_an_hour(self, world: World) -> None:
        assert [self.break_and_look(world) for _ in range(4)] == [True, True, False, False]
        assert (world.states()["/data"], world.machine.mounts) == ("ISP", [])
        world.machine.slept += HOUR
        assert self.break_and_look(world)

    def test_until_somebody_has_seen_to_it(self, world: World) -> None:
        assert [self.break_and_look(world) for _ in range(3)] == [True, True, False]
        assert world.machine.command("in-service", "/data").code == 0
        assert self.break_and_look(world)

    def test_of_this_boot(self, world: World) -> None:
        assert [self.break_and_look(world) for _ in range(3)] == [True, True, False]
        world.machine.reboot()
        world.round()
        assert self.break_and_look(world)

    def test_for_each_tag_alone(self, world: World) -> None:
        assert [self.break_and_look(world) for _ in range(3)] == [True, True, False]
        world.wipe()
        answer = world.round()
        assert (answer.code, world.moves(answer)) == (0, RECOVERY)

    def test_as_often_as_the_settings_say(self, world: World) -> None:
        Path(world.machine.paths.defaults).write_text("LVMKIT_RECOVERIES=0\n")
        assert not self.break_and_look(world)


class TestInterrupted:
    """Wherever a recovery ends too early, the next round finishes it; it is not taken for an out-of-service."""

    def killed_at(self, world: World, count: int, broken: str = "volume") -> bool:
        """Break something, and let the recovery be killed at the given event; whether it came so far."""
        if broken == "volume":
            world.wipe()
        else:
            world.machine.detach(world.disks[1])
            world.machine.attach(world.disks[1])
        events: list[str] = []

        def watch(event: str) -> None:
            if event.startswith("dm create"):
                return  # the fake has a device and no node of it yet; what udev does no kill interrupts
            events.append(event)
            if len(events) == count:
                raise Killed

        world.machine.watch = watch
        try:
            world.round()
        except Killed:
            return True
        finally:
            world.machine.watch = lambda _event: None
        return False

    @pytest.mark.parametrize("broken", ["volume", "disk"])
    @pytest.mark.parametrize("is_power_lost", [False, True])
    def test_at_any_moment(self, tmp_path: Path, is_power_lost: bool, broken: str) -> None:
        count = 0
        while True:
            count += 1
            world = World(tmp_path / str(count))
            if not self.killed_at(world, count, broken):
                break
            if is_power_lost:
                world.machine.reboot()
            assert "OSU" not in world.states().values()
            for _ in range(2):  # the first one may find the volume as broken as before
                answer = world.round()
            assert (answer.code, world.is_well, len(world.machine.mounts)) == (0, True, 1), (count, answer.err)
        assert count > 5

    def test_what_is_owed_says_so(self, world: World) -> None:
        assert self.killed_at(world, 2)
        assert world.states()["/data"] == "ILLSTATE"
        assert TAKING_DOWN in world.reason("/data")

    def test_an_administrator_may_leave_it_down(self, world: World) -> None:
        assert self.killed_at(world, 4)
        assert world.machine.command("out-of-service", "vg1").code == 0
        assert (world.round().code, world.states(), world.machine.active()) == (0, dict.fromkeys(ALL, "OSU"), [])


class TestTheLookNeedsNothing:
    def test_but_no_lock(self, world: World) -> None:
        world.unmount()
        with open(f"{world.machine.paths.state}/admin.lock", "w", encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            answer = world.round()
            assert (answer.code, set(answer.said)) == (1, {NotMounted.number, AdminLockHeld.number})
            assert "FAIL" in answer.out[0] + answer.out[-1]
        assert world.round().code == 0

    def test_nor_room_for_its_notes(self, world: World, mocker: MockerFixture) -> None:
        world.unmount()
        full = Failure(StateNotStored("/var/lib/lvmkit", "No space left on device"))
        mocker.patch("lvmkit.cluster.embedded.lock.writing", side_effect=full)
        answer = world.round()
        assert (answer.code, set(answer.said)) == (1, {NotMounted.number, StateNotStored.number})

    @pytest.mark.parametrize("words", [("check",), ("check", "--all")])
    def test_that_could_not_be_made_is_told_from_a_fault_that_was_found(
        self, world: World, words: tuple[str, ...]
    ) -> None:
        world.machine.dm.listing = False
        assert world.machine.command(*words).code == 3
        world.machine.dm.listing = True
        world.unmount()
        assert world.machine.command("check").code == 1


def test_a_state_from_before_the_boot_does_not_come_back(world: World, mocker: MockerFixture) -> None:
    mocker.patch("lvmkit.journal.drop", side_effect=Killed)
    mocker.patch("lvmkit.plan._back_out")
    mocker.patch("lvmkit.plan.goes_forward", return_value=False)
    with pytest.raises(Killed):
        world.machine.command("delete", "/data", "--yes")
    mocker.stopall()
    world.machine.reboot()
    mocker.patch("lvmkit.plan.goes_forward", return_value=False)  # an older version had not passed its point
    with world.machine.running(), database.reading(world.machine.paths.database) as connection:
        assert connection.execute("SELECT count(*) FROM instances").fetchone() == (0,)
    from lvmkit.entry.kit import kit
    from lvmkit.plan import finish_interrupted

    def take_back() -> int:
        tools = kit(world.machine.paths, lambda _message: None)
        with tools.port.admin_lock("take back"):
            finish_interrupted(tools)
        return 0

    assert world.machine.call(take_back).code == 0
    assert world.states() == dict.fromkeys(ALL, "ILLSTATE")
