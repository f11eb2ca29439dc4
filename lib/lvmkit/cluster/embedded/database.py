"""The engine's SQLite file: reading it, changing it as one unit, and every error of sqlite3 as a numbered message.

Reading needs no permission to write and makes no database; the first change makes it. quickCheck comes here when it
finds no record of what was brought up, so nothing heavy is imported.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager

from lvmkit.cluster.embedded.rows import is_of_this_machine
from lvmkit.cluster.embedded.schema import MIGRATIONS
from lvmkit.model.messages import Failure
from lvmkit.model.messages.command import InvalidName
from lvmkit.model.messages.engine import (
    DatabaseDamaged,
    DatabaseOfAnotherName,
    DatabaseOfAnotherServer,
    DatabaseTooNew,
    StateNotStored,
    Unexpected,
)
from lvmkit.model.messages.guide import ResourceInformationUnreadable, WrongServer
from lvmkit.storage import files
from lvmkit.storage.boot import machine_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

    from lvmkit.model.messages import Message

BUSY_PATIENCE = 10.0
"""seconds to wait for another process that is changing the database"""

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")

_NO_ROOM = ("disk I/O error", "unable to open database file", "database or disk is full")
"""SQLite's words where it cannot make a file"""

_OWN_FAULTS = (
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)


@contextmanager
def reading(path: str) -> Iterator[Connection]:
    """The database as it is at one moment; an empty one where there is none yet.

    path: the SQLite file.  Raises Failure: DatabaseDamaged, DatabaseTooNew, ResourceInformationUnreadable.
    """
    with _reported(path, changing=False), closing(_begun_to_read(path)) as stored:
        connection = _in_present_shape(stored, path)
        with closing(connection):
            yield connection


@contextmanager
def writing(path: str) -> Iterator[Connection]:
    """The database in one transaction: stored when the block ends, untouched when it raises or is killed.

    path: the SQLite file, made with its folder when absent.  Raises Failure: DatabaseDamaged, DatabaseTooNew,
    StateNotStored (also when another process keeps it busy), DatabaseOfAnotherServer or DatabaseOfAnotherName where
    it is another machine's.
    """
    with _reported(path, changing=True):
        if not os.path.lexists(path):
            _create(path)
        with closing(_connect(path, "mode=rw")) as connection:
            _checked_version(connection, path)  # before anything could be written
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN IMMEDIATE")
            _migrate(connection, _checked_version(connection, path))
            _claim(connection, path)
            yield connection
            connection.execute("COMMIT")


def _begun_to_read(path: str) -> Connection:
    """The database, in a transaction that only reads.

    SQLite keeps files beside it, for which a full disk has no room; without a log the database itself is whole
    (SQLite's page on WAL, section 5), and nobody can write to it either.
    """
    connection = _connect_to_read(path)
    try:
        return _begun(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if not str(error).startswith(_NO_ROOM) or _has_log(path):
            raise
    return _begun(_connect(path, "mode=ro&immutable=1"))


def _begun(connection: Connection) -> Connection:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master")
    return connection


def _has_log(path: str) -> bool:
    try:
        return os.stat(path + "-wal").st_size > 0
    except FileNotFoundError:
        return False


def _connect_to_read(path: str) -> Connection:
    try:
        os.stat(path)
    except FileNotFoundError:
        return _empty()
    options = "mode=ro"
    if not os.access(os.path.dirname(path), os.W_OK) and not os.path.lexists(path + "-wal"):
        # SQLite keeps readers and writers apart by files beside the database. Where it can't make them (a file system
        # that turned read-only), nobody can write either, and without -wal the file is whole (SQLite's
        # page on WAL, section 5).
        options = "mode=ro&immutable=1"
    return _connect(path, options)


def _connect(path: str, options: str) -> Connection:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{quoted}?{options}", uri=True, timeout=BUSY_PATIENCE, isolation_level=None)


def _empty() -> Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection, 0)
    return connection


def _in_present_shape(stored: Connection, path: str) -> Connection:
    """The database itself, or a migrated copy in memory: reading must not write."""
    version = _checked_version(stored, path)
    if version == len(MIGRATIONS):
        return stored
    copy = sqlite3.connect(":memory:", isolation_level=None)
    stored.backup(copy)
    _migrate(copy, version)
    return copy


def _checked_version(connection: Connection, path: str) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise Failure(DatabaseTooNew(path, version, len(MIGRATIONS)))
    if version < 1:  # ours gets its name when complete, never empty: see _create
        raise Failure(DatabaseDamaged(path, "it holds no tables of this kit"))
    return version


def _migrate(connection: Connection, version: int) -> None:
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def _create(path: str) -> None:
    """Make the database under another name, and give it its own when complete: a kill leaves none, not half of one."""
    folder = os.path.dirname(path)
    files.make_folder(folder, mode=0o700)
    temporary = f"{path}.{os.getpid()}.new"
    files.remove(temporary)  # of an earlier process with this number
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(_connect(temporary, "mode=rw")) as connection:
            connection.execute("BEGIN")
            _migrate(connection, 0)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")
        _publish(temporary, path)
    finally:
        files.remove(temporary)
    files.flush_folder(folder)


def _publish(temporary: str, path: str) -> None:
    try:
        os.link(temporary, path)  # not rename(2), which would replace what a faster process has stored meanwhile
    except FileExistsError:
        return


def _claim(connection: Connection, path: str) -> None:
    """Store whose records they are; refuse to change those of another machine. A host that was renamed is the same."""
    name, machine = os.uname().nodename, machine_id()
    connection.execute("INSERT OR IGNORE INTO identity (only, server, machine) VALUES (1, ?, ?)", (name, machine))
    stored = connection.execute("SELECT server, machine FROM identity").fetchone()
    if not is_of_this_machine(*stored):
        raise Failure(_strange(path, *stored), WrongServer(stored[0]))
    if stored != (name, machine or stored[1]):
        connection.execute("UPDATE identity SET server = ?, machine = ?", (name, machine or stored[1]))


def _strange(path: str, name: str, machine: str) -> Message:
    present, own = os.uname().nodename, machine_id()
    if machine and own:
        return DatabaseOfAnotherServer(path, name, machine, present, own)
    return DatabaseOfAnotherName(path, name, present)


@contextmanager
def _reported(path: str, *, changing: bool) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _failure(error, path, changing) from error
    except UnicodeEncodeError as error:  # undecodable bytes of a command line, which no stored name has
        raise Failure(InvalidName(str(error.object), "name")) from error
    except OSError as error:
        raise _not_done(path, files.why(error), changing) from error


def _failure(error: sqlite3.Error, path: str, changing: bool) -> Failure:
    """What an sqlite3 exception means, by its class and SQLite's fixed texts: Python has error codes only from 3.11."""
    why = str(error)
    if isinstance(error, _OWN_FAULTS):
        return Failure(Unexpected(type(error).__name__, why))
    if not isinstance(error, sqlite3.OperationalError) or why.startswith(("no such ", "Could not decode ")):
        return Failure(DatabaseDamaged(path, why))
    return _not_done(path, why, changing)


def _not_done(path: str, why: str, changing: bool) -> Failure:
    return Failure(StateNotStored(path, why) if changing else ResourceInformationUnreadable(f"{path}: {why}"))
