"""Persistent reservations: commands and answers as bytes, and what is done with a disk in each of its states."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import struct
import time
from typing import TYPE_CHECKING

import pytest

from lvmkit.guards.reservation import (
    DONE,
    PREEMPT,
    REGISTER,
    RESERVE,
    Order,
    described,
    foreign_keys,
    key_of,
    leave,
    look_at,
    next_order,
    release,
    reserve_disk,
)
from lvmkit.host import Host
from lvmkit.model.messages.reservation import ReservationKept
from lvmkit.model.settings import Paths, Settings
from lvmkit.resources.locks import stopping
from lvmkit.storage import locks, registered, reservations, scsi
from lvmkit.storage.registered import Registration
from lvmkit.storage.reservations import Conflict, Disk, DiskCapabilities, Refusal, Registrant, Registrations
from lvmkit.storage.scsi import Reply, ScsiDisk
from tests.unit.machine.target import Target
from tests.unit.reservation_stories import GROUP, MAP, ONE, STORIES, STRANGER, TWO, A, B, Multipathd, disk, held_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mock import MockerFixture

    from lvmkit.model.messages import Message
    from tests.unit.reservation_stories import Lun

GOOD, CONFLICT = Reply(scsi.GOOD), Reply(scsi.RESERVATION_CONFLICT)
ATTENTION = Reply(scsi.CHECK_CONDITION, b"", scsi.UNIT_ATTENTION, 0x2A03)
EMPTY = bytes(8)


class FakeServer:
    """A server's sessions with a fake target."""

    def __init__(self, name: str, target: Target, paths: tuple[str, ...]) -> None:
        self.name, self.target = name, target
        self.sessions = dict.fromkeys(paths, 0)
        self.made = 0

    def nexus(self, path: str) -> str:
        return f"{self.name}{path}#{self.sessions[path]}"

    def send(self, path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
        return self.target.answer(self.nexus(path), command, out)

    def can_write(self, path: str = "/dev/sda") -> bool:
        return self.target.may_write(self.nexus(path))

    def lose(self, path: str) -> None:
        del self.sessions[path]

    def connect(self, path: str) -> None:
        self.made += 1
        self.sessions[path] = self.made


class FakeLun:
    """A fake target, as the stories want it."""

    def __init__(self, target: Target | None = None) -> None:
        self.target = target or Target()
        self.restart = self.target.restart

    def server(self, name: str, paths: tuple[str, ...] = ONE) -> FakeServer:
        return FakeServer(name, self.target, paths)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("aborts", [False, True])
def test_the_fake_target_tells_the_stories(story: Callable[[Lun], None], aborts: bool) -> None:
    story(FakeLun(Target(aborts=aborts)))


class TestBytes:
    """Source of the forms: SPC-4, 6.15 and 6.16."""

    def test_commands_are_ten_bytes_with_the_length_where_the_standard_has_it(self) -> None:
        assert reservations.in_command(1) == bytes.fromhex("5e 01 00 00 00 00 00 20 00 00")
        assert reservations.out_command(1) == bytes.fromhex("5f 01 05 00 00 00 00 00 18 00")
        assert reservations.out_command(4) == bytes.fromhex("5f 04 05 00 00 00 00 00 18 00")
        assert reservations.out_command(6) == bytes.fromhex("5f 06 00 00 00 00 00 00 18 00")

    def test_parameters_have_both_keys_and_the_bit_for_a_loss_of_power(self) -> None:
        keys = "1122334455667788 0102030405060708"
        assert reservations.out_parameters(0x1122334455667788, 0x0102030405060708) == bytes.fromhex(keys) + bytes(8)
        assert reservations.out_parameters(0, 0, persist=True)[20] == 1

    def test_keys(self) -> None:
        assert reservations.parse_keys(EMPTY) == ()
        answer = bytes.fromhex("00000007 00000010 4c56000000010001 4c56000000010002")
        assert reservations.parse_keys(answer + bytes(100)) == (0x4C56000000010001, 0x4C56000000010002)

    def test_more_keys_than_there_is_room_for_are_not_taken_for_all(self) -> None:
        with pytest.raises(Refusal, match="more than can be read"):
            reservations.parse_keys(struct.pack(">II", 1, 16) + bytes(8))

    @pytest.mark.parametrize("answer", [b"", bytes(7)])
    def test_half_an_answer_is_none(self, answer: bytes) -> None:
        with pytest.raises(Refusal):
            reservations.parse_keys(answer)
        with pytest.raises(Refusal):
            reservations.parse_reservation(answer)
        with pytest.raises(Refusal):
            reservations.parse_capabilities(answer[:5])

    def test_a_reservation_and_none(self) -> None:
        assert reservations.parse_reservation(EMPTY) == (None, 0)
        answer = bytes.fromhex("00000002 00000010 4c56000000010001 00000000 00 05 0000")
        assert reservations.parse_reservation(answer) == (0x4C56000000010001, 5)

    def test_capabilities_as_tgt_says_them_and_of_a_disk_that_keeps_them(self) -> None:
        assert reservations.parse_capabilities(bytes.fromhex("00080080ea010000")) == DiskCapabilities(False, True)
        assert reservations.parse_capabilities(bytes.fromhex("00081d81ea010000")) == DiskCapabilities(True, True)

    def test_a_mask_without_the_type_counts_and_a_missing_mask_does_not(self) -> None:
        assert not reservations.parse_capabilities(bytes.fromhex("00080080ca010000")).has_type
        assert reservations.parse_capabilities(bytes.fromhex("0008000000000000")).has_type

    def test_a_full_status_names_iscsi_fibre_channel_and_sas(self) -> None:
        name = b"iqn.2026-01.test:a\0\0"
        ports = {
            "iqn.2026-01.test:a": bytes((5, 0)) + struct.pack(">H", len(name)) + name,
            "2100001b32000001": bytes(8) + bytes.fromhex("2100001b32000001") + bytes(8),
            "5000c50000000001": bytes((6, 0, 0, 0)) + bytes.fromhex("5000c50000000001") + bytes(12),
            "": bytes((4,)) + bytes(23),
        }
        body = b""
        for number, port in enumerate(ports.values()):
            body += struct.pack(">Q4xBB4xHI", number, number == 1, 5, 1, len(port)) + port
        expected = [Registrant(number, number == 1, name) for number, name in enumerate(ports)]
        assert list(reservations.parse_full_status(struct.pack(">II", 1, len(body)) + body)) == expected

    @pytest.mark.parametrize(
        ("sense", "expected"),
        [
            ("70 00 06 00000000 0a 00000000 2a 03 00000000", (6, 0x2A03)),
            ("f0 00 05 00000000 0a 00000000 24 00 00000000", (5, 0x2400)),
            ("72 06 29 00 00000000", (6, 0x2900)),
            ("70 00 06", (0, 0)),
            ("", (0, 0)),
        ],
    )
    def test_sense_data_in_both_forms(self, sense: str, expected: tuple[int, int]) -> None:
        assert scsi.sense_of(bytes.fromhex(sense)) == expected


class TestKeys:
    def test_a_key_names_the_group_and_the_server(self) -> None:
        assert key_of(GROUP, 0xFFFF) >> 48 == 0x4C56
        assert key_of(GROUP, 0xFFFF) & 0xFFFF == 0xFFFF
        assert len({key_of(GROUP, 1), key_of(GROUP, 2), STRANGER}) == 3

    def test_a_reader_sees_which_server_it_is(self) -> None:
        assert described(B, A) == f"{B:#018x} (node 2)"
        assert described(B, A, {2: "n2"}) == f"{B:#018x} (n2)"
        assert described(STRANGER, A, {1: "n1"}) == f"{STRANGER:#018x}"

    def test_a_reservation_of_all_registrants_is_foreign_and_so_is_any_other_key(self) -> None:
        assert foreign_keys(Registrations((A, B), A, 5), A) == ()
        assert foreign_keys(Registrations((A, STRANGER, STRANGER, 7), 0, 7), A) == (STRANGER, 7, 0)


@pytest.mark.parametrize(
    ("seen", "paths", "order"),
    [
        (Registrations((), None), 1, Order(REGISTER)),
        (Registrations((A,), None), 1, Order(RESERVE)),
        (Registrations((A,), A, 5), 1, Order(DONE)),
        (Registrations((A,), A, 1), 1, Order(PREEMPT, A)),
        (Registrations((A, B), B, 5), 1, Order(PREEMPT, B)),
        (Registrations((A, B), A, 5), 1, Order(PREEMPT, B)),
        (Registrations((A, A), A, 5), 1, Order(PREEMPT, A)),
        (Registrations((A, A), B, 5), 1, Order(PREEMPT, B)),
        (Registrations((A,), A, 5), 2, Order(REGISTER)),
        (Registrations((A, A), A, 5), 2, Order(DONE)),
    ],
)
def test_each_state_of_a_disk_has_one_next_order(seen: Registrations, paths: int, order: Order) -> None:
    assert next_order(seen, A, paths) == order


class Scripted:
    """A disk that gives these answers, in order."""

    def __init__(self, *answers: Reply | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int, int]] = []
        """(path, operation code, service action)"""

    def send(self, path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
        del out, room
        self.asked.append((path, command[0], command[1]))
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    @property
    def disk(self) -> Disk:
        return Disk(ScsiDisk("/dev/sda", ONE), self.send)


class TestPatience:
    def test_what_a_disk_has_to_say_first_is_heard_three_times(self) -> None:
        fake = Scripted(ATTENTION, ATTENTION, ATTENTION, GOOD)
        fake.disk.reserve(A)
        assert fake.answers == []

    def test_and_not_for_ever(self) -> None:
        with pytest.raises(Refusal, match="check condition, sense 6/2a03"):
            Scripted(*[ATTENTION] * 4).disk.reserve(A)

    def test_a_conflict_is_an_answer(self) -> None:
        fake = Scripted(CONFLICT, GOOD)
        with pytest.raises(Conflict):
            fake.disk.reserve(A)
        assert len(fake.answers) == 1

    @pytest.mark.parametrize("status", [scsi.BUSY, scsi.TASK_SET_FULL])
    def test_a_busy_disk_is_asked_again(self, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        Scripted(Reply(status), GOOD).disk.reserve(A)
        assert len(waits) == 1

    @pytest.mark.parametrize("code", [0x2000, 0x2400])
    def test_a_disk_that_cannot_abort_preempts(self, code: int) -> None:
        fake = Scripted(Reply(scsi.CHECK_CONDITION, b"", scsi.ILLEGAL_REQUEST, code), GOOD)
        fake.disk.preempt(A, B)
        assert [action for _, _, action in fake.asked] == [5, 4]

    def test_a_conflict_of_an_abort_is_not_tried_another_way(self) -> None:
        fake = Scripted(CONFLICT, GOOD)
        with pytest.raises(Conflict):
            fake.disk.preempt(A, B)
        assert len(fake.asked) == 1

    def test_what_oneself_has_begun_on_other_paths_is_not_aborted(self) -> None:
        fake = Scripted(GOOD)
        fake.disk.preempt(A, A)
        assert fake.asked == [("/dev/sda", 0x5F, 4)]

    def test_a_disk_that_says_nothing_of_what_it_can_is_tried(self) -> None:
        fake = Scripted(Reply(scsi.CHECK_CONDITION, b"", scsi.ILLEGAL_REQUEST, 0x2400))
        assert fake.disk.capabilities() == DiskCapabilities(False, True)


class TestReserving:
    def test_what_is_registered_twice_for_one_path_is_made_once(self) -> None:
        lun = FakeLun()
        a = lun.server("a")
        assert reserve_disk(disk(a), A) == ""
        a.lose("/dev/sda")
        a.connect("/dev/sda")
        disk(a).register(A, persist=False)
        assert disk(a).registrations().keys == (A, A)
        assert reserve_disk(disk(a), A) == ""
        assert disk(a).registrations() == held_by(A)

    def test_a_disk_that_keeps_registrations_is_asked_to(self) -> None:
        lun = FakeLun(Target(persists=True))
        a, b = lun.server("a", TWO), lun.server("b")
        assert reserve_disk(disk(a, TWO), A) == ""
        lun.restart()
        assert not b.can_write()

    def test_a_reset_before_every_command_keeps_nothing_from_being_done(self) -> None:
        lun = FakeLun()
        a, b = lun.server("a"), lun.server("b")
        assert reserve_disk(disk(a), A) == ""
        lun.target.attentions = {b.nexus("/dev/sda"): [0x2900, 0x2A03, 0x2900]}
        assert reserve_disk(disk(b), B) == ""
        assert not a.can_write()

    def test_others_of_the_group_who_are_registered_only_lose_that(self) -> None:
        lun = FakeLun()
        a, b, c = (lun.server(name) for name in "abc")
        assert reserve_disk(disk(a), A) == ""
        disk(c).register(key_of(GROUP, 3), persist=False)
        assert c.can_write()
        assert reserve_disk(disk(b), B) == ""
        assert disk(b).registrations() == held_by(B)
        assert not c.can_write()

    def test_a_disk_without_the_type_is_refused_before_anything_is_registered(self) -> None:
        fake = Scripted(Reply(scsi.GOOD, bytes.fromhex("00080080ca010000")))
        assert reserve_disk(fake.disk, A) == "refused it does not know type 5"

    def test_who_registers_all_the_time_is_not_fought_for_ever(self) -> None:
        lun = FakeLun()
        a, b = lun.server("a"), lun.server("b")

        def send(path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
            disk(b).register(B, persist=False)
            return a.send(path, command, out, room)

        said = reserve_disk(Disk(ScsiDisk("/dev/sda", ONE), send), A)
        assert said == "contested registrations change all the time"

    def test_a_key_that_the_loser_takes_away_meanwhile_is_registered_again(self) -> None:
        lun = FakeLun()
        a, b = lun.server("a"), lun.server("b")
        assert reserve_disk(disk(b), B) == ""
        left = [B]

        def send(path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
            reply = a.send(path, command, out, room)
            if left and lun.target.keys.get(a.nexus(path)):
                disk(b).preempt(left.pop(), A)
            return reply

        assert reserve_disk(Disk(ScsiDisk("/dev/sda", ONE), send), A) == ""
        assert disk(a).registrations() == held_by(A)


def test_a_path_that_dies_while_its_disk_is_looked_at_is_not_called_unregistered() -> None:
    a = FakeLun().server("a", TWO)
    assert reserve_disk(disk(a, TWO), A) == ""

    def send(path: str, command: bytes, out: bytes = b"", room: int = 0) -> Reply:
        if path == TWO[1]:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        return a.send(path, command, out, room)

    assert look_at(Disk(ScsiDisk(MAP, TWO, is_multipath=True), send, Multipathd()), A) == ""


def test_a_stop_with_all_paths_takes_keys_away_and_sends_nothing_else() -> None:
    lun = FakeLun()
    a = lun.server("a", TWO)
    assert reserve_disk(disk(a, TWO), A) == ""
    lun.target.heard.clear()
    assert leave(disk(a, TWO), A) == ""
    assert lun.target.heard == [f"{a.nexus(path)} 0" for path in TWO]


def test_a_stop_at_a_disk_that_hangs_leaves_the_group_s_lock_with_what_hangs(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    """What it has sent may still be done, after a start that came meanwhile."""
    told: list[Message] = []
    host = Host(Paths(run=str(tmp_path)), Settings(probe_deadline=0.1), told.append)
    registered.store(host.paths, GROUP, Registration(A, ONE))
    mocker.patch.object(scsi, "disk_below", return_value=ScsiDisk(ONE[0], ONE))
    mocker.patch.object(scsi, "execute", side_effect=lambda *_: time.sleep(60))
    kill = mocker.patch.object(os, "kill")  # as in uninterruptible sleep
    with stopping(GROUP, "vg1", host):
        release("vg1", GROUP, host)
    mocker.stop(kill)
    orphans = locks.orphans_with(f"{tmp_path}/lock-{GROUP}")
    for each in orphans:
        os.kill(each, signal.SIGKILL)
    assert (len(orphans), [type(each) for each in told]) == (1, [ReservationKept])


class FakeSg:
    """The ioctl SG_IO of the kernel, at its bytes (struct sg_io_hdr of scsi/sg.h on a 64-bit machine)."""

    def __init__(self, status: int = 0, host: int = 0, sense: bytes = b"", data: bytes = b"") -> None:
        self.status, self.host, self.sense, self.data = status, host, sense, data
        self.asked: list[tuple[bytes, bytes, int]] = []
        """(command, data for the disk, direction)"""

    def ioctl(self, _handle: int, request: int, header: bytearray) -> int:
        assert (request, len(header)) == (0x2285, 88)
        direction, length, room = (
            struct.unpack_from("=iB", header, 4)[0],
            header[8],
            struct.unpack_from("=I", header, 12),
        )
        data, command, sense = struct.unpack_from("=QQQ", header, 16)
        assert (header[0], header[9]) == (ord("S"), 64)
        sent = ctypes.string_at(data, room[0]) if direction == -2 else b""
        self.asked.append((ctypes.string_at(command, length), sent, direction))
        ctypes.memmove(data, self.data, len(self.data))
        ctypes.memmove(sense, self.sense, len(self.sense))
        header[64], header[67] = self.status, len(self.sense)
        struct.pack_into("=H", header, 68, self.host)
        return 0


class TestSending:
    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        (tmp_path / "disk").touch()
        return str(tmp_path / "disk")

    def sg(self, monkeypatch: pytest.MonkeyPatch, fake: FakeSg) -> FakeSg:
        monkeypatch.setattr(fcntl, "ioctl", fake.ioctl)
        return fake

    def test_a_question_brings_data_back(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        fake = self.sg(monkeypatch, FakeSg(data=b"answer"))
        assert scsi.execute(path, b"\x5e\x00", room=8) == Reply(0, b"answer\0\0")
        assert fake.asked == [(b"\x5e\x00", b"", -3)]

    def test_an_order_takes_data_along(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        fake = self.sg(monkeypatch, FakeSg())
        assert scsi.execute(path, b"\x5f\x00", b"parameters") == Reply(0)
        assert fake.asked == [(b"\x5f\x00", b"parameters", -2)]

    def test_sense_comes_back(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        sense = bytes.fromhex("70 00 06 00000000 0a 00000000 2a 03 00000000")
        self.sg(monkeypatch, FakeSg(2, sense=sense))
        assert scsi.execute(path, b"\x5f\x00") == Reply(2, b"", 6, 0x2A03)

    def test_a_conflict_counts_whatever_the_kernel_makes_of_it(
        self, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        self.sg(monkeypatch, FakeSg(0x18, host=0x11))
        assert scsi.execute(path, b"\x5f\x00").status == scsi.RESERVATION_CONFLICT

    def test_what_did_not_reach_the_disk_is_an_error_and_not_an_answer(
        self, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        self.sg(monkeypatch, FakeSg(0, host=1))
        with pytest.raises(OSError, match="host status 0x1"):
            scsi.execute(path, b"\x5f\x00")


class TestWhichDisks:
    """Trees of sysfs, as kernels show them."""

    @staticmethod
    def add(root: Path, number: str, name: str, **files: str) -> Path:
        device = root / "devices" / name
        for folder in ("holders", "slaves"):
            (device / folder).mkdir(parents=True)
        for path, text in {"dev": number, **files}.items():
            (device / path.replace("__", "/")).parent.mkdir(parents=True, exist_ok=True)
            (device / path.replace("__", "/")).write_text(text + "\n")
        (root / "dev" / "block").mkdir(parents=True, exist_ok=True)
        (root / "dev" / "block" / number).symlink_to(device)
        return device

    @pytest.fixture
    def by_path(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        numbers: dict[str, str] = {}
        monkeypatch.setattr("lvmkit.storage.sysfs.number_of", lambda path: numbers.get(path, ""))
        return numbers

    def test_a_partition_s_whole_disk_counts(self, tmp_path: Path, by_path: dict[str, str]) -> None:
        by_path["/dev/sda1"] = "8:1"
        whole = self.add(tmp_path, "8:0", "sda", device__scsi_level="6")
        part = whole / "sda1"
        part.mkdir()
        (part / "dev").write_text("8:1\n")
        (part / "partition").write_text("1\n")
        (tmp_path / "dev" / "block" / "8:1").symlink_to(part)
        assert scsi.disk_below("/dev/sda1", str(tmp_path)) == ScsiDisk("/dev/sda", ("/dev/sda",))

    def test_every_path_of_a_multipath_map_counts_also_below_a_partition_of_it(
        self, tmp_path: Path, by_path: dict[str, str]
    ) -> None:
        by_path.update({"/dev/mapper/mpatha": "253:0", "/dev/mapper/mpatha1": "253:1"})
        paths = [self.add(tmp_path, f"8:{16 * at}", f"sd{'ab'[at]}", device__scsi_level="6") for at in range(2)]
        whole = self.add(tmp_path, "253:0", "dm-0", dm__uuid="mpath-3600a")
        for path in paths:
            (whole / "slaves" / path.name).symlink_to(path)
        part = self.add(tmp_path, "253:1", "dm-1", dm__uuid="part1-mpath-3600a")
        (part / "slaves" / "dm-0").symlink_to(whole)
        expected = ScsiDisk("/dev/dm-0", ("/dev/sda", "/dev/sdb"), is_multipath=True)
        assert scsi.disk_below("/dev/mapper/mpatha", str(tmp_path)) == expected
        assert scsi.disk_below("/dev/mapper/mpatha1", str(tmp_path)) == expected

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("nvme0n1", "NVMe"),
            ("vda", "virtio-blk"),
            ("md0", "an md array"),
            ("drbd0", "DRBD"),
            ("loop0", "a loop device"),
            ("dm-3", "a mapping that is not multipath"),
            ("zram0", "not a SCSI disk"),
        ],
    )
    def test_what_is_no_scsi_disk_is_called_by_what_it_is(
        self, tmp_path: Path, by_path: dict[str, str], name: str, kind: str
    ) -> None:
        by_path[f"/dev/{name}"] = "9:0"
        self.add(tmp_path, "9:0", name)
        assert scsi.disk_below(f"/dev/{name}", str(tmp_path)) == ScsiDisk(f"/dev/{name}", (), kind=kind)
