"""The worker's side of the relay: hands requests to the keeper, and its answers to the client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from server.asgi.answer import Receive, Scope, Send
from server.asgi.url_paths import READS
from server.errors import AnswerError
from server.relay.frames import Kind, frame, read_frame

_READ_AHEAD_BYTES = 64 * 1024
_RETRY_SECONDS = 2


class KeeperGoneError(AnswerError):
    """The keeper did not take a request, or ended before it answered."""

    def __init__(self, why: str) -> None:
        """The client gets a 503, and asks again."""
        super().__init__(503, f"{why}; ask again in a moment", retry_after=_RETRY_SECONDS)


class KeeperEndedError(AnswerError):
    """The keeper ended while it worked on a request that may have changed something."""

    def __init__(self) -> None:
        """Nobody is told to ask again: it may have been done."""
        super().__init__(
            502,
            "the server's keeper ended before it had answered: look whether this was done before"
            " you ask again",
        )


class Relay:
    """Asks the keeper, which listens at ``path``."""

    def __init__(self, path: Path, patience_seconds: float) -> None:
        """The keeper must take a request within ``patience_seconds``; it may answer later."""
        self._path = path
        self._patience = patience_seconds

    async def ask(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Have a request answered; returns the status.

        Raises KeeperGoneError if the keeper is gone before any of the answer was sent, and
        KeeperEndedError if it may have changed something by then.
        """
        reader, writer = await self._taken(frame(Kind.ASK, scope))
        asking: asyncio.Task[None] | None = None
        status = 0
        try:
            while (found := await _next(reader)) is not None:
                kind, *fields = found
                if kind == Kind.WANT:
                    # If one is under way, its answer is the answer to this wish as well.
                    if asking is not None and not asking.done():
                        continue
                    asking = asyncio.create_task(_hand_over(receive, writer))
                elif kind == Kind.START:
                    status = int(fields[0])
                    headers = [tuple(one) for one in fields[1]]
                    await send({**_START, "status": status, "headers": headers})
                elif kind == Kind.ANSWER:
                    body, more = fields
                    await send({**_ANSWER, "body": body, "more_body": more})
                    if not more:
                        return status
            if not status:
                if scope["method"] not in READS:
                    raise KeeperEndedError
                raise KeeperGoneError("the server's keeper ended before it had answered")
            return status
        finally:
            if asking is not None:
                asking.cancel()
            writer.close()

    async def tell_uses(self, uses: Mapping[int, float]) -> None:
        """Tell the keeper when tokens were used last. Raises KeeperGoneError."""
        _, writer = await self._taken(frame(Kind.USES, uses))
        writer.close()

    async def _taken(self, asked: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection over which the keeper has taken this frame."""
        writer = None
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await asyncio.open_unix_connection(
                    self._path, limit=_READ_AHEAD_BYTES
                )
                writer.write(asked)
                if await read_frame(reader) is not None:
                    writer.write(frame(Kind.GO))
                    return reader, writer
        except (OSError, TimeoutError) as error:
            if writer is not None:
                writer.close()
            raise KeeperGoneError("the server's keeper does not answer") from error
        writer.close()
        raise KeeperGoneError("the server's keeper ended before it had answered")


_START = {"type": "http.response.start"}
_ANSWER = {"type": "http.response.body"}


async def _next(reader: asyncio.StreamReader) -> list[Any] | None:
    try:
        return await read_frame(reader)
    except OSError:
        return None


async def _hand_over(receive: Receive, writer: asyncio.StreamWriter) -> None:
    """Send the next part of the request's body, when the client has sent it."""
    message = await receive()
    with suppress(OSError):
        if message["type"] != "http.request":
            writer.write(frame(Kind.GONE))
        else:
            body, more = message.get("body", b""), message.get("more_body", False)
            writer.write(frame(Kind.BODY, body, more))
        await writer.drain()
