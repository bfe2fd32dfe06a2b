"""Servers over a real PostgreSQL: shared tokens and keys, and what goes on while it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.database.engine import Database, database_url
from server.database.tokens import create_token, revoke_token
from tests.server.changes.test_changes import form, upload, zipped
from tests.server.database.conftest import postgres as postgres  # noqa: PLC0414 - a fixture
from tests.server.postgres_server import PostgresServer
from tests.server.real_server import Place, making_place, release_files, serving, until

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made


def _token(url: str, name: str, scope: str) -> str:
    with Database(database_url(url, Path())) as database:
        return create_token(database, name, [scope], by="tester", expires_at=None)


def test_servers_share_tokens_and_answers(place: Place, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    token = _token(url, "boss", "manage")
    body = form(zipped(release_files("beta", "1.0.0")))
    headers = {"authorization": f"Bearer {token}", "idempotency_key": "k-1"}
    with (
        serving(place.path, database_url=url) as one,
        serving(place.path, database_url=url) as two,
    ):
        first = upload(one, body, **headers)
        assert first.status == 200
        again = upload(two, body, **headers)
        assert again.body == first.body
        with Database(database_url(url, Path())) as database:
            revoke_token(database, "boss")
        until(lambda: upload(one, body, **headers).status == 401)
        until(lambda: upload(two, body, **headers).status == 401)


def test_while_it_is_down_lookups_go_on_and_changes_say_503(
    place: Place, postgres: PostgresServer, capfd: pytest.CaptureFixture[str]
) -> None:
    url = postgres.new_database()
    token = _token(url, "boss", "admin")
    mine = f"Bearer {token}"
    with serving(place.path, database_url=url, require_read_token=True) as client:
        postgres.stop()
        try:
            path = "/api/v1/libraries/alpha/toggle?enabled=true"
            # A token that may have been revoked meanwhile changes nothing.
            until(lambda: client.ask("PUT", path, {"Authorization": mine}).status == 503)
            refused = client.ask("PUT", path, {"Authorization": mine})
            assert "the database is down" in refused.json()["detail"]
            assert refused.headers["retry-after"]
            assert client.get("/api/v1/steps/alpha.file.copy", Authorization=mine).status == 200
            assert client.get("/api/v1/steps", Authorization=mine).status == 200
            assert client.get("/health").json()["database"]["status"] == "down"
            assert client.get("/api/v1/security-events", Authorization=mine).status == 503
        finally:
            postgres.start()
        until(lambda: client.ask("PUT", path, {"Authorization": mine}).status == 200)
        assert client.get("/health").json()["database"]["status"] == "ready"
    said = "".join(capfd.readouterr())
    assert "a-password-of-this-test" not in said


def test_a_server_that_starts_while_it_is_down_answers_lookups_and_takes_changes_later(
    place: Place, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    postgres.stop()
    try:
        with serving(place.path, database_url=url) as client:
            assert client.get("/api/v1/steps/alpha.file.copy").status == 200
            body = form(zipped(release_files("beta", "1.0.0")))
            assert upload(client, body).status == 503
            postgres.start()
            until(lambda: upload(client, body).status == 200)
            assert json.loads(client.get("/api/v1/steps/beta.file.copy").body)["version"] == "1.0.0"
    finally:
        if not postgres._answers():
            postgres.start()
