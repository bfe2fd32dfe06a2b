"""The database at the start: a file must be usable; a server that is down may come back later."""

from __future__ import annotations

import structlog
from sqlalchemy import URL

from server.database.engine import Database
from server.database.errors import DatabaseDownError
from server.tokens import Tokens

_LOG = structlog.get_logger(__name__)


def open_database(url: URL) -> Database:
    """A database with its tables; raises DatabaseSetupError, and for a file DatabaseDownError."""
    database = Database(url)
    try:
        database.prepare()
    except DatabaseDownError as error:
        if url.get_backend_name() == "sqlite":
            raise
        _LOG.error("the database is down: lookups are answered, changes are not", reason=str(error))
    return database


def read_at_start(tokens: Tokens) -> None:
    """Know the tokens, if the database is there."""
    try:
        tokens.read()
    except DatabaseDownError as error:
        _LOG.error("no token is known yet", reason=str(error))
