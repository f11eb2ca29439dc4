"""The UUID of a file system, read from its superblock. tests/metadata has the same with a real one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage import filesystem_uuid

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mock import MockerFixture

DIGITS = "f218ec6f481a4814963bfb110e2b1719"
UUID = "f218ec6f-481a-4814-963b-fb110e2b1719"
NOT_A_DEVICE = "0:0"
"""what the kernel has for a file that is none"""


@pytest.fixture
def disk(tmp_path: Path) -> str:
    """A file that stands for a device."""
    path = tmp_path / "disk"
    path.write_bytes(b"")
    os.truncate(path, 1 << 17)
    return str(path)


def put(disk: str, at: int, data: bytes) -> None:
    handle = os.open(disk, os.O_WRONLY)
    os.pwrite(handle, data, at)
    os.close(handle)


def read(disk: str, kind: str, number: str = NOT_A_DEVICE) -> str | None:
    return filesystem_uuid.uuid_on(disk, number, kind, deadline=9)


@pytest.mark.parametrize(
    ("kind", "magic", "uuid"),
    [
        ("ext4", (1080, b"\x53\xef"), 1128),
        ("ext3", (1080, b"\x53\xef"), 1128),
        ("xfs", (0, b"XFSB"), 32),
        ("btrfs", (65600, b"_BHRfS_M"), 65568),
        ("f2fs", (1024, b"\x10\x20\xf5\xf2"), 1132),
    ],
)
def test_the_uuid_is_read_where_the_magic_is_there(disk: str, kind: str, magic: tuple[int, bytes], uuid: int) -> None:
    put(disk, uuid, bytes.fromhex(DIGITS))
    assert read(disk, kind) == ""
    put(disk, *magic)
    assert read(disk, kind) == UUID
    assert read(disk, "jfs") == ""


def test_another_device_than_the_one_that_is_meant_is_not_read(disk: str) -> None:
    put(disk, 0, b"XFSB")
    assert read(disk, "xfs", "253:0") == ""


def test_an_error_or_a_short_device_says_nothing(disk: str) -> None:
    os.truncate(disk, 100)
    assert [read(disk, "ext4"), read(f"{disk}-gone", "ext4")] == ["", ""]


def test_a_device_that_does_not_answer_is_left_behind(disk: str, mocker: MockerFixture) -> None:
    mocker.patch.object(filesystem_uuid, "read_part", side_effect=lambda *_: os.read(os.pipe()[0], 1))
    assert filesystem_uuid.uuid_on(disk, NOT_A_DEVICE, "ext4", deadline=0.05) is None
