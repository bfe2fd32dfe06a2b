"""Two lookup workers against one: throughput, and processor time a lookup."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes, serving, synthetic, wrk
from benchmarks.content import library
from benchmarks.rows import Bound, Promise, Row, against
from benchmarks.session import STEPS_EACH, Session

THROUGHPUT = Promise(
    key="two workers",
    what="step lookups with two workers, where the generator has a processor of its own",
    bound=Bound.AT_LEAST,
    limit=1.7,
    unit="×",
    peer="one worker",
)
TIME = Promise(
    key="processor time of two workers",
    what="processor time a lookup with two workers, the server on one processor",
    bound=Bound.AT_MOST,
    limit=1.1,
    unit="×",
    peer="one worker",
)
PROMISES = (THROUGHPUT, TIME)
_LIBRARIES = 200
_CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """Lookups a second, and microseconds of the server's processor time for each."""

    rate: float
    microseconds: float


def measure(session: Session) -> list[Row]:
    """One and two workers in turn: bound to one processor for the time, free for throughput."""
    work = session.directory("workers")
    registry = synthetic.copied_registry(work / "registry", libraries=_LIBRARIES, steps=STEPS_EACH)
    turns = session.choose(3, 1)
    free = [(_run(session, registry, work, 2), _run(session, registry, work, 1))]
    bound = []
    for _ in range(turns):
        free.append((_run(session, registry, work, 2), _run(session, registry, work, 1)))
        bound.append(
            (
                _run(session, registry, work, 2, is_bound=True),
                _run(session, registry, work, 1, is_bound=True),
            )
        )
    processors = len(os.sched_getaffinity(0))
    notes = f"{processors} processors for workers and generator together"
    return [
        against(
            THROUGHPUT,
            [two.rate for two, _ in free[1:]],
            [one.rate for _, one in free[1:]],
            unit="requests/s",
            notes=notes,
        ),
        against(
            TIME,
            [two.microseconds for two, _ in bound],
            [one.microseconds for _, one in bound],
            unit="µs",
        ),
    ]


def _run(
    session: Session, registry: Path, work: Path, workers: int, *, is_bound: bool = False
) -> _Run:
    known = library(7, steps=STEPS_EACH)
    path = f"/api/v1/steps/{known.name}.{known.steps[0]}"
    seconds = session.choose(4, 1)
    cores = processes.split_cores()
    with serving.serving(registry, work, probe=path, settings={"workers": str(workers)}) as server:
        server.wait_until_steady(seconds=60)
        if is_bound:
            processes.bind(server.pid, cores.server)
        before = processes.processor_seconds(server.pid)
        rate = wrk.run(
            server.port,
            path,
            seconds=seconds,
            connections=_CONNECTIONS,
            cores=cores.client if is_bound else None,
        ).rate
        used = processes.processor_seconds(server.pid) - before
    return _Run(rate=rate, microseconds=used / (rate * seconds) * 1e6)
