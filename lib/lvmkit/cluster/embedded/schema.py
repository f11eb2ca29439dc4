"""The tables of the engine's database, as the steps that lead from one version to the next."""

from __future__ import annotations

_FIRST = (
    "CREATE TABLE identity (only INTEGER PRIMARY KEY CHECK (only = 1), server TEXT NOT NULL)",
    """CREATE TABLE instances (
        position INTEGER PRIMARY KEY,
        server TEXT NOT NULL,
        app TEXT NOT NULL,
        type TEXT NOT NULL,
        tag TEXT NOT NULL UNIQUE,
        id TEXT NOT NULL,
        info TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        initialisation TEXT NOT NULL,
        switchback TEXT NOT NULL,
        boot TEXT NOT NULL,
        was_in_service INTEGER NOT NULL,
        UNIQUE (type, id)
    )""",
    """CREATE TABLE dependencies (
        position INTEGER PRIMARY KEY,
        parent TEXT NOT NULL REFERENCES instances (tag) ON DELETE CASCADE,
        child TEXT NOT NULL REFERENCES instances (tag) ON DELETE CASCADE,
        UNIQUE (parent, child)
    )""",
    "CREATE INDEX dependencies_child ON dependencies (child)",
    """CREATE TABLE flags (
        flag TEXT PRIMARY KEY,
        boot TEXT NOT NULL,
        pid INTEGER,
        started INTEGER
    )""",
)

_SECOND = ("ALTER TABLE identity ADD COLUMN machine TEXT NOT NULL DEFAULT ''",)

MIGRATIONS = (_FIRST, _SECOND)
"""MIGRATIONS[n] turns version n into version n + 1; the version is SQLite's user_version. Never edit one: append."""
