"""Copy the rows of a file of SQLite while others write to it, and look a copy through."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, select

from server.database.engine import Database
from server.database.errors import DatabaseDownError, DatabaseError
from server.database.foreign_schema import refuse_acting
from server.database.migrating import REVISION
from server.database.tables import metadata

_SECONDS = 30
_ROWS = 1_000
_REVISION = f"SELECT version_num FROM {REVISION}"  # noqa: S608 - a constant


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """The place of rows, and if they were copied: only those of SQLite are."""

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


def copy_known_rows(source: Path, target: Database) -> None:
    """Copy the rows of a stranger's file into a new database: values, and nothing that acts.

    Raises DatabaseError for a file that is not as this version of the program makes one.
    """
    with target.transaction() as connection:
        here = connection.exec_driver_sql(_REVISION).scalar()
        try:
            with closing(_opened(source)) as opened:
                refuse_acting(opened, where=str(source))
                if opened.execute(_REVISION).fetchall() != [(here,)]:
                    raise DatabaseError(
                        "the rows are of another version of this program", where=str(source)
                    )
                for table in metadata.sorted_tables:
                    _copy_table(opened, connection, table)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise DatabaseError(
                f"the rows are not as this program makes them: {str(error)[:200]}",
                where=str(source),
            ) from error


def _copy_table(opened: sqlite3.Connection, connection: Connection, table: Table) -> None:
    names = [column.name for column in table.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" for _ in names)
    found = opened.execute(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - our own names
    while rows := found.fetchmany(_ROWS):
        into = f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'  # noqa: S608 - as above
        connection.exec_driver_sql(into, rows)
    for _ in connection.execute(select(table)):
        """Each value is what its column says, or this raises ValueError."""


def _opened(path: Path) -> sqlite3.Connection:
    """A file that is only read, and whose schema calls nothing."""
    opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    opened.execute("PRAGMA trusted_schema=OFF").close()
    return opened


def refuse_damaged(path: Path) -> None:
    """Raise DatabaseError for a file that SQLite finds damaged."""
    try:
        with closing(_opened(path)) as opened:
            found = str(opened.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise DatabaseError(f"the rows are damaged: {found[:200]}", where=str(path))
