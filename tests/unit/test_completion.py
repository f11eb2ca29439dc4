"""What zsh and fish are told could be typed; bash has a script of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import pytest

from lvmkit.cli.adddelpv import program as adddelpv
from lvmkit.cli.completion import VARIABLE, script
from lvmkit.cli.program import COMMANDS, Program, program
from tests.unit.fakes import FakeCluster, Shell, data_hierarchy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, FakeCluster(data_hierarchy()), monkeypatch)


def _words(shell: Shell, patch: pytest.MonkeyPatch, *words: str, command: click.Command | None = None) -> list[str]:
    """What fish is offered for the last word; the others are on the line already."""
    patch.setenv(VARIABLE, "fish_complete")
    patch.setenv("COMP_WORDS", " ".join(words[:-1]))
    patch.setenv("COMP_CWORD", words[-1])
    result = shell.run(command=command) if command else shell.run()
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.split("\t")[0].partition(",")[2] for line in result.stdout.splitlines() if line]


def test_commands(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = _words(shell, monkeypatch, "lvmkit", "")
    assert "create" in offered
    assert set(offered) == {name for name in COMMANDS if not _is_hidden(name)}
    assert _words(shell, monkeypatch, "lvmkit", "--q") == ["--quiet"]


def _is_hidden(name: str) -> bool:
    command = Program().get_command(click.Context(program), name)
    assert command is not None
    return command.hidden


def test_tags_and_servers_are_those_of_the_engine(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _words(shell, monkeypatch, "lvmkit", "status", "v") == ["vg1/data", "vg1"]
    assert _words(shell, monkeypatch, "lvmkit", "in-service", "/data", "--on", "n") == ["n1", "n2", "n3"]
    assert _words(shell, monkeypatch, "adddelpv", "vg", command=adddelpv) == ["vg1/data", "vg1"]
    assert shell.port.calls == []


def test_values_of_options(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _words(shell, monkeypatch, "lvmkit", "create", "--format", "j") == ["json", "jsonl"]


@pytest.mark.parametrize("obstacle", ["user", "engine"])
def test_where_the_engine_cannot_be_asked_nothing_is_offered_and_nothing_said(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    from lvmkit.model.messages import Failure
    from lvmkit.model.messages.pacemaker import FencingOff

    def fail() -> None:
        raise Failure(FencingOff())

    if obstacle == "user":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    else:
        monkeypatch.setattr(shell.port, "overview", fail)
    assert _words(shell, monkeypatch, "lvmkit", "status", "v") == []


@pytest.mark.parametrize("kind", ["zsh", "fish"])
@pytest.mark.parametrize("program", ["lvmkit", "adddelpv"])
def test_the_script_asks_the_program(kind: str, program: str) -> None:
    assert f"{VARIABLE}={kind}_complete" in script(kind, program)
    assert program in script(kind, program)
