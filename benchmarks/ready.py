"""From starting the server's process to its first answer, at 10,000 libraries; and its memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import processes, serving
from benchmarks.content import library
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import STEPS_EACH, Session
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry

WARM = Promise(
    key="ready, warm",
    what="server ready at 10,000 libraries / 50,000 steps, the commit was served before",
    bound=Bound.AT_MOST,
    limit=1.5,
    unit="s",
)
COLD = Promise(
    key="ready, cold",
    what="server ready at 10,000 libraries / 50,000 steps, nothing cached",
    bound=Bound.AT_MOST,
    limit=8,
    unit="s",
)
MEMORY = Promise(
    key="memory",
    what="resident memory of all its processes then, once it is idle",
    bound=Bound.AT_MOST,
    limit=500,
    unit="MB",
)
PROMISES = (WARM, COLD, MEMORY)
_STEADY_SECONDS = 180.0


def measure(session: Session) -> list[Row]:
    """Cold starts with the derived files removed, then warm ones; memory after each of both."""
    work = session.directory("ready")
    known = library(7, steps=STEPS_EACH)
    path = f"/api/v1/steps/{known.name}.{known.steps[0]}"
    cold: list[float] = []
    warm: list[float] = []
    memory: list[float] = []
    peak, is_steady = 0.0, True
    runs = session.choose(3, 1)
    for turn in range(2 * runs):
        is_cold = turn < runs
        if is_cold:
            shutil.rmtree(_derived(session.large_registry), ignore_errors=True)
        with serving.serving(session.large_registry, work, probe=path) as server:
            (cold if is_cold else warm).append(server.ready_seconds)
            # The last cold run leaves what a warm start needs; memory is looked at after each kind.
            if turn in {runs - 1, 2 * runs - 1}:
                steady = server.wait_until_steady(seconds=_STEADY_SECONDS)
                peak, is_steady = max(peak, steady.peak_mb), is_steady and steady.reached
                memory.append(processes.resident_mb(server.pid))
    each = " and ".join(plain(figure) for figure in memory)
    notes = f"after a cold and after a warm start: {each} MB; the greater counts"
    notes += f"; at most {plain(peak)} MB while the catalogue was built in the background"
    notes += "" if is_steady else " (it was not finished in time)"
    return [
        absolute(WARM, warm),
        absolute(COLD, cold),
        absolute(MEMORY, [max(memory)], notes=notes),
    ]


def _derived(path: Path) -> Path:
    registry = Registry.open(path)
    try:
        return cache_directory(registry)
    finally:
        registry.close()
