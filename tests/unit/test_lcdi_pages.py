"""The manual pages and the completion of LifeKeeper's commands, and what their start costs."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

from lvmkit.cli import lcdi_manual
from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.entry.lcdi.program import NAMES, described
from lvmkit.model.instance import OSU, Instance
from lvmkit.model.settings import Settings
from tests.unit.lcdi_server import HERE, Server

ROOT = Path(__file__).parents[2]
COMPLETION = ROOT / "share/bash-completion/lcdi"
HEAVY = {
    "argparse", "click", "collections", "contextlib", "dataclasses", "datetime", "enum", "functools", "json", "logging",
    "operator", "pathlib", "re", "sqlite3", "subprocess", "typing",
}  # fmt: skip


def test_every_command_has_a_clean_page_with_all_its_options(tmp_path: Path) -> None:
    lcdi_manual.main(str(tmp_path))
    pages = sorted(tmp_path.glob("*.8"))
    assert [page.stem for page in pages] == list(NAMES)
    for page in pages:
        for option in described(page.stem).options:
            assert f"\\-{option.letter}" in page.read_text()
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_document_names_every_message_by_a_number_that_there_is() -> None:
    from lvmkit.model.messages import catalogue

    numbers = {int(number) for number in re.findall(r"\b110\d{3}\b", (ROOT / "docs/lcdi.md").read_text())}
    assert numbers <= catalogue().keys()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
class TestCompletion:
    def completed(self, bench: Server, *words: str) -> list[str]:
        folder = bench.folder / "bin"
        folder.mkdir(exist_ok=True)
        for name in NAMES:
            (folder / name).write_text(f'#!/bin/sh\nexec {bench.front()} {name} "$@"\n')
            (folder / name).chmod(0o755)
        listed = " ".join(f"'{word}'" for word in words)
        text = f"source {COMPLETION}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _lcdi {folder}/{words[0]}"
        done = subprocess.run(
            ["bash", "--norc", "-c", f'{text}; printf "%s\\n" "${{COMPREPLY[@]}}"'], capture_output=True, text=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    def test_it_knows_all_commands(self) -> None:
        done = subprocess.run(["bash", "-c", f"source {COMPLETION}; complete -p"], capture_output=True, text=True)
        assert sorted(line.split()[-1] for line in done.stdout.splitlines()) == list(NAMES)

    def test_it_knows_the_options_the_tags_and_the_servers(self, server: Server) -> None:
        server.chain("alpha", "beta")
        assert self.completed(server, "flg_create", "-") == ["-d", "-f", "-h"]
        assert self.completed(server, "ins_list", "-t", "") == ["alpha", "beta"]
        assert self.completed(server, "ins_list", "-t", "b") == ["beta"]
        assert self.completed(server, "ins_list", "-d", "") == [HERE]
        assert self.completed(server, "typ_list", "-a", "d") == ["db"]


class TestCost:
    @pytest.fixture
    def thousand(self, server: Server) -> Server:
        made = (Instance(HERE, "db", "pg", f"t{n}", f"/srv/{n}", "a=b", OSU) for n in range(1000))
        Engine(server.paths, Settings()).commit(Change(add=tuple(made)))
        return server

    def test_a_list_loads_nothing_heavy(self, thousand: Server) -> None:
        script = thousand.front().split()[-1]
        argv = ["/usr/bin/python3", "-IS", "-X", "importtime", script, "ins_list"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        loaded = {
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
        }
        assert len(done.stdout.splitlines()) == 1000
        assert not loaded & HEAVY
        assert not {name for name in loaded if name.startswith("lvmkit.model.messages.")}

    @pytest.mark.skipif(not os.environ.get("LVMKIT_TIMES"), reason="LVMKIT_TIMES is not set: other work would count")
    def test_a_list_of_a_thousand_takes_less_than_three_starts_of_the_interpreter(self, thousand: Server) -> None:
        start = seconds("/usr/bin/python3", "-IS", "-c", "pass")
        assert seconds(*thousand.front().split(), "ins_list") < 3 * start


def seconds(*argv: str) -> float:
    """Processor time of a program, the lower quartile of many runs."""
    times = []
    for _ in range(31):
        output = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        pid = os.posix_spawn(argv[0], argv, {}, file_actions=[output])
        _, status, usage = os.wait4(pid, 0)
        assert status == 0
        times.append(usage.ru_utime + usage.ru_stime)
    return statistics.quantiles(times, n=4)[0]
