"""What a change takes from the records, kept row by row so that it can be put back as it was.

A row holds the boot in which its state was seen. So a state that comes back after a reboot reads as not looked at.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection
    from typing import Any

    from lvmkit.cluster.port import Change
    from lvmkit.model.instance import Dependency, Instance

_COLUMNS = (
    "position", "server", "app", "type", "tag", "id", "info", "state", "reason", "initialisation", "switchback", "boot",
    "was_in_service",
)  # fmt: skip
_FACTS = ("app", "type", "id", "info", "initialisation", "switchback")
"""what an update stores besides the state"""
_LINKS = "SELECT position, parent, child FROM dependencies ORDER BY position"

Row = dict[str, object]


def remember(connection: Connection, change: Change) -> tuple[str, ...]:
    """Rows of what a change removes, updates and unlinks. Each is a JSON object."""
    removed = [{"row": _row(connection, tag)} for tag in change.remove]
    updated = [{"row": _row(connection, i.tag), "after": _facts(i)} for i in change.update]
    links = [{"link": link} for link in connection.execute(_LINKS) if _is_going(link, change)]
    return tuple(json.dumps(note) for note in (*removed, *updated, *links))


def put_back(connection: Connection, remembered: tuple[str, ...]) -> None:
    """Put the rows back. Nothing where one of what was removed is there: it never went, or was protected anew."""
    notes: list[dict[str, Any]] = [json.loads(note) for note in remembered]
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
    return bool({parent, child} & set(change.remove)) or any(_is_link(d, parent, child) for d in change.unlink)


def _is_link(dependency: Dependency, parent: str, child: str) -> bool:
    return (dependency.parent, dependency.child) == (parent, child)


def _is_there(connection: Connection, row: Row) -> bool:
    query = "SELECT 1 FROM instances WHERE tag = ? OR (type = ? AND id = ?)"
    return connection.execute(query, (row["tag"], row["type"], row["id"])).fetchone() is not None


def _insert(connection: Connection, row: Row) -> None:
    """At the place that it had, or at the end where another one has that."""
    free = _free(connection, "instances", row["position"])
    marks = ", ".join("?" for _ in _COLUMNS)
    query = f"INSERT INTO instances ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - names of columns
    connection.execute(query, tuple({**row, "position": free}[name] for name in _COLUMNS))


def _revert(connection: Connection, row: Row, after: dict[str, str]) -> None:
    """Where it is still as the update left it."""
    stored = _row(connection, str(row["tag"]))
    if not stored or any(stored[name] != after[name] for name in _FACTS):
        return
    changes = ", ".join(f"{name} = ?" for name in _COLUMNS[1:])
    query = f"UPDATE instances SET {changes} WHERE tag = ?"  # noqa: S608 - names of columns
    connection.execute(query, (*(row[name] for name in _COLUMNS[1:]), row["tag"]))


def _link(connection: Connection, position: int, parent: str, child: str) -> None:
    known = "SELECT count(*) FROM instances WHERE tag IN (?, ?)"
    if connection.execute(known, (parent, child)).fetchone()[0] == 2:
        query = "INSERT OR IGNORE INTO dependencies (position, parent, child) VALUES (?, ?, ?)"
        connection.execute(query, (_free(connection, "dependencies", position), parent, child))


def _free(connection: Connection, table: str, position: object) -> object:
    query = f"SELECT 1 FROM {table} WHERE position = ?"  # noqa: S608 - one of our tables
    return None if connection.execute(query, (position,)).fetchone() else position
