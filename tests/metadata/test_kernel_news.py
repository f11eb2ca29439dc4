"""The kernel's own news, from the kernel of this machine: uevents, an overrun socket, mounts."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvmkit.storage.kernel_news import FilesystemErrors, MountEvents, News, Uevents

EVENT_FILES = sorted(Path("/sys/block").glob("loop*/uevent"))
MORE_THAN_FIT = 4000


@pytest.fixture
def uevents() -> Iterator[Uevents]:
    if os.geteuid() or not EVENT_FILES:
        pytest.skip("needs root, and a block device that can be asked for an event")
    try:
        source = Uevents()
    except OSError as error:
        pytest.skip(f"no uevents here: {error}")
    yield source
    source.close()


def waited(source: Uevents | MountEvents | FilesystemErrors, seconds: float = 5.0) -> bool:
    poller = select.poll()
    poller.register(source.fileno(), source.mask)
    return bool(poller.poll(seconds * 1000))


def test_an_event_of_a_disk_is_heard(uevents: Uevents) -> None:
    uevents.take()
    EVENT_FILES[0].write_text("change")
    assert waited(uevents)
    assert uevents.take().is_relevant
    EVENT_FILES[0].write_text("add")
    assert waited(uevents)
    assert uevents.take().has_new_disk


def test_more_events_than_fit_are_an_overrun_and_later_ones_are_heard_again(uevents: Uevents) -> None:
    for _ in range(MORE_THAN_FIT):
        EVENT_FILES[0].write_text("change")
    news = [uevents.take() for _ in range(2 + MORE_THAN_FIT // 1000)]
    assert any(each.is_overrun for each in news)
    uevents.take()
    EVENT_FILES[0].write_text("change")
    assert waited(uevents)
    assert uevents.take() == News(True)


def test_mounts_and_unmounts_are_heard_once_each(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    source = MountEvents()
    assert not waited(source, 0)
    for words in (("mount", "-t", "tmpfs", "none", str(tmp_path)), ("umount", str(tmp_path))):
        subprocess.run(words, check=True)
        assert waited(source)
        assert source.take() == News(True)
        assert not waited(source, 0)
    source.close()


@pytest.fixture
def errors() -> Iterator[FilesystemErrors]:
    try:
        source = FilesystemErrors()
    except OSError as error:
        pytest.skip(f"the kernel does not tell of errors: {error}")
    yield source
    source.close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", path], check=True)
    return path


def is_mounted(image: Path, point: Path, behaviour: str) -> bool:
    point.mkdir(exist_ok=True)
    return not subprocess.run(["mount", "-o", f"loop,errors={behaviour}", image, point], check=False).returncode


def break_it(point: Path) -> None:
    """Let the kernel's own switch for tests make an error."""
    number = os.stat(point).st_dev
    name = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve().name
    Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("by a test")


@pytest.mark.parametrize("behaviour", ["continue", "remount-ro"])
def test_an_error_that_an_ext4_meets_is_heard(
    errors: FilesystemErrors, image: Path, tmp_path: Path, behaviour: str
) -> None:
    """The error of a file system that was mounted meanwhile, twice: each mount is one of its own."""
    point = tmp_path / "point"
    for _ in range(2):
        if not is_mounted(image, point, behaviour):
            pytest.skip("no loop device")
        try:
            errors.refresh()
            assert not waited(errors, 0)
            break_it(point)
            assert waited(errors)
            assert errors.take() == News(True)
            assert not waited(errors, 0)
        finally:
            subprocess.run(["umount", point], check=True)
