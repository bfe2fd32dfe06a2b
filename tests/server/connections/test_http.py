from __future__ import annotations

import gzip
import socket
from typing import Any

import brotli
import pytest

from tests.server.real_server import Client, Place, make_token, revoke, serving, until

READS = [
    "/api/v1/steps/alpha.file.copy",
    "/api/v1/steps",
    "/api/v1/libraries",
    "/api/v1/libraries/alpha",
]


@pytest.mark.parametrize(
    "path", [*READS, "/api/v1/steps?library=beta", "/api/v1/steps/alpha.file.copy@1.0.0"]
)
def test_every_read_has_a_tag_and_an_unchanged_answer_is_a_304(client: Client, path: str) -> None:
    first = client.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-length"] == str(len(first.body))
    for match in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, If_None_Match=match)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert client.get(path, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("path", [*READS, "/health", "/api/v1/steps?library=beta", "/metrics"])
def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    head = client.ask("HEAD", path)
    assert head.status == 200
    assert head.body == b""
    if path.startswith("/api"):
        assert head.headers["content-length"] == str(len(client.get(path).body))


@pytest.mark.parametrize(
    "path", [*READS, "/health", "/api/v1/nothing", "/openapi.json", "/api/v1/steps?limit=0"]
)
def test_every_answer_has_the_security_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "[::1", "", "lo\xfe"]
)
@pytest.mark.parametrize("path", ["/api/v1/steps/alpha.file.copy", "/health", "/", "/openapi.json"])
def test_a_strange_host_name_is_refused(client: Client, path: str, host: str) -> None:
    assert client.get(path).status in {200, 503}  # the catalogue may still be built
    assert client.get(path, Host=host).status in {400, 421}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:3011", "[::1]:80", "127.0.0.1", "127.3.2.1:5"]
)
def test_loopback_names_are_answered(client: Client, host: str) -> None:
    assert client.get("/api/v1/steps/alpha.file.copy", Host=host).status == 200


def test_a_request_without_a_host_is_refused_also_where_any_host_is_allowed(place: Place) -> None:
    """A lookup of a step was answered."""
    with serving(place.path, "--no-catalogue", allowed_hosts="*") as client:
        for path in (*READS, "/health"):
            assert client.get(path, Host="any.example").status == 200
            for others in ("", "Accept: */*\r\n"):
                with socket.create_connection(("127.0.0.1", client.port), timeout=30) as one:
                    one.sendall(f"GET {path} HTTP/1.1\r\n{others}\r\n".encode())
                    assert one.recv(65_536).startswith(b"HTTP/1.1 400 "), path


def test_an_allowed_host_and_an_allowed_origin(place: Place) -> None:
    settings: dict[str, Any] = {
        "allowed_hosts": "steps.example.com",
        "allowed_origins": "https://ui.example.com",
    }
    with serving(place.path, **settings) as client:
        path = "/api/v1/steps/alpha.file.copy"
        assert client.get(path, Host="steps.example.com").status == 200
        assert client.get(path, Host="other.example.com").status == 421
        allowed = client.get(path, Origin="https://ui.example.com").headers
        assert allowed["access-control-allow-origin"] == "https://ui.example.com"
        refused = client.get(path, Origin="https://evil.example").headers
        assert "access-control-allow-origin" not in refused
        preflight = client.ask("OPTIONS", path, {"Origin": "https://ui.example.com"})
        assert preflight.status == 204
        assert "GET" in preflight.headers["access-control-allow-methods"]
        searched = client.get("/api/v1/performance", Origin="https://ui.example.com").headers
        assert searched["access-control-allow-origin"] == "https://ui.example.com"


def test_long_lists_are_kept_compressed(place: Place) -> None:
    with serving(place.path, compression_min_bytes=100) as client:
        path = "/api/v1/steps"
        plain = client.get(path)
        until(lambda: "content-encoding" in client.get(path, Accept_Encoding="gzip").headers)
        zipped = client.get(path, Accept_Encoding="deflate, gzip;q=0.5")
        small = client.get(path, Accept_Encoding="gzip, br")
        assert zipped.headers["content-encoding"] == "gzip"
        assert gzip.decompress(zipped.body) == plain.body
        assert small.headers["content-encoding"] == "br"
        assert brotli.decompress(small.body) == plain.body
        assert len({plain.headers["etag"], zipped.headers["etag"], small.headers["etag"]}) == 3
        assert all("accept-encoding" in one.headers["vary"] for one in (plain, zipped, small))
        refused = client.get(path, Accept_Encoding="gzip;q=0, br;q=0.000")
        assert refused.body == plain.body
        tag = zipped.headers["etag"]
        assert client.get(path, Accept_Encoding="gzip", If_None_Match=tag).status == 304


def test_a_small_answer_is_not_compressed(client: Client) -> None:
    reply = client.get("/api/v1/steps/alpha.file.copy", Accept_Encoding="gzip, br")
    assert "content-encoding" not in reply.headers


def test_a_list_in_pieces_is_the_same_bytes(place: Place) -> None:
    with serving(place.path) as client:
        whole = client.get("/api/v1/steps")
    with serving(place.path, contiguous_max_bytes=0) as client:
        pieces = client.get("/api/v1/steps")
    assert pieces.body == whole.body
    assert pieces.headers["etag"] == whole.headers["etag"]
    assert pieces.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("/api/v1/step-libraries/api/v1/steps?library=beta", "/api/v1/steps?library=beta"),
        ("/api/v1/step-libraries/api/v1/steps", "/api/v1/steps"),
        ("/api/v1/step-libraries/libraries", "/api/v1/libraries"),
        (
            "/api/v1/step-libraries/libraries?enabled_only=true",
            "/api/v1/libraries?enabled_only=true",
        ),
        ("/api/v1/step-libraries/libraries/alpha", "/api/v1/libraries/alpha"),
        ("/libraries", "/api/v1/libraries"),
        ("/libraries?enabled_only=true", "/api/v1/libraries?enabled_only=true"),
    ],
)
def test_the_existing_frontends_calls_are_answered(client: Client, call: str, path: str) -> None:
    assert client.get(call).body == client.get(path).body
    assert client.get(call).status == 200


def test_the_existing_frontends_health_check(client: Client) -> None:
    assert client.get("/api/v1/step-libraries/health").json()["status"] == "healthy"


def test_too_long_paths_and_queries_are_refused(place: Place) -> None:
    with serving(place.path, path_bytes=100, query_bytes=50) as client:
        assert client.get("/api/v1/steps/" + "a" * 80).status == 404
        assert client.get("/api/v1/steps/" + "a" * 90).status == 414
        assert client.get("/api/v1/steps?library=" + "a" * 40).status == 200
        assert client.get("/api/v1/steps?library=" + "a" * 50).status == 414


def test_a_wrong_method_is_a_sentence(client: Client) -> None:
    for path in ("/api/v1/steps", "/api/v1/steps/alpha.file.copy", "/health"):
        reply = client.ask("DELETE", path)
        assert reply.status == 405
        assert "DELETE" in reply.json()["detail"]
        assert "GET" in reply.headers["allow"]
    assert client.ask("POST", "/").status == 405


def test_reads_can_be_made_to_need_a_token(place: Place) -> None:
    token = make_token(place.path, "read", name="reader")
    with serving(place.path, require_read_token=True) as client:
        for path in (*READS, "/api/v1/steps?library=beta", "/metrics", "/openapi.json", "/"):
            refused = client.get(path)
            assert refused.status == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert client.get(path, Authorization=f"Basic {token}").status in {401, 429}
            assert client.get(path, Authorization=f"Bearer {token}").status in {200, 503}
        assert client.get("/health").status == 200
        path = "/api/v1/steps/alpha.file.copy"
        other = make_token(place.path, "manage", name="other")
        until(lambda: client.get(path, Authorization=f"Bearer {other}").status == 200)
        revoke(place.path, "reader")
        until(lambda: client.get(path, Authorization=f"Bearer {token}").status != 200)


def test_without_tokens_only_this_machine_clears_the_cache(client: Client) -> None:
    path = "/api/v1/cache/clear"
    cleared = client.ask("POST", path)
    assert cleared.status == 200
    assert cleared.json()["commit"] == client.health()["commit"]
    for headers in (
        {"Origin": "https://evil.example"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "10.0.0.1"},
        {"CF-Connecting-IP": "10.0.0.1"},
        {"True-Client-IP": "10.0.0.1"},
        {"Host": "localhost:1"},
    ):
        assert client.ask("POST", path, headers).status == 403


def test_http_1_0_is_what_a_proxy_speaks_and_changes_nothing(client: Client) -> None:
    """As nginx asks by its default: with the Host of the server behind, and no other trace."""
    head = f"POST /api/v1/cache/clear HTTP/1.0\r\nHost: 127.0.0.1:{client.port}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split(b" ", 2)[1] == b"403"
    assert b"as a proxy sends it" in answer


def test_with_tokens_clearing_the_cache_needs_a_scope(place: Place) -> None:
    reader, boss = (make_token(place.path, scope) for scope in ("read", "manage"))
    with serving(place.path) as client:
        path = "/api/v1/cache/clear"
        assert client.ask("POST", path).status == 401
        assert client.ask("POST", path, {"Authorization": f"Bearer {reader}"}).status == 403
        assert client.ask("POST", path, {"Authorization": f"Bearer {boss}"}).status == 200


def test_figures_are_those_of_what_was_asked(place: Place) -> None:
    with serving(place.path) as client:
        _ask_and_compare(client)


def _ask_and_compare(client: Client) -> None:
    for _ in range(7):
        client.get("/api/v1/steps/alpha.file.copy")
    performance = client.get("/api/v1/performance").json()
    route = performance["stats"]["routes"]["/api/v1/steps/{id}"]
    assert (route["requests"], route["errors"]) == (7, 0)
    assert performance["loaded_libraries"] == 3
    usage = client.get("/api/v1/analytics/usage").json()
    assert (usage["status"], usage["total_libraries"]) == ("success", 3)
    assert usage["total_steps"] == client.get("/api/v1/steps").json()["total_count"]
    text = client.get("/metrics").body.decode()
    assert 'opsteps_requests_total{route="/api/v1/steps/{id}",status="200"} 7.0' in text
    assert 'opsteps_request_seconds_count{route="/api/v1/steps/{id}"} 7.0' in text
