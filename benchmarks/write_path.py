"""``opsteps add``, ``release`` and ``rollback`` inside the process, at 10,000 libraries."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import content
from benchmarks.rows import Bound, Promise, Row, absolute, plain, spread
from benchmarks.session import STEPS_EACH, Session
from builder.releasing import release_candidate
from registry.publishing.add import add_release
from registry.rollback.rollback import roll_back_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.versions import parse_version

ADD_AND_RELEASE = Promise(
    key="add and release",
    what="`opsteps add` + `release` of one library at 10,000 libraries, inside the process",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
RELEASE = Promise(
    key="release",
    what="the release alone",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
ROLLBACK = Promise(
    key="rollback",
    what="`opsteps rollback` of a library there, inside the process",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
PROMISES = (ADD_AND_RELEASE, RELEASE, ROLLBACK)
_FIRST_PATCH = 501


def measure(session: Session) -> list[Row]:
    """Release new libraries and new versions in turn; every new version is then rolled back."""
    by = Actor(name="benchmark")
    taken = _Taken()
    with Registry.open(session.large_registry) as registry:
        for turn in range(session.choose(20, 4) + 2):
            if turn % 2:
                library = session.new_version(turn, _FIRST_PATCH)
            else:
                library = content.library(session.large_libraries + turn, steps=STEPS_EACH)
            with taken.as_one("add and release"):
                with taken.as_one("add"):
                    added = add_release(registry, library.files, by=by)
                with taken.as_one("release"):
                    release_candidate(registry, library.name, by=by)
            assert added.changed
            with taken.as_one("follow"):
                follow_head(registry)
            if turn % 2:
                with taken.as_one("rollback"):
                    roll_back_library(registry, library.name, parse_version("1.0.0"), by=by)
                follow_head(registry)
    follow = plain(spread(taken.runs["follow"][2:]).median)
    notes = f"index and working tree follow after the acknowledgement: {follow} ms"
    return [
        absolute(ADD_AND_RELEASE, taken.runs["add and release"][2:], notes=notes),
        absolute(RELEASE, taken.runs["release"][2:]),
        absolute(ROLLBACK, taken.runs["rollback"][1:]),
    ]


class _Taken:
    """How long each kind of operation took, run by run, in milliseconds."""

    def __init__(self) -> None:
        self.runs: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def as_one(self, kind: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.runs[kind].append((time.perf_counter() - started) * 1000)
