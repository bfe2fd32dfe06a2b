"""A client's socket: whose turn it is, for how long at most, and how it ends."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import sys
import termios
from contextlib import suppress
from enum import Enum, auto
from socket import SO_LINGER, SOL_SOCKET
from time import monotonic
from typing import cast

from server.asgi.answer import error_answer
from server.connections.exchange import Exchange, whole_answer
from server.connections.pace import Pace
from server.connections.shared_state import Lines
from server.errors import AnswerError

# struct linger: on, zero seconds.
_AT_CLOSE_DROP = struct.pack("ii", 1, 0)
_BEYOND_SECONDS = 2.0
_LINGER_SECONDS = 2.0


class Phase(Enum):
    """The side whose turn it is, and for what."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    WORK = auto()
    """The server's turn; in all others it waits for the client."""
    UNREAD = auto()
    """The client does not take its answer."""
    ENDING = auto()


class Socket(asyncio.Protocol):
    """All that is known of one client's socket, but for what it is asked."""

    def __init__(self, lines: Lines) -> None:
        """``lines`` is what all connections share."""
        self._lines = lines
        self._transport = cast("asyncio.Transport", None)
        self._exchange: Exchange | None = None
        """The request that is under way."""
        self._rest = b""
        self._phase = Phase.IDLE
        self._since = 0.0
        """The moment when this phase began."""
        self._mark = (0.0, 0)
        """A moment within it, and how many bytes had been taken then."""
        self._pace = Pace()
        self._is_fresh = True
        self._is_beyond = False
        self._made = 0.0
        self._is_half_closed = False
        self._is_stalled = False
        self._is_paused = False
        self._unsent_before = 0
        self.client = ("", 0)
        self.server = ("", 0)
        self.network = ""

    @property
    def date(self) -> bytes:
        return self._lines.date

    def write(self, *pieces: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.writelines(pieces)

    def _enter(self, phase: Phase, now: float) -> None:
        self._phase = phase
        self._since = now
        taken = 0
        if phase is Phase.BODY and self._exchange is not None:
            taken = self._exchange.received
        self._mark = (now, taken)
        self._pace.begin(now, taken)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _flow(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _refuse(self, error: AnswerError, *, lingers: bool = True) -> None:
        """Answer what is wrong, unless an answer has begun, and end."""
        exchange, self._exchange = self._exchange, None
        has_begun = exchange is not None and exchange.has_begun_to_answer
        if exchange is not None:
            exchange.lose()
        if has_begun:
            self._drop()
            return
        answer = error_answer(error)
        headers = [*answer.headers, (b"content-type", answer.content_type)]
        body = b"".join(answer.pieces)
        self.write(whole_answer(answer.status, headers, body, self.date))
        self._lines.app.count_refused(error.status)
        self._end(lingers=lingers)

    def _end(self, *, lingers: bool = False) -> None:
        """Send what is left and close.

        ``lingers``: read on for a moment, or the kernel takes the answer away from the client.
        """
        self._enter(Phase.ENDING, monotonic())
        self._rest = b""
        self._flow()
        if lingers and not self._is_half_closed and self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _drop(self) -> None:
        """End it at once, with all that was not taken, which the kernel would go on offering."""
        socket = self._transport.get_extra_info("socket")
        with suppress(OSError, ValueError):
            socket.setsockopt(SOL_SOCKET, SO_LINGER, _AT_CLOSE_DROP)
        self._transport.abort()

    def stop(self) -> None:
        """The server stops: what is under way is answered, and nothing after it."""
        if self._exchange is not None:
            self._exchange.closes = True
        elif self._phase is not Phase.ENDING:
            self._end()

    def shed(self) -> None:
        if self._phase is Phase.UNREAD or self._phase is Phase.ENDING or self.unsent:
            self._drop()
        elif self._phase is Phase.IDLE:
            self._end()
            self._lines.loop.call_later(_LINGER_SECONDS, self._transport.abort)
        else:
            self._turn_away("the place of this slow request is needed; ask again")

    def _turn_away(self, why: str) -> None:
        """Answer 503 and end: without a place nobody looks after a connection any more."""
        self._refuse(AnswerError(503, why), lingers=False)
        self._lines.loop.call_later(_LINGER_SECONDS, self._transport.abort)

    def lag(self, now: float) -> float:
        if self._phase is Phase.WORK:
            return -1.0
        if self._is_beyond:
            return now - self._made
        settings = self._lines.settings
        if self._phase is Phase.BODY and self._exchange is not None:
            return self._pace.lag(now, self._exchange.received, settings.body_rate)
        if self._phase is Phase.UNREAD:
            taken = self._unsent_before - self._untaken()
            return self._pace.lag(now, taken, settings.answer_rate)
        return now - self._since

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def _untaken(self) -> int:
        """Bytes of answers that the client's side has not acknowledged."""
        queued = 0
        socket = self._transport.get_extra_info("socket")
        with suppress(OSError, ValueError):  # it is closed
            said = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, b"\0" * 4)
            queued = int.from_bytes(said, sys.byteorder)
        return self._transport.get_write_buffer_size() + queued

    def check(self, now: float) -> None:
        """End it if its client has let the server wait for too long."""
        settings, waited = self._lines.settings, now - self._since
        self.lag(now)  # what is ahead is forgotten in time, also where nobody needs the place
        if self._is_beyond and now - self._made > _BEYOND_SECONDS:
            self._give_up_kept(now)
        elif self._is_stalled:
            self._check_taken(now)
        elif self._phase is Phase.IDLE:
            most = settings.head_seconds if self._is_fresh else settings.keep_alive_seconds
            if waited > most:
                self._end()
        elif self._phase is Phase.HEAD:
            if waited > settings.head_seconds:
                self._refuse(AnswerError(408, "the head of the request took too long"))
        elif self._phase is Phase.BODY and self._exchange is not None:
            self._check_body(self._exchange, now)
        elif self._phase is Phase.ENDING and waited > _LINGER_SECONDS:
            self._end_for_good(now)

    def _give_up_kept(self, now: float) -> None:
        """Its place is one of those that are kept for lookups: others need it."""
        if self._phase is Phase.WORK:
            return  # the server's turn
        if self._phase is Phase.HEAD:
            self._refuse(AnswerError(408, "the head of the request took too long"))
        elif self._phase is not Phase.ENDING or now - self._since > _LINGER_SECONDS:
            self._drop()

    def _check_body(self, exchange: Exchange, now: float) -> None:
        settings = self._lines.settings
        is_upload = self._lines.app.is_upload(exchange.head)
        if now - exchange.since > (settings.upload_seconds if is_upload else settings.body_seconds):
            self._refuse(AnswerError(408, "the body of the request took too long"))
        elif self._is_too_slow(now, exchange.received, settings.body_rate):
            rate = f"{settings.body_rate:,} bytes a second (the setting body_rate)"
            self._refuse(AnswerError(408, f"the body of the request came slower than {rate}"))

    def _check_taken(self, now: float) -> None:
        taken = self._unsent_before - self._untaken()
        if self._is_too_slow(now, taken, self._lines.settings.answer_rate):
            self._drop()

    def _is_too_slow(self, now: float, count: int, rate: int) -> bool:
        """True if fewer bytes went by than ``rate`` demands; decided every ``stall_seconds``."""
        begun, before = self._mark
        passed = now - begun
        if passed < self._lines.settings.stall_seconds:
            return False
        self._mark = (now, count)
        return count - before < rate * passed

    def _end_for_good(self, now: float) -> None:
        """Of a connection that is ended nothing more is read; what it is owed, it must take."""
        if self.unsent == 0:
            self._transport.abort()
        else:
            self._check_taken(now)
