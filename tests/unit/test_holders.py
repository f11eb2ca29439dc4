"""Who keeps a device or mount busy, from trees laid out as /proc and /sys are."""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.storage import holders, mountinfo, rawbind, superblock, sysfs
from lvmkit.storage.holders import Holder
from tests.unit.conftest import PATIENCE

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

MOUNTS = """1 0 254:0 / / rw - ext4 /dev/vda rw
30 1 253:0 / /mnt/a rw - ext4 /dev/mapper/vg-a rw
31 30 253:1 / /mnt/a/below rw - ext4 /dev/mapper/vg-b rw
"""
OWN, OTHER = "mnt:[1]", "mnt:[2]"


class Host:
    """A /proc with processes and a /sys with block devices."""

    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"
        self.process("self")
        self.text(self.proc / "swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        (self.sys / "dev/block").mkdir(parents=True)
        (self.sys / "block").mkdir()

    def text(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def link(self, path: Path, target: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, path)

    def process(self, pid: str, namespace: str = OWN, mounts: str = MOUNTS, maps: str = "", **links: str) -> None:
        home = self.proc / pid
        for name, text in {"comm": f"comm{pid}\n", "maps": maps, "mountinfo": mounts}.items():
            self.text(home / name, text)
        for name, target in {"cwd": "/", "root": "/", "exe": "/usr/bin/x", "ns__mnt": namespace, **links}.items():
            self.link(home / name.replace("__", "/"), target)

    def open_file(self, pid: str, path: str, mount_id: int) -> None:
        fd = str(len(list((self.proc / pid).glob("fd/*"))))
        self.link(self.proc / pid / "fd" / fd, path)
        self.text(self.proc / pid / "fdinfo" / fd, f"pos:\t0\nflags:\t02\nmnt_id:\t{mount_id}\nino:\t5\n")

    def block(self, name: str, number: str, on: str = "", **files: str) -> None:
        home = self.sys / "block" / name
        for key, text in {"dev": number, **files}.items():
            self.text(home / key.replace("__", "/"), text + "\n")
        self.link(self.sys / "dev/block" / number, str(home))
        if on:
            self.link(self.sys / "block" / on / "holders" / name, str(home))

    def of_mount(self, point: str = "/mnt/a") -> tuple[Holder, ...]:
        return holders.of_mount(point, proc=str(self.proc), sys=str(self.sys))

    def of_device(self, number: str = "253:0") -> tuple[Holder, ...]:
        return holders.of_device(number, proc=str(self.proc), sys=str(self.sys))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    numbers = {"/dev/dm-0": "253:0", "/dev/vda": "254:0"}
    monkeypatch.setattr(sysfs, "number_of", lambda path: numbers.get(path) or numbers.get(mountinfo.link(path), ""))
    monkeypatch.setattr(holders, "_MAPS_DEADLINE", PATIENCE)
    return Host(tmp_path)


BELOW = Holder(holders.MOUNT, "/mnt/a/below")


@pytest.mark.parametrize(
    ("link", "how"), [("cwd", "working directory"), ("root", "root directory"), ("exe", "program")]
)
def test_links_into_the_mount_are_found(host: Host, link: str, how: str) -> None:
    host.process("7", **{link: "/mnt/a/x (deleted)"})
    host.process("8", **{link: "/mnt/a/below/x"})
    host.process("9", **{link: "/mnt/ab"})
    assert host.of_mount() == (BELOW, Holder(holders.PROCESS, "comm7", 7, how))


def test_open_files_are_told_by_their_mount(host: Host) -> None:
    host.process("7")
    host.open_file("7", "/mnt/a/looks/like/it", 1)
    host.process("8", namespace=OTHER)
    host.open_file("8", "/elsewhere/in/another/namespace", 30)
    assert host.of_mount() == (BELOW, Holder(holders.PROCESS, "comm8", 8, "open file"))


def test_words_of_other_namespaces_mean_something_else(host: Host) -> None:
    elsewhere = "2 0 254:0 / / rw master:1 - ext4 /dev/vda rw\n70 2 253:0 / /mnt/b rw - ext4 /dev/mapper/vg-a rw\n"
    maps = "0-1 r 0 fd:00 5 {}/lib.so\n"
    host.process("7", namespace=OTHER, mounts=elsewhere, cwd="/mnt/a", maps=maps.format("/mnt/a"))
    host.process("8", namespace=OTHER, mounts=elsewhere, cwd="/mnt/b")
    host.process("9", namespace=OTHER, mounts=elsewhere, maps=maps.format("/mnt/b"))
    host.process("10", namespace=OTHER, mounts=elsewhere)
    host.open_file("10", "/mnt/b/file", 70)
    found = [(holder.pid, holder.how) for holder in host.of_mount()[1:]]
    assert found == [(8, "working directory"), (9, "mapped file"), (10, "open file")]


def test_what_is_mounted_within_a_mount(host: Host) -> None:
    assert holders.mounts_below("/mnt/a", proc=str(host.proc)) == (BELOW,)
    assert holders.mounts_below("/mnt/nothing", proc=str(host.proc)) == ()


def test_mapped_files_are_found(host: Host) -> None:
    maps = "7f00-7f01 r--p 00000000 fd:00 12 {}\n7f02-7f03 rw-p 00000000 00:00 0 [stack]\n7f04-7f05 rw-p 0 00:00 0\n"
    host.process("7", maps=maps.format("/mnt/a/with space (deleted)"))
    host.process("8", maps=maps.format("/mnt/a/below/lib.so"))
    assert host.of_mount() == (BELOW, Holder(holders.PROCESS, "comm7", 7, "mapped file"))


def test_swap_files_and_loop_files_in_the_mount_are_found(host: Host) -> None:
    swaps = "Filename Type Size Used Priority\n/mnt/a/my\\040swap file 8 0 -2\n/dev/dm-0 partition 8 0 -3\n"
    host.text(host.proc / "swaps", swaps)
    host.block("loop0", "7:0", loop__backing_file="/mnt/a/image (deleted)")
    host.block("loop1", "7:1", loop__backing_file="/mnt/b/image")
    host.block("loop2", "7:2")
    assert host.of_mount()[1:] == (Holder(holders.SWAP, "/mnt/a/my swap"), Holder(holders.LOOP, "/dev/loop0"))


def test_nothing_mounted_has_no_users(host: Host) -> None:
    host.process("7", cwd="/mnt/b")
    assert host.of_mount("/mnt/b") == ()


def test_processes_with_the_device_open_are_found(host: Host) -> None:
    host.process("7")
    host.open_file("7", "/dev/dm-0", 5)
    host.process("8")
    host.open_file("8", "/dev/vda", 5)
    found = host.of_device()
    assert found == (Holder(holders.MOUNT, "/mnt/a"), Holder(holders.PROCESS, "comm7", 7, "the device is open"))


def test_mounts_in_other_namespaces_are_found_once_each(host: Host) -> None:
    hidden = "90 1 253:0 / /hidden rw - ext4 /dev/mapper/vg-a rw\n"
    host.process("7", namespace=OTHER, mounts=MOUNTS + hidden)
    host.process("8", namespace=OTHER, mounts=MOUNTS + hidden)
    seen = [Holder(holders.MOUNT, point, 7, "comm7") for point in ("/mnt/a", "/hidden")]
    assert host.of_device() == (Holder(holders.MOUNT, "/mnt/a"), *seen)


@pytest.mark.parametrize(
    ("own", "other", "is_pinned"),
    [
        ("shared:1", "shared:1", False),
        ("shared:1", "master:1", False),
        ("shared:1", "shared:7 master:1", False),
        ("shared:1", "shared:2", True),
        ("shared:1", "", True),
        ("", "", True),
    ],
)
def test_a_mount_elsewhere_counts_only_where_an_unmount_here_does_not_reach_it(
    host: Host, own: str, other: str, is_pinned: bool
) -> None:
    for pid, namespace, words in (("self", OWN, own), ("7", OTHER, other)):
        table = f"1 0 254:0 / / rw {words} - ext4 /dev/vda rw\n30 1 253:0 / /mnt/a rw - ext4 /dev/mapper/vg-a rw\n"
        if pid != "self":
            host.process(pid, namespace=namespace)
        host.text(host.proc / pid / "mountinfo", table.replace("rw  -", "rw -"))
    pins = (Holder(holders.MOUNT, "/mnt/a", 7, "comm7"),) if is_pinned else ()
    assert holders.pins("253:0", proc=str(host.proc)) == pins
    assert holders.companions(7, proc=str(host.proc)) == (7,)


def test_files_of_a_lazily_unmounted_file_system_are_found_by_their_device(host: Host) -> None:
    device = os.stat(__file__).st_dev
    host.process("7")
    host.open_file("7", __file__, 99)
    host.process("8", cwd="/proc")
    found = holders.of_unmounted(f"{os.major(device)}:{os.minor(device)}", proc=str(host.proc))
    words = "open file of a file system that was unmounted"
    assert [user.pid for user in found if user.how == words] == [7]


@pytest.mark.parametrize(("fsid", "is_named"), [(0xF3046B92 ^ 0x9422F6A0, True), (0xF3046B92, False)])
def test_files_of_a_lazily_unmounted_btrfs_are_found_by_its_uuid(
    host: Host, mocker: MockerFixture, fsid: int, is_named: bool
) -> None:
    mocker.patch.object(superblock, "btrfs_of", return_value="f3046b92-e931-4422-9422-f6a0232be740")
    mocker.patch.object(os, "major", return_value=0)
    mocker.patch.object(os, "statvfs", return_value=mocker.Mock(f_fsid=fsid | 0x1234 << 32))
    host.process("7")
    host.open_file("7", __file__, 99)
    assert [user.pid for user in holders.of_unmounted("253:0", proc=str(host.proc))] == [7] * is_named


def test_a_file_system_that_nobody_keeps_is_named_as_such(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(superblock, "is_kept", lambda number: number in ("253:0", "253:7"))
    assert host.of_device("253:7") == (Holder(holders.UNENDED, "mounted nowhere"),)
    assert host.of_device("253:8") == ()


def test_swap_and_loop_on_the_device_are_found(host: Host) -> None:
    host.text(host.proc / "swaps", "Filename Type Size Used Priority\n/dev/dm-0 partition 8 0 -3\n")
    host.block("loop0", "7:0", loop__backing_file="/dev/dm-0")
    assert host.of_device()[1:] == (Holder(holders.SWAP, "/dev/dm-0"), Holder(holders.LOOP, "/dev/loop0"))


def test_devices_on_top_have_their_own_kinds(host: Host) -> None:
    own, alien = "LVM-" + "a" * 64, "LVM-" + "b" * 64
    host.block("dm-0", "253:0", dm__name="vg-a", dm__uuid=own)
    host.block("dm-1", "253:1", on="dm-0", dm__name="vg-snap", dm__uuid=own[:-1] + "c")
    host.block("dm-2", "253:2", on="dm-0", dm__name="inner-lv", dm__uuid=alien)
    host.block("dm-3", "253:3", on="dm-0", dm__name="secret", dm__uuid="CRYPT-LUKS2-x")
    host.block("md0", "9:0", on="dm-0")
    host.block("bcache0", "252:0", on="dm-0")
    assert [(holder.kind, holder.name) for holder in host.of_device()[1:]] == [
        (holders.BLOCK, "bcache0"),
        (holders.VOLUME, "vg-snap"),
        (holders.NESTED_PV, "inner-lv"),
        (holders.DM, "secret"),
        (holders.MD, "md0"),
    ]


def test_a_process_that_ends_meanwhile_is_no_user(host: Host) -> None:
    (host.proc / "7").mkdir()
    assert host.of_mount() == (BELOW,)


def test_words_name_the_user() -> None:
    process, mount, hidden = holders.described(
        [Holder(holders.PROCESS, "postgres", 4711, "open file"), BELOW, Holder(holders.MOUNT, "/hidden", 7, "sleep")]
    )
    assert "4711" in process
    assert "postgres" in process
    assert "/mnt/a/below" in mount
    assert "7" not in mount
    assert "process 7, sleep" in hidden


class TestRaw:
    """A kernel before 5.14, which has raw(8) devices; raw1 is bound to 253:0, raw2 to another device."""

    @pytest.fixture(autouse=True)
    def _bound(self, host: Host, tmp_path: Path, mocker: MockerFixture) -> None:
        for name in ("raw1", "raw2", "rawctl"):
            (host.sys / "class/raw" / name).mkdir(parents=True)
        control = tmp_path / "rawctl"
        control.touch()
        mocker.patch.object(rawbind, "CONTROLS", (f"{tmp_path}/none", str(control)))

        def ioctl(_handle: int, request: int, buffer: bytearray) -> int:
            assert request == 0xAC01
            minor = int.from_bytes(buffer[:4], sys.byteorder)
            if minor not in (1, 2):
                raise OSError(errno.ENXIO, "no such device")
            buffer[8:24] = struct.pack("@QQ", 253, minor - 1)
            return 0

        mocker.patch("fcntl.ioctl", ioctl)

    def test_a_binding_to_the_device_holds_it(self, host: Host) -> None:
        assert host.of_device() == (Holder(holders.MOUNT, "/mnt/a"), Holder(holders.RAW, "/dev/raw/raw1"))
        assert host.of_device("253:7") == ()

    def test_who_has_the_bound_device_open_has_the_volume_open(self, host: Host, mocker: MockerFixture) -> None:
        for pid, path in (("71", "/dev/raw/raw1"), ("72", "/dev/raw/raw2")):
            host.process(pid)
            host.open_file(pid, path, 5)
        real = os.stat
        numbers = {f"{host.proc}/71/fd/0": 1, f"{host.proc}/72/fd/0": 2}

        def stat(path: Any, *rest: Any, **how: Any) -> Any:
            if path in numbers:
                return mocker.Mock(st_mode=0o20600, st_rdev=os.makedev(162, numbers[path]))
            return real(path, *rest, **how)

        mocker.patch("os.stat", stat)
        openers = [holder for holder in host.of_device() if holder.kind == holders.PROCESS]
        assert openers == [Holder(holders.PROCESS, "comm71", 71, "the device is open")]

    def test_where_the_driver_does_not_answer_nothing_is_bound(self, mocker: MockerFixture, host: Host) -> None:
        mocker.patch.object(rawbind, "CONTROLS", ("/nonexistent",))
        assert holders.RAW not in {holder.kind for holder in host.of_device()}
