"""The scripts as an engine calls them: real processes, with a bare Python and no storage behind them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from lvmkit.model.messages import catalogue

ROOT = Path(__file__).parents[2]
ACTIONS = sorted((ROOT / "opt").rglob("actions/*"))
ADMIN = sorted((ROOT / "lkadm").rglob("bin/*"))
LIB = ROOT / "lib" / "lvmkit"

# Numbers of the guide that wait for an engine with more than one server, or for a higher-level kit of our own.
WAITING = {
    7: "an engine looks for depstoextend on another server",
    27: "a kit above the file system fails to create",
    28: "a kit above the file system fails to create",
    110008: "a replicated device is extended to another server",
}


def _run(script: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], capture_output=True, text=True, errors="replace", timeout=20, env={})


def _numbers(stderr: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\S+\[\d+\]: [A-Z]+:[^:]*:[^:]*:[^\n]*?:(\d{6}):", stderr, re.M)]


@pytest.mark.parametrize("scripts", [ACTIONS, ADMIN])
def test_all_scripts_of_a_kind_are_the_same_few_lines(scripts: list[Path]) -> None:
    assert len({script.read_bytes() for script in scripts}) == 1
    assert len(scripts[0].read_text().splitlines()) <= 15
    assert all(script.stat().st_mode & 0o777 == 0o755 for script in scripts)


def test_every_type_has_the_scripts_that_an_engine_looks_for() -> None:
    places = {(script.parts[-3], script.name) for script in (*ACTIONS, *ADMIN)}
    for kind in ("lvmvg", "lvmlv", "filesys"):
        for action in ("restore", "remove", "remoteremove", "quickCheck", "delete"):
            assert (kind, action) in places
        for name in ("create", "extend", "canextend", "depstoextend", "delete", "unextend"):
            assert (kind, name) in places


@pytest.mark.parametrize("script", ACTIONS, ids=lambda p: f"{p.parts[-3]}/{p.name}")
def test_an_action_without_tag_and_id_says_000011(script: Path) -> None:
    done = _run(script)
    assert (done.returncode, _numbers(done.stderr), done.stdout) == (1, [11], "")


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("-x",), 2),
        (("-t",), 2),
        (("-t", "a", "b"), 2),
        (("-t", ""), 110100),
        (("-t", "-rf"), 110100),
        (("-t", "../x"), 110100),
        (("-t", "a" * 300), 110100),
        (("-t", b"\xff\xfe"), 110100),
        (("-t", "a\nb"), 110100),
        (("-i", ""), 110005),
        (("-i", "/dev/vg/lv"), 110005),
        (("-i", "lvmvg-../x"), 110005),
        (("-i", b"lvmvg-\xff"), 110005),
        (("-t", "vg", "-i", "vg"), 110005),
    ],
)
@pytest.mark.parametrize("action", ["restore", "quickCheck"])
def test_absurd_arguments_get_a_number_and_no_traceback(
    action: str, arguments: tuple[str | bytes, ...], number: int
) -> None:
    done = _run(ROOT / "opt/LifeKeeper/subsys/scsi/resources/lvmvg/actions" / action, *arguments)
    assert done.returncode == 1
    assert _numbers(done.stderr) == [number]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("create", (), 13),
        ("create", ("-p", "vg", "-s", "INTELLIGENT"), 30),
        ("create", ("-p", "vg", "-t", "x"), 12),
        ("create", ("-p", "vg", "-t", "x", "-s", "SOMETIMES"), 13),
        ("create", ("-p", "", "-t", "x", "-s", "AUTOMATIC"), 110005),
        ("devicehier", (), 13),
        ("delete", (), 11),
        ("extend", (), 9),
        ("canextend", ("server",), 9),
        ("depstoextend", (), 9),
        ("unextend", (), 9),
        ("canextend", ("no-such-server", "vg"), 3),
        ("extend", ("no-such-server", "vg"), 3),
        ("delete", ("-t",), 2),
    ],
)
def test_administration_scripts_name_what_is_missing(name: str, arguments: tuple[str, ...], number: int) -> None:
    done = _run(ROOT / "lkadm/subsys/scsi/lvmvg/bin" / name, *arguments)
    assert done.returncode == 1
    assert number in _numbers(done.stderr)
    assert "Traceback" not in done.stderr


def test_every_message_is_used_and_the_waiting_ones_are_known() -> None:
    used = {
        node.func.id
        for path in LIB.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    # Classes that are chosen first and called through a name: admin.py picks the usage error of its script,
    # transport.py the reason of a failed login, wire.py the class by the level of what it does not know.
    used |= {"UsageError", "CreateUsageError", "LoginRefused", "RelayedWarning", "RelayedError"}
    unused = {number for number, kind in catalogue().items() if kind.__name__ not in used}
    assert unused == set(WAITING)
