"""Threads for each kind of question, behind a queue that ends: none waits behind another kind.

One pool for everything once let a few slow questions to upstreams hang the whole catalogue. What
each pool may hold, and what a caller gets beyond, is a table in ``docs/operators.md``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from server.errors import AnswerError
from server.settings import Settings

P = ParamSpec("P")
Result = TypeVar("Result")


class Pool:
    """Threads of one kind of work. Safe to use from many threads."""

    def __init__(self, name: str, *, threads: int, most: int, what: str) -> None:
        """``most`` are under way or waiting at once; ``what`` they are, in the plural."""
        self.name = name
        self._most = most
        self._what = what
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._held = 0
        self.refused = 0
        """The number of those turned away since the start."""

    @property
    def held(self) -> int:
        """Count the pieces of work under way or waiting."""
        return self._held

    def submit(
        self, work: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Future[Result]:
        """Have it done soon; raises AnswerError (503) when too many wait already.

        Its place is free again when it is over, also when nobody waits for it any more.
        """
        with self._lock:
            if self._held >= self._most:
                self.refused += 1
                raise AnswerError(
                    503, f"too many {self._what} are under way; ask again in a second"
                )
            self._held += 1
        return self._begin(work, *arguments, **named)

    async def run(self, work: Callable[P, Result], *arguments: P.args, **named: P.kwargs) -> Result:
        """Run the work: returns or raises what it does; AnswerError (503) when too many wait."""
        return await asyncio.wrap_future(self.submit(work, *arguments, **named))

    async def end(self, work: Callable[P, Result], *arguments: P.args, **named: P.kwargs) -> Result:
        """As `run`, for the end of what was begun already: that is never turned away."""
        with self._lock:
            self._held += 1
        return await asyncio.wrap_future(self._begin(work, *arguments, **named))

    def close(self, *, waits: bool = False) -> None:
        """Begin nothing more; ``waits`` for what is under way."""
        self._threads.shutdown(wait=waits, cancel_futures=True)

    def _begin(
        self, work: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Future[Result]:
        try:
            doing = self._threads.submit(work, *arguments, **named)
        except RuntimeError as error:  # the server stops
            self._left()
            raise AnswerError(503, "the server is stopping") from error
        doing.add_done_callback(self._left)
        return doing

    def _left(self, _: object = None) -> None:
        with self._lock:
            self._held -= 1


class Pools:
    """The pools of one server that are not part of something larger."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is under way."""
        self.reading = Pool(
            "reading", threads=2, most=settings.reading_queue, what="questions about the history"
        )
        self.pages = Pool("pages", threads=4, most=settings.page_queue, what="requests for pages")
        self.lists = Pool("lists", threads=2, most=settings.list_queue, what="filtered lists")
        self.rows = Pool(
            "rows", threads=4, most=settings.database_queue, what="requests that need the database"
        )
        # Each client that listens asks one question at a time.
        self.events = Pool(
            "events", threads=1, most=2 * settings.events_clients, what="clients of events"
        )
        self.reloads = Pool("reloads", threads=1, most=4, what="rebuilds")

    def all(self) -> tuple[Pool, ...]:
        """Each of them."""
        return (self.reading, self.pages, self.lists, self.rows, self.events, self.reloads)

    def close(self) -> None:
        """Begin nothing more."""
        for pool in self.all():
            pool.close()
