"""The FastAPI application: it documents every route, and answers those that are not hot."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import registry
from server.api.contract.openapi import complete
from server.api.contract.replies import Reply, error_reply, invalid_body
from server.api.routes import (
    changes,
    events,
    health,
    libraries,
    library_details,
    search,
    security,
    steps,
    upstreams,
)
from server.asgi.request_facts import request_id_of
from server.database.errors import DatabaseError
from server.errors import AnswerError
from server.parts import Parts
from server.settings import Settings

_LOG = structlog.get_logger(__name__)
ROUTERS = (
    changes.router,
    library_details.router,
    libraries.router,
    steps.router,
    search.router,
    upstreams.router,
    events.router,
    security.router,
    health.router,
)
_DESCRIPTION = """Look up libraries of automation steps, and the steps in them.

Facts of the registry have an `ETag`; send it back as `If-None-Match` and an unchanged answer is a
`304`.
Every error is `{"detail": "..."}`, sometimes with a list of `problems` beside it.
Every path is also answered below `/api/v1/step-libraries`, and steps and libraries with `.json`
added, as in the static catalogue.
"""


def make_api(parts: Parts) -> FastAPI:
    """The application over these parts; interactive pages are left out, they need a CDN."""
    app = _routes()
    app.state.parts = parts
    app.add_exception_handler(AnswerError, _refused)
    app.add_exception_handler(DatabaseError, _down)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _failed)
    app.add_exception_handler(Exception, _broken)
    described = cache(partial(_describe, app, parts.settings))
    app.openapi = described  # type: ignore[method-assign]
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, without a server behind it: limits are those by default."""
    return _describe(_routes(), Settings())


def _describe(app: FastAPI, settings: Settings) -> dict[str, Any]:
    return complete(FastAPI.openapi(app), ROUTERS, settings)


def _routes() -> FastAPI:
    app = FastAPI(
        title="OpsConductor Step Libraries",
        version=registry.__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, AnswerError):
        raise error
    return error_reply(error)


async def _down(request: Request, error: Exception) -> Response:
    """Answer that rows are out of reach; where the database is is nobody's business."""
    del request
    _LOG.error("the database refused", reason=str(error))
    return error_reply(AnswerError(503, "the database is down; ask again later"))


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer with FastAPI's errors about a request, as sentences."""
    if not isinstance(error, RequestValidationError):
        raise error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A body of another kind is not read as JSON, and then is "no valid dictionary".
    is_read = kind == "application/json" or (kind.startswith("application/") and "+json" in kind)
    if error.body is not None and not is_read:
        sent = f"{kind[:80]!r} came" if kind else "none came"
        detail = f"send JSON with the header Content-Type: application/json; {sent}"
        return error_reply(AnswerError(415, detail))
    return error_reply(invalid_body(error))


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours, which is logged by whoever called; its words may be anything."""
    del error
    request_id = request_id_of(request.scope)
    detail = f"the server failed; its log says how, under the request id {request_id}"
    return error_reply(AnswerError(500, detail))


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = {
        400: "the body is not JSON in UTF-8",
        404: f"there is nothing at {request.url.path[:200]}; see /openapi.json",
        405: f"{request.method} is not possible here; see /openapi.json",
    }.get(error.status_code, str(error.detail))
    reply = error_reply(AnswerError(error.status_code, detail))
    allow = (error.headers or {}).get("allow") or (error.headers or {}).get("Allow")
    return Reply(reply.answer, extra=((b"allow", allow.encode()),)) if allow else reply
