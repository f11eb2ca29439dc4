"""LifeKeeper's commands in this process, on one server of the embedded engine."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lvmkit.entry import report
from lvmkit.entry.lcdi import program
from lvmkit.model.settings import Paths
from lvmkit.model.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = os.uname().nodename
SOH = "\x01"
APP = ("-a", "db", "-r", "pg")
ROOT = Path(__file__).parents[2]
REPORT = Path(__file__).parent / "data/lifekeeper-report"


class Outcome(Value):
    """What came of a command."""

    code: int
    out: str
    numbers: tuple[str, ...]
    err: str = ""
    """what went to stderr"""

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.out.splitlines()


class Server:
    """One server of the embedded engine, with the kit 'db/pg' of somebody else installed, and the commands."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capfd = folder, capfd
        self.paths = Paths(
            lkroot=f"{folder}/lk", state=f"{folder}/state", run=f"{folder}/run", defaults=f"{folder}/none", cib="/none"
        )
        for action in ("restore", "remove", "delete"):
            self.install("db", "pg", action)

    def install(self, app: str, kind: str, action: str, body: str = 'echo "$0 $*" >> {log}') -> None:
        """An action script; by default it notes how it was called."""
        folder = self.folder / "lk/subsys" / app / "resources" / kind / "actions"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / action
        path.write_text(f"#!/bin/sh\n{body.format(log=self.log)}\n")
        path.chmod(stat.S_IRWXU)

    @property
    def log(self) -> Path:
        """What scripts note."""
        return self.folder / "log"

    @property
    def ran(self) -> list[str]:
        """The scripts that ran, with their arguments."""
        text = self.log.read_text() if self.log.exists() else ""
        return [line.rpartition("/actions/")[2] for line in text.splitlines()]

    def front(self) -> str:
        """A command line that runs a command, whose name and words follow, in a process of its own."""
        path = self.folder / "front"
        text = f"import gc, sys; gc.disable(); sys.path.insert(0, '{ROOT}/lib')\n"
        text += "from lvmkit.entry.lcdi.program import end, main\nfrom lvmkit.model.settings import Paths\n"
        text += f"end(main(sys.argv[1], sys.argv[2:], Paths(**{self.paths.as_dict()!r})))\n"
        path.write_text(text)
        return f"/usr/bin/python3 -IS {path}"

    def __call__(self, name: str, *words: str) -> Outcome:
        code = program.main(name, list(words), self.paths)
        out, err = self._capfd.readouterr()
        return Outcome(code, out, tuple(re.findall(r"^\S+\[\d+\]: [A-Z]+:[^\n]*?:(\d{6}):", err, re.M)), err)

    def make(self, tag: str, *words: str, **ids: str) -> None:
        """An instance."""
        assert self("ins_create", *APP, "-t", tag, "-i", ids.get("id", f"id-{tag}"), *words).code == 0

    def chain(self, *tags: str) -> None:
        """Instances, each of which requires the next."""
        for tag in tags:
            self.make(tag)
        for parent, child in zip(tags, tags[1:]):
            assert self("dep_create", "-p", parent, "-c", child).code == 0

    def tags(self) -> list[str]:
        """Of all instances."""
        return [line.split(SOH)[3] for line in self("ins_list").lines]

    def field(self, tag: str, place: int) -> str:
        """One field of an instance's record."""
        (line,) = self("ins_list", "-t", tag).lines
        return line.split(SOH)[place]


def reported(bench: Server, *others: tuple[str, ...]) -> list[str]:
    """What the report makes of the commands' output."""
    folder = bench.folder / "bin"
    folder.mkdir()
    for name, *words in (("lcdstatus", "-q"), ("ins_list", "-f|"), ("eqv_list",), *others):
        (folder / f"{name}.out").write_text(bench(name, *words).out)
        (folder / name).write_text('#!/bin/sh\ncat "$0.out"\n')
        (folder / name).chmod(stat.S_IRWXU)
    done = subprocess.run(["/bin/sh", REPORT, folder], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.fixture
def server(programs_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(report, "_send", lambda *_: True)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    here = os.getcwd()
    yield Server(programs_path, capfd)
    os.chdir(here)
    for number, handler in before.items():
        signal.signal(number, handler)
