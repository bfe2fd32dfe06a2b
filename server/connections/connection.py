"""One connection: requests come in, answers go out."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import cast

import structlog

from server.connections.client_socket import Phase, Socket
from server.connections.exchange import Exchange
from server.connections.places import Admission
from server.connections.request_heads import Head, HeadFields, read_fields, read_head
from server.connections.shared_state import Lines
from server.errors import AnswerError

_END = b"\r\n\r\n"
_BLANK = b"\r\n"
_LOOKUP = b"GET /api/v1/steps/"
_VERSION = b" HTTP/1.1"
# Requests that came together and are answered before others have their turn.
_AT_ONCE = 32
_HELD_BYTES = 64 * 1024
"""Bytes that are read ahead of a connection at most."""
_BODY_AHEAD_BYTES = 256 * 1024
_LOG = structlog.get_logger(__name__)


class Connection(Socket):
    """The requests of one client, and their answers."""

    def __init__(self, lines: Lines) -> None:
        """``lines`` is what all connections share."""
        super().__init__(lines)
        self._block: bytes | None = None
        self._fields: HeadFields | None = None
        self._waiter: asyncio.Future[None] | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername") or ("", 0)
        self.client = (str(peer[0]), int(peer[1]))
        self.server = self._lines.address
        self.network = self._lines.places.network_of(self.client[0])
        self._made = self._since = monotonic()
        how = self._lines.places.admit(self, self._since)
        self._is_beyond = how is Admission.BEYOND
        if how is Admission.REFUSED:
            self._turn_away("too many connections; ask again in a second")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whatever it was, the client is gone
        self._phase = Phase.ENDING
        self._lines.places.leave(self)
        if self._exchange is not None:
            self._exchange.lose()
        self._is_stalled = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.ENDING:
            return
        if self._exchange is not None:
            self._feed(self._exchange, data)
        else:
            self._read(self._rest + data if self._rest else data)

    def eof_received(self) -> bool:
        self._is_half_closed = True
        exchange = self._exchange
        if exchange is None or not exchange.framing.is_over:
            return False  # no request, or one that will never be whole
        exchange.closes = True
        exchange.lose_body()
        return True

    def pause_writing(self) -> None:
        now = monotonic()
        self._is_stalled = True
        self._unsent_before = self._untaken()
        self._mark = (now, 0)
        if self._phase is not Phase.ENDING:
            self._enter(Phase.UNREAD, now)
        self._lines.places.stall(self, now)

    def resume_writing(self) -> None:
        self._is_stalled = False
        self._lines.places.flow(self)
        if self._phase is Phase.UNREAD:
            self._enter(self._turn(), monotonic())
        self._wake()
        if self._exchange is None and self._phase is not Phase.ENDING:
            self._lines.loop.call_soon(self._go_on)

    def _turn(self) -> Phase:
        """Return the phase once answers are taken again: a body may still be waited for."""
        if self._exchange is None:
            return Phase.IDLE
        is_body = not self._exchange.framing.is_over and not self._is_paused
        return Phase.BODY if is_body else Phase.WORK

    # Requests.

    def _read(self, data: bytes) -> None:
        """Answer the requests that are whole in these bytes, and hold what is left."""
        self._rest = b""
        at = 0
        try:
            for _ in range(_AT_ONCE):
                while data.startswith(_BLANK, at):
                    at += 2
                end = -1 if self._is_stalled else data.find(_END, at)
                if end < 0:
                    self._hold(data[at:])
                    return
                at = self._begin(data, at, end)
                if self._exchange is not None:
                    self._feed(self._exchange, data[at:])
                    return
                if self._phase is Phase.ENDING:
                    return
            self._hold(data[at:])
            self._lines.loop.call_soon(self._go_on)
        except AnswerError as error:
            self._refuse(error)

    def _go_on(self) -> None:
        """Look at what came while others had their turn, or while an answer was not taken."""
        if self._exchange is None and self._phase is not Phase.ENDING and not self._is_stalled:
            self._flow()
            self._read(self._rest)

    def _hold(self, rest: bytes) -> None:
        """Bytes of requests that are not whole, or not to be answered yet."""
        self._rest = rest
        if self._exchange is not None or self._is_stalled:
            if len(rest) > _HELD_BYTES:
                self._pause()
            return
        if b"\n\n" in rest.partition(_END)[0]:
            raise AnswerError(400, "the lines of the request do not end with CR LF")
        if len(rest) > self._lines.settings.head_bytes and _END not in rest:
            raise AnswerError(431, "the head of the request is too long (the setting head_bytes)")
        # Half of a blank line is not the start of a head: the wait would begin again each time.
        phase = Phase.IDLE if rest in {b"", b"\r"} else Phase.HEAD
        if phase is not self._phase:
            self._enter(phase, monotonic())

    def _begin(self, data: bytes, at: int, end: int) -> int:
        """Take the request whose head ends there; returns where what follows it begins."""
        if end - at > self._lines.settings.head_bytes:
            raise AnswerError(431, "the head of the request is too long (the setting head_bytes)")
        cut = data.find(_BLANK, at)
        line, block = data[at:cut], data[cut + 2 : end]
        fields = self._fields
        if fields is None or block != self._block:
            fields = self._fields = read_fields(block)
            self._block = block
        if fields.is_plain and line.startswith(_LOOKUP) and line.endswith(_VERSION):
            found = self._lines.app.at_once(line[len(_LOOKUP) : -len(_VERSION)], fields)
            if found is not None and not self._is_beyond:
                self._is_fresh = False
                self._transport.write(b"".join((found[0], self.date, found[1])))
                self._since = monotonic()
                return end + len(_END)
        self._ask(read_head(line, fields))
        return end + len(_END)

    def _ask(self, head: Head) -> None:
        self._is_fresh = False
        if self._is_beyond and not self._lines.app.is_lookup(head):
            raise AnswerError(503, "too many connections; ask again in a second")
        now = monotonic()
        exchange = self._exchange = Exchange(self, head, now)
        exchange.closes = exchange.closes or self._is_beyond or self._lines.is_stopping
        self._enter(Phase.BODY, now)

    def _feed(self, exchange: Exchange, data: bytes) -> None:
        """More of the request that is under way, or of the next ones."""
        try:
            part, rest = exchange.framing.take(data)
        except AnswerError as error:
            self._refuse(error)
            return
        exchange.add(part)
        if rest:
            self._hold(self._rest + rest)
        if not exchange.is_begun and self._is_ready(exchange):
            self._carry_out(exchange)
        if self._phase is Phase.ENDING:
            return
        if exchange.framing.is_over:
            if self._phase is Phase.BODY:
                self._enter(Phase.WORK, monotonic())
        elif exchange.is_begun and len(exchange.body) > _BODY_AHEAD_BYTES:
            self._pause()
            self._enter(Phase.WORK, monotonic())

    def _is_ready(self, exchange: Exchange) -> bool:
        """True if a request may be carried out; a small one must be whole before."""
        most = self._lines.settings.body_bytes
        length = exchange.head.fields.length
        if exchange.framing.is_over or length > most or exchange.received > most:
            return True
        if self._lines.app.is_upload(exchange.head):
            return True
        exchange.let_go_on()
        return False

    def _carry_out(self, exchange: Exchange) -> None:
        exchange.is_begun = True
        places = self._lines.places
        if not (
            self._lines.app.is_lookup(exchange.head) or self._lines.app.is_stream(exchange.head)
        ):
            if places.busy >= self._lines.settings.backpressure:
                self._refuse(AnswerError(503, "too many requests are under way; ask again later"))
                return
            places.busy += 1
            exchange.has_place = True
        self._lines.start(self._run(exchange))

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._lines.app(exchange.scope(), exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 - whatever it was, the connection must not hang
            _LOG.exception("a request failed", path=exchange.head.path[:200])
        finally:
            self._give_back(exchange)
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        if self._exchange is not exchange or self._phase is Phase.ENDING:
            return
        if not exchange.is_answered:
            self._refuse(AnswerError(500, "the server failed; its log says how"))
            return
        self._exchange = None
        if exchange.closes or self._is_half_closed or self._lines.is_stopping:
            self._end(lingers=not exchange.framing.is_over)
            return
        self._enter(Phase.IDLE, monotonic())
        self._go_on()

    def _give_back(self, exchange: Exchange) -> None:
        """Its place is for others: it waits for its client, or is over."""
        if exchange.has_place:
            exchange.has_place = False
            self._lines.places.busy -= 1

    # What an exchange asks for.

    def wait_for_client(self) -> None:
        if self._exchange is not None:
            self._give_back(self._exchange)

    async def drain(self) -> None:
        while self._is_stalled:
            self.wait_for_client()
            self._waiter = self._lines.loop.create_future()
            await self._waiter

    def wants_body(self) -> None:
        if self._is_paused and self._exchange is not None:
            self._flow()
            if not self._exchange.framing.is_over:
                self._enter(Phase.BODY, monotonic())

    def break_off(self) -> None:
        _LOG.error("an answer was not as long as it said")
        self._drop()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
