"""Requests that are not quite as HTTP/1.1 has them, and connections that reach a limit."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.crowd import crowd, head
from tests.attacks.slow_sockets import ANSWER_SECONDS, LOOKUP, assert_answers
from tests.server.real_server import Client, serving, until

_KIND = "Content-Type: application/json"
_ORIGIN = "https://ui.example.com"
_GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
_HOST = b"Host: localhost\r\n\r\n"
_POST = b"POST /api/v1/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_NEXT = head("GET", LOOKUP, "Connection: close")


@pytest.fixture(scope="module")
def server(with_large: Path) -> Iterator[Client]:
    with serving(
        with_large,
        connections=30,
        client_connections=25,
        body_seconds=1,
        upload_seconds=1.5,
        unsent_bytes=500_000,
        allowed_origins=_ORIGIN,
    ) as client:
        yield client


def _talk(server: Client, *sent: bytes, ends: bool = False) -> bytes:
    """All that is answered until the server closes; each part goes when its time has come."""
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
        for part in sent:
            one.sendall(part)
        if ends:
            one.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: one.recv(65_536), b""))


def _statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


_REFUSED = {
    "two hosts": _GET + b"Host: localhost\r\n\r\n",
    "two hosts that differ": _GET + b"hOST: evil.example\r\n\r\n",
    "two tokens": _GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "two kinds": _POST + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n",
    "two keys": _POST + b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n",
    "two origins": _GET + b"Origin: https://ui.example.com\r\nOrigin: https://evil\r\n\r\n",
    "two sites": _POST + b"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n\r\n",
    "two last events": _GET + b"Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "another host": b"GET http://evil.example/health HTTP/1.1\r\n" + _HOST,
    "a longer host": b"PUT http://localhost.evil/ HTTP/1.1\r\n" + _HOST,
    "no path": b"GET health HTTP/1.1\r\n" + _HOST,
    "a place to connect to": b"CONNECT evil.example:443 HTTP/1.1\r\n" + _HOST,
    "a user": b"GET http://a@localhost/ HTTP/1.1\r\n" + _HOST,
    "two lengths": _POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "lengths in a list": _POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a sign": _POST + b"Content-Length: +2\r\n\r\n{}",
    "hexadecimal": _POST + b"Content-Length: 0x2\r\n\r\n{}",
    "another digit": _POST + "Content-Length: ²\r\n\r\n{}".encode(),
    "length and chunks": _POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two codings": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    "a blank before the colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": _GET + b" folded: yes\r\n\r\n",
    "folded by a tabulator": _GET + b"X: a\r\n\tb\r\n\r\n",
    "a bare line feed": _GET + b"X: a\nHost: evil\r\n\r\n",
    "a bare carriage return": _GET + b"X: a\rY: b\r\n\r\n",
    "a null": _GET + b"X: a\0b\r\n\r\n",
    "no name": _GET + b": nothing\r\n\r\n",
    "a name that is no token": _GET + b"X\xff: a\r\n\r\n",
    "line feeds alone": _GET.replace(b"\r\n", b"\n") + b"\n",
    "two blanks": b"GET  /health HTTP/1.1\r\n" + _HOST,
    "a blank in the target": b"GET /a b HTTP/1.1\r\n" + _HOST,
    "another version": b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n",
    "a chunk below zero": _CHUNKED + b"-1\r\n",
    "a chunk of 0x2": _CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk too long": _CHUNKED + b"2\r\n{}x\r\n0\r\n\r\n",
    "a long extension": _CHUNKED + b"2;" + b"a" * 400,
    "tiny chunks": _CHUNKED + b"1\r\n \r\n" * 2_000,
}


@pytest.mark.parametrize("sent", _REFUSED.values(), ids=_REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(server: Client, sent: bytes) -> None:
    """And nothing after it is taken for another request."""
    assert _statuses(_talk(server, sent, _NEXT)) == [400]


def test_a_body_of_two_kinds_is_not_read(server: Client) -> None:
    """One part of the server took it for a form, which has limits of its own, and one for JSON."""
    kinds = b"Content-Type: application/json\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    begin = b"POST /api/v1/libraries/install HTTP/1.1\r\nHost: localhost\r\n" + kinds
    sent = begin + b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
        one.sendall(sent + b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        answer = one.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"the request has two fields Content-Type" in answer


def test_unknown_codings_and_too_many_fields(server: Client) -> None:
    coded = _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
    assert _statuses(_talk(server, coded, _NEXT)) == [501]
    many = _GET + b"".join(b"X-%d: a\r\n" % number for number in range(100)) + b"\r\n"
    assert _statuses(_talk(server, many, _NEXT)) == [431]


_ANSWERED: dict[str, tuple[list[int], tuple[bytes, ...]]] = {
    "pipelined lookups": ([200] * 51, (head("GET", LOOKUP) * 50, _NEXT)),
    "blank lines": ([200, 200], (b"\r\n" + head("GET", LOOKUP), b"\r\n\r\n", _NEXT)),
    "both lanes": ([200] * 3, (head("GET", "/health"), head("HEAD", LOOKUP), _NEXT)),
    "a body that comes later": ([422, 200], (_POST + b"Content-Length: 2\r\n\r\n", b"{}", _NEXT)),
    "chunks in pieces": (
        [422, 200],
        (
            _CHUNKED + b"1;a=b\r\n",
            b"{\r",
            b"\n1\r\n}\r\n0\r\nX: y\r\n",
            b"\r\n",
            _NEXT,
        ),
    ),
    "empty lines in a body behind many lookups": (
        [200] * 33 + [422, 200],
        (head("GET", LOOKUP) * 33 + _POST + b"Content-Length: 4\r\n\r\n{\n\n}", _NEXT),
    ),
    "absolute form": ([200, 200], (head("GET", "http://localhost/health"), _NEXT)),
    "the head of a stream": ([200, 200], (head("HEAD", "/api/v1/events"), _NEXT)),
    "too large": ([413], (_POST + b"Content-Length: 99999999\r\n\r\n", b" " * 300_000)),
    "too large in chunks": (
        [413],
        (
            _CHUNKED,
            b"8000\r\n" + b" " * 32_768 + b"\r\n",
            b"8001\r\n" + b" " * 32_769 + b"\r\n",
        ),
    ),
}


@pytest.mark.parametrize(("statuses", "sent"), _ANSWERED.values(), ids=_ANSWERED)
def test_what_is_as_it_should_be(
    server: Client, statuses: list[int], sent: tuple[bytes, ...]
) -> None:
    """In one go, and byte by byte."""
    assert _statuses(_talk(server, *sent)) == statuses
    if len(b"".join(sent)) < 1_000:
        assert _statuses(_talk(server, *(bytes([byte]) for byte in b"".join(sent)))) == statuses


def test_a_client_that_waits_to_be_told_is_told(server: Client) -> None:
    begin = _POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
        one.sendall(begin)
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b"{}")
        assert _statuses(one.recv(65_536)) == [422]
    # What will not be taken is said before it is sent.
    large = _POST + b"Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"
    assert _statuses(_talk(server, large)) == [413]


def test_a_client_of_http_1_0_is_told_nothing_before_the_answer(server: Client) -> None:
    begin = _POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Expect: 100-continue\r\n"
    said = _talk(server, begin + b"Content-Length: 2\r\n\r\n", b"{}")
    assert _statuses(said) == [422]


def test_a_client_that_has_said_all_gets_its_answer(server: Client) -> None:
    for path in (LOOKUP, "/health", "/api/v1/steps"):
        said = _talk(server, head("GET", path, "X: y"), ends=True)
        assert _statuses(said) == [200]
        assert said.endswith(b"}")


def test_the_body_of_an_answer_is_as_long_as_it_says(server: Client) -> None:
    for path in (LOOKUP, "/metrics", "/openapi.json", "/api/v1/steps", "/nothing"):
        said, _, body = _talk(server, head("GET", path, "Connection: close")).partition(b"\r\n\r\n")
        length = said.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        assert len(body) == int(length)
        assert b"\r\nconnection: close" in said
        assert b"\r\ndate: " in said


@pytest.mark.parametrize("path", [LOOKUP, "/health", "/api/v1/steps", "/api/v1/search?q=a", "/"])
@pytest.mark.parametrize("origin", ["", _ORIGIN, "https://evil.example"])
def test_caches_know_that_an_answer_depends_on_the_origin(
    server: Client, path: str, origin: str
) -> None:
    lines = ("Connection: close", *([f"Origin: {origin}"] if origin else []))
    said, _, _ = _talk(server, head("GET", path, *lines)).partition(b"\r\n\r\n")
    names = [line.partition(b": ")[0] for line in said.split(b"\r\n")[1:]]
    assert b"\r\nvary: origin" in said
    assert (b"access-control-allow-origin" in names) == (origin == _ORIGIN)
    names = [name for name in names if name != b"vary"]
    assert len(names) == len(set(names)), "a header came twice"


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/api/v1/resolve", _KIND, b" " * 50_000),
        ("/api/v1/libraries/install", "Content-Type: multipart/form-data; boundary=x", b"--x\r\n"),
    ],
    ids=["small", "upload"],
)
def test_a_body_has_its_time_whatever_its_rate(
    server: Client, path: str, kind: str, body: bytes
) -> None:
    """1 s, and 1.5 s for an upload."""
    host = f"Host: localhost:{server.port}"
    begin = f"POST {path} HTTP/1.1\r\n{host}\r\n{kind}\r\nContent-Length: 60000\r\n\r\n"
    said = _talk(server, begin.encode() + body)
    assert _statuses(said) == [408]
    assert b"the body of the request took too long" in said


def test_a_new_connection_takes_the_place_of_whoever_has_most(server: Client) -> None:
    with crowd(server.port) as one, crowd(server.port) as other:
        one.open(24, b"")
        opened = time.monotonic()
        until(lambda: time.monotonic() > opened + 0.1)  # they keep the server waiting
        other.open(12, b"", "127.0.0.2")
        until(lambda: one.alive() <= 18)
        assert (one.alive(), other.alive()) == (18, 12)
        assert_answers(server.port, "127.0.0.3")


def test_answers_that_are_not_read_hold_so_much_memory(server: Client) -> None:
    """Long before their time is up."""
    with crowd(server.port) as strangers:
        strangers.open(20, head("GET", "/api/v1/steps") * 40)
        until(lambda: strangers.alive() <= 3)
        assert_answers(server.port)
