"""The exhaustive search: chronological backtracking, depth first, over all choices of versions.

resolvelib overlooks some choices where libraries need each other in a circle. This search jumps
over nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry.names import LibraryName
from registry.resolution.provider import Choice, ReleaseProvider, Wanted

_MOST_SEARCHED = 300
_MOST_STEPS = 20_000


def search_all(
    wanted: Sequence[Wanted], provider: ReleaseProvider
) -> dict[LibraryName, Choice] | None:
    """A choice found by trying all, library by library; None for none within some thousand steps.

    It is complete, and slow where resolvelib is not: only for what that gave up.
    """
    steps = 0

    def complete(
        chosen: dict[LibraryName, int], asked: dict[LibraryName, list[Wanted]]
    ) -> dict[LibraryName, int] | None:
        nonlocal steps
        name = next((name for name in asked if name not in chosen), None)
        if name is None or len(chosen) > _MOST_SEARCHED:
            return chosen if name is None else None
        for place in provider.places(name, asked[name]):
            steps += 1
            if steps > _MOST_STEPS:
                return None
            needs = provider.needs(name, place)
            now = {**chosen, name: place}
            after = {**asked}
            for need in needs:
                other = need.dependency.library
                after[other] = [*after.get(other, ()), need]
            touched = {need.dependency.library for need in needs} & now.keys()
            if all(provider.fits(other, now[other], after[other]) for other in touched):
                found = complete(now, after)
                if found is not None:
                    return found
        return None

    first: dict[LibraryName, list[Wanted]] = {}
    for one in wanted:
        first.setdefault(one.dependency.library, []).append(one)
    found = complete({}, first)
    if found is None:
        return None
    return {name: provider.choice(name, place) for name, place in found.items()}
