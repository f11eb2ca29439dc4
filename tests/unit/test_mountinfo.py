"""The mount table as text, from lines that kernels wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.storage import mountinfo

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

TABLE = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
30 22 253:0 / /mnt/a rw,nosuid shared:2 master:1 propagate_from:2 - xfs /dev/mapper/vg-a ro,attr2
31 22 253:1 /sub /mnt/with\040space rw - ext4 /dev/mapper/vg-b rw
32 30 253:2 / /mnt/a/below rw - ext4 /dev/mapper/vg-c rw
33 22 253:0 / /srv/bind rw - xfs /dev/mapper/vg-a rw
34 30 0:40 / /mnt/a rw - tmpfs tmpfs rw
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
    assert mount.parent == 22


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
    [("/mnt/a/x", "/mnt/a"), ("/mnt/ax", "/"), ("/etc", "/"), ("/srv/bind", "/srv/bind"), ("/srv/bind/x", "/srv/bind")],
)
def test_a_path_belongs_to_the_nearest_mount(table: tuple[mountinfo.Mount, ...], path: str, point: str) -> None:
    found = mountinfo.holding(path, table)
    assert found is not None
    assert found.mount_point == point


def met(path: str, *lines: str) -> str:
    """What is met at a path. lines: ID, parent and mount point of each mount, in any order."""
    table = [
        mountinfo.Mount(int(i), point, "8:1", "/", "ext4", i, (), (), int(on)) for i, on, point in map(str.split, lines)
    ]
    found = mountinfo.at(path, table)
    return found.source if found else ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["2 1 /srv/db"], "2"),
        (["2 1 /srv/db", "3 2 /srv/db"], "3"),
        (["3 2 /srv/db", "2 1 /srv/db"], "3"),
        (["2 1 /srv/db", "3 1 /srv"], ""),
        (["2 1 /srv/db", "3 1 /srv", "4 3 /srv/db"], "4"),
        (["2 1 /srv", "3 2 /srv/db", "4 2 /srv"], ""),
        (["2 1 /srv", "3 2 /srv/db"], "3"),
        (["2 1 /srv/db", "3 2 /srv/db/x"], "2"),
    ],
    ids=["alone", "covered", "covered-whatever-the-order", "below-a-covered-folder", "mounted-again-in-the-cover",
         "in-a-covered-mount", "in-another-mount", "with-one-within"],
)  # fmt: skip
def test_what_lies_over_a_mount_or_a_folder_above_it_hides_it(lines: list[str], expected: str) -> None:
    for root in ("1 0 /", "1 1 /"):
        assert met("/srv/db", root, *lines) == expected


def test_a_process_that_does_not_see_its_root_s_mount_sees_what_is_mounted() -> None:
    assert met("/srv/db", "7 5 /srv/db", "8 7 /srv/db") == "8"


def test_what_is_mounted_within_a_mount_is_on_it_over_whatever_lies_between() -> None:
    table = [mountinfo.Mount(i, "/x", "8:1", "/", "ext4", "", (), (), i - 1) for i in range(1, 5)]
    assert mountinfo.is_on(table[3], table[1], table)
    assert mountinfo.is_on(table[1], table[1], table)
    assert not mountinfo.is_on(table[1], table[3], table)


@pytest.mark.parametrize(
    ("source", "kind", "root", "shown"),
    [
        ("/dev/sda1", "ext4", "/", "/dev/sda1 (ext4)"),
        ("/dev/sda1", "ext4", "/sub", "/dev/sda1[/sub] (ext4)"),
        ("none", "tmpfs", "/", "tmpfs"),
        ("systemd-1", "autofs", "/", "autofs"),
        ("host:/export", "nfs4", "/", "host:/export (nfs4)"),
    ],
)
def test_a_mount_is_shown_by_what_tells_something(source: str, kind: str, root: str, shown: str) -> None:
    assert mountinfo.Mount(1, "/x", "8:1", root, kind, source, (), ()).shown == shown


class TestReal:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path.resolve() / "folder"
        (folder / "real" / "db").mkdir(parents=True)
        return folder

    @pytest.mark.parametrize("target", ["real", "{}/real", "../folder/./real"])
    def test_links_on_the_way_are_followed(self, folder: Path, target: str) -> None:
        (folder / "link").symlink_to(target.format(folder))
        assert mountinfo.real(f"{folder}/link/db", ()) == f"{folder}/real/db"
        assert mountinfo.real(f"{folder}/link/not/there", ()) == f"{folder}/real/not/there"

    def test_the_last_name_may_be_a_link_to_a_link(self, folder: Path) -> None:
        (folder / "one").symlink_to("two")
        (folder / "two").symlink_to(folder / "real")
        assert mountinfo.real(f"{folder}/one", ()) == f"{folder}/real"

    def test_a_path_without_links_stays(self, folder: Path) -> None:
        for path in (f"{folder}/real/db", f"{folder}/none", "/"):
            assert mountinfo.real(path, ()) == path

    def test_links_that_lead_in_a_circle_end(self, folder: Path) -> None:
        (folder / "link").symlink_to("link")
        assert mountinfo.real(f"{folder}/link", ()) == f"{folder}/link"

    def test_no_mount_point_is_asked_whether_it_is_a_link(self, folder: Path, mocker: MockerFixture) -> None:
        asked = mocker.spy(os, "readlink")
        mount = mountinfo.Mount(1, f"{folder}/real", "8:1", "/", "ext4", "", (), ())
        assert mountinfo.real(f"{folder}/real", (mount,)) == f"{folder}/real"
        assert f"{folder}/real" not in [call.args[0] for call in asked.call_args_list]

    @pytest.mark.parametrize(
        ("number", "kind", "is_entered"),
        [("0:50", "nfs4", False), ("0:50", "autofs", False), ("0:50", "tmpfs", True), ("8:1", "ext4", True)],
    )
    def test_what_another_machine_serves_is_not_entered(
        self, folder: Path, mocker: MockerFixture, number: str, kind: str, is_entered: bool
    ) -> None:
        asked = mocker.spy(os, "readlink")
        mount = mountinfo.Mount(1, f"{folder}/real", number, "/", kind, "", (), ())
        assert mountinfo.real(f"{folder}/real/db", (mount,)) == f"{folder}/real/db"
        assert (f"{folder}/real/db" in [call.args[0] for call in asked.call_args_list]) == is_entered


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
