"""One request and its answer: what ASGI asks for, and what goes over the wire."""

from __future__ import annotations

import asyncio
from typing import Protocol

from server.asgi.answer import Header, Message, Scope
from server.connections.framing import Framing
from server.connections.request_heads import Head

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {
    200: b"OK", 204: b"No Content", 304: b"Not Modified", 308: b"Permanent Redirect",
    400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found",
    405: b"Method Not Allowed", 408: b"Request Timeout", 409: b"Conflict",
    413: b"Content Too Large", 414: b"URI Too Long", 415: b"Unsupported Media Type",
    421: b"Misdirected Request", 422: b"Unprocessable Content", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large", 500: b"Internal Server Error",
    501: b"Not Implemented", 503: b"Service Unavailable", 507: b"Insufficient Storage",
}  # fmt: skip
_BODILESS = frozenset({204, 304})
# Two pieces are joined when copying costs less than another call of the system.
_JOINED_BYTES = 16_384


class ClientLink(Protocol):
    """The part of a connection that an exchange needs."""

    client: tuple[str, int]
    server: tuple[str, int]

    def write(self, *pieces: bytes) -> None:
        """Send these."""

    def wait_for_client(self) -> None:
        """It is the client's turn: this request is in nobody's way."""

    async def drain(self) -> None:
        """Wait until the client has taken most of what was sent."""

    def wants_body(self) -> None:
        """Read more of the body: the application has taken what came so far."""

    def break_off(self) -> None:
        """End the connection: what was sent cannot be made a whole answer."""

    @property
    def date(self) -> bytes:
        """The line of the header ``date``."""


class Exchange:
    """From the head of a request to the last byte of its answer."""

    def __init__(self, link: ClientLink, head: Head, since: float) -> None:
        """Nothing of the body has come yet; the head came at the moment ``since``."""
        self._link = link
        self.head = head
        self.since = since
        self.framing = Framing(head.fields.length)
        self.body = bytearray()
        """Bytes that came and that the application has not taken yet."""
        self.received = 0
        self.is_begun = False
        """True once the application was called."""
        self.is_gone = False
        self.is_half_gone = False
        self.is_answered = False
        self.has_place = False
        self.closes = not head.keeps_open
        self._is_told = False
        """The application knows the whole body."""
        # A client of HTTP/1.0 takes what comes first for the answer.
        self._expects = head.fields.expects and head.minor > 0
        self._waiter: asyncio.Future[None] | None = None
        self._start: Message | None = None
        self._is_chunked = False
        self._left: int | None = None
        """Bytes that the answer still owes; None where it did not say how many."""

    def scope(self) -> Scope:
        """As ASGI describes a request."""
        head = self.head
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1" if head.minor else "1.0",
            "method": head.method,
            "scheme": "http",
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "root_path": "",
            "headers": list(head.fields.headers),
            "client": self._link.client,
            "server": self._link.server,
        }

    def add(self, part: bytes) -> None:
        """More of the body has come, or its end."""
        self.body += part
        self.received += len(part)
        self._wake()

    def let_go_on(self) -> None:
        """The client that waits for it may send its body."""
        if self._expects and not self.received and self._start is None:
            self._link.write(_CONTINUE)
        self._expects = False

    def lose(self) -> None:
        """The client is gone, or is no longer waited for."""
        self.is_gone = True
        self._wake()

    def lose_body(self) -> None:
        """The client will send nothing more; an answer can still be sent."""
        self.is_half_gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> Message:
        """Return the next message, as ``receive`` of ASGI."""
        while True:
            is_over = self.framing.is_over
            if self.body or (is_over and not self._is_told):
                body = bytes(self.body)
                self.body.clear()
                self._is_told = is_over
                self._link.wants_body()
                return {"type": "http.request", "body": body, "more_body": not is_over}
            if self.is_gone or self.is_half_gone:
                return {"type": "http.disconnect"}
            self.let_go_on()
            if not is_over:
                self._link.wait_for_client()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def send(self, message: Message) -> None:
        """Send a message, as ``send`` of ASGI; drop it if the client is gone."""
        if self.is_gone or self.is_answered:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body = message.get("body", b"")
        is_last = not message.get("more_body", False)
        pieces = [] if self._left is not None or self._is_chunked else [self._begin(body, is_last)]
        self._add(pieces, body, is_last=is_last)
        self._link.write(*_joined(pieces))
        self.is_answered = is_last
        if self.head.method == "HEAD" and not is_last:
            # That was all: a stream that has no end is not waited for.
            self.is_answered = True
            self.lose()
        await self._link.drain()

    @property
    def has_begun_to_answer(self) -> bool:
        """True if a part of the answer was sent."""
        return self.is_answered or self._left is not None or self._is_chunked

    def _begin(self, body: bytes, is_last: bool) -> bytes:
        """The head of the answer."""
        start = self._start or {"status": 500, "headers": []}
        status, headers = start["status"], list(start["headers"])
        said = next((value for name, value in headers if name == b"content-length"), None)
        if status in _BODILESS:
            self._left = 0
        elif said is not None:
            self._left = int(said)
        elif is_last:
            self._left = len(body)
            headers.append((b"content-length", b"%d" % len(body)))
        elif self.head.minor:
            self._is_chunked = True
            headers.append((b"transfer-encoding", b"chunked"))
        else:
            self._left, self.closes = -1, True
        # What was not read of the request would be taken for the next one.
        self.closes = self.closes or not self.framing.is_over
        if self.closes:
            headers.append((b"connection", b"close"))
        return _head(status, headers, self._link.date)

    def _add(self, pieces: list[bytes], body: bytes, *, is_last: bool) -> None:
        if self.head.method == "HEAD":
            return
        if self._is_chunked:
            if body:
                pieces += [b"%x\r\n" % len(body), body, b"\r\n"]
            if is_last:
                pieces.append(b"0\r\n\r\n")
            return
        if body:
            pieces.append(body)
        if self._left is None or self._left < 0:
            return
        self._left -= len(body)
        if self._left < 0 or (is_last and self._left > 0):
            # Whoever reads it would take other bytes for the rest, or the rest for an answer.
            self._link.break_off()


def _joined(pieces: list[bytes]) -> list[bytes]:
    return [b"".join(pieces)] if sum(map(len, pieces)) <= _JOINED_BYTES else pieces


def _head(status: int, headers: list[Header], date: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b"Answer"))]
    lines += [b"%b: %b\r\n" % (name, value) for name, value in headers if _is_line(value)]
    return b"".join((*lines, date, b"\r\n"))


def _is_line(value: bytes) -> bool:
    """A value that ends its line would make headers of its own."""
    return b"\r" not in value and b"\n" not in value


def whole_answer(status: int, headers: list[Header], body: bytes, date: bytes) -> bytes:
    """An answer after which the connection ends."""
    length = (b"content-length", b"%d" % len(body))
    return _head(status, [*headers, length, (b"connection", b"close")], date) + body
