"""``opsteps validate --base`` of a change to one library, at 10,000 libraries."""

from __future__ import annotations

import time

from benchmarks import commands
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import Session
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head

REVIEW = Promise(
    key="validate a pull request",
    what="`opsteps validate --base` of a change to one of 10,000 libraries, the whole process",
    bound=Bound.AT_MOST,
    limit=1.0,
    unit="s",
)
PROMISES = (REVIEW,)
_FIRST_PATCH = 701


def measure(session: Session) -> list[Row]:
    """A new version of another library each time; the first run makes the index of dependents."""
    path = session.large_registry
    runs: list[float] = []
    for turn in range(session.choose(6, 2)):
        with Registry.open(path) as registry:
            base = registry.head()
            new = session.new_version(40 + turn, _FIRST_PATCH)
            add_release(registry, new.files, by=Actor(name="benchmark"))
            follow_head(registry)
        started = time.perf_counter()
        commands.timed("validate", path, "--base", base)
        runs.append(time.perf_counter() - started)
    first = plain(runs[0])
    notes = f"the first run, which makes the index of dependents: {first} s"
    return [absolute(REVIEW, runs[1:], notes=notes)]
