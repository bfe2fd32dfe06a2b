"""From starting the server's process to its first answer, at 10,000 libraries; and its memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import processes, serving
from benchmarks.content import library
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import STEPS_EACH, Session
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry

WARM = Promise(
    key="ready, warm",
    what="server ready at 10,000 libraries / 50,000 steps, the commit was served before",
    bound=Bound.AT_MOST,
    limit=0.5,
    unit="s",
)
COLD = Promise(
    key="ready, cold",
    what="server ready at 10,000 libraries / 50,000 steps, nothing cached",
    bound=Bound.AT_MOST,
    limit=4.5,
    unit="s",
)
KEEPER = Promise(
    key="memory of the keeper",
    what="private memory of the keeper then, once it is idle",
    bound=Bound.AT_MOST,
    limit=350,
    unit="MB",
)
WORKER = Promise(
    key="memory of a worker",
    what="private memory of a lookup worker then",
    bound=Bound.AT_MOST,
    limit=120,
    unit="MB",
)
PROMISES = (WARM, COLD, KEEPER, WORKER)
_STEADY_SECONDS = 180.0
_KEEPER = "server.keeper.program"
_WORKER = "server.worker.program"


def measure(session: Session) -> list[Row]:
    """Cold starts with the derived files removed, then warm ones; memory after each of both."""
    work = session.directory("ready")
    known = library(7, steps=STEPS_EACH)
    path = f"/api/v1/steps/{known.name}.{known.steps[0]}"
    cold: list[float] = []
    warm: list[float] = []
    memory: dict[str, list[float]] = {_KEEPER: [], _WORKER: []}
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
                for module, figures in memory.items():
                    figures.append(_private_mb(server, module))
    each = " and ".join(plain(figure) for figure in memory[_KEEPER])
    notes = f"after a cold and after a warm start: {each} MB; the greater counts"
    notes += f"; all processes at most {plain(peak)} MB resident while the catalogue was built"
    notes += "" if is_steady else " (it was not finished in time)"
    return [
        absolute(WARM, warm),
        absolute(COLD, cold),
        absolute(KEEPER, [max(memory[_KEEPER])], notes=notes),
        absolute(WORKER, [max(memory[_WORKER])]),
    ]


def _private_mb(server: serving.Server, module: str) -> float:
    """Private memory of the server's process that runs this module."""
    found = processes.running_module(server.pid, module)
    if not found:
        raise BenchmarkError(f"no process runs {module}", next_step="Look at the server's log")
    return max(processes.private_mb(process) for process in found)


def _derived(path: Path) -> Path:
    registry = Registry.open(path)
    try:
        return cache_directory(registry)
    finally:
        registry.close()
