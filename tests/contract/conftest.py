"""Every test of the contract runs once for each adapter."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.adapters import ADAPTERS, missing
from tests.contract.core import forks
from tests.unit import folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lvmkit.cluster.port import Port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One of each test for each adapter, with a marker of the adapter's name."""
    if "adapter" in metafunc.fixturenames:
        each = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ADAPTERS]
        metafunc.parametrize("adapter", each)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name in ADAPTERS:
        config.addinivalue_line("markers", f"{name}: the contract as {name} keeps it")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where programs can be run there."""
    with tempfile.TemporaryDirectory(dir=folders.for_programs()) as folder:
        yield Path(folder)


@pytest.fixture
def opened(adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Port]:
    """What makes the port anew, as another process would have it."""
    forks.instead_of_programs(monkeypatch)
    lacking = missing(adapter)
    if lacking and os.environ.get("CI"):
        pytest.fail(f"not on this machine: {', '.join(lacking)}")
    if lacking:
        pytest.skip(f"not there: {', '.join(lacking)}")
    return partial(ADAPTERS[adapter], tmp_path)


@pytest.fixture
def port(opened: Callable[[], Port]) -> Port:
    """The port, with nothing protected."""
    return opened()
