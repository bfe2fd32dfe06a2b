"""The things that routes share: their parts of the server, their replies and their error shapes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.api.contract.wire_model import ErrorBody
from server.asgi.answer import Answer, Header, error_answer
from server.errors import AnswerError
from server.front.lookups import Page
from server.parts import Parts

_MEANINGS = {
    400: "The request, or the library in it, is not what it should be; `problems` lists why.",
    401: "A valid bearer token is needed.",
    402: "The library is premium and no licence key came with it.",
    403: "This is not allowed from there, or with that token.",
    404: "There is no such thing; `detail` says why.",
    409: "It contradicts what is there; `detail` and `problems` name what.",
    413: "It is larger than a limit; `detail` names the limit.",
    415: "The body is of another kind.",
    414: "The path or query is too long.",
    421: "The server does not answer to that host name.",
    422: "A parameter has no valid value, or an `Idempotency-Key` came with another request.",
    429: "Too many requests with a token that is not valid came from this address.",
    502: "An upstream that may own what is asked for cannot be had; `detail` names it.",
    500: "A fault of the server's; `detail` has the request id, under which its log says more.",
    507: "There is no space left; nothing was changed.",
    503: "Not ready yet; ask again after `Retry-After` seconds.",
}


class Reply(Response):
    """An `Answer` as Starlette sends responses."""

    def __init__(self, answer: Answer, extra: Sequence[Header] = ()) -> None:
        """``extra`` are further headers."""
        super().__init__(status_code=answer.status)
        self.answer = answer
        self._extra = extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it: the same code as on the hot path."""
        del receive
        await self.answer.send(cast("dict[str, Any]", scope), cast("Any", send), self._extra)


def error_reply(error: AnswerError) -> Reply:
    """An error in the shape that all errors have."""
    return Reply(error_answer(error))


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the errors that a route answers with."""
    always = (401, 414, 421, 422, 429, 500, 503)
    return {
        status: {"model": ErrorBody, "description": _MEANINGS[status]}
        for status in sorted({*statuses, *always})
    }


def invalid_body(error: ValidationError | RequestValidationError) -> AnswerError:
    """Return the errors of a request, as sentences (422)."""
    problems = tuple(_problem(found["loc"], found["msg"]) for found in error.errors())
    if any(found["type"] == "missing" and found["loc"] == ("body",) for found in error.errors()):
        problems = ("the body is missing: send JSON, with Content-Type: application/json",)
    return AnswerError(422, "; ".join(problems)[:1_000], problems)


def _problem(where: Sequence[object], message: str) -> str:
    named = [str(part) for part in where if part not in {"body", "query", "path", "header"}]
    return f"{'.'.join(named) or 'body'}: {message}"


def parts_of(request: Request) -> Parts:
    """The parts of the server that this request came to."""
    return cast("Parts", request.app.state.parts)


ServerParts = Annotated[Parts, Depends(parts_of)]


PLATFORM = Query(
    max_length=80, description="`windows`, `linux` or `macos`; there is nothing for another."
)


def page_of(limit: int | None, cursor: str | None, most: int) -> Page | None:
    """The page that ``limit`` and ``cursor`` ask for; raises AnswerError (422)."""
    if limit is None and cursor is None:
        return None
    if limit is not None and limit > most:
        raise AnswerError(422, f"limit: at most {most} entries come at once")
    return Page(limit=most if limit is None else limit, start=read_cursor(cursor))


def make_cursor(start: int) -> str:
    """An opaque text for a place in a list."""
    return base64.urlsafe_b64encode(f"o{start}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int:
    """The place that a cursor stands for; raises AnswerError (422)."""
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        if text[:1] == "o" and text[1:].isdecimal() and len(text) < 12:  # noqa: PLR2004 - far enough
            return int(text[1:])
    except ValueError:
        pass
    raise AnswerError(422, "cursor: use one from a Link header or next_cursor of this list")


def paged(request: Request, answer: Answer, page: Page | None, total: int) -> Reply:
    """A page of a list, with a link to the next one."""
    if page is None:
        return Reply(answer)
    extra: list[Header] = [(b"x-total-count", str(total).encode())]
    if page.start + page.limit < total:
        following = request.url.include_query_params(
            cursor=make_cursor(page.start + page.limit), limit=page.limit
        )
        link = f'<{following.path}?{following.query}>; rel="next"'
        extra.append((b"link", link.encode("ascii", "ignore")))
    return Reply(answer, extra)
