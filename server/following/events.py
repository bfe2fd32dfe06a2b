"""Server-sent events (HTML Standard, 9.2), derived from the commits between two served states.

So every replica tells the same events under the same ids, and a client that was away for a while,
or whose server was restarted, resumes after the last commit that it heard of. Nothing is kept
for a client but that commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from registry.errors import RegistryError
from registry.history.audit_trail import AuditEntry, read_audit_trail
from registry.installing.removal import REMOVE_RELEASE
from registry.names import CommitId, library_id
from registry.snapshots.registry import Registry
from server.errors import AnswerError
from server.following.follower import Follower
from server.readmodel.served import Served
from server.settings import Settings
from server.thread_pools import Pool

TYPES = {
    "install": "installed",
    "release": "installed",
    "update": "updated",
    "enable": "toggled",
    "disable": "toggled",
    "uninstall": "uninstalled",
    REMOVE_RELEASE: "removed",
    "pin": "pinned",
    "unpin": "unpinned",
    "rollback": "rolled-back",
    "yank": "withdrawn",
    "unyank": "withdrawn",
    "deprecate": "withdrawn",
    "undeprecate": "withdrawn",
}
EVENTS = {
    "installed": "A library was installed, or a release of it was made.",
    "updated": "A library was updated from its upstream.",
    "toggled": "A library was turned on or off.",
    "uninstalled": "A library was uninstalled.",
    "removed": "Versions of a library were removed.",
    "pinned": "A library was pinned to a version.",
    "unpinned": "A library follows its releases again.",
    "rolled-back": "A library, or the instance, went back to an earlier state.",
    "withdrawn": "A release was yanked, a library deprecated, or one of both taken back.",
    "changed": "Any other commit, such as one that a person made with Git.",
    "head": "All that one swap brought was told; lookups answer with this commit.",
    "health": "The status of `/health` is another one.",
    "reset": "What happened since is not known here: read everything again.",
}
"""The kinds of events, for people; those that name a commit come from `TYPES`, or are ``changed``.
"""
_SPANS_KEPT = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event; without an id a client cannot resume after it."""

    type: str
    data: object
    id: str = ""

    def __bytes__(self) -> bytes:
        """As the text/event-stream format has it (HTML standard, section 9.2)."""
        head = f"id: {self.id}\n" if self.id else ""
        data = msgspec.json.encode(self.data)
        return f"{head}event: {self.type}\ndata: ".encode() + data + b"\n\n"


class Events:
    """Streams of events for clients; all of it but `_swapped` runs on the event loop."""

    def __init__(
        self,
        registry: Callable[[], Registry],
        follower: Follower,
        health: Callable[[], dict[str, object]],
        settings: Settings,
        pool: Pool,
    ) -> None:
        """``registry`` is read in threads."""
        self._pool = pool
        self._registry = registry
        self._follower = follower
        self._health = health
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._is_closed = False
        self._clients: Counter[str] = Counter()
        self._entries = lru_cache(maxsize=_SPANS_KEPT)(self._read_entries)
        follower.listeners.append(self._swapped)

    def _swapped(self, served: Served) -> None:
        del served  # every stream looks for itself
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """End all streams; their clients resume at another server, or when this one is back."""
        self._is_closed = True
        self._wake()

    @contextmanager
    def listening(self, client: str) -> Iterator[None]:
        """The place of one more client; raises AnswerError (503) when there is none.

        ``client`` is whom it counts for; nobody in particular when empty.
        """
        settings = self._settings
        if self._clients.total() >= settings.events_clients:
            raise AnswerError(503, "too many clients listen already; ask again later")
        if client and self._clients[client] >= settings.client_events:
            raise AnswerError(503, "too many clients listen from this address; ask again later")
        self._clients[client] += 1
        try:
            yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def stream(self, last_id: str) -> AsyncIterator[bytes]:
        """The stream for a client that heard of ``last_id`` last."""
        self._loop = asyncio.get_running_loop()
        position, status = CommitId(last_id), ""
        yield b"retry: 2000\n\n"
        while not self._is_closed:
            news = self._news
            # Bytes only: a stream that waits, or was left, must keep no served state alive.
            position, told = await self._told_since(position)
            if told:
                yield told
            told = b""
            now = str(self._health()["status"])
            if now != status:
                status = now
                yield bytes(Event(type="health", data={"status": status}))
            try:
                async with asyncio.timeout(self._settings.events_heartbeat_seconds):
                    await news.wait()
            except TimeoutError:
                yield b": still here\n\n"

    async def _told_since(self, position: CommitId) -> tuple[CommitId, bytes]:
        """The commit that is served now, and what happened since a client's last one."""
        if self._commit() in {position, ""}:
            return position, b""
        if position:
            return await self._pool.run(self._read_since, position)
        return self._read_since(position)

    def _commit(self) -> str:
        served = self._follower.current
        return served.commit if served is not None else ""

    def _read_since(self, position: CommitId) -> tuple[CommitId, bytes]:
        served = self._follower.current
        if served is None:
            return position, b""
        return served.commit, b"".join(map(bytes, self._since(position, served)))

    def _since(self, position: CommitId, served: Served) -> list[Event]:
        head = Event(type="head", id=served.commit, data={"commit": served.commit})
        if not position:
            return [head]
        entries = self._entries(position, served.commit)
        if entries is None:
            why = {"reason": "what happened since is not known here: read everything again"}
            return [Event(type="reset", data=why), head]
        return [*(_event(entry, served) for entry in entries), head]

    def _read_entries(self, after: CommitId, until: CommitId) -> tuple[AuditEntry, ...] | None:
        """The commits between the two, the oldest first; None where they are too many or none."""
        snapshot = self._follower.snapshot
        if snapshot is None or not snapshot.has_ancestor(after):
            return None
        most = self._settings.events_replayed
        try:
            found = tuple(
                read_audit_trail(self._registry(), head=until, after=after, limit=most + 1)
            )
        except RegistryError:
            return None
        return found[::-1] if len(found) <= most else None


def _event(entry: AuditEntry, served: Served) -> Event:
    data = {
        "commit": entry.commit,
        "time": entry.time,
        "operation": entry.operation,
        "actor": entry.actor,
        "attested": entry.attested,
        "request_id": entry.request,
        "libraries": [
            {
                "name": name,
                "library_id": library_id(name),
                "version": library.version or None if library is not None else None,
                "enabled": library is not None and library.is_enabled,
                "status": library.status if library is not None else "uninstalled",
            }
            for name in entry.libraries
            for library in [served.libraries.get(name)]
        ],
    }
    return Event(type=TYPES.get(entry.operation, "changed"), id=entry.commit, data=data)
