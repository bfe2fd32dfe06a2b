"""Looks at the upstreams once in a while, so that updates show before somebody asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from server.changes.change_queue import Operations
from server.changes.planning_process import fetch_upstreams
from server.errors import AnswerError

# Longer ago than any fetch.
_NEVER_SECONDS = 1e9
_LOG = structlog.get_logger(__name__)


class UpstreamWatch:
    """A thread that fetches all upstreams every so many seconds; 0 means never."""

    def __init__(
        self,
        operations: Operations,
        has_upstreams: Callable[[], bool],
        seconds: float,
        *,
        looked: Callable[[], None],
    ) -> None:
        """Nothing is fetched before `start`; ``looked`` is called when something new was found."""
        self._looked = looked
        self._heads: Sequence[str | None] | None = None
        self._operations = operations
        self._has_upstreams = has_upstreams
        self._seconds = seconds
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upstreams", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        if self._seconds:
            self._thread.start()

    def stop(self) -> None:
        """End; a fetch that is under way ends by its own limit."""
        self._stop.set()
        self._wake.set()

    def wake(self) -> None:
        """Look now for upstreams that were never fetched."""
        self._wake.set()

    def _run(self) -> None:
        due = time.monotonic() + self._seconds
        while not self._stop.is_set():
            # Several servers over one registry shall not ask at the same moment, nor at every
            # start; but what was never fetched is, as no anonymous question has that done.
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            is_due = time.monotonic() >= due
            if is_due:
                due = time.monotonic() + self._seconds
            if self._has_upstreams() and not self._stop.is_set():
                self._look(self._seconds / 2 if is_due else _NEVER_SECONDS)

    def _look(self, older_than: float) -> None:
        began = time.time()
        try:
            found = self._operations.planner.fetch_now(fetch_upstreams, older_than)
        except AnswerError as error:
            _LOG.warning("upstreams were not looked at", reason=error.message)
            return
        heads = [state.head for _, state in found]
        # At the start the catalogue is built of what was fetched before, which is not news.
        is_news = self._heads is not None or any(state.tried_at >= began for _, state in found)
        if heads != self._heads and is_news:
            self._looked()
        self._heads = heads
        for upstream, state in found:
            if state.problem:
                _LOG.warning(
                    "an upstream cannot be had", upstream=upstream.alias, reason=state.problem
                )
