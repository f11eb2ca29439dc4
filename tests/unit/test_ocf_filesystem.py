"""The agent for file systems: what is mounted, what is asked of mount and umount, and what the cluster is told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from lvmkit.entry import boundary
from lvmkit.entry.ocf.agent import main
from lvmkit.model.settings import Paths
from lvmkit.resources import evict
from lvmkit.storage import holders, mountinfo, run, sysfs
from lvmkit.storage.holders import Holder
from lvmkit.storage.mountinfo import Mount
from lvmkit.storage.run import Finished
from tests.unit.agent_server import CONFIGURED, FAILED, INSTALLED, OK, STOPPED

DEVICE, MAPPED, NUMBER = "/dev/vg1/data", "/dev/mapper/vg1-data", "253:3"
OURS, STRANGER = 4711, 4712


class Host:
    """A mount table that mount and umount change; a device that may be gone; processes that may not want to end."""

    def __init__(self, folder: Path) -> None:
        self.folder = f"{folder}/data"
        self.paths = Paths(defaults=f"{folder}/none")
        self.mounts: list[Mount] = []
        self.number = NUMBER
        """of the device; '' when it is gone"""
        self.refusal = ""
        """what mount says in place of mounting"""
        self.stubborn: dict[int, int] = {}
        """process: how many signals it takes"""
        self.commands: list[list[str]] = []
        self.signals: list[tuple[int, str]] = []
        self.given = {"device": DEVICE, "directory": self.folder, "fstype": "ext4", "options": "rw,noatime"}

    def mount(self, number: str = NUMBER, source: str = MAPPED, options: str = "rw", kind: str = "ext4") -> None:
        flags = tuple(options.split(","))
        self.mounts.append(Mount(7, self.folder, number, "/", kind, source, flags, flags))

    def run(self, argv: Sequence[str], **_how: object) -> Finished:
        self.commands.append([os.path.basename(argv[0]), *argv[1:]])
        if argv[0].endswith("/umount"):
            if not self.stubborn:
                self.mounts.pop()
            return Finished(tuple(argv), 32, "", "target is busy", 0.1)
        if argv[0].endswith("/fsfreeze"):
            return Finished(tuple(argv), 1, "", "unfreeze failed: Invalid argument", 0.1)
        if not self.refusal:
            self.mount(self.number)
        return Finished(tuple(argv), 32 if self.refusal else 0, "", self.refusal, 0.1)

    def kill(self, pid: int, number: int) -> None:
        self.signals.append((pid, number.name if hasattr(number, "name") else str(number)))
        self.stubborn[pid] -= 1
        if not self.stubborn[pid]:
            del self.stubborn[pid]

    def call(self, action: str, interval: str = "20000") -> int:
        environment = {f"OCF_RESKEY_{name}": value for name, value in self.given.items()}
        environment["OCF_RESKEY_CRM_meta_interval"] = interval
        return main("/x/filesys", [action], self.paths, environment)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    fakes: dict[object, dict[str, object]] = {
        mountinfo: {"mounts": lambda *_a, **_k: tuple(host.mounts)},
        run: {"run": host.run},
        sysfs: {
            "number_of": lambda path: host.number if path in (DEVICE, MAPPED) else "8:1",
            "kernel_name": lambda number: "dm-3" if host.number and number == NUMBER else "",
            "dm_name": lambda number: "vg1-data" if number == NUMBER else "",
        },
        holders: {"of_mount": lambda _path: tuple(Holder("process", "db", pid, "open file") for pid in host.stubborn)},
        os: {"kill": host.kill},
        evict: {"_GRACE": 0.0},
        boundary: {"_turn_signals_into_exceptions": lambda: None},
    }
    for module, functions in fakes.items():
        for name, function in functions.items():
            monkeypatch.setattr(module, name, function)
    return host


def test_what_is_not_mounted_is_stopped(host: Host) -> None:
    assert [host.call("monitor"), host.call("monitor", "0"), host.call("stop")] == [STOPPED, STOPPED, OK]
    assert host.commands == []


def test_a_start_mounts_with_the_options_it_had_and_makes_the_folder(host: Host) -> None:
    assert host.call("start") == OK
    words = ["mount", "-c", "--rw", "-t", "ext4", "-o", "rw,noatime", "--source", MAPPED, "--target", host.folder]
    assert host.commands == [words]
    assert os.path.isdir(host.folder)
    assert [host.call("monitor"), host.call("monitor", "0"), host.call("start")] == [OK] * 3
    assert len(host.commands) == 1


def test_a_stop_unmounts(host: Host) -> None:
    host.mount()
    assert host.call("stop") == OK
    assert (host.commands, host.mounts) == ([["umount", "-c", "--", host.folder]], [])


def test_a_mount_that_fails_says_why(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.refusal = "wrong fs type, bad superblock"
    assert host.call("start") == FAILED
    assert "ocf-exit-reason:110026 " in (said := capfd.readouterr().err)
    assert host.refusal in said


def test_a_mount_point_that_is_a_file_says_why(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    Path(host.folder).touch()
    assert host.call("start") == FAILED
    assert "ocf-exit-reason:110026 " in capfd.readouterr().err
    assert host.commands == []


def test_another_file_system_at_the_mount_point_is_not_touched(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.mount("8:1", "/dev/sda1")
    assert [host.call("monitor"), host.call("stop"), host.call("start")] == [STOPPED, OK, FAILED]
    assert "ocf-exit-reason:110027 " in capfd.readouterr().err
    assert host.commands == []


def test_a_kernel_that_stopped_writing_is_a_failure(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.mount(options="ro")
    assert host.call("monitor") == FAILED
    assert "read-only" in capfd.readouterr().err
    host.given["options"] = "ro,noatime"
    assert host.call("monitor") == OK


def test_a_mounted_file_system_whose_device_is_gone_is_known_by_its_name_and_unmounted(host: Host) -> None:
    host.mount()
    host.number = ""
    assert [host.call("monitor"), host.call("stop"), host.mounts] == [OK, OK, []]


def test_a_file_system_that_shows_a_number_of_its_own_is_known_by_its_source(host: Host) -> None:
    host.given["fstype"] = "btrfs"
    host.mount("0:45", kind="btrfs")
    assert [host.call("monitor"), host.call("stop")] == [OK, OK]
    host.mount("0:46", "/dev/sdb1", kind="btrfs")
    assert host.call("monitor") == STOPPED


def test_who_uses_it_is_told_to_end_then_killed(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.mount()
    host.stubborn = {OURS: 1, STRANGER: 2}
    assert host.call("stop") == OK
    assert host.signals == [(OURS, "SIGTERM"), (STRANGER, "SIGTERM"), (STRANGER, "SIGKILL")]
    assert "process 4712 (db): open file" in capfd.readouterr().err


def test_who_survives_all_that_is_named_and_the_stop_fails(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.mount()
    host.stubborn = {OURS: 99}
    assert host.call("stop") == FAILED
    assert [name for _, name in host.signals] == ["SIGTERM", "SIGKILL", "SIGKILL", "SIGKILL"]
    assert "ocf-exit-reason:110024 " in (said := capfd.readouterr().err)
    assert "process 4711 (db)" in said


def test_what_is_mounted_within_it_is_unmounted_first(
    host: Host, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.mount()
    within = [Holder("mount", f"{host.folder}/a"), Holder("mount", f"{host.folder}/a/b")]
    plain = host.run

    def unmount(argv: Sequence[str], **how: object) -> Finished:
        if argv[-1] == host.folder and not within:
            return plain(argv, **how)
        host.commands.append([os.path.basename(argv[0]), *argv[1:]])
        within[:] = [holder for holder in within if holder.name != argv[-1]]
        return Finished(tuple(argv), 0, "", "", 0.1)

    monkeypatch.setattr(run, "run", unmount)
    monkeypatch.setattr(holders, "mounts_below", lambda _point: tuple(within))
    assert host.call("stop") == OK
    assert [command[-1].removeprefix(host.folder) for command in host.commands] == ["", "/a/b", "/a", ""]
    assert capfd.readouterr().err.count("110035") == 2


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
    assert [host.call(action) for action in ("start", "monitor", "validate-all")] == [CONFIGURED] * 3
    assert host.commands == []


def test_a_stop_needs_the_device_and_the_mount_point_only(host: Host) -> None:
    host.mount()
    host.given.update(fstype="", options="a b")
    assert host.call("stop") == OK
    assert host.mounts == []


def test_what_can_never_have_started_is_stopped(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    host.given["directory"] = ""
    assert host.call("stop") == OK
    assert "110130" in capfd.readouterr().err


def test_validation(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.call("validate-all") == OK
    monkeypatch.setattr("lvmkit.resources.mounting.MOUNT", "/nowhere/mount")
    assert host.call("validate-all") == INSTALLED
