"""A request with the same key is done once; whoever repeats it gets the answer of the first.

Who does it is decided by the primary key, also between servers. A claim that was never finished,
because its server died, may be taken over after a while.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.database.engine import Database
from server.database.errors import DatabaseError
from server.database.tables import idempotency


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to do a request. ``claim`` tells it from one that took it over."""

    actor: str
    key: str
    claim: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAnswer:
    """The answer that a request with this key got."""

    fingerprint: str
    body_digest: str
    status: int
    body: bytes
    claim: str
    """The claim that the answer belongs to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnderWay:
    """Somebody is doing it now. ``fingerprint`` is that of their request."""

    fingerprint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Full:
    """So many answers of one actor are kept that no more are."""


def claim(
    database: Database,
    *,
    actor: str,
    key: str,
    fingerprint: str,
    lease_seconds: float,
    most: int,
) -> Claim | KeptAnswer | UnderWay | Full:
    """Claim a request, or find out what became of it; one actor has ``most`` of them."""
    mine = Claim(actor=actor, key=key, claim=uuid.uuid4().hex)
    now = datetime.now(UTC)
    values = {"fingerprint": fingerprint, "claim": mine.claim, "claimed_at": now}
    try:
        with database.transaction() as connection:
            connection.execute(insert(idempotency).values(actor=actor, key=key, **values))
            _refuse_more(connection, actor, most)
    except DatabaseError as error:
        if not isinstance(error.__cause__, IntegrityError):
            raise
    except _FullError:
        return Full()
    else:
        return mine
    table = idempotency.c
    with database.transaction() as connection:
        is_stale = table.claimed_at < now - timedelta(seconds=lease_seconds)
        taken = connection.execute(
            update(idempotency)
            .where(table.actor == actor, table.key == key, table.status.is_(None), is_stale)
            .values(**values)
        )
        if taken.rowcount:
            return mine
        found = connection.execute(
            select(idempotency).where(table.actor == actor, table.key == key)
        ).mappings().first()  # fmt: skip
    if found is None or found["status"] is None:  # None: it was released in this moment
        return UnderWay(fingerprint=found["fingerprint"] if found else fingerprint)
    return KeptAnswer(
        fingerprint=found["fingerprint"],
        body_digest=found["body_digest"],
        status=found["status"],
        body=found["body"],
        claim=found["claim"],
    )


def claim_again(database: Database, *, actor: str, key: str, kept: KeptAnswer) -> Claim | UnderWay:
    """Claim a request whose answer does not hold any more, unless somebody else was faster."""
    mine = Claim(actor=actor, key=key, claim=uuid.uuid4().hex)
    nothing = dict.fromkeys(("body_digest", "status", "body"))
    with database.transaction() as connection:
        taken = connection.execute(
            update(idempotency)
            .where(*_is(Claim(actor=actor, key=key, claim=kept.claim)))
            .values(claim=mine.claim, claimed_at=datetime.now(UTC), **nothing)
        )
    return mine if taken.rowcount else UnderWay(fingerprint=kept.fingerprint)


class _FullError(Exception):
    """Ends the transaction, and takes the row back."""


def _refuse_more(connection: Connection, actor: str, most: int) -> None:
    """Raise _FullError above so many rows; after the insert, which tells if the key is new."""
    kept = select(idempotency.c.key).where(idempotency.c.actor == actor)
    if connection.execute(kept.offset(most).limit(1)).first() is not None:
        raise _FullError


def finish(database: Database, mine: Claim, *, body_digest: str, status: int, body: bytes) -> None:
    """Keep the answer, unless somebody took the claim over."""
    with database.transaction() as connection:
        connection.execute(
            update(idempotency)
            .where(*_is(mine))
            .values(body_digest=body_digest, status=status, body=body)
        )


def release(database: Database, mine: Claim) -> None:
    """Forget a claim: the request may be tried again with the same key."""
    with database.transaction() as connection:
        connection.execute(delete(idempotency).where(*_is(mine)))


def forget_old(database: Database, *, hours: float) -> int:
    """Delete what was claimed longer ago; returns how many they were."""
    oldest = datetime.now(UTC) - timedelta(hours=hours)
    with database.transaction() as connection:
        done = connection.execute(delete(idempotency).where(idempotency.c.claimed_at < oldest))
    return done.rowcount


def _is(mine: Claim) -> tuple[ColumnElement[bool], ...]:
    table = idempotency.c
    return (table.actor == mine.actor, table.key == mine.key, table.claim == mine.claim)
