"""``opsteps add`` and ``opsteps release`` inside the process, at 10,000 libraries."""

from __future__ import annotations

import time

from benchmarks import content
from benchmarks.rows import Bound, Promise, Row, absolute, plain, spread
from benchmarks.session import STEPS_EACH, Session
from registry.adding import add_release
from registry.operation import Actor, follow_head
from registry.releasing import release
from registry.snapshot import Registry

ADD_AND_RELEASE = Promise(
    key="add and release",
    what="`opsteps add` + `release` of one library at 10,000 libraries, inside the process",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
PROMISES = (ADD_AND_RELEASE,)
_FIRST_PATCH = 501


def measure(session: Session) -> list[Row]:
    """Release new libraries and new versions in turn; each pair of operations is one run."""
    registry = Registry.open(session.large_registry)
    runs: list[float] = []
    follows: list[float] = []
    try:
        for turn in range(session.choose(20, 4) + 2):
            if turn % 2:
                library = session.new_version(turn, _FIRST_PATCH)
            else:
                library = content.library(session.large_libraries + turn, steps=STEPS_EACH)
            started = time.perf_counter()
            added = add_release(registry, library.files, by=Actor(name="benchmark"))
            release(registry, library.name, by=Actor(name="benchmark"))
            runs.append((time.perf_counter() - started) * 1000)
            assert added.changed
            started = time.perf_counter()
            follow_head(registry)
            follows.append((time.perf_counter() - started) * 1000)
    finally:
        registry.close()
    follow = plain(spread(follows[2:]).median)
    notes = f"index and working tree follow after the acknowledgement: {follow} ms"
    return [absolute(ADD_AND_RELEASE, runs[2:], notes=notes)]
