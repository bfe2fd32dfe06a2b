"""The steps against a real server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import resource_create
import resource_read


class Api(BaseHTTPRequestHandler):
    """Answers by path, and remembers what it was asked."""

    answers: ClassVar[dict[str, tuple[int, bytes]]] = {
        "/hosts/1": (200, b'{"name": "web-1"}'),
        "/hosts": (201, b'{"id": 2}'),
        "/empty": (204, b""),
        "/text": (200, b"hello"),
        "/nan": (200, b"[NaN]"),
        "/large": (200, b"x" * (1024 * 1024 + 1)),
        "/elsewhere": (302, b""),
    }
    requests: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = {"method": self.command, "path": self.path, "body": self.rfile.read(length)}
        self.requests.append({**asked, "token": self.headers.get("Authorization")})
        status, body = self.answers.get(self.path.partition("?")[0], (404, b"{}"))
        self.send_response(status)
        self.send_header("Location", "/hosts/1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    Api.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_resource_is_read(api: str) -> None:
    result = resource_read.execute({"url": f"{api}/hosts/1?full=1"}, {})
    assert result["success"], result["error"]
    assert result["output"]["status"] == 200
    assert result["output"]["body"] == {"name": "web-1"}
    assert Api.requests[0]["path"] == "/hosts/1?full=1"


def test_a_resource_is_created_with_the_token(api: str) -> None:
    parameters = {"url": f"{api}/hosts", "body": {"name": "web-2"}, "token": "s3cret"}
    result = resource_create.execute(parameters, {})
    assert result["success"], result["error"]
    assert (result["output"]["status"], result["output"]["body"]) == (201, {"id": 2})
    assert json.loads(Api.requests[0]["body"]) == {"name": "web-2"}
    assert Api.requests[0]["token"] == f"Bearer {parameters['token']}"


def test_an_answer_without_content_has_no_body(api: str) -> None:
    assert resource_read.execute({"url": f"{api}/empty"}, {})["output"]["body"] is None


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/none", "127.0.0.1 answered with status 404"),
        ("/elsewhere", "127.0.0.1 answered with status 302"),
        ("/text", "the answer is not JSON"),
        ("/nan", "the answer is not JSON"),
        ("/large", "127.0.0.1 answered with more than 1,048,576 bytes"),
    ],
)
def test_an_answer_that_is_no_use_is_a_failure(api: str, path: str, error: str) -> None:
    result = resource_read.execute({"url": f"{api}{path}"}, {})
    assert (result["success"], result["error"]) == (False, error)
    assert len(Api.requests) == 1


def test_nobody_listens(api: str) -> None:
    result = resource_read.execute({"url": "http://127.0.0.1:1/"}, {})
    assert "127.0.0.1 did not answer" in result["error"]
    assert Api.requests == [], api


def test_a_token_is_not_sent_in_the_clear() -> None:
    parameters = {"url": "http://api.example.com/", "token": "s3cret"}
    result = resource_read.execute(parameters, {})
    assert result["error"] == "token is sent over https only"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.example/",
        "https:///path",
        "https://x.example:99999/",
        "http://x.example/\r\nA: b",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    result = resource_read.execute({"url": url}, {})
    assert not result["success"]
    assert not url or url not in result["error"]


def test_no_secret_is_logged(api: str) -> None:
    lines: list[str] = []
    context = {"log": lambda message, **fields: lines.append(f"{message} {fields}")}
    resource_read.execute({"url": f"{api}/hosts/1?key=s3cret", "token": "s3cret"}, context)
    assert len(lines) == 1
    assert "s3cret" not in lines[0]


def test_a_body_that_is_no_object_is_refused() -> None:
    result = resource_create.execute({"url": "https://x.example/", "body": "x"}, {})
    assert result["error"] == "body must be an object"
