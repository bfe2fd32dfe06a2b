"""Every route has a rule about who may call it, and on a real server the rule holds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from rich.console import Console

from registry.terminal.tables import _as_records
from server.api.application import ROUTERS, openapi_document
from server.api.contract.scopes import Access, Requires
from server.asgi.addresses import listening_address
from server.commands.token import _COLUMNS, _duration
from server.database.tokens import TokenError
from tests.server.changes.test_changes import form, upload, zipped
from tests.server.leaks import secret
from tests.server.real_server import (
    Client,
    Place,
    make_token,
    making_place,
    release_files,
    revoke,
    serving,
    until,
)

_QUESTIONS = {"/api/v1/resolve"}
_PUBLIC = {"/health"}
_ADMIN = {"/api/v1/security-events"}
_SCOPES = ("read", "execute", "manage", "admin")
ROUTES = [
    (method, path)
    for path, methods in openapi_document()["paths"].items()
    for method in methods
    if path != "/api/v1/events"  # a stream without an end; it is read as the others are
]


def _rules(dependant: Dependant) -> set[Access]:
    mine = {dependant.call.access} if isinstance(dependant.call, Requires) else set()
    return mine.union(*map(_rules, dependant.dependencies))


def test_every_route_declares_a_rule() -> None:
    found = [r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute)]
    documented = sum(len(methods) for methods in openapi_document()["paths"].values())
    assert len(found) == documented > 20
    for route in found:
        rules = _rules(route.dependant)
        assert rules, f"{route.path} has no rule"
        asks = route.methods == {"GET"} or route.path in _QUESTIONS
        assert asks or rules & {Access.EXECUTE, Access.MANAGE, Access.ADMIN}, route.path
        assert (Access.PUBLIC in rules) == (route.path in _PUBLIC), route.path
        assert (Access.ADMIN in rules) == (route.path in _ADMIN), route.path


@dataclass(kw_only=True, slots=True)
class Guarded:
    """A server, and a token of each kind."""

    client: Client
    path: Path
    tokens: dict[str, str]

    def status(self, method: str, path: str, kind: str) -> int:
        concrete = path.format(library="nobody", step="nobody.x")
        headers = {"Content-Type": "x/y"}
        if self.tokens[kind]:
            headers["Authorization"] = f"Bearer {self.tokens[kind]}"
        return self.client.ask(method.upper(), concrete, headers).status


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    path = tmp_path_factory.mktemp("who-may") / "registry"
    with making_place(path):
        tokens = {scope: make_token(path, scope) for scope in _SCOPES}
        tokens["expired"] = make_token(path, "admin", name="expired", seconds=0.5)
        tokens["revoked"] = make_token(path, "admin", name="revoked")
        revoke(path, "revoked")
        tokens |= {"unknown": "opst_" + "x" * 43, "none": ""}
        with serving(path, require_read_token=True, failures_allowed=10_000) as client:
            made = Guarded(client=client, path=path, tokens=tokens)
            until(lambda: made.status("get", "/api/v1/steps", "expired") == 401)
            yield made


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_answers_those_who_may_and_refuses_the_others(
    guarded: Guarded, method: str, path: str
) -> None:
    refused = {401, 403}
    needed = "admin" if path in _ADMIN else "manage"
    if method == "get" and path not in _ADMIN:
        needed = "read"
    if path in _QUESTIONS:
        needed = "read"
    for scope in _SCOPES:
        may = _SCOPES.index(scope) >= _SCOPES.index(needed)
        assert (guarded.status(method, path, scope) in refused) != may, scope
    others = {guarded.status(method, path, k) for k in ("expired", "revoked", "unknown", "none")}
    assert others == ({200} if path in _PUBLIC else {401})


def test_what_is_refused_is_told_to_administrators(guarded: Guarded) -> None:
    client, admin = guarded.client, f"Bearer {guarded.tokens['admin']}"
    assert guarded.status("delete", "/api/v1/libraries/{library}", "read") == 403

    def newest() -> Any:
        reply = client.get("/api/v1/security-events?limit=500", Authorization=admin)
        assert reply.status == 200
        return reply.json()["events"]

    until(lambda: any("DELETE /api/v1/libraries/nobody" in one["detail"] for one in newest()))
    denied = next(one for one in newest() if "DELETE" in one["detail"])
    assert (denied["kind"], denied["actor"], denied["client"]) == (
        "denied",
        "token:read",
        "127.0.0.1",
    )
    assert not any(token in json.dumps(newest()) for token in guarded.tokens.values() if token)


def test_last_use_is_noted(guarded: Guarded) -> None:
    assert guarded.status("get", "/api/v1/steps", "execute") == 200
    command = ["token", "list", "--json", "-r", str(guarded.path)]

    def used() -> bool:
        rows = {row["name"]: row for row in json.loads(_opsteps(*command).stdout)}
        return rows["execute"]["last_used_at"] is not None

    until(used)


def _opsteps(*arguments: str) -> subprocess.CompletedProcess[str]:
    from tests.test_opsteps import run

    return run(*arguments)


def test_a_cookie_is_nothing(guarded: Guarded) -> None:
    token = guarded.tokens["admin"]
    headers = {"Cookie": f"token={token}; authorization=Bearer {token}; session={token}"}
    assert guarded.client.ask("GET", "/api/v1/steps", headers).status == 401
    assert "set-cookie" not in guarded.client.ask("GET", "/health").headers


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


def test_too_many_bad_tokens_are_429_and_a_good_one_is_never_kept_out(place: Place) -> None:
    token = make_token(place.path, "read")
    with serving(place.path, require_read_token=True, failures_allowed=3, token=token) as client:
        statuses = [
            client.get("/api/v1/steps", Authorization=f"Bearer wrong-{number}").status
            for number in range(6)
        ]
        assert statuses == [401, 401, 401, 429, 429, 429]
        limited = client.get("/api/v1/steps", Authorization="Bearer wrong")
        assert 0 < int(limited.headers["retry-after"]) <= 60
        # Who claims to be somebody else is still the same peer.
        spoofed = client.get(
            "/api/v1/steps", Authorization="Bearer wrong", X_Forwarded_For="10.9.8.7"
        )
        assert spoofed.status == 429
        assert client.get("/api/v1/steps").status == 200


def test_every_answer_has_the_headers_of_a_careful_server(guarded: Guarded) -> None:
    for path in ("/health", "/api/v1/steps", "/api/v1/audit", "/api/v1/steps/nobody.x", "/nothing"):
        mine = f"Bearer {guarded.tokens['read']}"
        headers = guarded.client.get(path, Authorization=mine).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["x-request-id"], path


def test_no_secret_gets_into_a_log(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """Keys and tokens in the query, the form and headers; the log has everything it ever has."""
    token = make_token(place.path, "manage")
    files = release_files("premium", "1.0.0", is_premium=True, price=1.0)
    body = form(zipped(files), license_key=secret("form-secret-1"))
    with serving(place.path, log_level="debug", token=token) as client:
        assert upload(client, body, "?license_key=query-secret-2").status == 403
        upload(client, form(b"no zip", license_key="form-secret-1"))
        client.ask("POST", "/api/v1/libraries/install?license_key=query-secret-2", {}, b"x")
        client.get("/api/v1/steps?license_key=query-secret-2")
        client.get("/nothing?license_key=query-secret-2", Authorization="Bearer header-secret-3")
        client.ask("PUT", "/api/v1/libraries/x/toggle?license_key=query-secret-2",
                   {"Authorization": "Bearer header-secret-3"})  # fmt: skip
        events = json.dumps(client.get("/api/v1/audit").json())
    said = "".join(capfd.readouterr()) + events
    assert '"event": "request"' in said
    for one in ("form-secret-1", "query-secret-2", "header-secret-3", token):
        assert one not in said
    kept = (path for path in (place.path / ".git").rglob("*") if path.is_file())
    assert not any(b"secret-" in path.read_bytes() for path in kept)


def test_the_command_makes_lists_and_revokes_a_token(place: Place) -> None:
    where = ("-r", str(place.path))
    with serving(place.path, require_read_token=False) as client:
        made = _opsteps("token", "create", "deploy", "--scope", "manage", "--expires", "1h", *where)
        assert made.returncode == 0
        token = made.stdout.strip()
        assert token.startswith("opst_")
        assert "\n" not in token
        path = "/api/v1/cache/clear"
        until(lambda: client.ask("POST", path).status == 401)
        assert client.ask("POST", path, {"Authorization": f"Bearer {token}"}).status == 200
        assert "deploy" in _opsteps("token", "list", *where).stdout
        assert _opsteps("token", "revoke", "deploy", *where).returncode == 0
        until(lambda: client.ask("POST", path, {"Authorization": f"Bearer {token}"}).status == 401)
    (row,) = json.loads(_opsteps("token", "list", "--json", *where).stdout)
    assert row["state"] == "revoked"
    assert token not in json.dumps(row)
    assert _opsteps("token", "revoke", "none", *where).returncode == 5
    bad = _opsteps("token", "create", "x", "--scope", "manage", "--expires", "soon", *where)
    assert bad.returncode == 5
    assert "12h, 90d or 52w" in bad.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8s", 8), ("1m", 60), ("12h", 43_200), ("90d", 7_776_000), ("36500d", 3_153_600_000)],
)
def test_a_token_lasts_seconds_minutes_hours_days(text: str, seconds: int) -> None:
    assert _duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "0s", "1", "1y", "-1d", "36501d", "999999999w"])
def test_what_is_no_duration_or_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        _duration(text)


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://0.0.0.0:80"), ("::", "http://[::]:80")],  # noqa: S104
)
def test_the_address_that_is_announced_is_the_one_listened_on(host: str, address: str) -> None:
    assert listening_address(host, 80) == address


def test_dates_of_tokens_have_labels_where_a_row_is_lines() -> None:
    row = ["bot", "read", "live", "2026-01-01T00:00:00Z", "me", "", "2026-01-02T00:00:00Z"]
    console = Console(width=60, record=True, file=StringIO())
    for part in _as_records(_COLUMNS, [row], [""]):
        console.print(part)
    said = console.export_text()
    assert "created 2026-01-01T00:00:00Z" in said
    assert "last used 2026-01-02T00:00:00Z" in said
    assert "expires" not in said
