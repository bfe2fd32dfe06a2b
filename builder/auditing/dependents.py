"""The libraries that cannot get out: they allow only releases of another one that are hit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from builder.auditing.git_grep import libraries_mentioning
from builder.auditing.model import AffectedDependent
from registry.errors import InvalidNameError
from registry.library.release_state import Library
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot
from registry.versions import Dependency, Version, parse_dependency

Hit = tuple[Library, Collection[Version]]
"""A library, and those of its releases that are hit."""


def find_dependents(
    registry: Registry, snapshot: Snapshot, hit: Mapping[LibraryName, Hit]
) -> tuple[AffectedDependent, ...]:
    """The active releases that stand on what is hit, directly, by library."""
    if not hit:
        return ()
    names = libraries_mentioning(registry, snapshot, hit)
    libraries = snapshot.libraries(sorted(names))
    return tuple(found for library in libraries for found in stuck(library, hit))


def stuck(library: Library, hit: Mapping[LibraryName, Hit]) -> Iterator[AffectedDependent]:
    """The dependencies of a library's active release that allow only what is hit."""
    if library.active is None or library.content is None or not library.is_enabled:
        return
    for text in library.content.manifest.dependencies:
        dependency = _dependency_or_none(text)
        if dependency is None or dependency.library not in hit:
            continue
        other, bad = hit[dependency.library]
        usable = [r.version for r in other.releases if r.is_served and r.yank is None]
        allowed = sorted(version for version in usable if dependency.allows(version))
        if allowed and all(version in bad for version in allowed):
            good = (v for v in usable if v.is_stable and v not in bad and v > allowed[-1])
            yield AffectedDependent(
                library=library.name,
                version=library.active.version,
                requires=text,
                on=other.name,
                allowed=tuple(allowed),
                safe=min(good, default=None),
            )


def _dependency_or_none(text: str) -> Dependency | None:
    try:
        return parse_dependency(text)
    except InvalidNameError:
        return None
