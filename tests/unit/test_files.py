"""Whole files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.storage import files

LIB = Path(__file__).parents[2] / "lib"
NO_SUCH_PROCESS = 2**22 + 1
"""above the kernel's largest process ID (proc(5), pid_max)"""
HEAVY = ("subprocess", "logging", "dataclasses", "re", "json", "argparse", "pathlib", "typing", "enum", "contextlib")


def refuse(*_arguments: object, **_named: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def message_of(failure: pytest.ExceptionInfo[Failure]) -> object:
    return failure.value.messages[0]


def test_content_is_replaced_with_the_mode_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    before = os.umask(0o077)
    try:
        files.replace(str(path), "new\udce9", mode=0o644)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new\xe9"
    assert path.stat().st_mode & 0o7777 == 0o644
    assert os.listdir(tmp_path) == ["f"]
    assert files.read(str(path)) == "new\udce9"


@pytest.mark.parametrize("step", ["open", "write", "fchmod", "fsync", "rename"])
def test_a_failed_step_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(Failure) as failure:
            files.replace(str(path), "new")
    assert message_of(failure) == StateNotStored(str(path), "No space left on device")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_write_that_takes_only_a_part_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:3]))
    files.replace(str(tmp_path / "f"), "0123456789")
    assert (tmp_path / "f").read_text() == "0123456789"


def test_text_that_no_bytes_stand_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure) as failure:
        files.replace(str(tmp_path / "f"), "\ud800")
    assert isinstance(message_of(failure), StateNotStored)
    assert os.listdir(tmp_path) == []


def test_leftovers_of_killed_writers_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    dead, alive = f".f.{NO_SUCH_PROCESS}-1.lvmkit-new", f".f.{os.getppid()}-1.lvmkit-new"
    other = f".g.{NO_SUCH_PROCESS}-1.lvmkit-new"
    odd = ".f.x/../y".replace("/", "_") + "-1.lvmkit-new"
    for name in (dead, alive, other, odd):
        (tmp_path / name).touch()
    files.replace(str(tmp_path / "f"), "new")
    assert sorted(os.listdir(tmp_path)) == sorted([alive, other, odd, "f"])


def test_a_folder_that_cannot_be_flushed_is_no_failure_but_a_disk_error_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def on_folders(number: int) -> None:
        def fsync(handle: int) -> None:
            if os.path.isdir(f"/proc/self/fd/{handle}"):
                raise OSError(number, os.strerror(number))
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)

    on_folders(errno.EINVAL)
    files.replace(str(tmp_path / "f"), "new")
    on_folders(errno.EIO)
    with pytest.raises(Failure):
        files.replace(str(tmp_path / "f"), "newer")


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert files.read(str(tmp_path / "nothing")) is None


def test_only_regular_files_of_sensible_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 10)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "big").write_text("x" * 11)
    (tmp_path / "fits").write_text("x" * 10)
    for path in (tmp_path / "fifo", tmp_path / "big", tmp_path, "/dev/null", tmp_path / "fits" / "below"):
        with pytest.raises(Failure) as failure:
            files.read(str(path))
        assert isinstance(message_of(failure), FileUnreadable)
    assert files.read(str(tmp_path / "fits")) == "x" * 10


def test_folders_are_made_with_their_parents_and_kept_as_they_are(tmp_path: Path) -> None:
    files.make_folder(f"{tmp_path}/a/b", 0o750)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o750
    files.make_folder(f"{tmp_path}/a/b", 0o700)
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o750
    (tmp_path / "file").touch()
    for path in ("file", "file/below"):
        with pytest.raises(Failure) as failure:
            files.make_folder(str(tmp_path / path))
        assert isinstance(message_of(failure), StateNotStored)


def test_the_light_modules_import_nothing_heavy() -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "from lvmkit.storage import conffile, files, lkvgs, locks\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-I", "-S", "-c", program, str(LIB)]
    loaded = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert "lvmkit.storage.files" in loaded
    assert not set(HEAVY) & set(loaded)
