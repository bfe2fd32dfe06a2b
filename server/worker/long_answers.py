"""Sends a long answer from the read model, without holding one state of it for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import lmdb
import structlog

from server.asgi.answer import API_HEADERS, VARY, Header, Representation, Scope, Send
from server.readmodel.model_layout import StoredBody
from server.readmodel.stored_values import chunks, value

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LongAnswer:
    """A list in the form that the client accepts, or a library with all its steps."""

    body: StoredBody
    headers: tuple[Header, ...] = (VARY,)

    async def send(
        self, state: LentState, scope: Scope, send: Send, extra: Sequence[Header]
    ) -> int:
        """Send it, or 304, or only its head; returns the status that was sent.

        Returns 0, with nothing sent, if its state cannot be read.
        """
        body = self.body
        sent = Representation(etag=body.etag, coding=body.coding, length=body.length)
        headers = [*API_HEADERS, *extra, *self.headers]
        try:
            return await sent.send(scope, send, headers, lambda: _pieces(state, body))
        except StateGoneError:
            return 0


def _pieces(state: LentState, body: StoredBody) -> Iterator[bytes]:
    """Return the pieces, of which the first one is there already. Raises StateGoneError."""
    pieces = chunks(state.value, body)
    return chain([next(pieces)], _until_gone(pieces))


def _until_gone(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces as long as there are any.

    Should they end early, the answer is shorter than it said, so the connection ends: nobody takes
    it for the whole.
    """
    try:
        yield from pieces
    except StateGoneError as error:
        _LOG.info("an answer was ended before its end", reason=str(error))


class StateGoneError(Exception):
    """The state that an answer began with is no longer kept, or is damaged."""


class LentState:
    """A transaction that is given back in time: a slow client must not hold old pages.

    While it is open no page that was freed can be used again, so the file grows.
    """

    def __init__(
        self,
        txn: lmdb.Transaction,
        seconds: float,
        again: Callable[[], lmdb.Transaction | None],
        damaged: Callable[[str], None],
    ) -> None:
        """``again`` begins another transaction, in which the answer is still the same.

        Whoever makes it ends ``txn`` as well. ``damaged`` is told what is missing.
        """
        self._txn: lmdb.Transaction | None = txn
        self._seconds = seconds
        self._again = again
        self._damaged = damaged
        self._timer = self._set_timer()

    def value(self, key: bytes) -> bytes:
        """Return the value of a key. Raises StateGoneError."""
        if self._txn is None:
            self._txn = self._again()
            if self._txn is None:
                raise StateGoneError("a client was slow, and the answer has changed meanwhile")
            self._timer = self._set_timer()
        try:
            found = value(self._txn, key)
        except lmdb.Error as error:
            self._damaged(str(error))
            raise StateGoneError(str(error)) from error
        if found is None:
            problem = "a piece of a long answer is missing"
            self._damaged(problem)
            raise StateGoneError(problem)
        return found

    def end(self) -> None:
        """Read nothing more for now."""
        self._timer.cancel()
        if self._txn is not None:
            self._txn.abort()
            self._txn = None

    def _set_timer(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._seconds, self.end)
