"""Bringing in service and taking out: the action scripts in the order of the hierarchy, so that a kill loses nothing.

What is begun is noted before the first script and wiped after the last result is stored. A note that is found later
tells that scripts may have run without their result being stored; they are idempotent, so they run again.
"""

from __future__ import annotations

from lvmkit.cluster.embedded import actions, changes, flags, rows
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.cluster.embedded.flags import REMOVE, RESTORE, Move
from lvmkit.cluster.port import Change
from lvmkit.model.instance import ILLSTATE, ISP, ISU, OSF, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import ActionFailed, InterruptedWork, StepDone
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_GOAL = {RESTORE: ISP, REMOVE: OSU}


def carry_out(move: Move, paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Run the scripts of all that a move takes, in order, and store each result. The caller holds the admin lock.

    Stops at the first failure, which marks that resource OSF with the reason.
    Raises Failure: 000019 for an unknown tag; the failure of the script, for a restore with 000023 after it.
    """
    todo = _begin(move, paths)
    for position, instance in enumerate(todo, 1):
        try:
            _run_script(move, instance, paths, settings)
        except Failure as failure:
            raise _stopped(move, instance, failure, paths) from failure
        _store(instance, _GOAL[move.action], paths)
        tell(StepDone(position, len(todo), f"{move.action} {instance.tag}"))
    _end(move, paths)


def interrupted(paths: Paths) -> tuple[Move, ...]:
    """Moves that were begun and whose processes are gone."""
    with reading(paths.database) as connection:
        return flags.interrupted(connection)


def resume(paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Carry out again what was interrupted. The caller holds the admin lock.

    Raises Failure, with the reasons of all that failed, after each was tried.
    """
    failed: list[Message] = []
    for move in interrupted(paths):
        tell(InterruptedWork(f"{move.action} {move.tag}", "finishing it"))
        try:
            if move in interrupted(paths):  # else the one before has taken its place
                carry_out(move, paths, settings, tell)
        except Failure as failure:
            failed += failure.messages
    if failed:
        raise Failure(*failed)


def remove_instances(tags: tuple[str, ...], paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Run the delete script of each of these, parents first, then remove them all at once. Caller: the admin lock.

    Raises Failure: 110086 when something else requires one of them, 110087 for an unknown tag, a script's failure.
    """
    with reading(paths.database) as connection:
        changes.refuse_removal(connection, tags)
        now = rows.hierarchy(connection)
    going = _chosen(now, now.remove_order(tags))
    for position, instance in enumerate(going, 1):
        actions.perform(instance, "delete", paths, settings)
        tell(StepDone(position, len(going), f"delete {instance.tag}"))
    with writing(paths.database) as connection:
        changes.apply(connection, Change(remove=tags))


def _begin(move: Move, paths: Paths) -> tuple[Instance, ...]:
    """Note the move and return what is to be done for it, in order."""
    with writing(paths.database) as connection:
        now = _without_doubtful_states(connection, move)
        if now.by_tag(move.tag) is None:
            raise Failure(ResourceNotFound(f"tag {move.tag}"))
        flags.note_move(connection, move)
        return tuple(i for i in _chosen(now, _taking(move, now)) if i.state != _GOAL[move.action])


def _without_doubtful_states(connection: Connection, move: Move) -> Hierarchy:
    """The hierarchy, in which whatever an interrupted move may have touched is ILLSTATE, so that its script runs again.

    An interrupted move that the new one contains, or contradicts, is wiped: the last order counts.
    """
    now = rows.hierarchy(connection)
    for earlier in flags.moves(connection):
        for instance in _chosen(now, _taking(earlier, now)):
            if instance.state != _GOAL[earlier.action]:
                changes.set_state(connection, instance.tag, ILLSTATE, f"{earlier.action} was interrupted")
        if _replaces(move, earlier, now):
            flags.remove(connection, earlier.flag)
    return rows.hierarchy(connection)


def _replaces(move: Move, earlier: Move, now: Hierarchy) -> bool:
    new, old = set(_taking(move, now)), set(_taking(earlier, now))
    return old <= new if move.action == earlier.action else bool(old & new)


def _taking(move: Move, now: Hierarchy) -> tuple[str, ...]:
    """The tags that a move is about, in the order of their scripts."""
    return now.below(move.tag) if move.action == RESTORE else now.above(move.tag)


def _chosen(now: Hierarchy, tags: tuple[str, ...]) -> tuple[Instance, ...]:
    by_tag = {instance.tag: instance for instance in now.instances}
    return tuple(by_tag[tag] for tag in tags if tag in by_tag)


def _run_script(move: Move, instance: Instance, paths: Paths, settings: Settings) -> None:
    if move.action == RESTORE and instance.state == ISU:
        return  # it is up; only the state is raised, as perform_action(1M) of LifeKeeper does
    actions.perform(instance, move.action, paths, settings)


def _store(instance: Instance, state: str, paths: Paths) -> None:
    with writing(paths.database) as connection:
        changes.set_state(connection, instance.tag, state)


def _end(move: Move, paths: Paths) -> None:
    with writing(paths.database) as connection:
        flags.remove(connection, move.flag)


def _stopped(move: Move, instance: Instance, failure: Failure, paths: Paths) -> Failure:
    """Mark what failed, in one transaction with the end of the move; returns the failure to raise."""
    first = failure.messages[0]
    reason = first.status if isinstance(first, ActionFailed) else first.text
    messages = failure.messages
    if move.action == RESTORE:
        messages = (*messages, ErrorBringingInService(move.tag, instance.server))
    try:
        with writing(paths.database) as connection:
            changes.set_state(connection, instance.tag, OSF, f"{move.action}: {reason}")
            flags.remove(connection, move.flag)
    except Failure as unstored:
        return Failure(*messages, *unstored.messages)
    return Failure(*messages)
