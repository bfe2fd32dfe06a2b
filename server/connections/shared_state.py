"""State that all connections share: the application, the places, the settings and the time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from email.utils import formatdate
from typing import Any, Protocol

from server.asgi.answer import Receive, Scope, Send
from server.connections.places import Places
from server.connections.request_heads import Head, HeadFields
from server.settings import Settings


class App(Protocol):
    """The application that answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""

    def at_once(self, key: bytes, fields: HeadFields) -> tuple[bytes, bytes] | None:
        """A plain lookup's answer up to its date, and all after that; None for `__call__`."""

    def is_lookup(self, head: Head) -> bool:
        """True for a lookup or ``/health``, which are always answered."""

    def is_stream(self, head: Head) -> bool:
        """True if the answer is a stream of events, which has limits of its own."""

    def is_upload(self, head: Head) -> bool:
        """True if the body is a form with a file, which is read while it comes."""

    def count_refused(self, status: int) -> None:
        """Count a request that was refused before the application was called."""


class Lines:
    """Shared by the connections of one server; for one event loop."""

    def __init__(
        self, app: App, settings: Settings, places: Places, address: tuple[str, int]
    ) -> None:
        """``address`` is listened on."""
        self.app = app
        self.settings = settings
        self.places = places
        self.address = address
        self.loop = asyncio.get_running_loop()
        self.is_stopping = False
        self.date = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self.tell_time()

    def tell_time(self) -> None:
        """Set the header ``date`` of answers to the time of now."""
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out a request."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """Requests that are being carried out."""
        return len(self._tasks)
