"""Bearer tokens: made, listed, revoked. What is stored of one is its hash; it is shown once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from registry.problems import printable
from server.database.engine import Database
from server.database.errors import DatabaseError
from server.database.tables import tokens
from server.database.token_digest import token_digest

SCOPES = ("read", "execute", "manage", "admin")
"""Each also allows what those before it allow."""
_PREFIX = "opst_"
_SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,99}\Z")
_WHO = 200


class TokenError(DatabaseError):
    """A token that cannot be made, or is not there."""

    exit_code = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """The facts about a token; times in UTC."""

    token_id: int
    name: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """True if it is accepted at a moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create_token(
    database: Database, name: str, scopes: Collection[str], *, by: str, expires_at: datetime | None
) -> str:
    """Make a token and return it, the only time that it can be seen; raises TokenError."""
    if not _NAME.match(name):
        raise TokenError(
            f"{printable(name[:80])!r} is not a name for a token",
            next_step="Use letters, digits, spaces and . _ @ -, such as 'deploy bot'",
        )
    wanted = [scope for scope in SCOPES if scope in scopes]
    strange = sorted(set(scopes) - set(wanted))
    if strange or not wanted:
        named = ", ".join(repr(printable(scope[:40])) for scope in strange)
        raise TokenError(
            f"there is no scope {named}" if strange else "a token needs a scope",
            next_step=f"Use one of {', '.join(SCOPES)}; each allows what those before it do",
        )
    now = datetime.now(UTC)
    if expires_at is not None and expires_at <= now:
        raise TokenError("it would have expired already", next_step="Name a later moment")
    secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    try:
        with database.transaction() as connection:
            connection.execute(
                insert(tokens).values(
                    name=name,
                    digest=token_digest(secret.encode()),
                    scopes=",".join(wanted),
                    created_at=now,
                    created_by=printable(by)[:_WHO],
                    expires_at=expires_at,
                )
            )
    except DatabaseError as error:
        if isinstance(error.__cause__, IntegrityError):
            raise TokenError(
                f"there is a token {name!r} already",
                next_step="Choose another name; one that was revoked keeps its name",
            ) from error
        raise
    return secret


def list_tokens(database: Database) -> list[Token]:
    """All tokens that ever were, in the order in which they were made."""
    return [token for token, _ in read_tokens(database)]


def read_tokens(database: Database) -> list[tuple[Token, str]]:
    """The same, each with its hash."""
    with database.transaction() as connection:
        rows = connection.execute(select(tokens).order_by(tokens.c.id)).mappings().all()
    return [(_token(row), row["digest"]) for row in rows]


def revoke_token(database: Database, name: str) -> None:
    """Accept a token no more; raises TokenError when there is none of that name."""
    with database.transaction() as connection:
        found = connection.execute(select(tokens.c.id).where(tokens.c.name == name)).first()
        if found is None:
            raise TokenError(
                f"there is no token {printable(name[:80])!r}",
                next_step="See them with 'opsteps token list'",
            )
        connection.execute(
            update(tokens)
            .where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
        left = select(tokens.c.id).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
        if connection.execute(left).first() is not None:
            raise DatabaseError(
                f"the token {printable(name[:80])!r} is live again in the moment it is revoked",
                next_step="Look for triggers and rules in the database",
            )


def note_uses(database: Database, used: Mapping[int, datetime]) -> None:
    """Write down when tokens were last used."""
    if not used:
        return
    with database.transaction() as connection:
        for token_id, at in used.items():
            connection.execute(
                update(tokens).where(tokens.c.id == token_id).values(last_used_at=at)
            )


def _token(row: RowMapping) -> Token:
    return Token(
        token_id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"].split(",")),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
