"""Listens, keeps the times of all connections, and stops."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from server.connections.connection import Connection
from server.connections.places import Places
from server.connections.shared_state import App, Lines
from server.settings import Settings

_BACKLOG = 4_096
_FILES_KEPT = 256
"""Other open files of the process."""
_FILES_EACH = 2
"""A connection, and one to the keeper while its request is relayed."""
_LOOK_SECONDS = 0.5


def allow_open_files(settings: Settings) -> int:
    """Raise this process's limit of open files as far as connections need it; return the limit.

    Without a limit that is `resource.RLIM_INFINITY`.
    """
    wanted = _FILES_EACH * settings.connections + _FILES_KEPT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        return more
    return soft


def connections_possible(settings: Settings) -> int:
    """Count the connections that the settings and the limit of open files allow."""
    files = allow_open_files(settings)
    if files == resource.RLIM_INFINITY:
        return settings.connections
    return max(1, min(settings.connections, (files - _FILES_KEPT) // _FILES_EACH))


class Front:
    """The server as the network sees it. Made on the event loop that it runs on."""

    def __init__(self, app: App, settings: Settings, is_proxy: Callable[[str], bool]) -> None:
        """Nothing is listened on yet; clients for which ``is_proxy`` holds are not counted."""
        self._app = app
        self._settings = settings
        self.places = Places(settings, connections_possible(settings), is_proxy)
        self._lines: Lines | None = None
        self._server: asyncio.Server | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        """Take connections."""
        loop = asyncio.get_running_loop()
        address = listening.getsockname()
        lines = self._lines = Lines(
            self._app, self._settings, self.places, (str(address[0]), int(address[1]))
        )
        self._server = await loop.create_server(
            lambda: Connection(lines), sock=listening, backlog=_BACKLOG
        )
        self._looking = loop.create_task(self._look(lines))

    async def _look(self, lines: Lines) -> None:
        """End what takes too long, as often as the shortest of the times asks for."""
        settings = self._settings
        shortest = min(
            settings.head_seconds,
            settings.keep_alive_seconds,
            settings.body_seconds,
            settings.upload_seconds,
            settings.stall_seconds,
        )
        pause = max(0.02, min(_LOOK_SECONDS, shortest / 4))
        while True:
            await asyncio.sleep(pause)
            lines.tell_time()
            self.places.check(monotonic())

    async def stop(self, seconds: float) -> None:
        """Take no more; what is under way is answered, for so long at most."""
        if self._server is None or self._lines is None or self._looking is None:
            return
        self._server.close()
        self._lines.is_stopping = True
        for one in self.places.all():
            one.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.places.count:
                    self.places.empty.clear()
                    await self.places.empty.wait()
        self._looking.cancel()
