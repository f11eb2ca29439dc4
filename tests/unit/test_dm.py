"""Device-mapper, faked at the ioctl: what the kernel would write into the buffer."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from lvmkit.model.messages import Failure
from lvmkit.model.messages.faults import DeviceMapperRefused, KernelUnreadable
from lvmkit.storage import dm, probe

LIST, REMOVE, SUSPEND, DEV_STATUS, LOAD, CLEAR, DEPS, STATUS = 2, 4, 6, 7, 9, 10, 11, 12
VG_UUID = "abcdef-ghij-klmn-opqr-stuv-wxyz-012345"
ONE = ("vg-one", "LVM-abcdefghijklmnopqrstuvwxyz012345" + "1" * 32, (253 << 8) | 0)
TWO = ("vg-two", "LVM-abcdefghijklmnopqrstuvwxyz012345" + "2" * 32, (253 << 8) | 1)
ALIEN = ("other", "", (253 << 8) | 300 % 256 | (1 << 20))
ACTIVE, SUSPENDED, READ_ONLY, FULL = 1 << 5, 1 << 1, 1, 1 << 8


def aligned(data: bytes) -> bytes:
    return data.ljust((len(data) + 7) // 8 * 8, b"\0")


def entry(name: str, uuid: str, device: int, layout: str) -> bytes:
    """One dm_name_list as a kernel of that age lays it out, without the right `next`."""
    head = aligned(b"\0" * 12 + name.encode() + b"\0")
    if layout == "old":
        return struct.pack("=Q", device) + head[8:]
    flags = {"events": 0, "uuids": 1 if uuid else 2}[layout]
    tail = struct.pack("=II", 7, flags) + (aligned(uuid.encode() + b"\0") if flags == 1 else b"")
    return struct.pack("=Q", device) + head[8:] + tail


def name_list(devices: Iterable[tuple[str, str, int]], layout: str) -> bytes:
    entries = [entry(*device, layout) for device in devices]
    chained = [e[:8] + struct.pack("=I", len(e) if i + 1 < len(entries) else 0) + e[12:] for i, e in enumerate(entries)]
    return b"".join(chained) or b"\0" * 16


def target_list(*targets: tuple[int, int, str, str]) -> bytes:
    data = b""
    for start, length, kind, params in targets:
        spec = aligned(b"\0" * 40 + params.encode() + b"\0")
        head = struct.pack("=QQiI16s", start, length, 0, len(data) + len(spec), kind.encode())
        data += head + spec[40:]
    return data


class Kernel:
    """Answers each ioctl with what was laid out for it; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, str, str, bytes]] = []
        self.answers: dict[int, list[Any]] = {}
        self.sizes: list[int] = []
        self.version = (4, 47, 0)

    def answer(self, command: int, *answers: Any) -> None:
        self.answers.setdefault(command, []).extend(answers)

    def ioctl(self, control: int, request: int, buffer: bytearray) -> None:
        assert request >> 8 == 0xC138FD, "_IOWR(0xfd, ..., 312 bytes)"
        words = list(struct.unpack_from("=3IIIIiIIIQ128s129s", buffer))
        name, uuid = (words[i].split(b"\0")[0].decode() for i in (11, 12))
        assert words[0] == 4
        assert words[3] == len(buffer)
        assert not (name and uuid), "the kernel takes one of both"
        assert words[8] == 0, "no cookie"
        self.sizes.append(len(buffer))
        self.asked.append((request & 0xFF, words[7], name, uuid, bytes(buffer[312:]).rstrip(b"\0")))
        reply = self.answers[request & 0xFF].pop(0)
        if isinstance(reply, OSError):
            raise reply
        self._write(buffer, **reply)

    def _write(
        self,
        buffer: bytearray,
        data: bytes = b"",
        flags: int = 0,
        device: Any = ("", "", 0),
        targets: int = 0,
        opened: int = 0,
    ) -> None:
        name, uuid, number = device
        if len(data) + 312 > len(buffer):
            flags, data = flags | FULL, b""
        struct.pack_into(
            "=3IIIIiIIIQ128s129s", buffer, 0, *self.version, len(data) + 312, 312, targets, opened, flags, 0, 0, number,
            name.encode(), uuid.encode(),
        )  # fmt: skip
        buffer[312 : 312 + len(data)] = data


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    fake = Kernel()
    monkeypatch.setattr(dm, "CONTROL", os.devnull)
    monkeypatch.setattr(dm, "_ioctl", fake.ioctl)
    return fake


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded work is done here, so that the fake kernel sees it."""

    def ending(work: Callable[[], bytes]) -> probe.Ending:
        try:
            return probe.Ending(work())
        except OSError as error:
            return probe.Ending(error=error.errno or 0)

    def all_bounded(works: list[Callable[[], bytes]], _deadline: float, *, acts: bool) -> list[probe.Ending]:
        assert acts
        return list(map(ending, works))

    monkeypatch.setattr(probe, "all_bounded", all_bounded)


def test_one_ioctl_lists_names_uuids_and_numbers(kernel: Kernel) -> None:
    kernel.answer(LIST, {"data": name_list([ONE, TWO, ALIEN], "uuids")})
    found = dm.list_devices()
    assert found == (
        dm.Device("vg-one", ONE[1], "253:0"),
        dm.Device("vg-two", TWO[1], "253:1"),
        dm.Device("other", "", "253:300"),
    )
    assert [asked[0] for asked in kernel.asked] == [LIST]
    assert kernel.asked[0][1] & 1 << 14, "asks for UUIDs"


def test_a_kernel_without_devices_has_none(kernel: Kernel) -> None:
    kernel.answer(LIST, {"data": name_list([], "uuids")})
    assert dm.list_devices() == ()


@pytest.mark.parametrize(("layout", "version"), [("events", (4, 40, 0)), ("old", (4, 30, 0))])
def test_older_kernels_are_asked_for_each_uuid(kernel: Kernel, layout: str, version: tuple[int, int, int]) -> None:
    kernel.version = version
    kernel.answer(LIST, {"data": name_list([ONE, TWO, ALIEN], layout)})
    kernel.answer(DEV_STATUS, {"device": ONE}, OSError(errno.ENXIO, "gone meanwhile"), {"device": ALIEN})
    assert [device.uuid for device in dm.list_devices()] == [ONE[1], ""]
    assert [asked[2] for asked in kernel.asked[1:]] == ["vg-one", "vg-two", "other"]


def test_a_list_that_does_not_fit_is_asked_again_with_more_room(kernel: Kernel) -> None:
    many = [(f"vg-{n:0100d}", ONE[1][:-4] + f"{n:04d}", (253 << 8) | n) for n in range(256)] * 2
    answer = {"data": name_list(many, "uuids")}
    kernel.answer(LIST, answer, answer)
    assert len(dm.list_devices()) == 512
    assert len(kernel.asked) == 2


def test_a_question_about_one_device_is_put_again_with_more_room(kernel: Kernel) -> None:
    lines = target_list(*((n, 1, "striped", "2 128 253:0 0 253:1 0") for n in range(200)))
    kernel.answer(STATUS, *[{"data": lines, "flags": ACTIVE, "device": ONE, "targets": 200}] * 2)
    found = dm.status(ONE[1])
    assert found is not None
    assert len(found.targets) == 200
    assert kernel.sizes == [1 << 12, 1 << 14]


def test_the_control_node_is_opened_once(kernel: Kernel, mocker: MockerFixture, tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.touch()
    mocker.patch.object(dm, "CONTROL", str(control))
    opened: list[Any] = []
    real = os.open

    def counted(*how: Any, **more: Any) -> int:
        opened.append(how)
        return real(*how, **more)

    mocker.patch.object(os, "open", counted)
    kernel.answer(LIST, {"data": name_list([ONE], "uuids")})
    kernel.answer(STATUS, *[{"flags": ACTIVE, "device": ONE}] * 3)
    dm.list_devices()
    for _ in range(3):
        dm.status(ONE[1])
    assert [how[0] for how in opened] == [str(control)]


def test_a_list_that_never_fits_ends(kernel: Kernel) -> None:
    kernel.answer(LIST, *[{"flags": FULL}] * 20)
    with pytest.raises(Failure) as caught:
        dm.list_devices()
    assert isinstance(caught.value.messages[0], KernelUnreadable)


def test_names_that_are_not_utf8_survive(kernel: Kernel) -> None:
    kernel.answer(LIST, {"data": name_list([("vg-Q", "", 64768)], "uuids").replace(b"Q", b"\xff")})
    (device,) = dm.list_devices()
    assert device.name.encode("utf-8", "surrogateescape") == b"vg-\xff"


def test_a_signal_in_between_is_not_an_answer(kernel: Kernel) -> None:
    kernel.answer(LIST, InterruptedError(errno.EINTR, "signal"), {"data": name_list([ONE], "uuids")})
    assert len(dm.list_devices()) == 1


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOTTY, errno.EINVAL, errno.ENXIO])
def test_a_kernel_that_does_not_answer_is_not_a_kernel_without_devices(kernel: Kernel, code: int) -> None:
    kernel.answer(LIST, OSError(code, "no"))
    with pytest.raises(Failure) as caught:
        dm.list_devices()
    assert isinstance(caught.value.messages[0], KernelUnreadable)


def test_no_control_node_is_not_a_missing_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dm, "CONTROL", "/nonexistent/control")
    for question in (dm.list_devices, lambda: dm.status("LVM-x"), lambda: dm.remove("LVM-x")):
        with pytest.raises(Failure) as caught:
            question()
        assert isinstance(caught.value.messages[0], KernelUnreadable)


def test_status_tells_state_and_targets(kernel: Kernel) -> None:
    lines = target_list((0, 8192, "linear", ""), (8192, 16, "striped", "2 8:0 8:16 1 AD "), (8208, 8, "linear", ""))
    flags = ACTIVE | SUSPENDED | READ_ONLY
    kernel.answer(STATUS, {"data": lines, "flags": flags, "device": ONE, "targets": 3, "opened": 2})
    found = dm.status(ONE[1])
    assert found is not None
    assert (found.name, found.number, found.open_count) == ("vg-one", "253:0", 2)
    assert (found.suspended, found.read_only, found.live) == (True, True, True)
    assert found.targets[1] == dm.Target(8192, 16, "striped", "2 8:0 8:16 1 AD")
    assert found.kinds == ("linear", "striped")
    assert kernel.asked[0][1] == 1 << 11, "noflush, and no table"
    assert kernel.asked[0][3] == ONE[1]


def test_the_table_is_asked_for_by_a_flag(kernel: Kernel) -> None:
    kernel.answer(STATUS, {"data": target_list((0, 8, "linear", "8:0 2048")), "flags": ACTIVE, "targets": 1})
    found = dm.table(name="vg-one")
    assert found is not None
    assert found.targets[0].params == "8:0 2048"
    assert kernel.asked[0][1] & 1 << 4
    assert kernel.asked[0][2:4] == ("vg-one", "")


def test_a_device_without_a_live_table_has_no_targets(kernel: Kernel) -> None:
    kernel.answer(STATUS, {"device": ONE})
    found = dm.status(ONE[1])
    assert found is not None
    assert not found.live
    assert found.targets == ()


def test_no_such_device_has_no_status_and_no_dependencies(kernel: Kernel) -> None:
    kernel.answer(STATUS, OSError(errno.ENXIO, ""))
    kernel.answer(DEPS, OSError(errno.ENXIO, ""), {"device": ONE})
    assert dm.status("LVM-x") is None
    assert dm.dependencies("LVM-x") == ()
    assert dm.dependencies("LVM-without-table") == ()


def test_dependencies_are_device_numbers(kernel: Kernel) -> None:
    kernel.answer(DEPS, {"data": struct.pack("=I4xQQ", 2, 0x800, 0xFD01), "flags": ACTIVE})
    assert dm.dependencies(ONE[1]) == ("8:0", "253:1")


@pytest.mark.parametrize(("error", "outcome"), [(0, dm.REMOVED), (errno.EBUSY, dm.BUSY), (errno.ENXIO, dm.ABSENT)])
def test_removal_says_what_became_of_the_device(kernel: Kernel, error: int, outcome: str) -> None:
    kernel.answer(REMOVE, OSError(error, "") if error else {})
    assert dm.remove(ONE[1]) == outcome
    assert kernel.asked[0][2:4] == ("", ONE[1]), "by UUID, never by name"


def test_a_refused_removal_is_a_failure(kernel: Kernel) -> None:
    kernel.answer(REMOVE, OSError(errno.EINVAL, ""))
    with pytest.raises(Failure) as caught:
        dm.remove(ONE[1])
    assert caught.value.messages == (DeviceMapperRefused("remove", ONE[1], os.strerror(errno.EINVAL)),)


def linear_status(flags: int = ACTIVE) -> dict[str, Any]:
    lines = target_list((0, 100, "linear", ""), (100, 28, "linear", ""))
    return {"data": lines, "flags": flags, "device": ONE, "targets": 2}


@pytest.mark.usefixtures("in_this_process")
def test_wipe_puts_one_error_target_of_the_same_size(kernel: Kernel) -> None:
    kernel.answer(STATUS, linear_status(ACTIVE | READ_ONLY))
    kernel.answer(LOAD, {})
    kernel.answer(SUSPEND, {}, {})
    assert dm.wipe([ONE[1]]) == ()
    _, load, suspend, resume = kernel.asked
    assert struct.unpack_from("=QQ8x16s", load[4].ljust(48, b"\0"))[:2] == (0, 128)
    assert b"error" in load[4]
    assert load[1] == READ_ONLY
    assert suspend[:2] == (SUSPEND, SUSPENDED | 1 << 10 | 1 << 11), "no flush, no frozen file system"
    assert resume[:2] == (SUSPEND, 1 << 10 | 1 << 11)


@pytest.mark.usefixtures("in_this_process")
def test_a_wipe_that_fails_leaves_no_table_to_be_resumed_into(kernel: Kernel) -> None:
    kernel.answer(STATUS, linear_status())
    kernel.answer(LOAD, {})
    kernel.answer(SUSPEND, OSError(errno.EIO, ""))
    kernel.answer(CLEAR, {})
    assert dm.wipe([ONE[1]]) == (DeviceMapperRefused("wipe", ONE[1], os.strerror(errno.EIO)),)
    assert kernel.asked[-1][0] == CLEAR


def test_a_wipe_that_hangs_is_given_up_and_cleared(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "all_bounded", lambda works, deadline, acts: [probe.Ending(hung=True) for _ in works])
    kernel.answer(STATUS, linear_status())
    kernel.answer(CLEAR, OSError(errno.ENXIO, ""))
    (refused,) = dm.wipe([ONE[1]], deadline=0.5)
    assert "0.5 s" in refused.text
    assert kernel.asked[-1][0] == CLEAR


def test_nothing_is_wiped_twice(kernel: Kernel) -> None:
    wiped = {"data": target_list((0, 128, "error", "")), "flags": ACTIVE, "targets": 1}
    kernel.answer(STATUS, wiped, OSError(errno.ENXIO, ""), {"device": ONE})
    assert dm.wipe([ONE[1], "LVM-gone", "LVM-empty"]) == ()
    assert LOAD not in [asked[0] for asked in kernel.asked]


def test_a_groups_devices_are_told_by_their_uuid() -> None:
    layer = dm.Device("whatever", ONE[1] + "-tpool", "253:7")
    one, two = dm.Device("vg-one", ONE[1], "253:0"), dm.Device("impostor-one", "LVM-" + "z" * 64, "253:1")
    assert dm.of_vg([one, layer, two, dm.Device("vg-x", "", "253:2")], VG_UUID) == (one, layer)


def test_tops_are_removed_before_what_they_stand_on() -> None:
    stands_on = {"thin": ("253:3",), "pool": ("253:1", "253:2"), "data": ("8:0",), "meta": ("8:0",)}
    devices = [dm.Device(name, name, f"253:{n}") for n, name in ((1, "data"), (2, "meta"), (3, "pool"), (4, "thin"))]
    order = [device.name for device in dm.removal_order(devices, lambda device: stands_on[device.name])]
    assert order[:2] == ["thin", "pool"]
    assert sorted(order[2:]) == ["data", "meta"]


def test_a_loop_in_the_order_cannot_hang() -> None:
    devices = [dm.Device("a", "a", "253:1"), dm.Device("b", "b", "253:2")]
    assert len(dm.removal_order(devices, lambda device: {"a": ("253:2",), "b": ("253:1",)}[device.name])) == 2
