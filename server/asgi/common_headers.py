"""The headers of every answer: the origins whose pages may read it, and the request's id."""

from __future__ import annotations

from server.asgi.answer import REFERRER, VARY_ORIGIN, Header, Scope
from server.asgi.request_facts import request_id_of
from server.asgi.url_paths import STEPS
from server.settings import Settings

_FOUND = frozenset({200, 304})
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, DELETE"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, last-event-id, x-request-id",
    ),
    (b"access-control-max-age", b"600"),
)
_EXPOSED = (
    b"access-control-expose-headers",
    b"etag, link, retry-after, x-request-id, x-total-count",
)


class CommonHeaders:
    """Makes these headers; some depend on the request's origin, if the settings allow any."""

    def __init__(self, settings: Settings) -> None:
        """The setting ``allowed_origins`` decides."""
        self._origins = frozenset(origin.encode() for origin in settings.allowed_origins)
        self.vary = (VARY_ORIGIN,) if self._origins else ()

    def of(self, scope: Scope) -> tuple[Header, ...]:
        """Return the headers for the answer to one request."""
        return (*self._cors(scope), REFERRER, (b"x-request-id", request_id_of(scope).encode()))

    def of_answer(self, scope: Scope, path: str, status: int) -> tuple[Header, ...]:
        """Return those for an answer with this status; ``path`` is the canonical one.

        A step that was found has no request id, however it is asked for: no log line has one for
        it, and making one would cost each lookup.
        """
        if status in _FOUND and path.startswith(STEPS):
            return (*self._cors(scope), REFERRER)
        return self.of(scope)

    def _cors(self, scope: Scope) -> tuple[Header, ...]:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        if origin not in self._origins:
            return self.vary
        named = ((b"access-control-allow-origin", origin), *self.vary, _EXPOSED)
        return (*named, *_PREFLIGHT) if scope["method"] == "OPTIONS" else named
