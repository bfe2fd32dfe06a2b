"""An answer, and sending one: the same code behind the hot path and behind FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from server.asgi.url_paths import READS
from server.errors import AnswerError
from server.readmodel.long_lists import LongList
from server.readmodel.records import etag_of

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"
JSON_HEADER = (b"content-type", JSON)
NO_CACHE = (b"cache-control", b"no-cache")
NO_STORE = (b"cache-control", b"no-store")
NOSNIFF = (b"x-content-type-options", b"nosniff")
API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
REFERRER = (b"referrer-policy", b"no-referrer")
VARY = (b"vary", b"accept-encoding")
VARY_ORIGIN = (b"vary", b"origin")
API_HEADERS = (NO_CACHE, NOSNIFF, API_POLICY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A status, a body in pieces and what describes it. Without an ETag it is not cached."""

    status: int = 200
    pieces: tuple[bytes, ...] = ()
    etag: bytes | None = None
    content_type: bytes = JSON
    headers: tuple[Header, ...] = API_HEADERS
    long: LongList | None = None
    """A list whose form the client's ``Accept-Encoding`` chooses."""

    async def send(self, scope: Scope, send: Send, extra: Sequence[Header] = ()) -> int:
        """Send it, or 304, or only its head; returns the status that was sent."""
        etag, coding, length = self.etag, b"", sum(map(len, self.pieces))
        pieces: Callable[[], Iterable[bytes]] = self.pieces.__iter__
        headers = [*self.headers, *extra]
        if self.long is not None:
            body = self.long.body(field(scope, b"accept-encoding"))
            etag, coding, length, pieces = body.etag, body.coding, body.length, body.pieces
            headers.append(VARY)
        sent = Representation(
            status=self.status,
            etag=etag,
            coding=coding,
            content_type=self.content_type,
            length=length,
        )
        return await sent.send(scope, send, headers, pieces)


@dataclass(frozen=True, kw_only=True, slots=True)
class Representation:
    """The head of an answer, and how it is sent with a body."""

    status: int = 200
    etag: bytes | None
    coding: bytes
    content_type: bytes = JSON
    length: int

    async def send(
        self,
        scope: Scope,
        send: Send,
        headers: list[Header],
        pieces: Callable[[], Iterable[bytes]],
    ) -> int:
        """Send it with a body, or 304, or only its head; returns the status that was sent.

        ``pieces`` is called before anything is sent, and only if the body is to be sent.
        """
        if self.etag is not None:
            headers.append((b"etag", self.etag))
            match = field(scope, b"if-none-match") if scope["method"] in READS else b""
            if match and matches(match, self.etag):
                return await _send_unchanged(send, headers)
        if self.coding:
            headers.append((b"content-encoding", self.coding))
        headers.append((b"content-type", self.content_type))
        headers.append((b"content-length", b"%d" % self.length))
        body = () if scope["method"] == "HEAD" else pieces()
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await _send_body(send, body)
        return self.status


def field(scope: Scope, name: bytes) -> bytes:
    """Return the value of a request's header that is a list: its lines joined; empty without."""
    return b", ".join([value for one, value in scope["headers"] if one == name])


async def _send_unchanged(send: Send, headers: Sequence[Header]) -> int:
    """The client has it already."""
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
    return 304


async def _send_body(send: Send, pieces: Iterable[bytes]) -> None:
    """Send a body in these pieces, each once the one before is on its way."""
    waiting = b""
    for number, piece in enumerate(pieces):
        if number:
            await send({"type": "http.response.body", "body": waiting, "more_body": True})
        waiting = piece
    await send({"type": "http.response.body", "body": waiting})


def matches(header: bytes, etag: bytes) -> bool:
    """True if an ``If-None-Match`` names the tag; weak comparison, as RFC 9110 asks."""
    if header == etag:
        return True
    tags = [tag.strip().removeprefix(b"W/") for tag in header.split(b",")]
    return etag in tags or tags == [b"*"]


def json_answer(content: Any, *, status: int = 200, cached: bool = False) -> Answer:
    """An answer of JSON; figures of the moment are not stored, facts have an ETag."""
    body = msgspec.json.encode(content)
    if cached:
        return Answer(status=status, pieces=(body,), etag=etag_of(body))
    return Answer(status=status, pieces=(body,), headers=(NO_STORE, NOSNIFF, API_POLICY))


def error_answer(error: AnswerError) -> Answer:
    """``{"detail": …}``, and the problems beside it."""
    content: dict[str, Any] = {"detail": error.message}
    if error.problems:
        content["problems"] = list(error.problems)
    extra: tuple[Header, ...] = ()
    if error.status == 401:  # noqa: PLR2004 - HTTP
        extra = ((b"www-authenticate", b"Bearer"),)
    if error.status in {429, 503}:
        extra = ((b"retry-after", str(error.retry_after).encode()),)
    return Answer(
        status=error.status,
        pieces=(msgspec.json.encode(content),),
        headers=(NO_STORE, NOSNIFF, API_POLICY, *extra),
    )
