"""The database at the start: where it cannot be used, lookups are answered, and changes are not."""

from __future__ import annotations

import structlog
from sqlalchemy import URL

from server.database.engine import Database
from server.database.errors import DatabaseError, DatabaseSetupError
from server.tokens import Tokens, why_down

_LOG = structlog.get_logger(__name__)


def open_database(url: URL) -> Database:
    """A database with its tables; raises DatabaseSetupError for one that never can be used.

    One that is down, or a file that is damaged, may come back later.
    """
    database = Database(url)
    try:
        database.prepare()
    except DatabaseSetupError:
        raise
    except DatabaseError as error:
        _LOG.error("the database is down: lookups are answered, changes are not", reason=str(error))
    return database


def read_at_start(tokens: Tokens) -> None:
    """Know the tokens, if the database is there."""
    try:
        tokens.read()
    except DatabaseError as error:
        tokens.problem = why_down(error)
        _LOG.error("no token is known yet", reason=str(error))
