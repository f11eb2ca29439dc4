"""Flags: LifeKeeper's named marks, among them the engine's own notes of what it is doing.

Their forms are LifeKeeper's: '!volatile!...' ends with the boot, '!restore!<tag>' and '!remove!<tag>' mark an action
that is still to be done, '!action!<pid>!<epoch>!<server>:<purpose>' shows who holds the admin lock. Only a flag with a
process is ours.
"""

from __future__ import annotations

import time

from lvmkit.cluster.checks import is_storable
from lvmkit.cluster.embedded.processes import Process, is_running, this_process
from lvmkit.model.value import Value
from lvmkit.storage.boot import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

RESTORE, REMOVE = "restore", "remove"

_VOLATILE, _ACTION = "!volatile!", "!action!"


class ServiceMove(Value):
    """A tag that is being brought in service (restore) or taken out (remove), with all that this takes."""

    action: str
    tag: str

    @property
    def flag(self) -> str:
        """The flag that notes it."""
        return f"!{self.action}!{self.tag}"


def names(connection: Connection) -> tuple[str, ...]:
    """All flags that are on. A volatile one of an earlier boot is off, and so is that of a dead admin-lock holder."""
    rows = connection.execute("SELECT flag, boot, pid, started FROM flags ORDER BY flag").fetchall()
    return tuple(flag for flag, *holder in rows if _is_on(flag, *holder))


def create(connection: Connection, flag: str) -> None:
    """Turn a flag on. Volatile ones of earlier boots, which are off, go for good."""
    boot = boot_id()
    gone = "DELETE FROM flags WHERE substr(flag, 1, ?) = ? AND boot != ?"
    connection.execute(gone, (len(_VOLATILE), _VOLATILE, boot))
    connection.execute("INSERT OR REPLACE INTO flags (flag, boot) VALUES (?, ?)", (flag, boot))


def remove(connection: Connection, flag: str) -> bool:
    """Turn a flag off; False when it was off."""
    return bool(connection.execute("DELETE FROM flags WHERE flag = ?", (flag,)).rowcount)


def remove_given(connection: Connection, flag: str) -> bool:
    """The same for a flag that the engine has not set for itself; False for one of those."""
    if flag not in names(connection):
        return False
    return bool(connection.execute("DELETE FROM flags WHERE flag = ? AND pid IS NULL", (flag,)).rowcount)


def note_move(connection: Connection, move: ServiceMove) -> None:
    """Note that this process begins a move."""
    _create_own(connection, move.flag)


def forget_moves(connection: Connection, tag: str) -> None:
    """Remove the notes about a tag that is being removed."""
    for action in (RESTORE, REMOVE):
        remove(connection, ServiceMove(action, tag).flag)


def moves(connection: Connection) -> tuple[ServiceMove, ...]:
    """All moves that were begun and not ended, whether their processes still run or not; oldest first."""
    rows = connection.execute("SELECT flag FROM flags WHERE pid IS NOT NULL ORDER BY rowid")
    begun = []
    for (flag,) in rows:
        _, action, tag = flag.split("!", 2)
        if action in (RESTORE, REMOVE):
            begun.append(ServiceMove(action, tag))
    return tuple(begun)


def interrupted(connection: Connection) -> tuple[ServiceMove, ...]:
    """The moves whose processes are gone."""
    return tuple(move for move in moves(connection) if not is_running(_process(connection, move.flag)))


def note_lock(connection: Connection, server: str, purpose: str) -> str:
    """Show who holds the admin lock, and wipe what killed holders left; returns the flag. Only the holder may call."""
    connection.execute("DELETE FROM flags WHERE pid IS NOT NULL AND substr(flag, 1, 8) = ?", (_ACTION,))
    shown = "".join(c if is_storable(c) else "?" for c in purpose)
    flag = f"{_ACTION}{this_process().pid:05d}!{int(time.time())}!{server}:{shown}"
    _create_own(connection, flag)
    return flag


def purpose_of(connection: Connection, pid: int) -> str:
    """What a process holds the admin lock for; 'unknown' when that is not noted."""
    query = "SELECT flag FROM flags WHERE pid = ? AND substr(flag, 1, 8) = ?"
    row = connection.execute(query, (pid, _ACTION)).fetchone()
    return "unknown" if row is None else row[0].partition(":")[2]


def _create_own(connection: Connection, flag: str) -> None:
    me = this_process()
    query = "INSERT OR REPLACE INTO flags (flag, boot, pid, started) VALUES (?, ?, ?, ?)"
    connection.execute(query, (flag, me.boot, me.pid, me.started))


def _process(connection: Connection, flag: str) -> Process:
    return Process(*connection.execute("SELECT boot, pid, started FROM flags WHERE flag = ?", (flag,)).fetchone())


def _is_on(flag: str, boot: str, pid: int | None, started: int | None) -> bool:
    if flag.startswith(_ACTION) and pid is not None:
        return is_running(Process(boot, pid, started or 0))
    return not flag.startswith(_VOLATILE) or boot == boot_id()
