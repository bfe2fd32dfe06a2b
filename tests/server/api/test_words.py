"""What the server says when it refuses: the reason, what is right, and in terms of HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from fastapi import FastAPI

from server.advice import for_http, plain
from server.api.application import openapi_document
from server.app import Server
from server.observing.log_setup import configure_logging
from server.settings import Settings
from tests.installed import opsteps
from tests.server.changes.test_changes import _BOUNDARY, change, form, upload, zipped
from tests.server.real_server import (
    Client,
    Place,
    Reply,
    make_token,
    making_place,
    read_model_in,
    release_files,
    revoke,
    serving,
    step,
    until,
)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that may be changed."""
    with making_place(tmp_path_factory.mktemp("words") / "registry") as place:
        place.publish("alpha", "1.0.0")
        place.publish("beta", "1.0.0", dependencies=["alpha>=1"])
        with serving(place.path) as running:
            yield running


def test_an_unknown_platform_is_an_empty_list(client: Client) -> None:
    for platform in ("solaris", "x" * 80, "%27%20OR%201", "Linux,windows"):
        reply = client.get(f"/api/v1/steps?platform={platform}")
        assert reply.status == 200
        assert (reply.json()["steps"], reply.json()["total_count"]) == ([], 0)
    assert client.get("/api/v1/steps?platform=").json()["total_count"] > 0
    assert client.get("/api/v1/steps?platform=solaris&limit=2").json()["steps"] == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/steps?categry=file", "did you mean 'category'?"),
        ("/api/v1/steps?Category=file", "did you mean 'category'?"),
        ("/api/v1/steps?foo=bar", "it has 'category', 'library', 'platform'"),
        ("/api/v1/libraries?enabled=true", "did you mean 'enabled_only'?"),
        ("/api/v1/steps/alpha.file.copy?version=1.0.0", "it has none"),
        ("/api/v1/step-libraries/api/v1/steps?foo=bar", "no query parameter 'foo'"),
        ("/api/v1/audit?a%0Ab=1", "'a\\nb'"),
        ("/api/v1/steps?" + "x" * 500 + "=1", "'" + "x" * 60 + "'"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused(client: Client, path: str, words: str) -> None:
    reply = client.get(path)
    assert reply.status == 422
    assert words in reply.json()["detail"]


@pytest.mark.parametrize("ignored", ["_=1700000000", "t=1", "timestamp=1", "license_key=x"])
def test_what_clients_add_to_get_past_caches_is_ignored(client: Client, ignored: str) -> None:
    for path in ("/api/v1/libraries", "/api/v1/steps", "/api/v1/libraries/alpha"):
        assert client.get(f"{path}?{ignored}").status == 200
    assert client.get("/health?probe=1").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for path, methods in openapi_document()["paths"].items()
        for method in methods
        if path.startswith("/api/")
    ],
)
def test_every_route_refuses_what_it_does_not_know(
    changing: Client, method: str, path: str
) -> None:
    reply = changing.ask(method.upper(), path.format(library="alpha", step="alpha.x") + "?nosuch=1")
    assert reply.status == 422
    assert "'nosuch'" in reply.json()["detail"]


def test_a_change_with_a_mistyped_parameter_is_not_made(changing: Client) -> None:
    before = changing.health()["commit"]
    reply = changing.ask("DELETE", "/api/v1/libraries/beta?versoin=1.0.0")
    assert (reply.status, changing.health()["commit"]) == (422, before)
    assert "did you mean 'version'?" in reply.json()["detail"]


def test_each_kind_of_token_gets_words_of_its_own(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        path = place.path
        reader = make_token(path, "execute", name="runner")
        tokens = {
            "this token was revoked on 20": make_token(path, "manage", name="gone"),
            "this token has expired": make_token(path, "manage", name="soon", seconds=0.4),
            "this token is not known here": "opst_" + "x" * 43,
        }
        revoke(path, "gone")
        with serving(path, failures_allowed=1000, require_read_token=True) as client:

            def said(method: str, where: str, header: str) -> tuple[int, str]:
                reply = client.ask(method, where, {"Authorization": header} if header else {})
                return reply.status, reply.json()["detail"]

            toggle = "/api/v1/libraries/x/toggle?enabled=true"
            until(lambda: "expired" in said("PUT", toggle, f"Bearer {_soon(tokens)}")[1])
            for words, token in tokens.items():
                for method, where in (("PUT", toggle), ("GET", "/api/v1/steps")):
                    status, detail = said(method, where, f"Bearer {token}")
                    assert status == 401
                    assert detail.startswith((words, "this token expired on 20"))
                    assert token not in detail
            assert "'manage'" in said("PUT", toggle, f"Bearer {tokens.popitem()[1]}")[1]
            for header in ("Basic eDp5", "opst_x", "Token x"):
                status, detail = said("PUT", toggle, header)
                assert (status, "is not 'Bearer TOKEN'" in detail) == (401, True)
            assert said("PUT", toggle, "") == (
                401,
                "this needs a bearer token with the scope 'manage'",
            )
            assert said("PUT", toggle, f"Bearer {reader}") == (
                403,
                "this needs the scope 'manage'; the token 'runner' has only 'execute'",
            )


def _soon(tokens: Mapping[str, str]) -> str:
    return tokens["this token has expired"]


def test_making_tokens_says_what_it_changes_and_what_a_scope_is(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "steps")
    said = opsteps(tmp_path, "token", "create", "x", "--scope", "write", "-r", "steps", expect=2)
    assert "'write' is not one of" in said
    first = opsteps(tmp_path, "token", "create", "x", "--scope", "manage", "-r", "steps")
    assert "This is the first token: from now on" in first
    second = opsteps(tmp_path, "token", "create", "y", "--scope", "read", "-r", "steps")
    assert "first token" not in second


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "x"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/v1/libraries/alpha/pin", {"version": None}),
        ("POST", "/api/v1/libraries/alpha/rollback", {"version": "1.0.0"}),
        ("POST", "/api/v1/libraries/alpha/update", {}),
        ("POST", "/api/v1/resolve", {"requirements": ["alpha"]}),
        ("POST", "/api/v1/libraries/install", {"library": "alpha"}),
    ],
)
def test_json_of_another_kind_is_a_415_that_says_what_to_send(
    changing: Client, kind: str, method: str, path: str, body: Mapping[str, Any]
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    reply = changing.ask(method, path, headers, json.dumps(body).encode())
    assert reply.status == 415
    assert "Content-Type: application/json" in reply.json()["detail"]


def test_json_is_taken_however_its_kind_is_written(changing: Client) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        body = json.dumps({"requirements": ["alpha"]}).encode()
        reply = changing.ask("POST", "/api/v1/resolve", {"Content-Type": kind}, body)
        assert reply.status == 200, reply.body
    missing = changing.ask("POST", "/api/v1/resolve")
    assert (missing.status, "body is missing" in missing.json()["detail"]) == (422, True)


@pytest.mark.parametrize("range_", ["1.x", "1.0", "latest", "^1.0", "~1", ">=1,,<2 ||", ">= "])
def test_a_range_that_is_none_says_how_ranges_are_written(changing: Client, range_: str) -> None:
    for path, more in (("alpha/update", {}), ("install", {"library": "alpha"})):
        reply = change(changing, "POST", f"/api/v1/libraries/{path}", {"range": range_, **more})
        assert reply.status == 422
        assert reply.json()["detail"].startswith(f"range: {range_!r} is not a range of versions")
        assert ">=1.2,<2" in reply.json()["detail"]


def test_an_update_that_changes_nothing_says_why(changing: Client) -> None:
    reply = change(changing, "POST", "/api/v1/libraries/alpha/update")
    assert (reply.status, reply.json()["changed"]) == (200, False)
    assert "from no upstream" in reply.json()["reason"]


def _form(name: str) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\nx\r\n'
    return head.encode() + f"--{_BOUNDARY}--\r\n".encode()


def test_a_form_without_its_file_says_which_field_it_is(changing: Client) -> None:
    reply = upload(changing, _form("library"))
    assert reply.json()["detail"] == (
        "send the ZIP as the form field 'file'; the form has only 'library'"
    )
    large = upload(changing, _form("zip").replace(b"\r\nx\r\n", b"\r\n" + b"x" * 20_000 + b"\r\n"))
    assert large.status == 413
    assert large.json()["detail"] == (
        "the field 'zip' has more than 16,384 bytes; send the ZIP as the form field 'file'"
    )
    twice = _form("file").removesuffix(f"--{_BOUNDARY}--\r\n".encode()) + _form("file")
    assert "one library at a time" in upload(changing, twice).json()["detail"]


def _refusals(client: Client) -> Iterator[Reply]:
    """One of each kind that the shared code refuses."""
    json_kind = {"Content-Type": "application/json"}
    alpha = "/api/v1/libraries/alpha"
    yield client.ask("GET", f"{alpha}/docs?version=9.9.9")
    yield client.ask("GET", f"{alpha}/diff?old=9.9.9")
    yield client.ask("GET", f"{alpha}/diff?old=1.0.0&new=1.0.0")
    yield client.ask("GET", "/api/v1/libraries/nobody/diff")
    yield client.ask("GET", "/api/v1/libraries/nobody/dependents")
    yield client.ask("GET", f"{alpha}/dependents?x=1")
    yield client.ask("DELETE", alpha)
    yield client.ask("DELETE", f"{alpha}?version=9.9.9")
    yield client.ask("DELETE", "/api/v1/libraries/nobody")
    yield client.ask("PUT", f"{alpha}/toggle?enabled=false")
    yield client.ask("PUT", "/api/v1/libraries/nobody/toggle?enabled=true")
    for path, body in (
        ("PUT alpha/pin", {"version": "9.9.9"}),
        ("PUT alpha/pin", {"version": "x"}),
        ("PUT nobody/pin", {"version": "1.0.0"}),
        ("POST alpha/rollback", {"version": "9.9.9"}),
        ("POST nobody/rollback", {"version": "1.0.0"}),
        ("POST alpha/update", {"version": "9.9.9"}),
        ("POST alpha/update", {"version": "1.0.0", "range": "<2"}),
        ("POST nobody/update", {}),
        ("POST install", {"library": "nobody"}),
        ("POST install", {"library": "No Body"}),
        ("POST install", {"library": "alpha", "version": "9.9.9"}),
        ("POST install", {"library": "alpha", "upstream": "nobody"}),
        ("POST install", {"library": "nobody", "upstream": "nobody"}),
    ):
        method, _, where = path.partition(" ")
        yield client.ask(method, f"/api/v1/libraries/{where}", json_kind, json.dumps(body).encode())
    for wanted in (["nobody"], ["alpha>=9"], ["alpha>=1", "alpha<1"], ["1.x"], ["alpha 1.x"]):
        body_bytes = json.dumps({"requirements": wanted}).encode()
        yield client.ask("POST", "/api/v1/resolve", json_kind, body_bytes)
    other = release_files("alpha", "1.0.0", description="Something else.")
    broken = release_files("gamma", "1.0.0", steps=[step("x", category=5)])
    needing = release_files("delta", "1.0.0", dependencies=["nobody>=1"])
    plain_zip = zipped({"README": b"x"})
    for file in (b"", b"no ZIP", *map(zipped, (other, broken, needing)), plain_zip):
        yield upload(client, form(file))
    yield client.ask("GET", "/api/v1/search?q=x")
    yield client.ask("GET", "/api/v1/security-events?kind=x")


def test_no_refusal_advises_a_command(changing: Client) -> None:
    seen = list(_refusals(changing))
    assert len(seen) > 35
    for reply in seen:
        if reply.status >= 400:
            said = reply.json()
            assert said["detail"]
            assert "opsteps" not in said["detail"], said["detail"]
    assert sum(reply.status >= 400 for reply in seen) > 30


_TAG_ADVICE = (
    "Ask the server's operator to fetch the tag from another clone, or to verify the registry"
)


@pytest.mark.parametrize(
    ("step_text", "said"),
    [
        (
            "See its releases with 'opsteps show alpha@1.0.0'",
            "See its releases with GET /api/v1/libraries/alpha/versions",
        ),
        (
            "List the libraries with 'opsteps search'",
            "List the libraries with GET /api/v1/libraries",
        ),
        (
            "Look with 'opsteps verify'",
            "Ask the server's operator to verify the registry, which says what is wrong",
        ),
        (
            "Its tag is gone: see 'opsteps verify'",
            _TAG_ADVICE,
        ),
        (
            "Run 'opsteps maintain'",
            "Ask the server's operator to look at the registry and this server's log",
        ),
        ("Run 'opsteps show ../x'", "Run GET /api/v1/libraries/{library}/versions"),
        (
            "See 'opsteps upstream list', or declare it: 'opsteps upstream add'",
            "Ask the server's operator to look at the registry's upstreams",
        ),
        ("Name another version", "Name another version"),
        ("", ""),
    ],
)
def test_advice_is_told_in_terms_of_http(step_text: str, said: str) -> None:
    assert for_http(step_text) == said


def test_a_message_loses_only_what_names_a_command() -> None:
    assert plain("It moved. If meant, run 'opsteps trust HEAD'") == "It moved."
    assert plain("It moved") == "It moved"
    assert "opsteps" not in plain("opsteps says no")


def test_no_header_is_sent_twice(client: Client) -> None:
    for path in (
        "/",
        "/health",
        "/api/v1/steps",
        "/api/v1/steps?category=file",
        "/nobody",
        "/metrics",
    ):
        connection = HTTPConnection("127.0.0.1", client.port, timeout=30)
        connection.request("GET", path, headers={"Host": f"127.0.0.1:{client.port}"})
        names = [name.lower() for name, _ in connection.getresponse().getheaders()]
        connection.close()
        assert sorted(names) == sorted(set(names)), path
        assert "referrer-policy" in names


@pytest.mark.parametrize(
    "query",
    [
        "since=0001-01-01T00:00:00%2B14:00",
        "until=9999-12-31T23:59:59-14:00",
        "since=0001-01-01T00:00:00Z&until=0001-01-01T00:00:00%2B00:01",
    ],
)
def test_a_time_outside_of_the_calendar_is_refused(client: Client, query: str) -> None:
    reply = client.get(f"/api/v1/audit?{query}")
    assert reply.status == 422
    assert "no time in UTC" in reply.json()["detail"]
    assert client.get("/api/v1/audit?since=0001-01-01T00:00:00Z").status == 200


def test_a_cursor_of_another_registry_is_refused(client: Client) -> None:
    for commit in ("0" * 40, "f" * 40):
        cursor = base64.urlsafe_b64encode(f"{commit}:5".encode()).decode()
        reply = client.get(f"/api/v1/audit?cursor={cursor}")
        assert reply.status == 422
        assert "begin again" in reply.json()["detail"]


def test_an_unexpected_fault_is_json_with_the_request_id_and_tells_no_secret(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("error")
    model = read_model_in(tmp_path)
    server = Server(place.registry, Settings(), port=3011, builds=False, model=model)
    inner = cast("FastAPI", server.inner())

    @inner.get("/api/v1/boom")
    def boom() -> None:
        license_key = "osl1.secret"
        raise RuntimeError(f"it failed {len(license_key)}")

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/boom",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:3011"), (b"x-request-id", b"ask-me-about-it")],
        "client": ("127.0.0.1", 5),
        "http_version": "1.1",
    }
    try:
        asyncio.run(server.app(scope, receive, send))
    finally:
        structlog.reset_defaults()
        server.database.close()
    start, *rest = sent
    assert start["status"] == 500
    assert dict(start["headers"])[b"content-type"] == b"application/json"
    body = json.loads(b"".join(one["body"] for one in rest))
    assert set(body) == {"detail"}
    assert "ask-me-about-it" in body["detail"]
    assert "it failed" not in body["detail"]
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert "ask-me-about-it" in logged
    assert "osl1.secret" not in logged
