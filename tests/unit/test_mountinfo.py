"""The mount table as text, from lines that kernels wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmkit.storage import mountinfo

TABLE = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
30 22 253:0 / /mnt/a rw,nosuid shared:2 master:1 propagate_from:2 - xfs /dev/mapper/vg-a ro,attr2
31 22 253:1 /sub /mnt/with\040space rw - ext4 /dev/mapper/vg-b rw
32 30 253:2 / /mnt/a/below rw - ext4 /dev/mapper/vg-c rw
33 22 253:0 / /srv/bind rw - xfs /dev/mapper/vg-a rw
34 22 0:40 / /mnt/a rw - tmpfs tmpfs rw
35 22 0:41 / /mnt/odd\134\377 rw - tmpfs  rw
a line that is none
36 x 0:42
"""


@pytest.fixture
def table() -> tuple[mountinfo.Mount, ...]:
    return mountinfo.parse(TABLE)


def test_options_of_mount_and_file_system_are_apart(table: tuple[mountinfo.Mount, ...]) -> None:
    mount = table[1]
    assert mount.options == ("rw", "nosuid")
    assert mount.super_options == ("ro", "attr2")
    assert (mount.id, mount.number, mount.type, mount.source) == (30, "253:0", "xfs", "/dev/mapper/vg-a")


def test_escapes_are_undone_and_foreign_bytes_survive(table: tuple[mountinfo.Mount, ...]) -> None:
    assert table[2].mount_point == "/mnt/with space"
    assert table[2].root == "/sub"
    assert table[6].mount_point.encode("utf-8", "surrogateescape") == b"/mnt/odd\\\xff"
    assert table[6].source == ""


def test_lines_of_another_form_are_skipped(table: tuple[mountinfo.Mount, ...]) -> None:
    assert len(table) == 7


def test_the_last_mount_on_a_point_is_the_one_met(table: tuple[mountinfo.Mount, ...]) -> None:
    found = mountinfo.at("/mnt/a", table)
    assert found is not None
    assert found.type == "tmpfs"
    assert mountinfo.at("/mnt", table) is None


def test_bind_mounts_are_mounts_of_the_device(table: tuple[mountinfo.Mount, ...]) -> None:
    assert [mount.mount_point for mount in mountinfo.of("253:0", table)] == ["/mnt/a", "/srv/bind"]


@pytest.mark.parametrize(
    ("path", "point"),
    [("/mnt/a/below/x", "/mnt/a/below"), ("/mnt/a/belowx", "/mnt/a"), ("/etc", "/"), ("/srv/bind", "/srv/bind")],
)
def test_a_path_belongs_to_the_nearest_mount(table: tuple[mountinfo.Mount, ...], path: str, point: str) -> None:
    found = mountinfo.holding(path, table)
    assert found is not None
    assert found.mount_point == point


@pytest.mark.parametrize("word", [b"\\04", b"\\9", b"end\\", b"\\4 0"])
def test_a_backslash_that_escapes_nothing_stays(word: bytes) -> None:
    assert mountinfo.unescaped(word) == word.decode()


def test_a_process_that_has_gone_sees_nothing(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "mountinfo").write_bytes(TABLE)
    assert len(mountinfo.mounts(7, str(tmp_path))) == 7
    assert mountinfo.mounts(8, str(tmp_path)) == ()


def test_this_process_has_a_root() -> None:
    found = mountinfo.at("/")
    assert found is not None
    assert found.mount_point == "/"
