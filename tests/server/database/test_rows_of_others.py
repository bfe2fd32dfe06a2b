"""Rows that others wrote, and strangers who make rows: threads go on, and tables have bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.access.security_log import SecurityLog
from server.access.token_cache import Tokens
from server.database.engine import Database, database_url
from server.database.errors import DatabaseError
from server.database.security_events import (
    EventKind,
    SecurityEvent,
    append_events,
    list_events,
)
from server.database.tokens import create_token
from tests.server.real_server import until


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(database_url("", tmp_path)) as made:
        create_token(made, "good", ["admin"], by="tester", expires_at=None)
        yield made


@pytest.fixture
def log(database: Database) -> Iterator[SecurityLog]:
    made = SecurityLog(database, keep_days=1, keep_hours=1, tidy_seconds=0.3)
    yield made
    made.stop()


def _execute(where: Path, statement: str) -> None:
    with closing(sqlite3.connect(where / "opsteps.db")) as opened, opened:
        opened.execute(statement)


_STRANGE = """INSERT INTO tokens (name, digest, scopes, created_at, created_by)
VALUES ('odd', 'x', 'root', {at}, 'x')"""


def test_a_scope_that_nobody_knows_gives_nothing(database: Database, tmp_path: Path) -> None:
    _execute(tmp_path, _STRANGE.format(at="datetime('now')"))
    tokens = Tokens(database, 0.2)
    tokens.read()
    assert bool(tokens)
    assert {one.name: one.scopes for _, one, _ in tokens._live.values()}["token:odd"] == frozenset()


def test_a_row_that_cannot_be_read_ends_no_thread(database: Database, tmp_path: Path) -> None:
    tokens = Tokens(database, 0.2)
    tokens.read()
    tokens.start()
    try:
        _execute(tmp_path, _STRANGE.format(at="'never'"))
        until(lambda: "a row of the tokens cannot be read" in tokens.problem)
        until(lambda: not tokens.is_fresh)
        with pytest.raises(DatabaseError, match="a row of the tokens"):
            tokens.read()
        _execute(tmp_path, "DELETE FROM tokens WHERE name = 'odd'")
        until(lambda: tokens.is_fresh and not tokens.problem)
    finally:
        tokens.stop()


def _note(log: SecurityLog, kind: EventKind, actor: str, client: str = "192.0.2.1") -> None:
    log.record(kind, actor=actor, client=client, request_id="r", detail="DELETE /x")


def test_who_is_denied_again_and_again_fills_no_table(database: Database, log: SecurityLog) -> None:
    for _ in range(500):
        _note(log, EventKind.DENIED, "token:reader")
    _note(log, EventKind.DENIED, "token:other")
    _note(log, EventKind.DENIED, "token:reader", "192.0.2.2")
    log.start()
    until(lambda: len(list_events(database, limit=100)) == 12)
    assert log.withheld == 490
    last = next(one for one in list_events(database, limit=100) if "not noted" in one.detail)
    assert last.actor == "token:reader"


def test_events_keep_nobody_from_tidying(database: Database, log: SecurityLog) -> None:
    log.start()
    _note(log, EventKind.FAILED_LOGIN, "first")
    until(lambda: len(list_events(database, limit=10)) == 1)
    long_ago = SecurityEvent(
        kind=EventKind.DENIED,
        actor="old",
        client="192.0.2.1",
        request_id="r",
        detail="x",
        at=datetime.now(UTC) - timedelta(days=9),
    )
    append_events(database, [long_ago])

    def is_tidied() -> bool:
        _note(log, EventKind.FAILED_LOGIN, "stranger")
        return all(one.actor != "old" for one in list_events(database, limit=1_000))

    until(is_tidied)
