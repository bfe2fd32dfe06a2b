"""Looks at the upstreams once in a while, so that updates show before somebody asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from server.errors import AnswerError
from server.operations import Operations
from server.planning_process import fetch_upstreams

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
        self._heads: Sequence[str | None] = ()
        self._operations = operations
        self._has_upstreams = has_upstreams
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upstreams", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        if self._seconds:
            self._thread.start()

    def stop(self) -> None:
        """End; a fetch that is under way ends by its own limit."""
        self._stop.set()

    def _run(self) -> None:
        # Several servers over one registry shall not ask at the same moment, nor at every start.
        while not self._stop.wait(self._seconds):
            if self._has_upstreams():
                self._look()

    def _look(self) -> None:
        try:
            found = self._operations.ask_now(fetch_upstreams, self._seconds / 2)
        except AnswerError as error:
            _LOG.warning("upstreams were not looked at", reason=error.message)
            return
        heads = [state.head for _, state in found]
        if heads != self._heads:
            self._heads = heads
            self._looked()
        for upstream, state in found:
            if state.problem:
                _LOG.warning(
                    "an upstream cannot be had", upstream=upstream.alias, reason=state.problem
                )
