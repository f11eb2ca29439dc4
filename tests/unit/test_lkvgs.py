"""/etc/lkvgs is updated whole, or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from lvmkit.model.messages import Failure
from lvmkit.model.messages.guide import LkvgsNotUpdated
from lvmkit.model.messages.storage import FileUnreadable
from lvmkit.storage import lkvgs, locks
from tests.unit.machine import uuid_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUBBISH = b"# mine\nvg1\n\n  vg2  # shared\nnot a name\n\xe9\xff\r\n-x\x00y\nlast"
STEPS = ("open", "write", "fchmod", "fsync", "close", "rename", "mkdir", "ftruncate", "pwrite", "listdir", "unlink")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lkvgs"


def test_a_missing_file_lists_nothing_and_is_made_with_a_heading(path: Path) -> None:
    assert lkvgs.listed(str(path)) == ()
    lkvgs.add(str(path), "my-vg.1+a")
    heading, entry = path.read_text().splitlines()
    assert heading.startswith("#")
    assert entry == "my-vg.1+a"
    assert path.stat().st_mode & 0o7777 == 0o644
    assert lkvgs.listed(str(path)) == ("my-vg.1+a",)


def test_names_are_found_among_comments_and_rubbish(path: Path) -> None:
    path.write_bytes(RUBBISH + b"\nvg1\n")
    assert lkvgs.listed(str(path)) == ("vg1", "vg2", "last")


def test_every_other_line_is_kept_byte_for_byte_and_in_order(path: Path) -> None:
    path.write_bytes(RUBBISH)
    lkvgs.add(str(path), "new")
    assert path.read_bytes() == RUBBISH + b"\nnew\n"
    lkvgs.remove(str(path), "vg2")
    assert path.read_bytes() == RUBBISH.replace(b"  vg2  # shared\n", b"") + b"\nnew\n"


def _written(path: Path) -> tuple[int, int, int]:
    """What differs when the file is replaced or changed, and not when it is read."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def test_adding_what_is_there_and_removing_what_is_not_write_nothing(path: Path) -> None:
    path.write_bytes(RUBBISH)
    before = _written(path)
    lkvgs.add(str(path), "vg2")
    lkvgs.remove(str(path), "vg3")
    lkvgs.remove(str(path), "not a name")
    assert _written(path) == before
    lkvgs.remove(str(path.parent / "nothing"), "vg1")
    assert not (path.parent / "nothing").exists()


def test_a_name_that_is_listed_twice_goes_altogether(path: Path) -> None:
    path.write_text("vg1\nvg2\nvg1 # again\n")
    lkvgs.remove(str(path), "vg1")
    assert path.read_text() == "vg2\n"


def test_a_link_to_a_managed_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    managed = tmp_path / "managed"
    managed.mkdir()
    path.symlink_to(managed / "list")
    lkvgs.add(str(path), "vg1")
    assert path.is_symlink()
    assert lkvgs.listed(str(managed / "list")) == ("vg1",)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EROFS, errno.ENOSPC])
def test_a_file_that_cannot_be_replaced_is_a_warning_and_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """EPERM is what an immutable file answers."""

    def rename(*_paths: str) -> None:
        raise OSError(number, os.strerror(number))

    path.write_bytes(RUBBISH)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Failure) as failure:
        lkvgs.add(str(path), "new")
    (message,) = failure.value.messages
    assert isinstance(message, LkvgsNotUpdated)
    assert os.strerror(number) in message.why
    assert path.read_bytes() == RUBBISH


def test_a_folder_in_its_place_and_a_busy_list_are_warnings(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lkvgs, "PATIENCE", 0)
    with (
        locks.locked(str(path.parent / ".lkvgs.lock"), what="x", patience=0),
        pytest.raises(Failure, match="110007"),
    ):
        lkvgs.add(str(path), "vg1")
    path.mkdir()
    for change in (lkvgs.add, lkvgs.remove):
        with pytest.raises(Failure) as failure:
            change(str(path), "vg1")
        assert isinstance(failure.value.messages[0], LkvgsNotUpdated)
    with pytest.raises(Failure) as failure:
        lkvgs.listed(str(path))
    assert isinstance(failure.value.messages[0], FileUnreadable)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_list_whole(path: Path, after: bool) -> None:
    """A child is killed before, or right after, each of its system calls in turn, until one survives."""
    new = RUBBISH + b"\nnew\n"
    seen, step, survived = set(), 0, False
    while not survived:
        step += 1
        path.write_bytes(RUBBISH)
        child = os.fork()
        if child == 0:
            die_at(step, after)
            lkvgs.add(str(path), "new")
            os._exit(7)
        survived = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        seen.add(path.read_bytes())
    assert step > 12, "every call was tried"
    assert seen == {RUBBISH, new}
    lkvgs.add(str(path), "other")
    assert sorted(os.listdir(path.parent)) == [".lkvgs.lock", "lkvgs"], "what the killed ones left is gone"


def die_at(step: int, after: bool) -> None:
    """End this process at the n-th of the calls in STEPS, as SIGKILL would: no handler, no clean-up."""
    left = [step]

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **named: object) -> object:
            left[0] -= 1
            its_turn = left[0] == 0
            if its_turn and not after:
                os._exit(9)
            try:
                return call(*arguments, **named)
            finally:
                if its_turn:
                    os._exit(9)

        return wrapper

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


A, B = uuid_of("a"), uuid_of("b")


def test_a_group_is_listed_with_its_uuid_and_under_one_name_only(path: Path) -> None:
    path.write_text("vg1\nkeep\n")
    lkvgs.add(str(path), "vg1", A)
    assert lkvgs.entries(str(path)) == (("keep", ""), ("vg1", A))
    lkvgs.add(str(path), "new", A)
    assert lkvgs.entries(str(path)) == (("keep", ""), ("new", A))
    assert path.read_text() == f"keep\nnew # {A}\n"


def test_another_group_of_the_name_is_left_on_the_list(path: Path) -> None:
    path.write_text(f"vg1 # {A}\nvg1 # {B}\n")
    lkvgs.remove(str(path), "vg1", A)
    assert lkvgs.entries(str(path)) == (("vg1", B),)
    lkvgs.remove(str(path), "other", B)
    assert lkvgs.entries(str(path)) == ()


def test_an_older_line_gets_the_uuid_and_a_missing_one_is_not_made(path: Path) -> None:
    path.write_text("vg1\n")
    lkvgs.identify(str(path), "vg1", A)
    lkvgs.identify(str(path), "vg2", B)
    assert lkvgs.entries(str(path)) == (("vg1", A),)
