"""The front of the server: plain ASGI that answers what is asked for often from memory.

What it does not answer itself it hands to FastAPI, which documents everything, or to the
catalogue. Checks that hold for every request are made here, and here only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

import structlog

from server.access.gate import Gate
from server.asgi.answer import (
    API_POLICY,
    NO_CACHE,
    NOSNIFF,
    Answer,
    Header,
    Message,
    Receive,
    Scope,
    Send,
    error_answer,
    json_answer,
)
from server.asgi.body_limits import bounded, check_body
from server.asgi.common_headers import CommonHeaders
from server.asgi.request_facts import client_of, request_id_of
from server.asgi.route_names import REFUSED, route_name
from server.asgi.url_paths import (
    LIBRARIES,
    QUESTIONS,
    READS,
    STEPS,
    canonical_path,
    check_lengths,
    is_api,
    is_library,
    is_upload,
)
from server.database.errors import DatabaseError
from server.errors import AnswerError
from server.front.idempotency import HEADER, Idempotent
from server.front.lookups import Lookups
from server.observing.metrics import Metrics
from server.settings import Settings
from server.site.static_files import Site

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_STEPS_LENGTH = len(STEPS)
_LOG = structlog.get_logger(__name__)


class HotApp:
    """One ASGI application; ``inner`` gives FastAPI's when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        lookups: Lookups,
        metrics: Metrics,
        site: Site,
        *,
        idempotent: Idempotent,
        health: Callable[[], dict[str, object]],
        inner: Callable[[], Awaitable[Application]],
    ) -> None:
        """All parts are made by `server.app`."""
        self._settings = settings
        self._gate = gate
        self._lookups = lookups
        self._metrics = metrics
        self._site = site
        self._idempotent = idempotent
        self._headers = CommonHeaders(settings)
        self._health = health
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send, perf_counter())

    async def _answer(self, scope: Scope, receive: Receive, send: Send, started: float) -> None:
        route, status = REFUSED, 500
        request_id_of(scope)  # one for the answer, the log and whoever copies the scope
        try:
            path = canonical_path(scope["path"])
            try:
                answer = await self._find(scope, path)
                route = route_name(path)
                if answer is None:
                    status = await self._inside(scope, path, receive, send)
            except AnswerError as error:
                answer = error_answer(error)
                route = route_name(path) if error.status == 404 else REFUSED  # noqa: PLR2004 - HTTP
            if answer is not None:
                extra = self._headers.of_answer(scope, path, answer.status)
                status = await answer.send(scope, send, extra)
        finally:
            seconds = perf_counter() - started
            self._metrics.route(route).observe(status, seconds)
            _log_request(scope, route, status, seconds)

    async def _find(self, scope: Scope, path: str) -> Answer | None:
        """Return an answer of this module; None for what FastAPI answers."""
        fields = dict(scope["headers"])
        query: bytes = scope["query_string"]
        method: str = scope["method"]
        check_lengths(scope["path"], query, self._settings)
        if not is_upload(path, fields):
            check_body(fields.get(b"content-length"), self._settings.body_bytes)
        self._gate.check_host(fields.get(b"host"))
        if method == "OPTIONS" and is_api(path):
            return Answer(status=204, headers=(NOSNIFF, API_POLICY))
        if path == "/health":
            return json_answer(self._health()) if method in READS else None
        if method in READS:
            self._gate.check_read(scope)
        if is_api(path):
            return await self._lookup(path) if method in READS and not query else None
        if method not in READS:
            raise AnswerError(405, "the catalogue is only read: use GET or HEAD")
        return await self._site.answer(scope["path"], fields.get(b"accept-encoding", b""))

    async def _lookup(self, path: str) -> Answer | None:
        if path.startswith(STEPS):
            return await self._lookups.step(path[_STEPS_LENGTH:])
        if is_library(path):
            return self._lookups.library(path[len(LIBRARIES) :])
        if path == "/api/v1/libraries":
            return self._lookups.libraries()
        if path == "/api/v1/steps":
            served = self._lookups.served()
            return Answer(long=served.lists.steps)
        return None

    async def _inside(self, scope: Scope, path: str, receive: Receive, send: Send) -> int:
        """Hand a request to FastAPI, once for each ``Idempotency-Key``; raises AnswerError."""
        fields = dict(scope["headers"])
        if not is_upload(path, fields):
            receive = bounded(receive, self._settings.body_bytes)
        is_head = scope["method"] == "HEAD"
        method = "GET" if is_head else scope["method"]  # FastAPI knows no HEAD
        asked = {**scope, "path": path, "raw_path": path.encode(), "method": method}

        async def ask(receiving: Receive, sending: Send) -> int:
            return await self._ask(asked, receiving, sending, is_head=is_head)

        key = fields.get(HEADER)
        if key is None or method == "GET" or path in QUESTIONS:
            return await ask(receive, send)
        actor = self._gate.check_scope(scope, "execute").name
        try:
            return await self._idempotent.run(key, actor, asked, receive, send, ask)
        except DatabaseError as error:
            _LOG.error("an idempotent request was refused", reason=str(error))
            raise AnswerError(
                503, "the database is down: send it later, or without a key"
            ) from error

    async def _ask(self, scope: Scope, receive: Receive, send: Send, *, is_head: bool) -> int:
        """FastAPI's answer; what it sends gets the common headers."""
        status = 500
        begun = False

        async def watched(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                common = self._headers.of_answer(scope, scope["path"], status)
                message = {**message, "headers": _completed(message["headers"], common)}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        inner = await self._inner()
        try:
            await inner(scope, receive, watched)
        except Exception:  # noqa: BLE001 - whatever it was, the client gets an answer
            request_id = request_id_of(scope)
            _LOG.exception(
                "a route failed",
                path=scope["path"][:200],
                method=scope["method"],
                request_id=request_id,
            )
            if not begun:
                detail = f"the server failed; its log says how, under the request id {request_id}"
                error = AnswerError(500, detail)
                await error_answer(error).send(scope, send, self._headers.of(scope))
            return 500
        return status


def _completed(headers: Sequence[Header], extra: Sequence[Header]) -> list[Header]:
    present = {name for name, _ in headers}
    common = [one for one in (NO_CACHE, NOSNIFF, API_POLICY) if one[0] not in present]
    return [*((bytes(name), bytes(value)) for name, value in headers), *common, *extra]


def _log_request(scope: Scope, route: str, status: int, seconds: float) -> None:
    """Changes, and what is refused; never a query or a header, which may hold a secret."""
    if scope["method"] in READS and route != REFUSED:
        return
    _LOG.info(
        "request",
        method=scope["method"],
        path=scope["path"][:200],
        status=status,
        milliseconds=round(seconds * 1000, 1),
        client=client_of(scope),
        request_id=request_id_of(scope),
    )
