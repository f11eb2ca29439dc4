"""Fixtures of the lab: every pytest-xdist worker has an instance of its own, which dies with it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.guests.errors import NotInstalledError
from lab.guests.guest import Guest
from lab.guests.lab import Lab, default_name

PUSHED = "pushed"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One guest, up. Without the programs it takes: failed where CI is set, skipped elsewhere."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    instance = Lab(f"{default_name()} pytest {worker}", owned=True, progress=print)
    try:
        instance.down()
        instance.up()
    except NotInstalledError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    yield instance
    instance.down()


@pytest.fixture(scope="session")
def pushed_lab(lab: Lab) -> Lab:
    """The lab with the working tree installed, saved as `pushed`."""
    lab.reset()
    lab.push()
    lab.save(PUSHED)
    return lab


@pytest.fixture
def bare_guest(lab: Lab) -> Guest:
    """A pristine guest without the project."""
    lab.reset()
    return Guest(lab)


@pytest.fixture
def guest(pushed_lab: Lab) -> Guest:
    """A pristine guest with the working tree installed."""
    pushed_lab.reset(PUSHED)
    return Guest(pushed_lab)
