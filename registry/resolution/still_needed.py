"""Of what a resolution chose on its way, that which is still needed at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.names import LibraryName
from registry.resolution.provider import CandidatePool, Choice, Wanted
from registry.versions import Version


def still_needed(
    wanted: Sequence[Wanted], chosen: Mapping[LibraryName, Choice], pool: CandidatePool
) -> dict[LibraryName, Version]:
    """Of what was chosen on the way, that which is still needed."""
    pending = [one.dependency.library for one in wanted]
    reached: set[LibraryName] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            needs = pool.requirements(name, chosen[name].version)
            pending.extend(dependency.library for dependency in needs)
    return {name: chosen[name].version for name in sorted(reached)}
