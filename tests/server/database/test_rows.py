"""Tokens, security events and idempotent requests, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from server.access.token_cache import Tokens
from server.database.engine import Database
from server.database.idempotency import (
    Claim,
    Full,
    KeptAnswer,
    UnderWay,
    claim,
    claim_again,
    finish,
    forget_old,
    release,
)
from server.database.security_events import (
    EventKind,
    SecurityEvent,
    append_events,
    forget_events,
    list_events,
)
from server.database.token_digest import token_digest
from server.database.tokens import (
    TokenError,
    create_token,
    list_tokens,
    note_uses,
    read_tokens,
    revoke_token,
)


def _make(database: Database, name: str, *scopes: str, hours: float | None = None) -> str:
    until = datetime.now(UTC) + timedelta(hours=hours) if hours is not None else None
    return create_token(database, name, scopes or ["read"], by="tester", expires_at=until)


def test_a_token_is_stored_as_its_hash_only(database: Database) -> None:
    secret = _make(database, "deploy bot", "manage")
    ((token, digest),) = read_tokens(database)
    assert digest == token_digest(secret.encode())
    assert secret not in repr((token, digest))
    assert (token.name, token.scopes, token.created_by) == (
        "deploy bot",
        frozenset({"manage"}),
        "tester",
    )
    assert token.created_at.tzinfo is UTC


def test_no_two_tokens_are_alike_and_each_has_256_bits(database: Database) -> None:
    secrets = {_make(database, f"token {n}") for n in range(20)}
    assert len(secrets) == 20
    assert all(len(secret) == len("opst_") + 43 for secret in secrets)


@pytest.mark.parametrize(
    ("name", "scopes", "why"),
    [
        ("", ["read"], "not a name for a token"),
        ("a\nb", ["read"], "not a name for a token"),
        ("x" * 101, ["read"], "not a name for a token"),
        ("bot", [], "needs a scope"),
        ("bot", ["root"], "no scope .root."),
        ("bot", ["read", "root"], "no scope .root."),
    ],
)
def test_a_token_without_a_name_or_scope_is_not_made(
    database: Database, name: str, scopes: list[str], why: str
) -> None:
    with pytest.raises(TokenError, match=why):
        create_token(database, name, scopes, by="tester", expires_at=None)
    assert list_tokens(database) == []


def test_a_name_is_never_used_twice(database: Database) -> None:
    _make(database, "bot")
    revoke_token(database, "bot")
    with pytest.raises(TokenError, match="there is a token 'bot' already"):
        _make(database, "bot")


def test_a_token_ends_by_time_and_by_hand(database: Database) -> None:
    _make(database, "short", hours=1)
    _make(database, "long")
    now = datetime.now(UTC)
    short, long = list_tokens(database)
    assert short.is_live(now)
    assert not short.is_live(now + timedelta(hours=2))
    assert long.is_live(now + timedelta(days=10_000))
    revoke_token(database, "long")
    assert not list_tokens(database)[1].is_live(now)
    with pytest.raises(TokenError, match="there is no token 'none'"):
        revoke_token(database, "none")
    with pytest.raises(TokenError, match="expired already"):
        _make(database, "past", hours=-1)


def test_when_it_was_last_used_is_kept(database: Database) -> None:
    _make(database, "bot")
    (token,) = list_tokens(database)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    note_uses(database, {token.token_id: at})
    assert list_tokens(database)[0].last_used_at == at


def test_in_memory_each_scope_has_those_before_it(database: Database) -> None:
    secret = _make(database, "boss", "manage")
    tokens = Tokens(database, 5)
    assert not tokens.is_known
    assert tokens.principal(f"Bearer {secret}".encode()) is None
    tokens.read()
    assert tokens.is_fresh
    found = tokens.principal(f"bearer  {secret} ".encode())
    assert found is not None
    assert (found.name, found.scopes) == (
        "token:boss",
        frozenset({"read", "execute", "manage"}),
    )
    for header in (None, b"", b"Bearer", b"Bearer x", f"Basic {secret}".encode()):
        assert tokens.principal(header) is None
    revoke_token(database, "boss")
    tokens.read()
    assert tokens.principal(f"Bearer {secret}".encode()) is None
    # Nothing opens because the last one was revoked.
    assert tokens


# Security events


def _event(kind: EventKind = EventKind.DENIED, detail: str = "x", days: float = 0) -> SecurityEvent:
    at = datetime.now(UTC) - timedelta(days=days)
    return SecurityEvent(
        kind=kind, actor="token:bot", client="192.0.2.1", request_id="r-1", detail=detail, at=at
    )


def test_events_come_newest_first_by_page_and_kind(database: Database) -> None:
    append_events(database, [_event(detail=str(number)) for number in range(5)])
    append_events(database, [_event(EventKind.FAILED_LOGIN, "login")])
    first = list_events(database, limit=3)
    assert [one.detail for one in first] == ["login", "4", "3"]
    rest = list_events(database, limit=10, before=first[-1].event_id)
    assert [one.detail for one in rest] == ["2", "1", "0"]
    (login,) = list_events(database, limit=10, kind=EventKind.FAILED_LOGIN)
    assert login.kind is EventKind.FAILED_LOGIN


def test_texts_of_events_are_printable_and_short(database: Database) -> None:
    append_events(database, [_event(detail="\x1b[31m\x00" + "y" * 5_000)])
    (found,) = list_events(database, limit=1)
    assert found.detail.isprintable()
    assert len(found.detail) == 500


def test_old_events_are_forgotten(database: Database) -> None:
    append_events(database, [_event(days=400), _event(days=1)])
    assert forget_events(database, days=365) == 1
    assert len(list_events(database, limit=10)) == 1


# Idempotent requests


_MOST = 10


def _claim(
    database: Database, key: str = "k", *, lease: float = 60
) -> Claim | KeptAnswer | UnderWay | Full:
    return claim(
        database, actor="bot", key=key, fingerprint="f" * 64, lease_seconds=lease, most=_MOST
    )


def test_a_claim_is_held_until_its_answer_is_kept(database: Database) -> None:
    mine = _claim(database)
    assert isinstance(mine, Claim)
    assert isinstance(_claim(database), UnderWay)
    finish(database, mine, body_digest="d" * 64, status=200, body=b"{}")
    kept = _claim(database)
    assert kept == KeptAnswer(
        fingerprint="f" * 64, body_digest="d" * 64, status=200, body=b"{}", claim=mine.claim
    )


def test_an_answer_that_does_not_hold_any_more_is_claimed_by_one(database: Database) -> None:
    mine = _claim(database)
    assert isinstance(mine, Claim)
    finish(database, mine, body_digest="d" * 64, status=200, body=b"{}")
    kept = _claim(database)
    assert isinstance(kept, KeptAnswer)
    assert isinstance(claim_again(database, actor="bot", key="k", kept=kept), Claim)
    assert isinstance(claim_again(database, actor="bot", key="k", kept=kept), UnderWay)
    assert isinstance(_claim(database), UnderWay)


def test_a_claim_that_is_released_can_be_had_again(database: Database) -> None:
    mine = _claim(database)
    assert isinstance(mine, Claim)
    release(database, mine)
    assert isinstance(_claim(database), Claim)


def test_a_key_is_each_actors_own(database: Database) -> None:
    assert isinstance(_claim(database), Claim)
    other = claim(database, actor="other", key="k", fingerprint="f" * 64, lease_seconds=60, most=9)
    assert isinstance(other, Claim)


def test_the_claim_of_a_server_that_died_is_taken_over_and_it_cannot_finish(
    database: Database,
) -> None:
    dead = _claim(database)
    assert isinstance(dead, Claim)
    mine = _claim(database, lease=-1)
    assert isinstance(mine, Claim)
    finish(database, dead, body_digest="d" * 64, status=500, body=b"late")
    assert isinstance(_claim(database), UnderWay)
    release(database, dead)
    finish(database, mine, body_digest="d" * 64, status=200, body=b"mine")
    kept = _claim(database, lease=-1)
    assert isinstance(kept, KeptAnswer)
    assert kept.body == b"mine"


def test_of_many_that_claim_at_once_one_does_it(database: Database) -> None:
    found: list[object] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        found.append(_claim(database))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert sum(isinstance(one, Claim) for one in found) == 1


def test_old_answers_are_forgotten(database: Database) -> None:
    _claim(database)
    assert forget_old(database, hours=1) == 0
    assert forget_old(database, hours=-1) == 1
    assert isinstance(_claim(database), Claim)


def test_one_actor_keeps_so_many_answers_and_no_more(database: Database) -> None:
    for number in range(_MOST):
        assert isinstance(_claim(database, f"many-{number}"), Claim)
    assert isinstance(_claim(database, "one-more"), Full)
    # Those that are there are answered, and others are not concerned.
    assert isinstance(_claim(database, "many-0"), UnderWay)
    other = claim(
        database, actor="ada", key="k", fingerprint="f" * 64, lease_seconds=60, most=_MOST
    )
    assert isinstance(other, Claim)
    assert forget_old(database, hours=0) == _MOST + 1
    assert isinstance(_claim(database, "one-more"), Claim)
