"""The parts of the OpenAPI document besides its routes: who may, and what holds for all of them.

Tokens, keys and conditional requests are dealt with in front of FastAPI, which knows nothing of
them; limits are settings, which it does not know either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, cast

from fastapi import APIRouter
from fastapi.routing import APIRoute

from server.api.contract.scopes import Access, Requires
from server.asgi.url_paths import QUESTIONS
from server.settings import Settings

_REF = "#/components/schemas/"
_TOKEN = "token"  # noqa: S105 - the name of a scheme
_SCHEMES = {
    _TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "Made by `opsteps token create`. Where no token was ever made, callers on "
        "the server's own machine may do everything.",
    }
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Done once, and answered alike when it is sent again. Needs a token with the "
    "scope `execute`, where there are tokens.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$", "maxLength": 255},
}
_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an answer; 304 while it would be the same.",
    "schema": {"type": "string"},
}
# Figures of the moment, and streams: the same question has another answer each time.
_WITHOUT_ETAG = frozenset(
    {
        "/api/v1/analytics/usage",
        "/api/v1/events",
        "/api/v1/performance",
        "/api/v1/search",
        "/api/v1/security-events",
        "/health",
        "/metrics",
    }
)
_UNCHANGED = {"description": "It is what If-None-Match named."}
_CURSOR = "^[A-Za-z0-9_-]*={0,2}$"
_KEPT_ERRORS = ("401", "403", "409", "422", "429", "503")


def complete(
    document: dict[str, Any], routers: Iterable[APIRouter], settings: Settings
) -> dict[str, Any]:
    """The document with what is true of every route."""
    document = _named_by_title(document)
    document["components"]["securitySchemes"] = _SCHEMES
    for path, method, access in _routes(routers):
        operation = document["paths"][path][method]
        operation["security"] = _security(access)
        given = operation.setdefault("parameters", [])
        for parameter in given:
            _limit(path, parameter, settings)
        if method == "get" and path not in _WITHOUT_ETAG:
            given.append(_MATCH)
            operation["responses"]["304"] = _UNCHANGED
        elif method != "get" and path not in QUESTIONS:
            given.append(_KEY)
            _describe_errors(operation["responses"])
    return document


def _named_by_title(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with each component under its title.

    FastAPI takes the name of the class, and a class of the wire must not have the name of the one
    that it describes: ``WireStep`` has the title ``Step``.
    """
    schemas = document["components"]["schemas"]
    titles = {name: str(schema.get("title", name)) for name, schema in schemas.items()}
    named = {titles[name]: schemas[name] for name in sorted(schemas, key=titles.__getitem__)}
    if len(named) < len(schemas):
        msg = "two components have the same title"
        raise ValueError(msg)
    renamed = {_REF + name: _REF + title for name, title in titles.items() if name != title}
    document["components"]["schemas"] = named
    return cast("dict[str, Any]", _replaced(document, renamed))


def _replaced(part: Any, renamed: Mapping[str, str]) -> Any:
    """Return a part of the document with other references."""
    if isinstance(part, dict):
        return {
            key: renamed.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _replaced(value, renamed)
            for key, value in part.items()
        }
    return [_replaced(item, renamed) for item in part] if isinstance(part, list) else part


def _routes(routers: Iterable[APIRouter]) -> Iterator[tuple[str, str, Access]]:
    for route in chain.from_iterable(router.routes for router in routers):
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route.path, method.lower(), _access(route)


def _access(route: APIRoute) -> Access:
    """The strictest rule of a route."""
    asked = list(route.dependant.dependencies)
    found = [Access.PUBLIC]
    while asked:
        one = asked.pop()
        asked += one.dependencies
        if isinstance(one.call, Requires):
            found.append(one.call.access)
    return max(found, key=list(Access).index)


def _security(access: Access) -> list[dict[str, list[str]]]:
    """Return the tokens that are accepted; an empty entry stands for none."""
    if access is Access.PUBLIC:
        return []
    return [{}, {_TOKEN: []}] if access is Access.READ else [{_TOKEN: [access.value]}, {}]


def _limit(path: str, parameter: dict[str, Any], settings: Settings) -> None:
    """Set the greatest value of a parameter, as configured."""
    schemas = [parameter["schema"], *parameter["schema"].get("anyOf", ())]
    most = settings.search_limit if path.endswith("/search") else settings.list_limit
    for schema in schemas:
        if parameter["name"] == "limit" and schema.get("type") == "integer":
            schema["maximum"] = most
        if parameter["name"] == "cursor" and schema.get("type") == "string":
            schema["pattern"] = _CURSOR
            schema["maxLength"] = settings.query_bytes


def _describe_errors(responses: dict[str, Any]) -> None:
    """A key may be refused by itself: it is under way, was used for something else, or too many."""
    shape = responses["422"]
    for status in _KEPT_ERRORS:
        responses.setdefault(status, shape)
