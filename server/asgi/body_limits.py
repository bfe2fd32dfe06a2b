"""The limit of the bodies of requests other than uploads: kept while they stream in."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from server.asgi.answer import Message, Receive
from server.errors import AnswerError

_TOO_LARGE = 413
_DIGITS = 18


def check_body(length: bytes | None, limit: int) -> None:
    """Raise AnswerError (413) for a ``Content-Length`` above the limit, before anything is read."""
    if length is None:
        return
    if not length.isdigit() or len(length) > _DIGITS or int(length) > limit:
        raise AnswerError(_TOO_LARGE, _said(limit))


def bounded(receive: Receive, limit: int) -> Receive:
    """The same stream, which raises HTTPException (413) once more than the limit has come."""
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > limit:
            raise HTTPException(_TOO_LARGE, _said(limit))
        return message

    return counted


def _said(limit: int) -> str:
    return f"the body is larger than {limit:,} bytes (the setting body_bytes)"
