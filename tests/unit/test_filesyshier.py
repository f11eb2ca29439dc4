"""filesyshier: the file system that a parent kit's path lies on, protected and below the parent's resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lvmkit.cluster.embedded import Engine
from lvmkit.cluster.port import Change
from lvmkit.model.instance import INTELLIGENT, ISP, Dependency, Instance
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages.guide import (
    ActionInterrupted,
    CreateUsageError,
    HierarchyNotCreated,
    InvalidConstructorArgument,
    RemovingAfterCreateError,
    RemovingFilesysDependency,
    RemovingFilesysHierarchy,
    ResourceNotFound,
    SwitchbackMismatch,
    TagMissing,
)
from lvmkit.model.settings import Settings
from tests.unit.one_server import POINT, Bare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lvmkit.model.hierarchy import Hierarchy
    from tests.unit.machine import Answer

LINK = Dependency("db", POINT)


class Parent(Bare):
    """Another kit's resource, db, whose data lie on a file system that nothing protects."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.activate()
        self.machine.mount_at(POINT, "vg1/data")
        db = Instance("n1", "database", "db", "db", "db", "", ISP, switchback=INTELLIGENT)
        with self.machine.running():
            Engine(self.machine.paths, Settings()).commit(Change(add=(db,)))

    def __call__(self, *words: str) -> Answer:
        return self.machine.admin("filesys/filesyshier", *words)

    def hierarchy(self) -> Hierarchy:
        with self.machine.running():
            return Engine(self.machine.paths, Settings()).hierarchy()


@pytest.fixture
def parent(tmp_path: Path) -> Parent:
    return Parent(tmp_path)


def test_the_file_system_of_a_path_is_protected_and_below_the_parent(parent: Parent) -> None:
    answer = parent("-t", "db", "-p", f"{POINT}/16/main")
    assert (answer.code, answer.out) == (0, [POINT])
    assert set(parent.hierarchy().below("db")) == {"db", POINT, "vg1/data", "vg1", "disk-A"}
    assert LINK in parent.hierarchy().dependencies


def test_one_that_is_protected_is_used_and_asking_again_changes_nothing(parent: Parent) -> None:
    assert parent.machine.admin("filesys/create", "-t", "/d", "-s", "INTELLIGENT", "-p", POINT).code == 0
    for _ in range(2):
        answer = parent("-t", "db", "-p", POINT)
        assert (answer.code, answer.out) == (0, ["/d"])
    assert Dependency("db", "/d") in parent.hierarchy().dependencies


def test_other_switchback_than_the_parent_s_is_said(parent: Parent) -> None:
    answer = parent("-t", "db", "-p", POINT, "-s", "AUTOMATIC")
    assert (answer.code, SwitchbackMismatch.number in answer.said) == (0, True)


def break_storage(parent: Parent) -> None:
    parent.machine.dm.listing = False


def send_signal(parent: Parent) -> None:
    parent.machine.watch = lambda _event: None
    raise Interruption("SIGTERM")


@pytest.mark.parametrize(
    ("blow", "script", "last"),
    [
        (break_storage, "lvmvg/actions/restore", HierarchyNotCreated.number),
        (send_signal, "filesys/actions/restore", ActionInterrupted.number),
    ],
)
def test_what_fails_leaves_nothing_but_what_was_there(
    parent: Parent, blow: Callable[[Parent], None], script: str, last: int
) -> None:
    before = parent.hierarchy()
    parent.machine.watch = lambda event: blow(parent) if script in event else None
    answer = parent("-t", "db", "-p", POINT)
    back = [number.number for number in (RemovingFilesysDependency, RemovingFilesysHierarchy, RemovingAfterCreateError)]
    assert (answer.code, answer.out, answer.said[-1]) == (1, [], last)
    assert [number for number in dict.fromkeys(answer.said) if number in back] == back
    assert parent.hierarchy() == before


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((), CreateUsageError.number),
        (("-p", POINT), TagMissing.number),
        (("-t", "db", "-p", "relative"), InvalidConstructorArgument.number),
        (("-t", "db", "-p", POINT, "-s", "SOMETIMES"), CreateUsageError.number),
        (("-t", "none", "-p", POINT), ResourceNotFound.number),
        (("-t", "db", "-p", "/"), HierarchyNotCreated.number),
    ],
)
def test_wrong_words_are_refused_and_nothing_changes(parent: Parent, words: tuple[str, ...], number: int) -> None:
    before = parent.hierarchy()
    answer = parent(*words)
    assert (answer.code, answer.out, answer.said[-1]) == (1, [], number)
    assert parent.hierarchy() == before


@pytest.mark.parametrize(("path", "shown"), [("relative", "relative"), ("", "''")])
def test_a_wrong_path_is_repeated_and_one_without_letters_is_seen(parent: Parent, path: str, shown: str) -> None:
    assert f"a valid argument: {shown}" in parent("-t", "db", "-p", path).err
