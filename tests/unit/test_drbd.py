"""What DRBD says of itself: its kernel by sysfs and /proc, its tool in the words of 8.4 and of 9."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.replication import ReplicaUnknown
from lvmkit.storage import drbd
from lvmkit.storage.drbd import Glimpse, Volume
from tests.unit.machine import Machine, SharedDisk

if TYPE_CHECKING:
    from lvmkit.storage.drbd import State

RECORDED = Path(__file__).parent / "data" / "drbd"
VERSIONS = ("8.4", "9")


def recorded(version: str, name: str) -> State:
    state = drbd.parse((RECORDED / f"{version}-{name}").read_text())
    assert state is not None
    return state


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    for letter in "ab":
        machine.attach(SharedDisk(letter))
    machine.take_over(monkeypatch)
    return machine


@pytest.mark.parametrize("version", VERSIONS)
class TestTheTool:
    def test_a_whole_resource_is_ready_and_wears_nothing(self, version: str) -> None:
        state = recorded(version, "whole")
        assert (state.role, state.connection, state.disk) == ("Primary", "Connected", "UpToDate")
        assert state.is_ready
        assert [state.wear(volume) for volume in "01"] == ["", ""]
        assert (state.is_frozen, state.is_stand_alone, state.has_other_primary) == (False, False, False)

    def test_one_that_stands_alone_is_not_ready_and_says_so_of_every_volume(self, version: str) -> None:
        state = recorded(version, "stand-alone")
        assert state.is_stand_alone
        assert not state.is_ready
        assert state.wear("1") == "StandAlone, disk here UpToDate, disk of the peer Outdated"

    def test_one_volume_that_is_behind_keeps_the_resource_from_being_ready(self, version: str) -> None:
        state = recorded(version, "synchronising")
        assert state.role == "Secondary"
        assert not state.is_ready
        assert state.disk == "UpToDate, Inconsistent"
        assert (state.wear("0"), "Inconsistent" in state.wear("1")) == ("", True)

    def test_reads_and_writes_that_wait_for_the_fencing_of_the_peer_are_seen(self, version: str) -> None:
        assert recorded(version, "fencing").is_frozen

    def test_a_volume_that_it_does_not_have_is_not_whole(self, version: str) -> None:
        assert "Diskless" in recorded(version, "whole").wear("2")


def test_a_resource_without_any_peer_is_never_ready() -> None:
    state = drbd.parse("exists resource name:r0 role:Primary suspended:no\nexists device volume:0 disk:UpToDate\n")
    assert state is not None
    assert not state.is_ready
    assert state.connection == "not connected"


@pytest.mark.parametrize("text", ["", "exists -\n", "\n", "exists\n", "exists device name:r0\n"])
def test_what_names_no_resource_is_no_state(text: str) -> None:
    assert drbd.parse(text) is None


def test_two_primaries_are_seen_only_where_this_server_is_one() -> None:
    text = (RECORDED / "9-whole").read_text().replace("role:Secondary", "role:Primary")
    state = drbd.parse(text)
    assert state is not None
    assert state.has_other_primary
    assert not recorded("9", "synchronising").has_other_primary


def test_proc_tells_of_each_device_of_8_4(machine: Machine) -> None:
    Path(machine.real("/proc/drbd")).write_text((RECORDED / "8.4-proc").read_text())
    assert drbd.glimpse("147:0") == Glimpse("Connected", "UpToDate", "UpToDate", is_frozen=False)
    assert drbd.glimpse("147:1") == Glimpse("WFConnection", "UpToDate", "Outdated", is_frozen=True)
    assert drbd.glimpse("147:2") is None
    assert drbd.glimpse("147:4") == Glimpse("StandAlone", "UpToDate", "Outdated", is_frozen=False)
    assert drbd.glimpse("147:10") == Glimpse("SyncTarget", "Inconsistent", "UpToDate", is_frozen=False)
    assert drbd.glimpse("147:3") is None


def test_proc_is_silent_with_9_and_where_the_module_is_not_loaded(machine: Machine) -> None:
    assert drbd.glimpse("147:0") is None
    Path(machine.real("/proc/drbd")).write_text("version: 9.2.11 (api:2/proto:86-122)\nTransports (api:21):\n")
    assert drbd.glimpse("147:0") is None


@pytest.mark.parametrize(
    ("path", "volume"),
    [
        ("/dev/drbd/by-res/r0/0", Volume("r0", "0")),
        ("/dev/drbd/by-res/my-res.1/12", Volume("my-res.1", "12")),
        ("/dev/drbd/by-res/r0", None),
        ("/dev/drbd/by-res/r0/0/1", None),
        ("/x/dev/drbd/by-res/r0/0", None),
        ("/dev/drbd0", None),
        ("", None),
    ],
)
def test_only_names_below_by_res_name_a_volume(path: str, volume: Volume | None) -> None:
    assert drbd.volume_at(path) == volume


def test_a_device_is_known_by_its_number_and_named_as_udev_does(machine: Machine) -> None:
    for number, disk in enumerate([each.disk for each in machine.attached.values()]):
        machine.replicate(disk, "r0", number)
    assert drbd.volume_of("147:1") == Volume("r0", "1")
    assert drbd.volume_of("8:0") is None
    assert drbd.volume_of("147:7") is None


def test_the_tool_is_asked_for_one_resource(machine: Machine) -> None:
    machine.replicate(machine.attached["sda"].disk)
    assert drbd.state("r0", "n1", deadline=5).is_ready
    assert machine.ran == [("/usr/sbin/drbdsetup", "events2", "--now", "r0")]


def test_a_resource_that_it_does_not_know_is_unknown_and_not_gone(machine: Machine) -> None:
    machine.replicate(machine.attached["sda"].disk)
    with pytest.raises(Failure) as caught:
        drbd.state("r1", "n1", deadline=5)
    assert caught.value.messages == (ReplicaUnknown("r1", "n1", "r1: No such resource"),)
