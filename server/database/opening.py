"""Opens the database; while it is down, lookups are answered and changes are not."""

from __future__ import annotations

import structlog
from sqlalchemy import URL

from server.database.engine import Database
from server.database.errors import DatabaseError, DatabaseSetupError

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
