"""The front of a lookup worker: plain ASGI that answers from the read model, or relays."""

from __future__ import annotations

from functools import partial
from time import perf_counter

import lmdb
import msgspec

from server.asgi.answer import (
    API_HEADERS,
    JSON_HEADER,
    REFERRER,
    Answer,
    Receive,
    Scope,
    Send,
    error_answer,
    field,
)
from server.asgi.common_headers import CommonHeaders
from server.asgi.route_names import ALL_LIBRARIES, ALL_STEPS, HEALTH, ONE_STEP, REFUSED, route_name
from server.asgi.url_paths import (
    LIBRARIES,
    READS,
    STEPS,
    canonical_path,
    check_lengths,
    is_library,
    is_upload,
)
from server.connections.request_heads import Head, HeadFields
from server.errors import AnswerError
from server.observing.worker_counts import Counts
from server.readmodel import model_layout
from server.readmodel.reader import Reader
from server.relay.asking import KeeperEndedError, KeeperGoneError, Relay
from server.settings import Settings
from server.worker.gate import ReadGate
from server.worker.health import worker_health
from server.worker.long_answers import LentState, LongAnswer
from server.worker.lookups import filtered_answer, find_step, library_answer, list_answer

_STEPS_LENGTH = len(STEPS)
_LISTS = {ALL_STEPS: model_layout.STEPS_LIST, ALL_LIBRARIES: model_layout.LIBRARIES_LIST}
_OF_A_BODY = frozenset({b"content-length", b"transfer-encoding"})
_USABLE = {
    b"enabled_only=true": model_layout.USABLE_LIST,
    b"enabled_only=false": model_layout.LIBRARIES_LIST,
}
_STEP_KEY = model_layout.step_key("")
_DAMAGE = (lmdb.CorruptedError, lmdb.PageNotFoundError, msgspec.MsgspecError)
_MOST_KEY = model_layout.KEY_BYTES - len(_STEP_KEY)


class LookupFront:
    """The ASGI application of a worker."""

    def __init__(
        self, settings: Settings, reader: Reader, gate: ReadGate, relay: Relay, counts: Counts
    ) -> None:
        """`server.worker.program` makes all the parts."""
        self._settings = settings
        self._reader = reader
        self._gate = gate
        self._relay = relay
        self._counts = counts
        self._step_counts = counts.route(ONE_STEP)
        self._headers = CommonHeaders(settings)
        common = (*API_HEADERS, JSON_HEADER, *self._headers.vary, REFERRER)
        lines = b"".join(b"%b: %b\r\n" % one for one in common)
        self._step_head = b"HTTP/1.1 200 OK\r\n" + lines

    def at_once(self, key: bytes, fields: HeadFields) -> tuple[bytes, bytes] | None:
        """Answer a plain request for a step: what goes before the date, and what goes after it."""
        started = perf_counter()
        if len(key) > _MOST_KEY:
            return None
        txn = self._reader.begin()
        if txn is None:
            return None
        try:
            found = txn.get(_STEP_KEY + key)
        except lmdb.Error as error:
            self._reader.refuse(str(error))
            found = None
        txn.abort()
        if not isinstance(found, bytes) or not self._gate.lets_in(fields.host, fields.token):
            return None
        self._step_counts.observe(200, perf_counter() - started)
        return self._step_head, found

    def is_lookup(self, head: Head) -> bool:
        """True for a lookup of one step or library, or ``/health``: these always get a place.

        A request with a body is not one: waiting for it would take a place kept for lookups.
        """
        if head.method not in READS or head.query or head.fields.length:
            return False
        path = canonical_path(head.path)
        if path.startswith(STEPS):
            return "@" not in path
        return path == HEALTH or is_library(path)

    def is_stream(self, head: Head) -> bool:
        """True if the answer is a stream of events."""
        return canonical_path(head.path) == "/api/v1/events"

    def is_upload(self, head: Head) -> bool:
        """True if the body is a form with a file, which is read while it comes."""
        if head.method != "POST":
            return False
        return is_upload(canonical_path(head.path), dict(head.fields.headers))

    def count_refused(self, status: int) -> None:
        """Count a request that was refused before it came here."""
        self._counts.route(REFUSED).observe(status, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        started = perf_counter()
        path = canonical_path(scope["path"])
        txn = self._transaction(scope, path)
        try:
            status = await self._answer(scope, path, txn, send) if txn is not None else 0
        finally:
            if txn is not None:
                txn.abort()
        if not status:
            status = await self._relayed(scope, path, receive, send)
        if status:
            self._counts.route(route_name(path)).observe(status, perf_counter() - started)

    def _transaction(self, scope: Scope, path: str) -> lmdb.Transaction | None:
        """Return a transaction for a plain lookup of a client who may read; None for the rest."""
        if not self._is_plain(scope, path):
            return None
        txn = self._reader.begin()
        if txn is None:
            return None
        fields = dict(scope["headers"])
        if self._gate.lets_in(fields.get(b"host"), fields.get(b"authorization")):
            return txn
        txn.abort()
        return None

    def _is_plain(self, scope: Scope, path: str) -> bool:
        """True for a well-formed lookup; the keeper says what is wrong with others."""
        if scope["method"] not in READS or (scope["query_string"] and path not in _LISTS):
            return False
        if not (path in _LISTS or path.startswith(STEPS) or is_library(path)):
            return False
        try:
            check_lengths(scope["path"], scope["query_string"], self._settings)
        except AnswerError:
            return False
        return not any(name in _OF_A_BODY for name, _ in scope["headers"])

    async def _answer(self, scope: Scope, path: str, txn: lmdb.Transaction, send: Send) -> int:
        """Return the status that was sent; 0 for what only the keeper can answer."""
        try:
            answer = self._find(scope, path, txn)
        except AnswerError as error:
            answer = error_answer(error)
        except _DAMAGE as error:
            self._reader.refuse(str(error))
            answer = None
        if answer is None:
            return 0
        if isinstance(answer, LongAnswer):
            return await self._send_long(answer, txn, scope, path, send)
        txn.abort()  # a slow client must not hold it
        extra = self._headers.of_answer(scope, path, answer.status)
        return await answer.send(scope, send, extra)

    async def _send_long(
        self, answer: LongAnswer, txn: lmdb.Transaction, scope: Scope, path: str, send: Send
    ) -> int:
        again = partial(self._begin_again, answer, scope, path)
        state = LentState(txn, self._settings.list_seconds, again, self._reader.refuse)
        try:
            return await answer.send(state, scope, send, self._headers.of(scope))
        finally:
            state.end()

    def _begin_again(self, before: LongAnswer, scope: Scope, path: str) -> lmdb.Transaction | None:
        """Begin a transaction in which the answer is what it was; None if there is none."""
        txn = self._reader.begin()
        if txn is None:
            return None
        try:
            is_same = self._find(scope, path, txn) == before
        except (AnswerError, *_DAMAGE):
            is_same = False
        if is_same:
            return txn
        txn.abort()
        return None

    def _find(self, scope: Scope, path: str, txn: lmdb.Transaction) -> Answer | LongAnswer | None:
        if path.startswith(STEPS):
            return find_step(txn, path[_STEPS_LENGTH:], self._settings.instance)
        if path.startswith(LIBRARIES):
            return library_answer(txn, path[len(LIBRARIES) :])
        query: bytes = scope["query_string"]
        if path == ALL_STEPS and query:
            return filtered_answer(txn, query)
        kept = _LISTS[path] if not query else _USABLE.get(query)
        if kept is None:
            return None
        return list_answer(txn, kept, field(scope, b"accept-encoding"))

    async def _relayed(self, scope: Scope, path: str, receive: Receive, send: Send) -> int:
        """Have the keeper answer and count; return the status only if it was sent here."""
        try:
            await self._relay.ask(scope, receive, send)
        except (KeeperGoneError, KeeperEndedError) as error:
            answer = error_answer(error)
            if path == HEALTH and scope["method"] in READS and self._knows(scope):
                answer = worker_health(self._reader, self._settings)
            return await answer.send(scope, send, self._headers.of(scope))
        return 0

    def _knows(self, scope: Scope) -> bool:
        return self._gate.hosts.knows(dict(scope["headers"]).get(b"host"))
