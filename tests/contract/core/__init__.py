"""A second LifeKeeper core, written from what is known of the first, and from nothing of the kit's own.

It is no model of a good core: where the interface leaves something open it does the less convenient thing. Its records
have trailing fields, its words are in lower case, it lists instances in no useful order, an instance is ILLSTATE when
it is made, and the other system may know the same thing under another tag.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.contract.core import forks

PROGRAM = Path(__file__).with_name("lcd")
COMMANDS = (
    "app_create", "app_list", "app_remove", "dep_create", "dep_list", "dep_remove", "eqv_create", "eqv_list",
    "eqv_remove", "flg_create", "flg_list", "flg_remove", "flg_test", "hry_setpri", "ins_create", "ins_gettag",
    "ins_list", "ins_remove", "ins_setas", "ins_setinfo", "ins_setinit", "ins_setstate", "lcdremexec", "lcdstatus",
    "lcdsync", "lcduname", "perform_action", "sendevent", "sys_getstate", "sys_list", "typ_create", "typ_list",
    "typ_remove",
)  # fmt: skip
ADMIN = ("getlocks", "rlslocks")
SYSTEMS = ("alpha", "Beta-2")
TYPES = (("scsi", "lvmvg"), ("scsi", "lvmlv"), ("scsi", "device"), ("scsi", "disk"), ("gen", "filesys"))


class Core:
    """A core of two systems below a folder: one LKROOT for each, and one database for both."""

    def __init__(self, folder: Path) -> None:
        """Make it, unless it is there."""
        forks.prepare(str(PROGRAM))
        self.folder, self.database = folder, folder / "lcd.json"
        if not self.database.exists():
            self._make()

    def root(self, system: str = SYSTEMS[0]) -> str:
        """The LKROOT of a system."""
        return str(self.folder / system)

    def told(self) -> dict[str, list[list[str]]]:
        """What was called since forget(): the words of each call, by the name of the command."""
        path = self.folder / "calls"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        calls: dict[str, list[list[str]]] = {}
        for name, *words in map(json.loads, lines):
            calls.setdefault(name, []).append(words)
        return calls

    def forget(self) -> None:
        """Forget the calls."""
        (self.folder / "calls").unlink(missing_ok=True)

    def read(self) -> dict[str, dict[str, object]]:
        """The database."""
        content: dict[str, dict[str, object]] = json.loads(self.database.read_text("utf-8"))
        return content

    def behave(self, **ways: object) -> None:
        """How it is to behave from now on: see lcd, `ways`."""
        content = self.read()
        content["ways"] = {**content["ways"], **ways}
        self._write(content)

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for system in SYSTEMS:
            for place, names in (("bin", COMMANDS), ("lkadm/bin", ADMIN)):
                links = self.folder / system / place
                links.mkdir(parents=True)
                for name in names:
                    (links / name).symlink_to(PROGRAM)
            (self.folder / system / "core.json").write_text(
                json.dumps({"name": system, "database": str(self.database)})
            )
        empty = {"instances": [], "links": [], "types": [list(each) for each in TYPES], "flags": []}
        systems = {system: {**json.loads(json.dumps(empty)), "state": "alive"} for system in SYSTEMS}
        self._write({"systems": dict(systems), "ways": {}, "shared": {}, "events": {}})

    def _write(self, content: dict[str, dict[str, object]]) -> None:
        beside = self.database.with_suffix(".new")
        beside.write_text(json.dumps(content), "utf-8")
        os.replace(beside, self.database)
