"""Reads the tokens when a server starts; a database that is down stops no server."""

from __future__ import annotations

import structlog

from server.access.token_cache import Tokens, why_down
from server.database.errors import DatabaseError

_LOG = structlog.get_logger(__name__)


def read_at_start(tokens: Tokens) -> None:
    """Know the tokens, if the database is there."""
    try:
        tokens.read()
    except DatabaseError as error:
        tokens.problem = why_down(error)
        _LOG.error("no token is known yet", reason=str(error))
