"""The report of a build about itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildReport:
    """The result of a build. ``seconds`` is by phase; files are counted below the site's root."""

    commit: str
    pages: int
    files: int
    written: int
    unchanged: int
    removed: int
    rendered: int
    """Libraries that were loaded and rendered."""
    seconds: Mapping[str, float]


@dataclass(kw_only=True, slots=True)
class Clock:
    """Adds up the seconds of each phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time inside towards ``name``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 4)
