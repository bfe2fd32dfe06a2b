"""Notices that release tags moved while the head did not, without reading ten thousand of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from time import monotonic

from registry.snapshots.registry import Registry
from server.readmodel.served import Served

Signature = tuple[tuple[str, int], ...]


class TagWatch:
    """Directories of tags change their time when a tag comes or goes.

    At every poll only those are looked at where a tag is awaited; every few seconds all of them.
    """

    def __init__(self, registry: Registry, complete_seconds: float) -> None:
        """``complete_seconds`` is the time between two complete looks."""
        self._refs = registry.repository.common_dir
        self._seconds = complete_seconds
        self._awaited: Signature | None = None
        self._waiting: tuple[str, ...] = ()
        self._complete: Signature | None = None
        self._next = 0.0

    def reset(self) -> None:
        """All tags are about to be read again: remember how they are now."""
        self._complete = self._all()
        self._next = monotonic() + self._seconds

    def moved(self, served: Served) -> bool:
        """True if all tags should be read again."""
        waiting = served.awaiting
        if waiting != self._waiting:
            self._waiting, self._awaited = waiting, None
        moved = False
        if waiting:
            before, self._awaited = self._awaited, self._look(waiting)
            moved = before is None or before != self._awaited
        if monotonic() >= self._next:
            before, self._complete = self._complete, self._all()
            self._next = monotonic() + self._seconds
            moved = moved or (before is not None and before != self._complete)
        return moved

    def _all(self) -> Signature:
        try:
            with os.scandir(self._refs / "refs" / "tags") as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            names = []
        return self._look(names)

    def _look(self, names: Iterable[str]) -> Signature:
        paths = ["packed-refs", "refs/tags", *(f"refs/tags/{name}" for name in names)]
        return tuple((path, self._time(path)) for path in paths)

    def _time(self, path: str) -> int:
        try:
            return os.stat(self._refs / path).st_mtime_ns  # noqa: PTH116 - called by the thousand
        except OSError:
            return 0
