"""Copy the rows of a file of SQLite while others write to it, and look a copy through."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from server.database.engine import Database
from server.database.errors import DatabaseDownError, DatabaseError

_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """Where rows are, and whether they were copied: only those of SQLite are."""

    kind: str
    where: str
    is_copied: bool


def copy_database(database: Database, target: Path) -> Copied:
    """Copy the rows of a database into a file, where they are in one; raises DatabaseError."""
    kind = database.url.get_backend_name()
    source = Path(str(database.url.database))
    is_file = kind == "sqlite" and source.exists()
    if is_file:
        copy_rows(source, target)
        refuse_damaged(target)
    return Copied(kind=kind, where=database.shown, is_copied=is_file)


def copy_rows(source: Path, target: Path) -> None:
    """A consistent copy, by SQLite's own online backup; raises DatabaseDownError."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target, timeout=_SECONDS)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.Error as error:
        raise DatabaseDownError(
            f"the rows cannot be copied: {error}",
            where=str(source),
            next_step="Look at the file with 'sqlite3 FILE \"PRAGMA integrity_check\"'",
        ) from error


def refuse_damaged(path: Path) -> None:
    """Raise DatabaseError for a file that SQLite finds damaged."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            found = str(opened.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise DatabaseError(f"the rows are damaged: {found[:200]}", where=str(path))
