"""The keeper's side of the relay: an ASGI application answers the workers' requests."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from server.asgi.answer import Message, Receive, Scope, Send
from server.relay.frames import Kind, as_scope, frame, pieces_of, read_frame

_BACKLOG = 1_024
_UNSENT_BYTES = 64 * 1024
# The socket's name is for the next keeper as well; from Python 3.13 on it is removed otherwise.
_KEEPS_NAME: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
_LOG = structlog.get_logger(__name__)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class RelayServer:
    """Answers requests with one application, on one event loop."""

    def __init__(self, app: Application, used: Callable[[Mapping[int, float]], None]) -> None:
        """``used`` is called with the tokens that were used, and when."""
        self._app = app
        self._used = used
        self._server: asyncio.Server | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self, listening: socket.socket) -> None:
        """Begin to take requests."""
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listening, backlog=_BACKLOG, limit=_UNSENT_BYTES, **_KEEPS_NAME
        )

    async def stop(self, seconds: float) -> None:
        """Take no more requests; wait at most this long for those under way."""
        if self._server is not None:
            self._server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._under_way += 1
        self._idle.clear()
        writer.transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        try:
            found = await read_frame(reader)
            if found is None:
                return
            writer.write(frame(Kind.TAKEN))
            if await read_frame(reader) is None:
                return
            if found[0] == Kind.USES:
                self._used(found[1])
            else:
                asked = _Asked(reader, writer)
                try:
                    await self._answer(as_scope(found[1]), asked)
                finally:
                    asked.close()
        except OSError:
            return  # the worker has given up, or has ended
        finally:
            writer.close()
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _answer(self, scope: Scope, asked: _Asked) -> None:
        try:
            await self._app(scope, asked.receive, asked.send)
        except Exception:  # noqa: BLE001 - one failed request must not stop the others
            _LOG.exception("a request failed", path=scope["path"][:200])


class _Asked:
    """One request that a worker relays, with the two calls of ASGI."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._coming: asyncio.Task[list[Any] | None] | None = None

    async def receive(self) -> Message:
        """Return the next message. If a call is cancelled, the next one gets its message."""
        if self._coming is None:
            self._writer.write(frame(Kind.WANT))
            self._coming = asyncio.create_task(read_frame(self._reader))
        try:
            found = await asyncio.shield(self._coming)
        except OSError:
            found = None
        self._coming = None
        if found is None or found[0] == Kind.GONE:
            return {"type": "http.disconnect"}
        _, body, more = found
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: Message) -> None:
        """Send a message to the worker; drop it if the worker is gone."""
        if message["type"] == "http.response.start":
            headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
            self._writer.write(frame(Kind.START, message["status"], headers))
            return
        *first, last = pieces_of(message.get("body", b""))
        with suppress(OSError):
            for piece in first:
                self._writer.write(frame(Kind.ANSWER, piece, True))  # noqa: FBT003 - there is more
                await self._writer.drain()
            self._writer.write(frame(Kind.ANSWER, last, message.get("more_body", False)))
            await self._writer.drain()

    def close(self) -> None:
        """Stop reading."""
        if self._coming is not None:
            self._coming.cancel()
