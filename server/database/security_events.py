"""Events that changed nothing, and matter: failed logins, denied permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, insert, select

from registry.problems import printable
from server.database.engine import Database
from server.database.tables import security_events

_DETAIL = 500
_WHO = 200
_SHORT = 64


class EventKind(StrEnum):
    """The kind of event."""

    FAILED_LOGIN = "failed-login"
    """An invalid bearer token."""
    DENIED = "denied"
    """A token, or a place to ask from, that may not do this."""
    LIMITED = "limited"
    """Too many failures from one place."""
    LICENSE_REFUSED = "license-refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityEvent:
    """One event; ``event_id`` is 0 before it is written."""

    kind: EventKind
    actor: str
    client: str
    request_id: str
    detail: str
    at: datetime
    event_id: int = 0


def append_events(database: Database, events: Sequence[SecurityEvent]) -> None:
    """Write them; texts are made printable and short."""
    if not events:
        return
    rows = [
        {
            "at": one.at,
            "kind": one.kind.value,
            "actor": printable(one.actor)[:_WHO],
            "client": printable(one.client)[:_SHORT],
            "request_id": printable(one.request_id)[:_SHORT],
            "detail": printable(one.detail)[:_DETAIL],
        }
        for one in events
    ]
    with database.transaction() as connection:
        connection.execute(insert(security_events), rows)


def list_events(
    database: Database, *, limit: int, before: int | None = None, kind: EventKind | None = None
) -> list[SecurityEvent]:
    """The newest first; ``before`` is the id of the last one that was seen."""
    query = select(security_events).order_by(security_events.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(security_events.c.id < before)
    if kind is not None:
        query = query.where(security_events.c.kind == kind.value)
    with database.transaction() as connection:
        rows = connection.execute(query).mappings().all()
    return [
        SecurityEvent(
            event_id=row["id"],
            at=row["at"],
            kind=EventKind(row["kind"]),
            actor=row["actor"],
            client=row["client"],
            request_id=row["request_id"],
            detail=row["detail"],
        )
        for row in rows
    ]


def forget_events(database: Database, *, days: float) -> int:
    """Delete those that are older; returns how many they were."""
    oldest = datetime.now(UTC) - timedelta(days=days)
    with database.transaction() as connection:
        done = connection.execute(delete(security_events).where(security_events.c.at < oldest))
    return done.rowcount
