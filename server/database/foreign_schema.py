"""Refuse in a file of SQLite anything beside our rows: nothing that acts by itself is ours."""

from __future__ import annotations

import sqlite3

from server.database.errors import DatabaseDamagedError

_ACTING = """
SELECT type, name FROM sqlite_master
WHERE type IN ('trigger', 'view') OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1
"""


def refuse_acting(opened: sqlite3.Connection, *, where: str) -> None:
    """Raise DatabaseDamagedError for triggers, views and virtual tables.

    A trigger can make a token, or take back that one was revoked, whenever something is written.
    """
    found = opened.execute(_ACTING).fetchone()
    if found is not None:
        kind, name = found
        raise DatabaseDamagedError(
            f"the database has the {kind} {str(name)[:80]!r}, which this program never makes",
            where=where,
            next_step="Find out who made it. 'opsteps token reset' puts the file aside; new tokens"
            " are made afterwards",
        )
