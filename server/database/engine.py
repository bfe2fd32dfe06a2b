"""Open a database, bring its tables up to date, and run short transactions in it."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from server.database.errors import (
    DatabaseDamagedError,
    DatabaseDownError,
    DatabaseError,
    DatabaseSetupError,
)
from server.database.foreign_schema import refuse_acting
from server.database.make_engine import ANSWER_SECONDS, make_engine, private_file
from server.database.migrating import migrate

_FILE = "opsteps.db"
DatabaseUrl = URL
"""The address of a database, for those who write no SQL."""
FileIdentity = tuple[int, int]
"""The device and the inode of a file."""
_KINDS = frozenset({"sqlite", "postgresql"})
# What SQLite says where waiting or another place would help, and nothing is wrong with the SQL.
_UNWRITABLE = ("disk is full", "readonly", "disk I/O", "No space left", "read-only")
_SQLITE_DOWN = ("locked", "unable to open", "disk I/O", "disk is full", "readonly")
_SQLITE_DAMAGED = ("malformed", "not a database")


def database_url(text: str, state_directory: Path) -> URL:
    """The URL of a setting; empty is a file of SQLite. Raises DatabaseSetupError."""
    if not text:
        return URL.create("sqlite", database=str(state_directory / _FILE))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise _wrong_url() from error
    kind = url.get_backend_name()
    if kind not in _KINDS or (kind == "sqlite" and not url.database):
        raise _wrong_url()
    return url.set(drivername="postgresql+psycopg") if kind == "postgresql" else url


def _wrong_url() -> DatabaseSetupError:
    # The URL itself is not named: there may be a password in it.
    return DatabaseSetupError(
        "the database's URL cannot be used",
        next_step="Use postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////ABSOLUTE/PATH; "
        "leave it out for a file beside the registry",
    )


class Database:
    """Safe to use from many threads; every call may wait for the database."""

    def __init__(self, url: URL) -> None:
        """Nothing is opened yet; `prepare` is called with the first transaction, or before."""
        self.url = url
        self._is_file = url.get_backend_name() == "sqlite"
        self._engine = make_engine(url)
        self._is_prepared = False
        self._file: FileIdentity | None = None
        self.write_problem = ""
        """The reason why rows could last be read and not written; empty when they can."""

    @property
    def shown(self) -> str:
        """The address, without its password."""
        return self.url.render_as_string(hide_password=True)

    def prepare(self) -> Self:
        """Bring its tables up to date; raises DatabaseDownError, DatabaseSetupError.

        Several servers may do so at once: one after the other does it, the rest find it done.
        """
        if self._is_file:
            private_file(Path(str(self.url.database)))
            self._refuse_acting()
        with self._told():
            migrate(self._engine)
        self._file = self._identity()
        self._is_prepared = True
        return self

    def _refuse_acting(self) -> None:
        """Before anything is written to it: it may be a stranger's."""
        path = Path(str(self.url.database)).absolute()
        with (
            suppress(sqlite3.Error),  # whoever reads it next says what is wrong
            closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as opened,
        ):
            refuse_acting(opened, where=self.shown)

    def _identity(self) -> FileIdentity | None:
        """Return the identity of the file; None where it is not a file, or missing."""
        if not self._is_file:
            return None
        try:
            found = os.stat(str(self.url.database))  # noqa: PTH116 - asked before each transaction
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _look_at_file(self) -> None:
        """Notice a file that was deleted, or replaced by another, beneath the open connections.

        SQLite goes on with what nobody will find again; and whoever deletes it would open what
        tokens had closed. Raises DatabaseDownError for one that is gone; another one is opened.
        """
        now = self._identity()
        if now == self._file:
            return
        if now is None:
            raise DatabaseDownError(
                "the file of the database was deleted while the server runs",
                where=self.shown,
                next_step="Put it back from a backup, see 'opsteps restore', or start again",
            )
        self._engine.dispose()
        self._is_prepared = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; raises DatabaseDownError when it cannot be reached."""
        if self._is_file and self._is_prepared:
            self._look_at_file()
        if not self._is_prepared:  # it was down at the start, or is another file now
            self.prepare()
        with self._told(), self._engine.connect() as connection:
            with answering(connection):
                _ping(connection)
            with answering(connection), connection.begin():
                yield connection

    def probe(self) -> None:
        """Write something that means nothing, so that ``write_problem`` is up to date.

        Raises DatabaseError.
        """
        with self.transaction() as connection:
            if self._is_file:
                held = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
                connection.exec_driver_sql(f"PRAGMA user_version={int(held)}")
        self.write_problem = ""

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Close it at the end of a ``with``."""
        return self

    def __exit__(self, *_: object) -> None:
        """As `close`."""
        self.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors as this package's own; what SQLAlchemy quotes of rows stays out of them."""
        try:
            yield
        except PoolTimeoutError as error:
            raise self._down("all connections are in use") from error
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0][:200] if error.orig else "no reason"
            if any(words in reason for words in _UNWRITABLE):
                self.write_problem = reason
            if isinstance(error.orig, sqlite3.Error) and any(w in reason for w in _SQLITE_DAMAGED):
                raise DatabaseDamagedError(
                    f"the file of the database is damaged: {reason}",
                    where=self.shown,
                    next_step="'opsteps restore FILE DIRECTORY' brings a backup back;"
                    " 'opsteps token reset' puts the file aside, and all tokens with it",
                ) from error
            if _is_down(error):
                raise self._down(reason) from error
            raise DatabaseError(
                f"the database refuses: {reason}",
                where=self.shown,
                next_step="Look at the database's own log; report it if it goes on",
            ) from error
        except SQLAlchemyError as error:
            raise DatabaseError(
                f"the database cannot be used: {type(error).__name__}", where=self.shown
            ) from error

    def _down(self, reason: str) -> DatabaseDownError:
        return DatabaseDownError(
            f"the database cannot be reached: {reason}",
            where=self.shown,
            next_step="See whether it runs, and whether OPSTEPS_DATABASE_URL is right",
        )


@contextmanager
def answering(connection: Connection) -> Iterator[None]:
    """Meanwhile the database has so many seconds; then the connection is cut.

    Its own limits are of no use where it is stopped, and TCP holds what it does not read.
    """
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection) or raw is None:
        yield
        return
    timer = threading.Timer(ANSWER_SECONDS, _cut, [raw.pgconn.socket])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as shared:
        shared.shutdown(socket.SHUT_RDWR)


def _ping(connection: Connection) -> None:
    """One that was cut since it was used last is made again; raises DBAPIError."""
    if connection.dialect.name == "sqlite":
        return
    try:
        connection.exec_driver_sql("SELECT 1")
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    connection.rollback()


def _is_down(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return any(words in str(error.orig) for words in _SQLITE_DOWN)
    from psycopg import InterfaceError, OperationalError

    return isinstance(error.orig, OperationalError | InterfaceError)
