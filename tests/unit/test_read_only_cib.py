"""A cluster that lets nobody write its configuration: every change ends with its reason, and nothing is half done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.pacemaker import Pacemaker, commit, elements, ids, lock, patch, tools
from lvmkit.cluster.port import Change
from lvmkit.model.instance import OSU
from lvmkit.model.messages.pacemaker import ToolFailed
from lvmkit.model.settings import Settings
from lvmkit.storage import dm, lkvgs
from lvmkit.storage.run import Finished
from tests.unit.extend_target import TEMPLATE, Target, tree
from tests.unit.fakes import Shell, numbers, paths
from tests.unit.local_storage import Storage
from tests.unit.peer_fakes import Servers
from tests.unit.test_pacemaker import protected, sample
from tests.unit.test_pacemaker_adapter import DIFFERENCE, monitored

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from click.testing import Result

INSUFFICIENT = 4
"""CRM_EX_INSUFFICIENT_PRIV of crm_exit_t"""
REFUSED = 110151
NOTHING_AT_ALL, ONLY_THE_LOCK = "nothing at all", "only the lock"


class Guarded:
    """Pacemaker's tools on a CIB that can be read, but not written beyond what is permitted; nothing else may run."""

    def __init__(self, root: Element, where: dict[str, tuple[str, ...]], permitted: str) -> None:
        self.root = self._wanted = root
        self.permitted = permitted
        self.refusals = 0
        self._state = monitored(where)

    def run(self, argv: tuple[str, ...], **_given: Any) -> Finished:
        """The answer of a tool; one that would change something and is no patch fails the test."""
        tool = os.path.basename(argv[0])
        if tool == "cibadmin" and argv[1] != "--query":
            assert argv[1] == "--patch", argv
            return self._patch(argv)
        if tool == "crm_diff":
            with open(argv[argv.index("--new") + 1], encoding="utf-8") as file:
                self._wanted = elements.parse(file.read(), "--new")
            return Finished(argv, 1, DIFFERENCE, "", 0.0)
        answers = {"cibadmin": elements.written(self.root), "crm_mon": self._state, "crm_verify": ""}
        assert tool in answers, argv
        return Finished(argv, 0, answers[tool], "", 0.0)

    def _patch(self, argv: tuple[str, ...]) -> Finished:
        is_lock = commit.ours(lock._without(self._wanted, "n1")) == commit.ours(lock._without(self.root, "n1"))
        if is_lock and self.permitted == ONLY_THE_LOCK:
            self.root = self._wanted
            return Finished(argv, 0, "", "", 0.0)
        self.refusals += 1
        return Finished(argv, INSUFFICIENT, "", "Call failed: Permission denied\n", 0.0)


class World:
    """A server of that cluster, and its command line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, guarded: Guarded) -> None:
        self.guarded = guarded
        self.paths = paths(folder)
        port: Any = Pacemaker(self.paths, Settings(lock_patience=0.0), server="n1")
        self._shell = Shell(folder, port, monkeypatch)
        self._before = commit.ours(guarded.root)
        monkeypatch.setattr(tools, "run", guarded.run)

    def refused(self, *words: str) -> Result:
        """The result of a command that the cluster refuses: it says so first, and the configuration is as it was."""
        result = self._shell.run(*words)
        assert (result.exit_code, result.stdout) == (ToolFailed.lcdi_exit, "")
        assert REFUSED in numbers(result)
        assert "ERROR 110151: cibadmin --patch" in result.stderr
        assert f"failed with {INSUFFICIENT}: Call failed: Permission denied" in result.stderr
        assert self.guarded.refusals
        assert commit.ours(self.guarded.root) == self._before
        assert not os.path.exists(f"{self.paths.state}/journal.json")
        assert lkvgs.listed(self.paths.lkvgs) == ()
        return result


@pytest.fixture(params=[NOTHING_AT_ALL, ONLY_THE_LOCK])
def permitted(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_create_leaves_storage_and_cluster_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, permitted: str
) -> None:
    storage = Storage(tmp_path, monkeypatch)
    Servers(monkeypatch)
    before = storage.groups()
    result = World(tmp_path, monkeypatch, Guarded(sample(), {}, permitted)).refused("create", "/data")
    assert storage.groups() == before
    assert bool(storage.written) == (permitted == ONLY_THE_LOCK)
    assert numbers(result)[-2:] == [18, 24]


def test_extend_leaves_this_server_and_the_cluster_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, permitted: str
) -> None:
    target = Target(tmp_path, monkeypatch)
    there = tree(target.mounts)
    change = Change(add=there.instances, link=there.dependencies)
    where: dict[str, tuple[str, ...]] = {ids.encoded(tag): (TEMPLATE,) for tag in there.tags}
    guarded = Guarded(patch.apply(sample(), change, TEMPLATE), where, permitted)
    result = World(tmp_path, monkeypatch, guarded).refused("extend", "/data", "--to", "n1")
    assert list(target.mounts.iterdir()) == []
    assert numbers(result)[-1] == 8


@pytest.mark.parametrize("words", [("in-service", "fs1"), ("in-service", "fs1", "--on", "n2")])
def test_in_service_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, permitted: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(dm, "list_devices", lambda: ())
    where: dict[str, tuple[str, ...]] = dict.fromkeys(("vg", "lv1", "fs1"), ())
    world = World(tmp_path, monkeypatch, Guarded(protected(1, state=OSU), where, permitted))
    result = world.refused(*words)
    assert numbers(result) == ([REFUSED] if permitted == NOTHING_AT_ALL else [REFUSED, 22])
