"""Two servers that have the kit's own commands as their core, in two folders of one machine; `pair` is the program."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.contract.core import ADMIN, COMMANDS, forks
from tests.contract.core.own import LIB

PROGRAM = Path(__file__).with_name("pair")
SERVERS = ("alpha", "beta")
TYPES = ("scsi/resources/lvmvg", "scsi/resources/lvmlv", "gen/resources/filesys")
SCRIPT = '#!/bin/sh\necho "{server} ${{0##*/}} $2" >> {log}\n'


class Pair:
    """The servers below a folder, with scripts that note their calls and do nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, folder / "log"
        forks.prepare(str(PROGRAM))
        for server in SERVERS:
            self._make(server)

    def root(self, server: str) -> str:
        """The LKROOT of a server."""
        return str(self.folder / server)

    @property
    def ran(self) -> list[str]:
        """The scripts that ran: server, action and tag."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def forget(self) -> None:
        """Forget the scripts that ran."""
        self._log.unlink(missing_ok=True)

    def install(self, kit: Path) -> None:
        """Put the files of a kit on both servers."""
        for server in SERVERS:
            for part in ("subsys", "lkadm"):
                shutil.copytree(kit / part, self.folder / server / part, dirs_exist_ok=True)

    def run(self, server: str, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program below the LKROOT of a server, really."""
        root = self.root(server)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LKROOT": root}
        return subprocess.run(
            [f"{root}/{program}", *words], env=environment, text=True, capture_output=True, timeout=60
        )

    def kill(self, server: str) -> None:
        """Let the other one know that a server is dead."""
        for other in SERVERS:
            if other != server:
                (self.folder / other / "dead").write_text(f"{server}\n")

    def _make(self, server: str) -> None:
        root = self.folder / server
        for place, names in (("bin", (*COMMANDS, "mirror")), ("lkadm/bin", ADMIN)):
            (root / place).mkdir(parents=True)
            for name in names:
                (root / place / name).symlink_to(PROGRAM)
        for kind in TYPES:
            actions = root / "subsys" / kind / "actions"
            actions.mkdir(parents=True)
            for name in ("restore", "remove"):
                (actions / name).write_text(SCRIPT.format(server=server, log=self._log))
                (actions / name).chmod(0o755)
        others = {other: [self.root(other), ["/bin/sh", "-c"]] for other in SERVERS if other != server}
        (root / "core.json").write_text(json.dumps({"name": server, "lib": LIB, "others": others}))
        (root / "own.conf").write_text("LVMKIT_ENGINE=embedded\n")
