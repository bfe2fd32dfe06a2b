"""The tables, as the last migration leaves them; a test holds the two against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is taken off and put on again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Into the database."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Out of it."""
        del dialect  # whatever it is, the zone is UTC
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts up by itself only in a column that is just INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

tokens = Table(
    "tokens",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False, unique=True),
    # SHA-256, hex. A token is 256 bits of chance: there is nothing that a slow hash would add.
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
)

security_events = Table(
    "security_events",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("client", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_security_events_at", "at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("claim", String(32), nullable=False),
    Column("claimed_at", Moment, nullable=False),
    # Of the answer; null while the request is under way.
    Column("body_digest", String(64)),
    Column("status", Integer),
    Column("body", LargeBinary),
    Index("ix_idempotency_claimed_at", "claimed_at"),
)
