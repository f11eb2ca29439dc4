"""The OCF agents as files: their metadata, the scripts as real processes, and what a monitor imports."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lvmkit.entry.ocf.agent import main
from lvmkit.entry.ocf.description import AGENTS
from lvmkit.entry.ocf.metadata import metadata
from lvmkit.model.resource_types import ACTION
from lvmkit.model.value import replace
from tests.unit.agent_server import CONFIGURED, OK, STOPPED, UNIMPLEMENTED

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "lib/ocf/resource.d/lvmkit"
DTD = Path("/usr/share/resource-agents/ra-api-1.dtd")
HEAVY = {
    "subprocess", "logging", "dataclasses", "re", "json", "argparse", "pathlib", "typing", "enum", "contextlib",
    "gettext", "locale",
}  # fmt: skip


@pytest.mark.parametrize("agent", sorted(AGENTS))
def test_the_metadata_describes_every_parameter_and_action(agent: str, capfd: Any) -> None:
    assert main(f"/x/{agent}", ["meta-data"], environment={}) == OK
    root = ElementTree.fromstring(capfd.readouterr().out)  # noqa: S314 - our own
    assert root.get("name") == agent
    shown = {each.get("name"): each for each in root.iter("parameter")}
    assert list(shown) == [parameter.name for parameter in AGENTS[agent].parameters]
    for parameter in AGENTS[agent].parameters:
        content = shown[parameter.name].find("content")
        assert content is not None
        assert content.get("default", "") == parameter.default
        assert shown[parameter.name].get("required") == str(int(parameter.required))
        assert not parameter.default or parameter.fits(parameter.default)
        assert shown[parameter.name].findtext("longdesc") == parameter.long
    actions = [(each.get("name"), each.get("depth")) for each in root.iter("action")]
    assert {name for name, _ in actions} == {"start", "stop", "monitor", "validate-all", "meta-data"}
    depths = [depth for name, depth in actions if name == "monitor"]
    assert depths == (["0"] if agent == ACTION else ["0", "10"])
    times = {each.get("name"): each.get("timeout") for each in root.iter("action")}
    assert (times["validate-all"], times["meta-data"]) == ("20s", "10s")


@pytest.mark.parametrize("agent", sorted(AGENTS))
@pytest.mark.skipif(not (shutil.which("xmllint") and DTD.exists()), reason="xmllint or the OCF DTD is not installed")
def test_the_metadata_is_valid_by_the_dtd(agent: str) -> None:
    described = subprocess.run([FOLDER / agent, "meta-data"], capture_output=True, check=True, env={}).stdout
    subprocess.run(["xmllint", "--noout", "--nonet", "--valid", "-"], input=described, check=True, cwd=DTD.parent)


@pytest.mark.parametrize("nowhere", ["> /dev/full", ">&-"])
def test_metadata_that_cannot_be_printed_is_a_numbered_failure(nowhere: str) -> None:
    line = f"{FOLDER}/lvmvg meta-data {nowhere}"
    done = subprocess.run(["/bin/sh", "-c", line], stderr=subprocess.PIPE, env={}, timeout=20, check=False)
    assert done.returncode not in (OK, None)
    assert b"110111" in done.stderr
    assert b"110099" not in done.stderr


def test_text_in_the_metadata_is_escaped() -> None:
    agent = replace(AGENTS["lvmvg"], short='<a href="x">&', name="a'\"<&>")
    root = ElementTree.fromstring(metadata(agent))  # noqa: S314 - our own
    assert (root.get("name"), root.findtext("shortdesc")) == (agent.name, agent.short)


def test_the_agents_are_the_same_few_lines() -> None:
    scripts = sorted(FOLDER.iterdir())
    assert [script.name for script in scripts] == sorted(AGENTS)
    assert len({script.read_bytes() for script in scripts}) == 1
    assert all(script.stat().st_mode & 0o777 == 0o755 for script in scripts)


@pytest.mark.parametrize("agent", sorted(AGENTS))
def test_absurd_calls_get_a_number_and_no_traceback(agent: str) -> None:
    for arguments, environment in (((), {}), (("monitor", "x"), {"OCF_RESKEY_vg": b"\xff\n"}), ((b"\xff",), {})):
        done = subprocess.run([FOLDER / agent, *arguments], capture_output=True, env=environment, timeout=20)
        assert done.returncode in (UNIMPLEMENTED, CONFIGURED)
        assert done.stdout == b""
        assert re.search(rb"^ocf-exit-reason:\d{6} ", done.stderr, re.M)
        assert b"Traceback" not in done.stderr


def test_a_monitor_that_is_interrupted_ends_without_a_traceback() -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from lvmkit.entry.ocf.agent import main\n"
        "from lvmkit.storage import dm\n"
        "dm.list_devices = lambda: os.kill(os.getpid(), 2) or ()\n"
        "main('/x/lvmvg', ['monitor'], None, {'OCF_RESKEY_vg': 'no-such-vg'})"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, str(ROOT / "lib")], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_the_monitor_imports_nothing_heavy_and_starts_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "from lvmkit.entry.ocf.agent import main\n"
        "from lvmkit.storage import dm\n"
        "dm.list_devices = lambda: ()\n"
        "sys.addaudithook(lambda event, _: event in ('os.fork', 'os.exec', 'subprocess.Popen') and sys.exit(99))\n"
        "code = main('/x/lvmvg', ['monitor'], None, {'OCF_RESKEY_vg': 'no-such-vg'})\n"
        "print(code, *sorted(set(sys.modules) - before))"
    )
    argv = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "lib")]
    code, *loaded = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert code == str(STOPPED)
    assert "lvmkit.storage.vitals" in loaded
    assert not HEAVY & set(loaded)
