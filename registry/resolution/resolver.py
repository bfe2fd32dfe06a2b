"""Choose one version of each library so that all requirements hold, or say who contradicts whom.

The search is resolvelib's, which pip uses, too: backtracking with backjumps, over requirements as
they turn up (https://resolvelib.readthedocs.io). Before it a straight run is tried, which answers
where nothing contradicts; after it a plain search in depth, which is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolvelib import BaseReporter, ResolutionImpossible
from resolvelib.resolvers import Resolution, ResolutionTooDeep

from registry.names import LibraryName
from registry.resolution.contradiction import contradiction
from registry.resolution.errors import ResolutionError
from registry.resolution.exhaustive import search_all
from registry.resolution.provider import CandidatePool, Choice, ReleaseProvider, Wanted
from registry.resolution.still_needed import still_needed
from registry.resolution.straight import resolve_straight
from registry.versions import Version

_MOST_ROUNDS = 5_000


def resolve(
    wanted: Sequence[Wanted],
    pool: CandidatePool,
    *,
    kept: Mapping[LibraryName, Version] | None = None,
) -> dict[LibraryName, Version]:
    """The version of each library that is wanted or needed, sorted by name.

    Each is the one that is ``kept``, else the first of `preferred`, that all requirements on it
    allow, where such a choice exists. A pre-release is chosen only where every requirement on its
    library names one. Raises ResolutionError.
    """
    provider = ReleaseProvider(pool, kept or {})
    straight = resolve_straight(wanted, pool, provider)
    if straight is not None:
        return straight
    resolution = Resolution(provider, BaseReporter[Wanted, Choice, LibraryName]())
    try:
        # Not `Resolver`: its last act follows libraries that need each other for ever.
        found = resolution.resolve(wanted, max_rounds=_MOST_ROUNDS)
    except ResolutionImpossible as error:
        # Where libraries need each other in a circle it overlooks some choices.
        patient = search_all(wanted, provider)
        if patient is not None:
            return still_needed(wanted, patient, pool)
        raise contradiction(error.causes, pool) from error
    except ResolutionTooDeep as error:
        raise ResolutionError(
            f"no choice of versions was found in {_MOST_ROUNDS:,} attempts",
            next_step="Narrow the ranges of what is asked for, or name versions",
        ) from error
    return still_needed(wanted, found.mapping, pool)
