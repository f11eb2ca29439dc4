"""What the first version wrote is still read: the journals of killed runs, and its database.

The files were written by that version: each journal as a run leaves it that dies in the step it is named after.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import ILLSTATE, ISP
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import DatabaseOfAnotherName, InterruptedWork
from lvmkit.model.settings import Paths, Settings
from lvmkit.plan import all_journals, finish_interrupted
from lvmkit.storage import lkvgs
from lvmkit.workflow.delete import delete
from tests.unit import extend_target, test_create, test_delete, test_reconfigure
from tests.unit.extend_target import MEMBERS
from tests.unit.fakes import data_hierarchy, has_journal

if TYPE_CHECKING:
    from lvmkit.plan import Kit

DATA = Path(__file__).parent / "data"


def left(name: str, tools: Kit) -> None:
    """Put a journal where that version left it, and carry out what it says was done, the last step included."""
    folder = Path(tools.paths.state)
    folder.mkdir(exist_ok=True)
    shutil.copy(DATA / f"old-journal-{name}.json", folder / "journal.json")
    (journal,) = all_journals(tools)
    assert journal.fault is None
    for step in journal.steps[: journal.begun]:
        step.apply(tools)


def outcome(tools: Kit, told: list[Any]) -> str:
    finish_interrupted(tools)
    assert not has_journal(tools)
    return next(message.remedy for message in told if isinstance(message, InterruptedWork))


def test_a_create_that_did_not_come_in_service_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = test_create.World(tmp_path, monkeypatch)
    before = world.left()
    left("create-commit", world.kit)
    assert outcome(world.kit, world.told) == "backing it out"
    assert world.left() == before


def test_one_that_did_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = test_create.World(tmp_path, monkeypatch)
    left("create-last", world.kit)
    assert outcome(world.kit, world.told) == "finishing it"
    assert "/data" in world.port.in_service()


@pytest.mark.parametrize("name", ["delete-commit", "delete-list"])
def test_a_delete_that_took_the_records_away_is_finished(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = test_delete.World(tmp_path, monkeypatch)
    delete("/data", world.kit)
    left(name, world.kit)
    assert outcome(world.kit, world.told) == "finishing it"
    assert (world.port.now, world.listed(), world.storage.autoactivation()) == (Hierarchy(), (), True)


def test_a_delete_that_did_not_begin_leaves_the_protection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = test_delete.World(tmp_path, monkeypatch)
    delete("/data", world.kit)
    before = world.left()
    Path(world.kit.paths.state).mkdir(exist_ok=True)
    shutil.copy(DATA / "old-journal-delete-before.json", Path(world.kit.paths.state, "journal.json"))
    assert outcome(world.kit, world.told) == "backing it out"
    assert world.left() == before


def test_a_reconfiguration_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = test_reconfigure.World(tmp_path, monkeypatch)
    world.grow("ac")
    left("reconfigure-last", world.kit)
    assert outcome(world.kit, world.told) == "finishing it"
    assert world.disks() == {"disk-A", "disk-C"}
    assert world.watched()[1] == {"/dev/sda", "/dev/sdc"} or len(world.watched()[1]) == 2


def test_an_extension_is_finished_with_its_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = extend_target.Target(tmp_path, monkeypatch)
    left("extend-last", target.kit)
    assert outcome(target.kit, target.told) == "finishing it"
    assert set(target.port.now.tags) > set(MEMBERS)
    assert ("priorities", "vg1", "n1=5") in target.port.calls


def test_an_unextension_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = extend_target.Target(tmp_path, monkeypatch)
    target.extend()
    left("unextend-commit", target.kit)
    assert outcome(target.kit, target.told) == "finishing it"
    assert target.port.now == Hierarchy()
    assert lkvgs.listed(target.kit.paths.lkvgs) == ()


def test_its_database_is_read_and_changed(tmp_path: Path) -> None:
    paths = Paths(state=str(tmp_path), run=str(tmp_path))
    script = (DATA / "old-engine.sql").read_text().replace("'SERVER'", f"'{os.uname().nodename}'")
    connection = sqlite3.connect(paths.database)
    connection.executescript(script)
    connection.close()
    engine = Engine(paths, Settings())
    stored, expected = engine.hierarchy(), data_hierarchy()
    assert [(i.tag, i.type, i.id, i.info) for i in stored.instances] == [
        (i.tag, i.type, i.id, i.info) for i in expected.instances
    ]
    assert stored.dependencies == expected.dependencies
    assert {i.state for i in stored.instances} == {ILLSTATE}, "of an earlier boot"
    assert "/data" in engine.wanted()
    assert "mine" in engine.flags()
    engine.set_state("/data", ISP)
    assert engine.hierarchy().instances[0].state == ISP


def test_its_database_of_another_name_is_shown_and_not_changed(tmp_path: Path) -> None:
    paths = Paths(state=str(tmp_path), run=str(tmp_path))
    with closing(sqlite3.connect(paths.database)) as connection:
        connection.executescript((DATA / "old-engine.sql").read_text().replace("'SERVER'", "'before'"))
    engine = Engine(paths, Settings())
    assert {instance.server for instance in engine.hierarchy().instances} == {"before"}
    with pytest.raises(Failure) as caught:
        engine.set_state("/data", ISP)
    assert caught.value.messages[0] == DatabaseOfAnotherName(paths.database, "before", os.uname().nodename)
