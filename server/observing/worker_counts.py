"""The counts of a lookup worker, in memory that it shares with the keeper.

A worker writes them, the keeper reads them. The supervisor holds the memory, which outlives the
worker: the one that replaces it goes on counting there, so no counter ever falls.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator

from server.asgi.route_names import (
    ALL_LIBRARIES,
    ALL_STEPS,
    CATALOGUE,
    HEALTH,
    ONE_LIBRARY,
    ONE_STEP,
    OTHER,
    REFUSED,
)
from server.observing.route_counts import BOUNDS, RouteMetrics

_ROUTES = (ONE_STEP, ONE_LIBRARY, ALL_STEPS, ALL_LIBRARIES, HEALTH, REFUSED, OTHER, CATALOGUE)
_STATUSES = (
    200, 204, 304, 308, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 421, 422, 429, 431,
    500, 501, 502, 503, 507,
)  # fmt: skip
_NUMBERS = {status: number for number, status in enumerate(_STATUSES)}
_BUCKETS = len(_STATUSES)
_SECONDS = _BUCKETS + len(BOUNDS) + 1
_ROUTE_CELLS = _SECONDS + 1
_CONNECTIONS = len(_ROUTES) * _ROUTE_CELLS
_ENDED = _CONNECTIONS + 1
_FILE = _ENDED + 1
_CELLS = _FILE + 1
COUNTS_BYTES = _CELLS * 8
"""The size of the memory for the counts of one worker."""


class RouteCounts:
    """One route's cells."""

    def __init__(self, whole: memoryview[int], real: memoryview[float], at: int) -> None:
        """The cells begin at ``at``; ``whole`` and ``real`` are two views of the same memory."""
        self._whole = whole
        self._real = real
        self._at = at
        self._buckets = at + _BUCKETS
        self._seconds = at + _SECONDS

    def observe(self, status: int, seconds: float) -> None:
        """Count one request."""
        whole = self._whole
        whole[self._at + _NUMBERS[status]] += 1
        whole[self._buckets + bisect_left(BOUNDS, seconds)] += 1
        self._real[self._seconds] += seconds

    def metrics(self) -> RouteMetrics:
        """Return the counts so far."""
        whole = self._whole
        return RouteMetrics(
            statuses={
                status: count for status, n in _NUMBERS.items() if (count := whole[self._at + n])
            },
            buckets=list(whole[self._buckets : self._seconds]),
            seconds=self._real[self._seconds],
        )


class Counts:
    """All cells of one worker."""

    def __init__(self, memory: int) -> None:
        """The descriptor is of `COUNTS_BYTES` bytes. Raises OSError."""
        view = memoryview(mmap.mmap(memory, COUNTS_BYTES))
        self._whole, real = view.cast("Q"), view.cast("d")
        self._routes = {
            name: RouteCounts(self._whole, real, number * _ROUTE_CELLS)
            for number, name in enumerate(_ROUTES)
        }

    def route(self, name: str) -> RouteCounts:
        """Return the cells of a route; routes that no worker answers share those of ``OTHER``."""
        return self._routes.get(name) or self._routes[OTHER]

    def routes(self) -> Iterator[tuple[str, RouteMetrics]]:
        """Yield the counts of each route that was asked for."""
        for name, one in self._routes.items():
            found = one.metrics()
            if found.requests:
                yield name, found

    @property
    def connections(self) -> int:
        """Connections that the worker has."""
        return int(self._whole[_CONNECTIONS])

    @property
    def ended(self) -> int:
        """Connections ended because there was no place for all."""
        return int(self._whole[_ENDED])

    @property
    def file(self) -> int:
        """The number of the read model's file that the worker reads; 0 for none."""
        return int(self._whole[_FILE])

    def set_connections(self, count: int) -> None:
        """Note how many connections the worker has now."""
        self._whole[_CONNECTIONS] = count

    def set_ended(self, count: int) -> None:
        """Note how many connections this worker and those before it have ended."""
        self._whole[_ENDED] = count

    def set_file(self, number: int) -> None:
        """Note which file the worker reads."""
        self._whole[_FILE] = number
