"""Check many targets: what is known already is taken, the rest is spread over the processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from builder.validation.outcome_cache import Outcomes, committed_objects
from builder.validation.targets import Checked, Target, checked
from registry.errors import NotARegistryError
from registry.git.layout import find_places
from registry.problems import Problem
from registry.processes.pool import WorkerPool
from registry.snapshots.cache_place import cache_directory_of

# Targets below which another process costs more than it saves: it starts in a quarter of a second.
_WORTH_A_PROCESS = 150
_CHUNK = 25


def check_targets(
    targets: Sequence[Target], root: Path, progress: Callable[[], None] = lambda: None
) -> Iterator[Problem]:
    """Every problem of these targets, in their order.

    Outcomes are kept for the repository at ``root``, if there is one: a target that is as it was
    at the head is not checked again.
    """
    state = _cache_directory(root) if len(targets) > 1 else None
    if state is None:
        for target in targets:
            yield from checked(target).problems
            progress()
        return
    outcomes = Outcomes(state)
    objects = committed_objects(root)
    known = {
        target.shown: outcomes.of(target.shown, objects.get(target.shown)) for target in targets
    }
    unknown = [target for target in targets if known[target.shown] is None]
    fresh = _all_checked(unknown)
    for target in targets:
        problems = known[target.shown]
        if problems is None:
            found = next(fresh)
            problems = found.problems
            outcomes.keep(target.shown, found.object_id, problems)
        progress()
        yield from problems
    outcomes.write()


def _all_checked(targets: Sequence[Target]) -> Iterator[Checked]:
    processors = len(os.sched_getaffinity(0))
    if len(targets) < _WORTH_A_PROCESS or processors == 1:
        yield from map(checked, targets)
        return
    chunks = [targets[start : start + _CHUNK] for start in range(0, len(targets), _CHUNK)]
    with closing(WorkerPool(processors)) as pool, ThreadPoolExecutor(processors) as threads:
        for found in threads.map(lambda chunk: pool.run(_checked_chunk, chunk), chunks):
            yield from found


def _checked_chunk(targets: Sequence[Target]) -> list[Checked]:
    return list(map(checked, targets))


def _cache_directory(root: Path) -> Path | None:
    try:
        return cache_directory_of(find_places(root).common_dir)
    except NotARegistryError:
        return None
