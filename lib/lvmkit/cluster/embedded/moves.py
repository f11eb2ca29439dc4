"""Bringing in service and taking out: the action scripts in the order of the hierarchy, so that a kill loses nothing.

A move is noted before its first script, and the note is removed once the last result is stored. A note found later
means that scripts may have run without their result being stored; they are idempotent, so they run again.
"""

from __future__ import annotations

from lvmkit.cluster.embedded import changes, flags, rows
from lvmkit.cluster.embedded.alerts import alert
from lvmkit.cluster.embedded.database import reading, writing
from lvmkit.cluster.embedded.flags import REMOVE, RESTORE, ServiceMove
from lvmkit.model.instance import ILLSTATE, ISP, ISU, OSF, OSU
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import ActionFailed, InterruptedWork, StepDone
from lvmkit.model.messages.guide import ErrorBringingInService, ResourceNotFound
from lvmkit.resources import scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from lvmkit.model.hierarchy import Hierarchy
    from lvmkit.model.instance import Instance
    from lvmkit.model.messages import Message
    from lvmkit.model.settings import Paths, Settings

_GOAL = {RESTORE: ISP, REMOVE: OSU}


def carry_out(move: ServiceMove, paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Run the scripts of a move in order, and store each result. The caller holds the admin lock.

    Stops at the first failure, and marks that resource OSF with the reason.
    Raises Failure: ResourceNotFound (000019); the failure of a script, which for a restore ErrorBringingInService
    (000023) follows.
    """
    todo = _begin(move, paths)
    for position, instance in enumerate(todo, 1):
        try:
            _run_script(move, instance, paths, settings)
        except Failure as failure:
            alert(instance, move.action, str(failure), settings, tell)
            raise _mark_failed(move, instance, failure, paths) from failure
        _store(instance, _GOAL[move.action], paths)
        alert(instance, move.action, "", settings, tell)
        tell(StepDone(position, len(todo), f"{move.action} {instance.tag}"))
    _end(move, paths)


def interrupted(paths: Paths) -> tuple[ServiceMove, ...]:
    """Moves that were begun and whose processes are gone."""
    with reading(paths.database) as connection:
        return flags.interrupted(connection)


def excused(connection: Connection) -> frozenset[str]:
    """Tags that may be down: those of moves whose processes run, and those that are out of service or have failed."""
    hierarchy = rows.hierarchy(connection)
    tags = {instance.tag for instance in hierarchy.instances if instance.state in (OSU, OSF)}
    killed = flags.interrupted(connection)
    for move in flags.moves(connection):
        if move not in killed:
            tags.update(_tags_moved(move, hierarchy))
    return frozenset(tags)


def resume(paths: Paths, settings: Settings, tell: Callable[[Message], None]) -> None:
    """Carry out interrupted moves again. The caller holds the admin lock.

    Raises Failure with the reasons of all that failed, after each was tried.
    """
    failed: list[Message] = []
    for move in interrupted(paths):
        tell(InterruptedWork(f"{move.action} {move.tag}", "finishing it"))
        try:
            if move in interrupted(paths):  # else the one before has replaced it
                carry_out(move, paths, settings, tell)
        except Failure as failure:
            failed += failure.messages
    if failed:
        raise Failure(*failed)


def _begin(move: ServiceMove, paths: Paths) -> tuple[Instance, ...]:
    """Note the move and return what is to be done for it, in order."""
    with writing(paths.database) as connection:
        hierarchy = _without_doubtful_states(connection, move)
        if hierarchy.by_tag(move.tag) is None:
            raise Failure(ResourceNotFound(f"tag {move.tag}"))
        flags.note_move(connection, move)
        instances = hierarchy.of_tags(_tags_moved(move, hierarchy))
        return tuple(instance for instance in instances if instance.state != _GOAL[move.action])


def _without_doubtful_states(connection: Connection, move: ServiceMove) -> Hierarchy:
    """The hierarchy, where everything that an interrupted move may have touched is ILLSTATE: its script runs again.

    An interrupted move that the new one contains or contradicts is dropped: the latest request counts.
    """
    hierarchy = rows.hierarchy(connection)
    for earlier in flags.moves(connection):
        for instance in hierarchy.of_tags(_tags_moved(earlier, hierarchy)):
            if instance.state != _GOAL[earlier.action]:
                changes.set_state(connection, instance.tag, ILLSTATE, f"{earlier.action} was interrupted")
        if _replaces(move, earlier, hierarchy):
            flags.remove(connection, earlier.flag)
    return rows.hierarchy(connection)


def _replaces(move: ServiceMove, earlier: ServiceMove, hierarchy: Hierarchy) -> bool:
    new, old = set(_tags_moved(move, hierarchy)), set(_tags_moved(earlier, hierarchy))
    return old <= new if move.action == earlier.action else bool(old & new)


def _tags_moved(move: ServiceMove, hierarchy: Hierarchy) -> tuple[str, ...]:
    """The tags that a move is about, in the order of their scripts."""
    return hierarchy.below(move.tag) if move.action == RESTORE else hierarchy.above(move.tag)


def _run_script(move: ServiceMove, instance: Instance, paths: Paths, settings: Settings) -> None:
    if move.action == RESTORE and instance.state == ISU:
        return  # it is up; only the state is raised, as perform_action(1M) of LifeKeeper does
    scripts.perform(instance, move.action, paths, settings)


def _store(instance: Instance, state: str, paths: Paths) -> None:
    with writing(paths.database) as connection:
        changes.set_state(connection, instance.tag, state)


def _end(move: ServiceMove, paths: Paths) -> None:
    with writing(paths.database) as connection:
        flags.remove(connection, move.flag)


def _mark_failed(move: ServiceMove, instance: Instance, failure: Failure, paths: Paths) -> Failure:
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
