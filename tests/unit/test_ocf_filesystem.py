"""The agent for file systems: what is mounted, what is asked of mount and umount, and what the cluster is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages.service import (
    FilesystemBusy,
    MountFailed,
    MountPointTaken,
    SignalledHolder,
    UnmountedBelow,
)
from tests.unit.agent_server import CONFIGURED, FAILED, INSTALLED, OK, STOPPED, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.machine import Answer, Machine

DEVICE, MAPPED, POINT = "/dev/my-vg/www", "/dev/mapper/my--vg-www", "/srv/data"
MOUNT = ["mount", "-c", "--rw", "-t", "ext4", "-o", "rw,noatime", "--source", MAPPED, "--target", POINT]
UMOUNT = ["umount", "-c", "--", POINT]
OURS, STRANGER = 4711, 4712


class Host(Server):
    """A server whose group is up, for an agent that is given paths alone, as an older configuration does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.start()
        self.given = {"device": DEVICE, "directory": POINT, "fstype": "ext4", "options": "rw,noatime"}

    def ask(self, action: str) -> Answer:
        return self.call(action, "filesys")

    def codes(self, *actions: str) -> list[int]:
        """What the agent answers, in turn."""
        return [self.ask(action).code for action in actions]

    def probe(self) -> int:
        """What a monitor of the cluster's own says, which asks whether it runs."""
        self.interval = "0"
        code = self.ask("monitor").code
        self.interval = "10000"
        return code

    def mount(self) -> None:
        self.machine.mount_at(POINT, "my-vg/www")

    @property
    def programs(self) -> list[list[str]]:
        return [[os.path.basename(argv[0]), *argv[1:]] for argv in self.machine.ran]

    @property
    def points(self) -> list[str]:
        return [mount.point for mount in self.machine.mounts]

    def lose_nodes(self) -> None:
        """The names of the volume are gone from /dev."""
        for path in (DEVICE, MAPPED):
            os.unlink(self.machine.real(path))

    def lose_volume(self) -> None:
        """The kernel does not hold the volume any more, but what was mounted of it."""
        device = self.device()
        self.machine.sysfs.remove_mapped(device)
        del self.machine.dm.devices[device.number]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def machine(host: Host) -> Machine:
    return host.machine


def test_what_is_not_mounted_is_stopped(host: Host) -> None:
    assert [*host.codes("monitor"), host.probe(), *host.codes("stop")] == [STOPPED, STOPPED, OK]
    assert host.programs == []


def test_a_start_mounts_with_the_options_it_had_and_makes_the_folder(host: Host) -> None:
    assert host.codes("start") == [OK]
    assert host.programs == [MOUNT]
    assert os.path.isdir(host.machine.real(POINT))
    assert [*host.codes("monitor"), host.probe(), *host.codes("start")] == [OK] * 3
    assert host.programs == [MOUNT]


def test_a_stop_unmounts(host: Host) -> None:
    host.mount()
    assert host.codes("stop") == [OK]
    assert (host.programs, host.points) == ([UMOUNT], [])


def test_a_mount_that_fails_says_why(host: Host) -> None:
    host.given["fstype"] = "xfs"
    answer = host.ask("start")
    assert (answer.code, answer.reason) == (FAILED, MountFailed.number)
    assert "wrong fs type, bad option, bad superblock" in answer.err


def test_a_mount_point_that_is_a_file_says_why(host: Host) -> None:
    Path(host.machine.real(POINT)).touch()
    answer = host.ask("start")
    assert (answer.code, answer.reason, host.programs) == (FAILED, MountFailed.number, [])


def test_another_file_system_at_the_mount_point_is_not_touched(host: Host) -> None:
    host.machine.add_mount(POINT, "8:1", "ext4", "/dev/sda1")
    assert host.codes("monitor", "stop") == [STOPPED, OK]
    answer = host.ask("start")
    assert (answer.code, answer.reason) == (FAILED, MountPointTaken.number)
    assert (host.programs, host.points) == ([], [POINT])


def test_a_kernel_that_stopped_writing_is_a_failure(host: Host) -> None:
    host.mount()
    host.machine.set_read_only(POINT)
    answer = host.ask("monitor")
    assert (answer.code, "read-only" in answer.err) == (FAILED, True)
    assert host.probe() == FAILED


def test_what_is_to_be_read_only_is_well_when_it_is(host: Host) -> None:
    host.machine.add_mount(POINT, host.device().number, "ext4", MAPPED, "ro")
    assert host.codes("monitor") == [FAILED]
    host.given["options"] = "ro,noatime"
    assert host.codes("monitor", "start") == [OK, OK]


@pytest.mark.parametrize("loss", [Host.lose_nodes, Host.lose_volume])
def test_a_mounted_file_system_whose_device_is_gone_is_known_by_its_name_and_unmounted(
    host: Host, loss: Callable[[Host], None]
) -> None:
    host.codes("start")
    loss(host)
    assert (host.codes("monitor", "stop"), host.points) == ([OK, OK], [])


def test_a_file_system_that_shows_a_number_of_its_own_is_known_by_its_source(host: Host) -> None:
    host.given["fstype"] = "btrfs"
    host.machine.add_mount(POINT, "0:45", "btrfs", MAPPED)
    assert host.codes("monitor", "stop") == [OK, OK]
    host.machine.add_mount(POINT, "0:46", "btrfs", "/dev/sdb1")
    assert host.codes("monitor") == [STOPPED]


def test_who_uses_it_is_told_to_end_then_killed(host: Host, machine: Machine) -> None:
    host.mount()
    machine.start_process(OURS, "db", folder=POINT)
    machine.start_process(STRANGER, "db", opens=[f"{POINT}/table"], stubborn=(signal.SIGTERM,))
    answer = host.ask("stop")
    assert (answer.code, host.points) == (OK, [])
    assert machine.killed == [(OURS, signal.SIGTERM), (STRANGER, signal.SIGTERM), (STRANGER, signal.SIGKILL)]
    assert answer.said.count(SignalledHolder.number) == 3
    assert "process 4712 (db): open file" in answer.err


def test_process_1_is_never_ended_but_the_next_one_is_one_of_many(host: Host, machine: Machine) -> None:
    host.mount()
    for pid in (1, 2):
        machine.start_process(pid, "init", folder=POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    assert host.ask("stop").code == FAILED
    assert {pid for pid, _ in machine.killed} == {2}


def test_who_survives_all_that_is_named_and_the_stop_fails(host: Host, machine: Machine) -> None:
    host.mount()
    machine.start_process(OURS, "db", folder=POINT, stubborn=(signal.SIGTERM, signal.SIGKILL))
    answer = host.ask("stop")
    assert (answer.code, answer.reason) == (FAILED, FilesystemBusy.number)
    assert machine.killed == [(OURS, signal.SIGTERM), *[(OURS, signal.SIGKILL)] * 3]
    assert "process 4711 (db)" in answer.err


def test_what_is_mounted_within_it_is_unmounted_first(host: Host, machine: Machine) -> None:
    host.mount()
    for below in ("/a", "/a/b"):
        machine.add_mount(POINT + below, "0:50", "tmpfs", "tmpfs")
    answer = host.ask("stop")
    assert (answer.code, host.points) == (OK, [])
    assert [argv[-1].removeprefix(POINT) for argv in machine.ran] == ["", "/a/b", "/a", ""]
    assert answer.said.count(UnmountedBelow.number) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", ""),
        ("device", "vg1/data"),
        ("directory", ""),
        ("directory", "data"),
        ("directory", "/data/../etc"),
        ("directory", "/data\n"),
        ("fstype", ""),
        ("fstype", "-x"),
        ("options", "-o"),
        ("options", "a b"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_done(host: Host, name: str, value: str) -> None:
    host.given[name] = value
    assert host.codes("start", "monitor", "validate-all") == [CONFIGURED] * 3
    assert host.programs == []


def test_a_stop_needs_the_device_and_the_mount_point_only(host: Host) -> None:
    host.mount()
    host.given.update(fstype="", options="a b")
    assert (host.codes("stop"), host.points) == ([OK], [])


def test_what_can_never_have_started_is_stopped(host: Host) -> None:
    host.given["directory"] = ""
    answer = host.ask("stop")
    assert (answer.code, "110130" in answer.err) == (OK, True)


def test_validation(host: Host, machine: Machine) -> None:
    assert host.codes("validate-all") == [OK]
    machine.uninstall("mount")
    assert host.codes("validate-all") == [INSTALLED]
