"""Changes to the engine's records, within the caller's transaction; what does not fit is refused."""

from __future__ import annotations

from lvmkit.cluster.checks import refuse_unstorable, require
from lvmkit.cluster.embedded import flags, rows
from lvmkit.model import names
from lvmkit.model.instance import ILLSTATE, IN_SERVICE, STATES
from lvmkit.model.messages import Failure
from lvmkit.model.messages.engine import HasDependents, NotStored
from lvmkit.model.messages.guide import DependencyNotCreated, IdInUse, ResourceExists, ResourceNotFound
from lvmkit.model.value import replace
from lvmkit.storage.boot import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Dependency, Instance

_LONGEST_REASON = 500

_INSERT = """INSERT INTO instances
    (server, app, type, tag, id, info, state, reason, initialisation, switchback, boot, was_in_service)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATE = """UPDATE instances SET app = ?, type = ?, id = ?, info = ?, initialisation = ?, switchback = ?
    WHERE tag = ?"""
_SET_STATE = """UPDATE instances SET state = ?, reason = ?, boot = ?, was_in_service = coalesce(?, was_in_service)
    WHERE tag = ?"""


def apply(connection: Connection, change: Change) -> None:
    """Make all parts of a change, in an order in which a tag can be removed and created again.

    Raises Failure: ResourceExists (000014), DependencyNotCreated (110003), IdInUse (110004), HasDependents (110086),
    NotStored (110087), InvalidName (110100); the caller's transaction then undoes the rest.
    """
    for link in change.unlink:
        _unlink(connection, link)
    _remove(connection, change.remove)
    for instance in change.add:
        _add(connection, instance)
    _vacate_ids(connection, change.update)
    for instance in change.update:
        _update(connection, instance)
    _link(connection, change.link)


def set_state(connection: Connection, tag: str, state: str, reason: str = "") -> None:
    """Store a state as one of this boot. ILLSTATE leaves open whether the resource should be in service.

    reason: stored shortened, and with spaces for characters that would break a record.
    Raises Failure: ResourceNotFound (000019) for an unknown tag, InvalidName (110100) for an unknown state.
    """
    require(state in STATES, state, "state")
    short = reason[:_LONGEST_REASON]
    printable = "".join(c if c.isprintable() else " " for c in short)
    changed = connection.execute(_SET_STATE, (state, printable, boot_id(), _was_in_service(state), tag))
    if not changed.rowcount:
        raise Failure(ResourceNotFound(f"tag {tag}"))


def amend(connection: Connection, tag: str, facts: dict[str, str]) -> None:
    """Change facts of one instance, by name; its state and all else stays. Raises Failure (000019, 110100)."""
    for instance in rows.instances(connection, tag):
        amended = replace(instance, **facts)
        _check(connection, amended)
        _store_facts(connection, amended)
        return
    raise Failure(ResourceNotFound(f"tag {tag}"))


def refuse_removal(connection: Connection, tags: Iterable[str]) -> None:
    """Raise Failure when a tag is unknown (NotStored, 110087), or something else requires it (HasDependents, 110086).

    Something else is a tag that is not itself removed.
    """
    going = set(tags)
    for tag in tags:
        _require_known(connection, tag)
        query = "SELECT parent FROM dependencies WHERE child = ? ORDER BY position"
        staying = tuple(parent for (parent,) in connection.execute(query, (tag,)) if parent not in going)
        if staying:
            raise Failure(HasDependents(tag, staying))


def _remove(connection: Connection, tags: tuple[str, ...]) -> None:
    refuse_removal(connection, tags)
    connection.executemany("DELETE FROM instances WHERE tag = ?", [(tag,) for tag in tags])
    for tag in tags:
        flags.forget_moves(connection, tag)


def _unlink(connection: Connection, link: Dependency) -> None:
    query = "DELETE FROM dependencies WHERE parent = ? AND child = ?"
    if not connection.execute(query, (link.parent, link.child)).rowcount:
        raise Failure(NotStored(f"{link.parent} does not require {link.child}"))


def _add(connection: Connection, instance: Instance) -> None:
    _check(connection, instance)
    if _exists(connection, instance.tag):
        raise Failure(ResourceExists(instance.tag))
    _refuse_taken_id(connection, instance)
    facts = tuple(instance.as_dict().values())
    connection.execute(_INSERT, (*facts, boot_id(), _was_in_service(instance.state) or 0))


def _update(connection: Connection, instance: Instance) -> None:
    _check(connection, instance)
    _require_known(connection, instance.tag)
    _refuse_taken_id(connection, instance)
    _store_facts(connection, instance)
    set_state(connection, instance.tag, instance.state, instance.reason)


def _store_facts(connection: Connection, instance: Instance) -> None:
    kept = (instance.app, instance.type, instance.id, instance.info, instance.initialisation, instance.switchback)
    connection.execute(_UPDATE, (*kept, instance.tag))


def _vacate_ids(connection: Connection, updates: tuple[Instance, ...]) -> None:
    """What is updated in one change may take over each other's IDs. No ID begins with a blank, and tags are unique."""
    connection.executemany("UPDATE instances SET id = ' ' || tag WHERE tag = ?", [(each.tag,) for each in updates])


def _refuse_taken_id(connection: Connection, instance: Instance) -> None:
    query = "SELECT 1 FROM instances WHERE type = ? AND id = ? AND tag != ?"
    if connection.execute(query, (instance.type, instance.id, instance.tag)).fetchone():
        raise Failure(IdInUse(instance.id))


def _require_known(connection: Connection, tag: str) -> None:
    if not _exists(connection, tag):
        raise Failure(NotStored(f"there is no resource {tag}"))


def _exists(connection: Connection, tag: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM instances WHERE tag = ?", (tag,)).fetchone())


def _link(connection: Connection, links: tuple[Dependency, ...]) -> None:
    for link in links:
        for tag in (link.parent, link.child):
            if not _exists(connection, tag):
                raise _no_link(connection, link, f"there is no resource {tag}")
        query = "INSERT OR IGNORE INTO dependencies (parent, child) VALUES (?, ?)"
        if not connection.execute(query, (link.parent, link.child)).rowcount:
            raise _no_link(connection, link, "it exists already")
    _refuse_loop(connection, links)


def _refuse_loop(connection: Connection, links: tuple[Dependency, ...]) -> None:
    children: dict[str, list[str]] = {}
    for parent, child in connection.execute("SELECT parent, child FROM dependencies"):
        children.setdefault(parent, []).append(child)
    for link in links:
        if _reaches(children, link.child, link.parent):
            raise _no_link(connection, link, f"{link.parent} would require itself")


def _reaches(children: dict[str, list[str]], start: str, goal: str) -> bool:
    """Whether start is, or requires, goal."""
    seen = {start}
    waiting = [start]
    while waiting and goal not in seen:
        new = set(children.get(waiting.pop(), ())) - seen
        seen |= new
        waiting += new
    return goal in seen


def _no_link(connection: Connection, link: Dependency, why: str) -> Failure:
    return Failure(DependencyNotCreated(link.parent, link.child, rows.server(connection) or ""), NotStored(why))


def _check(connection: Connection, instance: Instance) -> None:
    """Every field must be one that the scripts and the records of the command interface can carry."""
    own = rows.server(connection)
    if instance.server != own:
        raise Failure(NotStored(f"{instance.tag} is on server {instance.server}; this engine serves {own} only"))
    refuse_unstorable(instance)
    require(names.is_component(instance.app), instance.app, "application")
    require(names.is_component(instance.type), instance.type, "resource type")
    require(instance.state in STATES, instance.state, "state")


def _was_in_service(state: str) -> bool | None:
    return None if state == ILLSTATE else state in IN_SERVICE
