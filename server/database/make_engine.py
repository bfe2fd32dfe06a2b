"""Make connections to SQLite and PostgreSQL, and the file of SQLite."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from server.database.errors import DatabaseSetupError

_CONNECT_SECONDS = 3
_BUSY_SECONDS = 5
_POOL = 5
# A transaction of ours takes milliseconds; a database that hangs takes for ever.
ANSWER_SECONDS = 5
"""Longest that a database may be silent."""


def private_file(path: Path) -> None:
    """Make the file before SQLite does, so that nobody else may read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseSetupError(
            f"the database cannot be made: {error.strerror}",
            where=str(path),
            next_step="Let the server's user write there, or set OPSTEPS_DATABASE_URL",
        ) from error


def make_engine(url: URL) -> Engine:
    """Return what makes connections to a database; none is made yet."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, creator=lambda: _connect(Path(str(url.database))))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
        return engine
    return create_engine(
        url,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "opsteps",
            "keepalives_idle": ANSWER_SECONDS,
            "tcp_user_timeout": ANSWER_SECONDS * 1_000,
        },
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=_BUSY_SECONDS,
    )


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file that is there: one that was deleted is never made again in silence."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver shall not begin transactions by itself: `_begin_immediately` does.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediately(connection: Connection) -> None:
    """Two that read and then write would otherwise fail, not wait for each other."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
