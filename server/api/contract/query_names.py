"""The names in a query: one that a route does not know is a typing error, and is said to be one."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from registry.words.likeness import alike
from server.errors import AnswerError

IGNORED = frozenset({"_", "t", "timestamp", "license_key"})
"""Names that clients add to get past caches, and a key that OpsConductor's may send anywhere."""
_SHOWN = 60


def check_query(request: Request) -> None:
    """Raise AnswerError (422) for a parameter that the route does not have.

    A filter that is not understood would otherwise answer everything.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.path.startswith("/api/"):
        return
    known = list(dict.fromkeys(_names(route.dependant)))
    for name in request.query_params:
        if name in known or name in IGNORED:
            continue
        close = alike(name[:_SHOWN], known)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        has = f"it has {', '.join(map(repr, known))}" if known else "it has none"
        raise AnswerError(422, f"there is no query parameter {name[:_SHOWN]!r} here{meant} ({has})")


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (one.alias for one in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
