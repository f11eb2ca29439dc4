"""The kit's own commands as a core: programs of their own, over the embedded engine of a folder.

For the adapter they are LifeKeeper's: each is a process, and nothing but words, records and exit codes goes between.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lvmkit.entry.lcdi import program
from tests.contract.core import ADMIN, COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

LIB = os.path.dirname(os.path.dirname(os.path.abspath(program.__file__))).rpartition("/lvmkit")[0]
NEEDED = (
    "dep_create", "dep_list", "dep_remove", "eqv_create", "eqv_list", "flg_create", "flg_list", "flg_remove",
    "getlocks", "hry_setpri", "ins_create", "ins_list", "ins_remove", "ins_setas", "ins_setinfo", "ins_setinit",
    "ins_setstate", "lcdstatus", "lcdsync", "lcduname", "perform_action", "rlslocks", "sendevent", "typ_list",
)  # fmt: skip
"""what the adapter starts"""
_PROGRAM = """#!{python} -IS
import os, sys
sys.path.insert(0, {lib!r})
from lvmkit.entry.lcdi.program import main
from lvmkit.model.settings import Paths
folder = {folder!r}
files = dict(defaults=folder + "/own.conf", own_defaults=folder + "/none", cib="/none")
paths = Paths(lkroot=folder + "/own", state=folder + "/own-state", run=folder + "/own-run", **files)
sys.exit(main(os.path.basename(sys.argv[0]), sys.argv[1:], paths))
"""
_TYPES = ("scsi/resources/lvmvg", "scsi/resources/lvmlv", "gen/resources/filesys")


def missing() -> list[str]:
    """The commands that the adapter needs and the kit does not have yet."""
    return [name for name in NEEDED if name not in program.NAMES]


def root(folder: Path) -> str:
    """LKROOT with the commands; it is made unless it is there."""
    for name in NEEDED:
        program.described(name)  # its module is loaded, for the forks that become the command
    place = folder / "own"
    if not place.exists():
        _make(folder, place)
    return str(place)


def _make(folder: Path, place: Path) -> None:
    (folder / "own.conf").write_text("LVMKIT_ENGINE=embedded\n")
    for kind in _TYPES:
        actions = place / "subsys" / kind / "actions"
        actions.mkdir(parents=True)
        for name in ("restore", "remove"):
            (actions / name).write_text("#!/bin/sh\n")
            (actions / name).chmod(0o755)
    for where, names in (("bin", COMMANDS), ("lkadm/bin", ADMIN)):
        commands = place / where
        commands.mkdir(parents=True)
        (commands / "program").write_text(_PROGRAM.format(python=sys.executable, lib=LIB, folder=str(folder)))
        (commands / "program").chmod(0o755)
        for name in names:
            (commands / name).symlink_to("program")
