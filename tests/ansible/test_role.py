"""The role, run by a pinned Ansible on two servers in memory: it protects once, and in check mode changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.stand_in import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROLES = ROOT / "share/ansible/roles"
PLAYBOOK = ROOT / "build/ansible/bin/ansible-playbook"
DATA, PATIENCE = "/srv/data", 20.0


class Control:
    """Where Ansible runs: its one host is this machine, whose lvmkit is that of n1 in a world of two servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings"
        self.socket = f"{folder}/backend"
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}/lib:{ROOT}"}
        words = (sys.executable, "-m", "tests.web.backend", self.socket, f"{folder}/world")
        self.backend = subprocess.Popen(words, env=environment, cwd=ROOT)
        self.lvmkit = folder / "lvmkit"
        self.lvmkit.write_text(
            f'#!/bin/sh\nexec {sys.executable} -IS {ROOT}/tests/web/stand_in.py {self.socket} "$@"\n'
        )
        self.lvmkit.chmod(0o755)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.socket):
            assert time.monotonic() < end
            time.sleep(0.05)

    def play(self, *options: str, **variables: Any) -> tuple[int, dict[str, int], str]:
        """Run the role: exit code, counts, and all that is said. variables: those of the role, without its name."""
        given = {f"lvmkit_{name}": value for name, value in variables.items()}
        given.update(lvmkit_executable=str(self.lvmkit), lvmkit_settings_file=str(self.settings))
        role = {"role": "lvmkit", **given}
        play = [{"hosts": "all", "gather_facts": False, "roles": [role]}]
        (self.folder / "play.yml").write_text(json.dumps(play))  # YAML is a superset of JSON
        command = (PLAYBOOK, "-i", "n1,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3", *options)
        home = {"HOME": str(self.folder), "ANSIBLE_ROLES_PATH": str(ROLES), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            (*command, self.folder / "play.yml"),
            env={**os.environ, **home},
            capture_output=True,
            text=True,
            timeout=300,
        )
        recap = done.stdout.rpartition("n1 ")[2]
        stats = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", recap)}
        return done.returncode, stats, done.stdout + done.stderr

    def status(self) -> set[str]:
        """The tags on n1 and n2."""
        done = subprocess.run((self.lvmkit, "show", "--format", "json"), capture_output=True, text=True, check=True)
        resources = json.loads(done.stdout)["resources"]
        return {f"{each['tag']} on {server}" for each in resources for server in each["servers"]}

    def close(self) -> None:
        """End the world."""
        self.backend.kill()
        self.backend.wait(PATIENCE)


@pytest.fixture
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    if not PLAYBOOK.exists():
        pytest.skip("Ansible is not installed (make ansible does that)")
    control = Control(tmp_path_factory.mktemp("role"))
    yield control
    control.close()


def test_it_protects_on_all_servers_and_has_nothing_to_do_the_second_time(control: Control) -> None:
    wanted = {"hierarchies": [{"path": DATA, "servers": ["n1", "n2"]}]}
    code, stats, said = control.play("--check", "--diff", **wanted)
    assert (code, stats["changed"], control.status()) == (0, 1, set())
    assert f"create {DATA}" in said
    code, stats, said = control.play(**wanted)
    assert (code, stats["changed"]) == (0, 1), said
    assert {f"{DATA} on n1", f"{DATA} on n2"} <= control.status()
    code, stats, said = control.play(**wanted)
    assert (code, stats["changed"]) == (0, 0), said
    assert ask(control.socket, {"order": "assert_nothing_half_done"}) == 0


def test_nothing_is_deleted_unless_that_is_said(control: Control) -> None:
    assert control.play(hierarchies=[{"path": DATA}])[1]["changed"] == 1
    before = control.status()
    assert control.play(hierarchies=[])[1]["changed"] == 0
    assert control.status() == before
    assert control.play(hierarchies=[], delete=True)[1]["changed"] == 1
    assert control.status() == set()


def test_what_lvmkit_refuses_ends_the_play_with_its_number(control: Control) -> None:
    code, stats, said = control.play(hierarchies=[{"path": DATA, "servers": ["n1", "n9"]}])
    assert (code, stats["failed"], "110155" in said, control.status()) == (2, 1, True, set())


def test_settings_are_lines_of_their_own_file(control: Control) -> None:
    control.settings.write_text("#LVMKIT_WATCH=auto\nLKCHECKINTERVAL=120\n")
    for changes in (1, 0):
        assert control.play(settings={"LVMKIT_WATCH": "yes"})[1]["changed"] == changes
    assert control.settings.read_text() == "LVMKIT_WATCH=yes\nLKCHECKINTERVAL=120\n"
