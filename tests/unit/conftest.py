"""What all unit tests share: folders for their files, and children that have told that they run."""

from __future__ import annotations

import gc
import os
import select
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.peer.kernels import Kernels
from lvmkit.storage import run as module
from tests.unit import folders
from tests.unit.lcdi_server import server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 9
"""seconds; nothing waits that long unless the test fails"""


def pytest_configure() -> None:
    """What a shell runs in the background begins with SIGINT ignored and hands that on; programs of a test must not."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Two thousand collected tests are no garbage; looking through them again and again takes a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(autouse=True)
def nobody_else() -> Iterator[None]:
    """Other servers hold nothing, and no test asks one over the network."""
    with pytest.MonkeyPatch.context() as patch:  # its own, so that a test's patches end before the test's folder does
        patch.setattr(Kernels, "devices", lambda _self, servers, *_, **__: dict.fromkeys(servers, ()))
        yield


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where the system has such a place."""
    with tempfile.TemporaryDirectory(dir=folders.in_memory()) as folder:
        yield Path(folder)


@pytest.fixture
def programs_path() -> Iterator[Path]:
    """The same for programs to run."""
    with tempfile.TemporaryDirectory(dir=folders.for_programs()) as folder:
        yield Path(folder)


@pytest.fixture
def disk_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for programs to run and files to read directly: memory may be mounted noexec, and lack O_DIRECT."""
    return tmp_path_factory.mktemp("disk")


class Started:
    """Lets storage.run begin to count its deadline when the child has told process IDs through the FIFO.

    A test with a short deadline is then sure, on the busiest machine, that the child had come so far.
    """

    def __init__(self, fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(fifo)
        self.fifo = fifo
        self.handles: list[int] = []
        self._reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self._has_ended = module._has_ended
        monkeypatch.setattr(module, "_has_ended", self.has_ended)

    def has_ended(self, pid: int, patience: float) -> bool:
        """In the place of run._has_ended; the first time it waits for the process IDs, and for nothing else."""
        if self.handles:
            return self._has_ended(pid, patience)
        select.select([self._reading], [], [], PATIENCE)
        self.handles = [os.pidfd_open(int(told)) for told in os.read(self._reading, 100).split()]
        return False

    def all_end(self) -> bool:
        """Whether all processes that were told end; a killed one may need a moment."""
        return all(select.select([handle], [], [], PATIENCE)[0] for handle in self.handles)

    def close(self) -> None:
        """Give the descriptors back."""
        for handle in (*self.handles, self._reading):
            os.close(handle)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    started = Started(tmp_path / "started", monkeypatch)
    yield started
    started.close()
