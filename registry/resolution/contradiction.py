"""The words for requirements that cannot all hold."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter

from registry.names import LibraryName
from registry.resolution.errors import ResolutionError
from registry.resolution.provider import CandidatePool, Information, Wanted, preferred

_SHOWN = 6


def contradiction(causes: Collection[Information], pool: CandidatePool) -> ResolutionError:
    """Say who asks for what, library by library, and which versions there are."""
    by_library: dict[LibraryName, list[Wanted]] = {}
    for cause in causes:
        by_library.setdefault(cause.requirement.dependency.library, []).append(cause.requirement)
    if len(by_library) == 1:
        ((name, wanted),) = by_library.items()
        asked = list(dict.fromkeys(map(str, wanted)))
        if len(asked) == 1:
            return _nothing_fits(name, wanted[0], pool)
    told = "; ".join(
        f"{' and '.join(dict.fromkeys(map(str, sorted(wanted, key=attrgetter('by')))))}"
        f" ({_there(name, pool)})"
        for name, wanted in sorted(by_library.items())
    )
    return ResolutionError(
        f"these cannot all hold: {told}",
        next_step="Ask for another version of one of them, or release one with a wider range",
    )


def _nothing_fits(name: LibraryName, wanted: Wanted, pool: CandidatePool) -> ResolutionError:
    """One requirement that no release meets: no conflict, only nothing there."""
    if wanted.by:
        return ResolutionError(
            f"{wanted} ({_there(name, pool)})",
            next_step="Ask for another version of what needs it, or release one that fits",
        )
    versions = preferred(pool.versions(name))
    if not versions:
        look = "Look with 'opsteps upstream available'"
        return ResolutionError(f"there is no {name}", next_step=look)
    more = ", …" if len(versions) > _SHOWN else ""
    return ResolutionError(
        f"there is no {wanted.dependency.requirement}; the newest is {versions[0]}",
        next_step=f"Ask for what there is: {', '.join(map(str, versions[:_SHOWN]))}{more}",
    )


def _there(name: LibraryName, pool: CandidatePool) -> str:
    versions = preferred(pool.versions(name))
    if not versions:
        return f"there is no {name}"
    more = ", …" if len(versions) > _SHOWN else ""
    return f"there is {name} {', '.join(map(str, versions[:_SHOWN]))}{more}"
