"""The engine's SQLite file: reading it, changing it as one unit, and every error of sqlite3 as a numbered message.

Reading needs no permission to write and makes no database; the first change makes it. quickCheck comes here when it
finds no record of what was brought up, and so do commands that scripts call all the time, so nothing heavy is imported:
sqlite3 would bring datetime with it, and messages are loaded when one is needed.
"""

from __future__ import annotations

import os

from lvmkit.cluster.embedded.rows import is_of_this_machine
from lvmkit.cluster.embedded.schema import MIGRATIONS
from lvmkit.cluster.embedded.sqlite import sqlite3
from lvmkit.model.messages import Failure
from lvmkit.storage import files
from lvmkit.storage.boot import machine_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection
    from types import TracebackType

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


class _Block:
    """A `with` block that has the database open. A class, because contextlib would have to be imported."""

    _changes = False

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[Connection] = []

    def __enter__(self) -> Connection:
        try:
            return self._begin()
        except BaseException as error:
            self._leave(error)
            raise

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            try:
                self._end()
            except BaseException as late:
                self._leave(late)
                raise
        self._leave(error)

    def _begin(self) -> Connection:
        """The connection; what is opened for it goes into `_open`."""
        raise NotImplementedError

    def _end(self) -> None:
        """What follows a block that did not raise."""

    def _leave(self, error: BaseException | None) -> None:
        """Close all. Raises Failure for an error that has a number."""
        for connection in self._open:
            connection.close()
        failure = _numbered(error, self._path, self._changes)
        if failure is not None:
            raise failure from error


class reading(_Block):  # noqa: N801 - it is used as a function
    """The database as it is at one moment; an empty one where there is none yet.

    path: the SQLite file.  Raises Failure: DatabaseDamaged, DatabaseTooNew, ResourceInformationUnreadable.
    """

    def _begin(self) -> Connection:
        stored = _begun_to_read(self._path)
        self._open.append(stored)
        connection = _in_present_shape(stored, self._path)
        self._open.append(connection)
        return connection


class writing(_Block):  # noqa: N801 - it is used as a function
    """The database in one transaction: stored when the block ends, untouched when it raises or is killed.

    path: the SQLite file, made with its folder when absent.  Raises Failure: DatabaseDamaged, DatabaseTooNew,
    StateNotStored (also when another process keeps it busy), DatabaseOfAnotherServer or DatabaseOfAnotherName where
    it is another machine's.
    """

    _changes = True

    def _begin(self) -> Connection:
        if not os.path.lexists(self._path):
            _create(self._path)
        connection = _connect(self._path, "mode=rw")
        self._open.append(connection)
        _checked_version(connection, self._path)  # before anything could be written
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        _migrate(connection, _checked_version(connection, self._path))
        _claim(connection, self._path)
        return connection

    def _end(self) -> None:
        self._open[0].execute("COMMIT")


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
        from lvmkit.model.messages.engine import DatabaseTooNew

        raise Failure(DatabaseTooNew(path, version, len(MIGRATIONS)))
    if version < 1:  # ours gets its name when complete, never empty: see _create
        from lvmkit.model.messages.engine import DatabaseDamaged

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
        _make_tables(temporary)
        _publish(temporary, path)
    finally:
        files.remove(temporary)
    files.flush_folder(folder)


def _make_tables(path: str) -> None:
    connection = _connect(path, "mode=rw")
    try:
        connection.execute("BEGIN")
        _migrate(connection, 0)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


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
        from lvmkit.model.messages.guide import WrongServer

        raise Failure(_strange(path, *stored), WrongServer(stored[0]))
    if stored != (name, machine or stored[1]):
        connection.execute("UPDATE identity SET server = ?, machine = ?", (name, machine or stored[1]))


def _strange(path: str, name: str, machine: str) -> Message:
    from lvmkit.model.messages.engine import DatabaseOfAnotherName, DatabaseOfAnotherServer

    present, own = os.uname().nodename, machine_id()
    if machine and own:
        return DatabaseOfAnotherServer(path, name, machine, present, own)
    return DatabaseOfAnotherName(path, name, present)


def _numbered(error: BaseException | None, path: str, changing: bool) -> Failure | None:
    """The failure with a number that an error means; None for any other."""
    if isinstance(error, sqlite3.Error):
        return _failure(error, path, changing)
    if isinstance(error, UnicodeEncodeError):  # undecodable bytes of a command line, which no stored name has
        from lvmkit.model.messages.command import InvalidName

        return Failure(InvalidName(str(error.object), "name"))
    if isinstance(error, OSError):
        return _not_done(path, files.why(error), changing)
    return None


def _failure(error: sqlite3.Error, path: str, changing: bool) -> Failure:
    """What an sqlite3 exception means, by its class and SQLite's fixed texts: Python has error codes only from 3.11."""
    from lvmkit.model.messages.engine import DatabaseDamaged, Unexpected

    why = str(error)
    if isinstance(error, _OWN_FAULTS):
        return Failure(Unexpected(type(error).__name__, why))
    if not isinstance(error, sqlite3.OperationalError) or why.startswith(("no such ", "Could not decode ")):
        return Failure(DatabaseDamaged(path, why))
    return _not_done(path, why, changing)


def _not_done(path: str, why: str, changing: bool) -> Failure:
    from lvmkit.model.messages.engine import StateNotStored
    from lvmkit.model.messages.guide import ResourceInformationUnreadable

    return Failure(StateNotStored(path, why) if changing else ResourceInformationUnreadable(f"{path}: {why}"))
