"""The engines that keep the contract of the port: how each is made for a test, empty and with nothing in service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.lifekeeper import LifeKeeper
from lvmkit.cluster.pacemaker import Pacemaker, elements
from lvmkit.model.settings import Paths, Settings
from lvmkit.model.value import replace
from tests.contract.core import Core, own
from tests.unit.test_pacemaker import sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.cluster.port import Port

DEADLINE = 60.0
PATIENCE = 0.3
"""seconds that somebody waits for the admin lock"""
_SETTINGS = Settings(lock_patience=PATIENCE, command_deadline=DEADLINE)


def embedded(folder: Path) -> Port:
    """The engine of one server, on a database of its own."""
    return Engine(_paths(folder), _SETTINGS)


def pacemaker(folder: Path) -> Port:
    """Pacemaker as its own tools have it on a file: a cluster of three servers, with resources of somebody else."""
    cib = folder / "cib.xml"
    if not cib.exists():
        cib.write_text(elements.written(sample()))
    return Pacemaker(_paths(folder), _SETTINGS, server="n1", cib_file=str(cib))


def lifekeeper(folder: Path) -> Port:
    """LifeKeeper as a second core has it, which is deliberately different: two systems, one file."""
    return LifeKeeper(_paths(folder), replace(_SETTINGS, lkroot=Core(folder / "core").root()))


def lifekeeper_own(folder: Path) -> Port:
    """LifeKeeper as the kit's own commands have it, over the embedded engine: one server, and programs between."""
    return LifeKeeper(_paths(folder), replace(_SETTINGS, lkroot=own.root(folder)))


ADAPTERS: dict[str, Callable[[Path], Port]] = {
    "embedded": embedded,
    "pacemaker": pacemaker,
    "lifekeeper": lifekeeper,
    "lifekeeper_own": lifekeeper_own,
}
RECORDS = {"lifekeeper": ("core/lcd.json", "state"), "lifekeeper_own": ("own-state", "state")}
"""where adapters that start programs, which is slow, keep what they store, below the folder of a test"""
TOOLS = [
    f"/usr/sbin/{name}" for name in ("cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate", "crm_verify")
]
"""what the adapter of Pacemaker starts (Debian: pacemaker-cli-utils)"""


def missing(adapter: str) -> list[str]:
    """The programs that this machine lacks for an adapter."""
    if adapter == "lifekeeper_own":
        return own.missing()
    if adapter != "pacemaker":
        return []
    return [path for path in TOOLS if not os.path.exists(path)]


def _paths(folder: Path) -> Paths:
    return Paths(lkroot=f"{folder}/lk", state=f"{folder}/state", run=f"{folder}/run", cib=f"{folder}/cib.xml")
