"""What a change takes from the records, kept row by row so that it can be put back as it was.

A row holds the boot in which its state was seen. So a state that comes back after a reboot counts as not checked.
"""

from __future__ import annotations

import json

from lvmkit.model.instance import Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection
    from typing import Any

    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Instance

_COLUMNS = (
    "position", "server", "app", "type", "tag", "id", "info", "state", "reason", "initialisation", "switchback", "boot",
    "was_in_service",
)  # fmt: skip
_FACTS = ("app", "type", "id", "info", "initialisation", "switchback")
"""what an update stores besides the state"""
_LINKS = "SELECT position, parent, child FROM dependencies ORDER BY position"

Row = dict[str, object]


def remember(connection: Connection, change: Change) -> tuple[str, ...]:
    """The rows that a change removes, updates and unlinks. Each is a JSON object."""
    notes: list[dict[str, object]] = []
    for tag in change.remove:
        notes.append({"row": _row(connection, tag)})
    for instance in change.update:
        notes.append({"row": _row(connection, instance.tag), "after": _facts(instance)})
    for link in connection.execute(_LINKS):
        if _is_going(link, change):
            notes.append({"link": link})
    return tuple(map(json.dumps, notes))


def put_back(connection: Connection, remembered: tuple[str, ...]) -> None:
    """Put the rows back; nothing where a removed one is there, as it never went or was protected again."""
    notes: list[dict[str, Any]] = list(map(json.loads, remembered))
    removed = [note["row"] for note in notes if "row" in note and "after" not in note]
    if any(_is_there(connection, row) for row in removed):
        return
    for row in removed:
        _insert(connection, row)
    for note in notes:
        if "after" in note:
            _revert(connection, note["row"], note["after"])
        if "link" in note:
            _link(connection, *note["link"])


def _row(connection: Connection, tag: str) -> Row:
    query = f"SELECT {', '.join(_COLUMNS)} FROM instances WHERE tag = ?"  # noqa: S608 - names of columns
    return dict(zip(_COLUMNS, connection.execute(query, (tag,)).fetchone() or ()))


def _facts(instance: Instance) -> dict[str, str]:
    return {name: getattr(instance, name) for name in _FACTS}


def _is_going(link: tuple[int, str, str], change: Change) -> bool:
    _, parent, child = link
    return parent in change.remove or child in change.remove or Dependency(parent, child) in change.unlink


def _is_there(connection: Connection, row: Row) -> bool:
    query = "SELECT 1 FROM instances WHERE tag = ? OR (type = ? AND id = ?)"
    return connection.execute(query, (row["tag"], row["type"], row["id"])).fetchone() is not None


def _insert(connection: Connection, row: Row) -> None:
    """Insert it at the position that it had, or at the end where that is taken."""
    free = {**row, "position": _free(connection, "instances", row["position"])}
    marks = ", ".join("?" * len(_COLUMNS))
    query = f"INSERT INTO instances ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - names of columns
    connection.execute(query, tuple(map(free.__getitem__, _COLUMNS)))


def _revert(connection: Connection, row: Row, after: dict[str, str]) -> None:
    """Undo an update, unless something has changed the row since."""
    stored = _row(connection, str(row["tag"]))
    if not stored or any(stored[name] != after[name] for name in _FACTS):
        return
    changes = ", ".join(f"{name} = ?" for name in _COLUMNS[1:])
    query = f"UPDATE instances SET {changes} WHERE tag = ?"  # noqa: S608 - names of columns
    connection.execute(query, (*map(row.__getitem__, _COLUMNS[1:]), row["tag"]))


def _link(connection: Connection, position: int, parent: str, child: str) -> None:
    known = "SELECT count(*) FROM instances WHERE tag IN (?, ?)"
    if connection.execute(known, (parent, child)).fetchone()[0] == 2:
        query = "INSERT OR IGNORE INTO dependencies (position, parent, child) VALUES (?, ?, ?)"
        connection.execute(query, (_free(connection, "dependencies", position), parent, child))


def _free(connection: Connection, table: str, position: object) -> object:
    query = f"SELECT 1 FROM {table} WHERE position = ?"  # noqa: S608 - one of our tables
    return None if connection.execute(query, (position,)).fetchone() else position
