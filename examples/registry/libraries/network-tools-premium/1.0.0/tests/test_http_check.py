"""http.check, against a real server on loopback."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import call, ok, refused

REDIRECTS = {
    "/moved": "/",
    "/loop": "/loop",
    "/away": "http://127.0.0.1:1/",
    "/file": "file:///etc/passwd",
}


class Site(BaseHTTPRequestHandler):
    """A small site; its paths say what they do."""

    def do_GET(self) -> None:
        body = b"all is well"
        target = REDIRECTS.get(self.path)
        self.send_response(302 if target else 404 if self.path == "/none" else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the tests' output quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(5)


def test_a_page_that_answers_is_in_order(site: str) -> None:
    output = ok("http.check", {"url": f"{site}/", "contains": "well"})
    assert (output["status"], output["size_bytes"]) == (200, 11)
    assert output["content_type"] == "text/plain"


def test_head_reads_no_body(site: str) -> None:
    assert ok("http.check", {"url": site, "method": "HEAD"})["size_bytes"] == 0
    parameters = {"url": site, "method": "HEAD", "contains": "x"}
    assert "needs the method GET" in refused("http.check", parameters)


def test_what_was_not_expected_fails_with_what_was_seen(site: str) -> None:
    result = call("http.check", {"url": f"{site}/none"})
    assert result["error"] == "the answer's status is 404, not 200"
    assert result["output"]["status"] == 404
    assert ok("http.check", {"url": f"{site}/none", "expected_status": [404, 410]})
    assert "does not contain" in refused("http.check", {"url": site, "contains": "smoke"})


def test_a_slow_answer_fails(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 100, 5))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    error = refused("http.check", {"url": site, "max_duration_ms": 1000, "timeout_seconds": 60})
    assert "more than 1000 ms" in error


def test_redirects_are_followed_only_when_asked_and_only_here(site: str) -> None:
    assert "302" in refused("http.check", {"url": f"{site}/moved"})
    assert ok("http.check", {"url": f"{site}/moved", "expected_status": [302]})["redirects"] == 0
    follow = {"follow_redirects": True}
    assert ok("http.check", {"url": f"{site}/moved", **follow})["redirects"] == 1
    assert "another origin" in refused("http.check", {"url": f"{site}/away", **follow})
    assert "begins with http" in refused("http.check", {"url": f"{site}/file", **follow})
    assert "more than 5" in refused("http.check", {"url": f"{site}/loop", **follow})


def test_no_proxy_is_asked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    ok("http.check", {"url": site})


def test_a_server_that_says_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/?token=secret"
        error = refused("http.check", {"url": url, "timeout_seconds": 0.1})
    assert error == "127.0.0.1 did not answer within 0.1 s"
    assert "refused the connection" in refused("http.check", {"url": url})


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "example.com",
        "http://",
        "http://a:99999/",
        "http://user:hunter2@example.com/",
        "http://example.com/a b",
        "http://example.com/\r\nX: y",
        "http://[::1/",
        "http://bücher.example/",
    ],
)
def test_what_is_not_a_web_address_is_refused_and_not_repeated(url: str) -> None:
    error = refused("http.check", {"url": url})
    assert "url" in error
    assert "hunter2" not in error


@pytest.mark.parametrize("codes", [[99], [600], ["200"], [True], 200])
def test_status_codes_are_checked(codes: object) -> None:
    error = refused("http.check", {"url": "http://localhost/", "expected_status": codes})
    assert "expected_status" in error
