"""Whatever interrupts a change, wherever: afterwards all servers have what they had before, or what was wanted.

Each kind of plan is run again and again; each time it is interrupted one call of the engine, one write of a file or one
removal of the journal later, before or after that call has its effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lvmkit import journal
from lvmkit.cluster.port import Change
from lvmkit.model.hierarchy import Hierarchy
from lvmkit.model.instance import DEVICE, DISK, ISP
from lvmkit.model.interruption import Interruption
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import StateNotStored
from lvmkit.model.messages.pacemaker import ClusterUnreachable
from lvmkit.model.value import replace
from lvmkit.plan import finish_interrupted
from lvmkit.steps import BringInService, Commit, SetAutoactivation
from lvmkit.storage import files, lkvgs
from lvmkit.workflow import everywhere
from lvmkit.workflow.create import CreateRequest, create
from lvmkit.workflow.delete import delete
from lvmkit.workflow.extend import ExtendRequest, extend
from lvmkit.workflow.reconfigure import reconfigure
from lvmkit.workflow.unextend import unextend
from tests.unit import extend_target, test_create, test_delete, test_reconfigure
from tests.unit.extend_target import TEMPLATE
from tests.unit.fakes import SERVER, FakePort, has_journal, killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lvmkit.plan import Kit
    from tests.unit.local_storage import Storage

CALLS = ("commit", "remember", "unextend", "set_priorities", "bring_in_service", "hierarchy", "overview")
LIMIT = 200
"""calls: no plan makes so many"""


class Everywhere(extend_target.Cluster):
    """A cluster in which a removal is one for all servers, as in a real one."""

    def commit(self, change: Change) -> None:
        super().commit(change)
        if change.remove:
            self.others = {name: _without(there, change.remove) for name, there in self.others.items()}


def _without(there: Hierarchy, tags: tuple[str, ...]) -> Hierarchy:
    links = tuple(d for d in there.dependencies if not {d.parent, d.child} & set(tags))
    held = {d.child for d in links}
    kept = (i for i in there.instances if i.tag not in tags)
    return Hierarchy(tuple(i for i in kept if i.type not in (DEVICE, DISK) or i.tag in held), links)


class Case:
    """One change that can be run, on servers of its own."""

    def __init__(self, tools: Kit, storage: Storage, run: Callable[[Kit], object]) -> None:
        self.kit, self.storage, self.run = tools, storage, run

    def state(self) -> tuple[Any, ...]:
        """What every server has, and what this one keeps outside of the cluster."""
        port: Any = self.kit.port
        each = {s.name: port.hierarchy_of(s.name) for s in port.servers()}
        records = {name: ({i.tag: i for i in h.instances}, set(h.dependencies)) for name, h in each.items()}
        listed = lkvgs.listed(self.kit.paths.lkvgs)
        return records, listed, self.storage.autoactivation()


def _create(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    world = test_create.World(folder, monkeypatch)
    return Case(world.kit, world.storage, lambda tools: create(CreateRequest("/data"), tools))


def _delete(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    world = test_delete.World(folder, monkeypatch)
    delete("/data", world.kit)
    return Case(world.kit, world.storage, lambda tools: delete("/www", tools))


def _reconfigure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    world = test_reconfigure.World(folder, monkeypatch)
    world.grow("ac")
    return Case(world.kit, world.storage, lambda tools: reconfigure("vg1", tools))


def _extend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    target = extend_target.Target(folder, monkeypatch)
    return Case(target.kit, target.storage, lambda tools: extend(ExtendRequest("/data", TEMPLATE, 5), tools))


def _unextend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    target = extend_target.Target(folder, monkeypatch)
    target.extend()
    return Case(target.kit, target.storage, lambda tools: unextend("/data", tools))


def _delete_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    target = extend_target.Target(folder, monkeypatch)
    target.extend()
    port = Everywhere(target.mounts)
    port.now, port.others = target.port.now, target.port.others
    monkeypatch.setattr(everywhere, "forget_there", lambda *_: None)
    return Case(replace(target.kit, port=port), target.storage, lambda tools: delete("/data", tools))


CASES = {
    "create": _create,
    "delete": _delete,
    "delete in a cluster": _delete_everywhere,
    "reconfigure": _reconfigure,
    "extend": _extend,
    "unextend": _unextend,
}


class Trap:
    """Lets the n-th call end badly, before or after its effect; `caught` says whether it came to that."""

    def __init__(self, at: int, error: BaseException, *, late: bool, lasting: bool = False) -> None:
        self.at, self.error, self.late, self.lasting = at, error, late, lasting
        self.count = 0

    @property
    def caught(self) -> bool:
        return self.count >= self.at

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.count += 1
            if self.count != self.at and not (self.lasting and self.caught):
                return work(*given, **named)
            if self.late:
                work(*given, **named)
            raise self.error

        return call

    def set(self, tools: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            monkeypatch.setattr(tools.port, name, self.around(getattr(tools.port, name)))
        monkeypatch.setattr(journal, "drop", self.around(journal.drop))
        write, trapped = files.replace, self.around(files.replace)

        def store(path: str, *given: Any, **named: Any) -> None:
            # An /etc/lkvgs that cannot be written is a warning in the guide, so no failure there ends a plan.
            is_passed = isinstance(self.error, Failure) and path == tools.paths.lkvgs
            (write if is_passed else trapped)(path, *given, **named)

        monkeypatch.setattr(files, "replace", store)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Case]]:
    made: list[pytest.MonkeyPatch] = []

    def make(kind: str) -> Case:
        for patched in made:
            patched.undo()
        made[:] = [pytest.MonkeyPatch()]
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return CASES[kind](folder, made[0])

    yield make
    for patched in made:
        patched.undo()


_both_of: dict[str, tuple[str, str]] = {}


def _both(kind: str, fresh: Callable[[str], Case]) -> tuple[str, str]:
    """The state before, and the one that is wanted; without paths, which differ from run to run. Made once."""
    if kind not in _both_of:
        case = fresh(kind)
        before = _normal(case)
        case.run(case.kit)
        _both_of[kind] = before, _normal(case)
    return _both_of[kind]


def _normal(case: Case) -> str:
    root = case.kit.paths.lkvgs.rpartition("/")[0]
    records, *rest = case.state()
    shown = {n: (sorted(map(str, had.values())), sorted(map(str, links))) for n, (had, links) in records.items()}
    return str((shown, rest)).replace(root, "")


def _interruptions() -> list[BaseException]:
    return [Interruption("SIGTERM"), KeyboardInterrupt(), OSError(5, "odd"), Failure(ClusterUnreachable("gone"))]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", _interruptions(), ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("kind", CASES)
def test_a_run_that_is_interrupted_leaves_all_as_it_was_or_as_it_was_to_be(
    kind: str, error: BaseException, late: bool, fresh: Callable[[str], Case]
) -> None:
    allowed = _both(kind, fresh)
    for at in range(1, LIMIT):
        case = fresh(kind)
        trap = Trap(at, error, late=late)
        with pytest.MonkeyPatch.context() as patched:
            trap.set(case.kit, patched)
            _run(case)
        if not trap.caught:
            return
        assert not has_journal(case.kit), at
        assert _normal(case) in allowed, at
    pytest.fail("it never ended")


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", CASES)
def test_what_a_kill_leaves_the_next_run_puts_right(kind: str, late: bool, fresh: Callable[[str], Case]) -> None:
    allowed = _both(kind, fresh)
    for at in range(1, LIMIT):
        case = fresh(kind)
        trap = Trap(at, SystemExit(9), late=late)
        with pytest.MonkeyPatch.context() as patched, killed(patched):
            trap.set(case.kit, patched)
            _run(case)
        finish_interrupted(case.kit)
        assert not has_journal(case.kit), at
        assert _normal(case) in allowed, at
        if not trap.caught:
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("kind", CASES)
def test_where_the_way_back_fails_too_the_next_run_goes_on_with_it(kind: str, fresh: Callable[[str], Case]) -> None:
    """From one call on the engine is gone, or nothing can be written any more, also for the back-out."""
    allowed = _both(kind, fresh)
    for error in (Failure(ClusterUnreachable("gone")), Failure(StateNotStored("/var", "no room"))):
        for at in range(1, LIMIT):
            case = fresh(kind)
            trap = Trap(at, error, late=False, lasting=True)
            with pytest.MonkeyPatch.context() as patched:
                trap.set(case.kit, patched)
                _run(case)
            finish_interrupted(case.kit)
            assert not has_journal(case.kit), at
            assert _normal(case) in allowed, (at, error)
            if not trap.caught:
                break


def _run(case: Case) -> None:
    try:
        case.run(case.kit)
    except (Failure, Interruption, OSError, KeyboardInterrupt, SystemExit):
        return


class TestOthersWentOn:
    """create on n1 loses power in its last step; n2 is extended and takes over; n1 comes back."""

    @pytest.fixture
    def case(self, fresh: Callable[[str], Case]) -> Case:
        return fresh("delete in a cluster")

    def test_a_create_that_others_built_on_is_not_taken_back(self, case: Case) -> None:
        port: Any = case.kit.port
        added = tuple(replace(i, state="OSU") for i in port.now.instances)
        entry = journal.fresh("create /data", ("/data",), (
            Commit(Change(add=added, link=port.now.dependencies)), BringInService("/data", True),
        ), case.kit.paths)  # fmt: skip
        for begun, is_back in ((1, False), (2, False), (2, True)):
            journal.write(replace(entry, begun=begun, done=1, is_back=is_back), case.kit.paths)
            before = case.state()
            assert {i.state for i in port.others[TEMPLATE].instances} == {ISP}
            finish_interrupted(case.kit)
            assert (case.state(), has_journal(case.kit)) == (before, False)
            assert port.moves == []

    def test_what_another_server_protects_anew_is_not_given_back_to_the_boot(self, case: Case) -> None:
        port: FakePort = case.kit.port  # type: ignore[assignment]
        entry = journal.fresh("delete /data", ("/data",), (
            Commit(Change(remove=("other",)), kept=("kept",)), SetAutoactivation("vg1", True, False),
        ), case.kit.paths)  # fmt: skip
        journal.write(replace(entry, begun=2, done=1), case.kit.paths)
        finish_interrupted(case.kit)
        assert not case.storage.autoactivation()
        assert SERVER in {server.name for server in port.servers()}
