"""What the kernel tells, and who else may not: the text of uevents, their senders, a socket that was overrun."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvmkit.storage import dm, fanotify, mountinfo, probe
from lvmkit.storage.kernel_news import FilesystemErrors, MapperEvents, News, Uevents, is_from_kernel
from lvmkit.storage.supervisor import Supervisor, supervisor
from lvmkit.storage.uevent import Uevent, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

REMOVED = (
    b"remove@/devices/pci0000:00/0000:00:05.0/virtio2/host0/target0:0:0/0:0:0:0/block/sda\0ACTION=remove\0"
    b"DEVPATH=/devices/pci0000:00/0000:00:05.0/virtio2/host0/target0:0:0/0:0:0:0/block/sda\0SUBSYSTEM=block\0"
    b"MAJOR=8\0MINOR=0\0DEVNAME=sda\0DEVTYPE=disk\0DISKSEQ=9\0SEQNUM=2210\0"
)
OF_UDEV = b"libudev\0\xfe\xed\xca\xfe" + b"\0" * 28 + b"ACTION=remove\0DEVPATH=/devices/x\0SUBSYSTEM=block\0"
SENDER = (0, 1)
CREDENTIALS = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("=iII", 0, 0, 0))]


def event(action: str, subsystem: str, name: str = "sda") -> bytes:
    return f"{action}@/devices/x\0ACTION={action}\0SUBSYSTEM={subsystem}\0DEVNAME={name}\0".encode()


class Socket:
    """A netlink socket with datagrams in it; an errno in the place of one is raised."""

    def __init__(self, *queue: object) -> None:
        self._queue = list(queue)

    def __getattr__(self, name: str) -> object:
        return lambda *_: 3

    def recvmsg(self, _size: int, _ancillary: int) -> object:
        if not self._queue:
            raise BlockingIOError
        first = self._queue.pop(0)
        if isinstance(first, int):
            raise OSError(first, os.strerror(first))
        return first if isinstance(first, tuple) else (first, CREDENTIALS, 0, SENDER)


def taken(mocker: MockerFixture, *queue: object) -> News:
    mocker.patch("lvmkit.storage.kernel_news.socket.socket", return_value=Socket(*queue))
    return Uevents().take()


def test_an_event_is_read_as_the_kernel_writes_it() -> None:
    path = "/devices/pci0000:00/0000:00:05.0/virtio2/host0/target0:0:0/0:0:0:0/block/sda"
    assert parse(REMOVED) == Uevent("remove", path, "block", "8:0", "sda")


@pytest.mark.parametrize("datagram", [OF_UDEV, b"", b"@/devices/x\0", b"remove\0", b"remove@devices/x\0"])
def test_what_has_another_form_is_no_event(datagram: bytes) -> None:
    assert parse(datagram) is None


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(datagram: bytes) -> None:
    found = parse(b"add@/devices/x\0" + datagram)
    assert found is not None
    assert (found.action, found.path) == ("add", "/devices/x")


@pytest.mark.parametrize(
    ("action", "subsystem", "name", "expected"),
    [
        ("remove", "block", "sda", News(True)),
        ("change", "block", "dm-3", News(True)),
        ("change", "nvme", "nvme0", News(True)),
        ("remove", "scsi", "", News(True)),
        ("add", "block", "sdb1", News(True, has_new_disk=True)),
        ("add", "block", "dm-3", News(True)),
        ("add", "net", "eth0", News(False)),
        ("change", "power_supply", "", News(False)),
    ],
)
def test_only_events_of_storage_count(
    mocker: MockerFixture, action: str, subsystem: str, name: str, expected: News
) -> None:
    assert taken(mocker, event(action, subsystem, name)) == expected


def test_nothing_is_no_news(mocker: MockerFixture) -> None:
    assert taken(mocker) == News(False)


def test_an_overrun_is_news_and_what_is_left_is_read_too(mocker: MockerFixture) -> None:
    assert taken(mocker, errno.ENOBUFS) == News(True, is_overrun=True)
    assert taken(mocker, errno.ENOBUFS, event("add", "block")) == News(True, has_new_disk=True, is_overrun=True)


def test_any_other_error_is_the_caller_s(mocker: MockerFixture) -> None:
    with pytest.raises(OSError, match="Bad file"):
        taken(mocker, errno.EBADF)


@pytest.mark.parametrize(
    ("sender", "pid", "expected"), [((0, 1), 0, True), ((4711, 1), 0, False), ((0, 1), 4711, False), ((0, 2), 0, False)]
)
def test_only_the_kernel_is_believed(sender: tuple[int, int], pid: int, expected: bool) -> None:
    ancillary = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("=iII", pid, 0, 0))]
    assert is_from_kernel(sender, ancillary) == expected


def test_who_brings_no_credentials_is_not_believed(mocker: MockerFixture) -> None:
    assert not is_from_kernel(SENDER, [])
    assert taken(mocker, (event("remove", "block"), [], 0, SENDER)) == News(False)


def test_device_mapper_is_armed_again_each_time(mocker: MockerFixture, tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.touch()
    mocker.patch.object(dm, "CONTROL", str(control))
    asked: list[int] = []
    mocker.patch.object(dm, "_ioctl", lambda _control, request, _buffer: asked.append(request & 0xFF))
    events = MapperEvents()
    assert events.take() == News(True)
    events.close()
    assert asked == [16, 16]


def test_an_old_device_mapper_is_no_source_and_leaves_nothing_open(mocker: MockerFixture, tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.touch()
    mocker.patch.object(dm, "CONTROL", str(control))
    mocker.patch.object(dm, "_ioctl", side_effect=OSError(errno.ENOTTY, "no such ioctl"))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no such ioctl"):
        MapperEvents()
    assert len(os.listdir("/proc/self/fd")) == before


class Kernel:
    """The edge of the kernel: what is mounted, and which file systems a group listens to."""

    def __init__(self, mocker: MockerFixture) -> None:
        self.table = MOUNTED
        self.listened: set[str] = set()
        self.asked: list[str] = []
        group, self.events = os.pipe2(os.O_NONBLOCK)
        mocker.patch.object(mountinfo, "mounts", self._mounts)
        mocker.patch.object(fanotify, "open_group", return_value=group)
        mocker.patch.object(fanotify, "listened", return_value=self.listened)
        mocker.patch.object(fanotify, "listen", self._listen)
        mocker.patch.object(probe, "bounded", self._bounded)

    def _mounts(self) -> mountinfo.Table:
        return mountinfo.parse(self.table)

    def _bounded(self, work: Callable[[], bytes], *, deadline: float) -> None:
        assert deadline < 1
        work()

    def _listen(self, _group: int, path: str) -> None:
        self.asked.append(path)
        if path == "/srv/odd":
            raise OSError(errno.EOPNOTSUPP, "it tells of nothing")
        self.listened.update(mount.number for mount in self._mounts() if mount.mount_point == path)

    def asked_by(self, source: FilesystemErrors) -> list[str]:
        self.asked.clear()
        source.refresh()
        return sorted(self.asked)


DATA = b"50 1 254:1 / /srv/data rw - ext4 /dev/dm-1 rw\n"
ODD = b"51 1 254:2 / /srv/odd rw - odd /dev/dm-2 rw\n"
MOUNTED = b"1 0 254:0 / / rw - ext4 /dev/vda rw\n20 1 0:21 / /run rw - tmpfs tmpfs rw\n" + DATA + ODD


class TestErrorsOfFilesystems:
    def test_each_on_a_device_is_listened_to_and_asked_for_once_also_in_vain(self, mocker: MockerFixture) -> None:
        kernel = Kernel(mocker)
        source = FilesystemErrors()
        assert sorted(kernel.asked) == ["/", "/srv/data", "/srv/odd"]
        assert kernel.asked_by(source) == []
        source.close()

    def test_one_that_was_mounted_anew_is_listened_to_again_though_it_looks_the_same(
        self, mocker: MockerFixture
    ) -> None:
        kernel = Kernel(mocker)
        source = FilesystemErrors()
        kernel.listened.discard("254:1")  # as an unmount does; the next mount gets the same ID
        assert kernel.asked_by(source) == ["/srv/data"]
        source.close()

    def test_a_second_mount_of_one_that_is_listened_to_is_not_asked_for(self, mocker: MockerFixture) -> None:
        kernel = Kernel(mocker)
        source = FilesystemErrors()
        kernel.table = MOUNTED + b"60 1 254:1 /in /srv/bound rw - ext4 /dev/dm-1 rw\n"
        assert kernel.asked_by(source) == []
        source.close()

    def test_all_that_is_there_is_read_at_once(self, mocker: MockerFixture) -> None:
        kernel = Kernel(mocker)
        source = FilesystemErrors()
        assert source.take() == News(False)
        os.write(kernel.events, b"two events")
        assert (source.take(), source.take()) == (News(True), News(False))
        source.close()


class Library:
    """The C library's part: what its two functions answer."""

    def __init__(self, mocker: MockerFixture, *answers: int, error: int = 0) -> None:
        self._answers = list(answers)
        mocker.patch("ctypes.CDLL", return_value=self)
        mocker.patch("ctypes.get_errno", return_value=error)

    def fanotify_init(self, *_: object) -> int:
        return self._answers.pop(0)

    fanotify_mark = fanotify_init


class TestFanotify:
    def test_a_group_is_opened_where_the_kernel_knows_the_errors(self, mocker: MockerFixture) -> None:
        Library(mocker, 7, -1, error=errno.EBADF)
        assert fanotify.open_group() == 7

    def test_a_kernel_that_does_not_know_them_is_left_with_nothing_open(self, mocker: MockerFixture) -> None:
        group = os.open("/dev/null", os.O_RDONLY)
        Library(mocker, group, -1, error=errno.EINVAL)
        with pytest.raises(OSError, match="not implemented") as caught:
            fanotify.open_group()
        assert (caught.value.errno, os.path.exists(f"/proc/self/fd/{group}")) == (errno.ENOSYS, False)

    def test_a_c_library_without_it_is_as_a_kernel_without_it(self, mocker: MockerFixture) -> None:
        mocker.patch("ctypes.CDLL", return_value=object())
        with pytest.raises(OSError, match="not implemented"):
            fanotify.open_group()

    def test_what_it_listens_to_is_named_as_mountinfo_names_it(self, mocker: MockerFixture) -> None:
        shown = "flags:\t02\nfanotify sdev:fe00001 mflags:0 mask:8000\nfanotify sdev:800010 mflags:0 mask:8000\n"
        mocker.patch("builtins.open", mocker.mock_open(read_data=shown))
        assert fanotify.listened(3) == {"254:1", "8:16"}


class TestTheSupervisor:
    def test_it_hears_what_systemd_expects(self, tmp_path: Path) -> None:
        address = str(tmp_path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(address)
            service = Supervisor(address, "30000000")
            service.ready()
            service.alive()
            service.tell("one\nREADY=0 line")
            service.tell("one READY=0 line")
            service.stopping()
            systemd.setblocking(False)
            heard = [systemd.recv(100) for _ in range(4)]
            assert heard == [b"READY=1", b"WATCHDOG=1", b"STATUS=one READY=0 line", b"STOPPING=1"]
            with pytest.raises(BlockingIOError):
                systemd.recv(100)
        assert service.patience == 30

    @pytest.mark.parametrize("address", ["", "relative", "/no/such/place", "@lvmkit-nobody"])
    def test_where_nobody_listens_nothing_happens(self, address: str) -> None:
        Supervisor(address, "x").ready()
        assert Supervisor(address, "x").patience == 0

    def test_a_socket_without_a_name_in_the_file_system(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind("\0lvmkit-test")
            Supervisor("@lvmkit-test").ready()
            assert systemd.recv(100) == b"READY=1"

    def test_it_is_found_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        assert supervisor().patience == 2
