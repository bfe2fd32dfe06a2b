"""Find the releases of a library that the registry's advisories hit, and a safe one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from registry.advisories.hit import AdvisoryHit
from registry.advisories.reading import Advisories, AdvisoryClaim, read_advisories
from registry.library.release_state import Library, ReleaseRecord
from registry.names import LibraryName, StepName
from registry.snapshots.registry import Registry, Snapshot
from registry.versions import Version


def advisories_for(
    registry: Registry, snapshot: Snapshot
) -> Mapping[LibraryName, tuple[AdvisoryHit, ...]]:
    """The libraries that are hit, and by what. Only those that an advisory names are loaded."""
    advisories = read_advisories(registry.repository, snapshot.commit)
    named = sorted(advisories.names.intersection(snapshot.names))
    hits = {library.name: hits_of(library, advisories) for library in snapshot.libraries(named)}
    return {name: found for name, found in hits.items() if found}


def hits_of(library: Library, advisories: Advisories) -> tuple[AdvisoryHit, ...]:
    """Return the hits on a library's served releases: greatest version first, then by advisory."""
    claims = advisories.claims.get(library.name, ())
    if not claims:
        return ()
    hits = [
        hit
        for record in library.releases
        if record.is_served
        for hit in release_hits(library.name, record.version, claims)
    ]
    bad = {hit.version for hit in hits}
    safe = {version: safe_version(library.releases, version, bad.__contains__) for version in bad}
    return tuple(replace(hit, safe=safe[hit.version]) for hit in hits)


def release_hits(
    name: LibraryName, version: Version, claims: Iterable[AdvisoryClaim]
) -> Iterator[AdvisoryHit]:
    """Yield the hits on one release, one for each advisory. ``safe`` is not set."""
    found: dict[str, list[AdvisoryClaim]] = {}
    for claim in claims:
        if claim.extent.includes(version):
            found.setdefault(claim.advisory.id, []).append(claim)
    for _, same in sorted(found.items()):
        yield AdvisoryHit(
            advisory=same[0].advisory, library=name, version=version, steps=_steps(same)
        )


def _steps(claims: list[AdvisoryClaim]) -> tuple[StepName, ...]:
    if not all(claim.steps for claim in claims):
        return ()
    return tuple(dict.fromkeys(step for claim in claims for step in claim.steps))


def safe_version(
    releases: Iterable[ReleaseRecord], above: Version, is_hit: Callable[[Version], bool]
) -> Version | None:
    """The least stable release above a version that is served, not yanked and not hit."""
    return min(
        (
            record.version
            for record in releases
            if record.is_served
            and record.yank is None
            and record.version.is_stable
            and record.version > above
            and not is_hit(record.version)
        ),
        default=None,
    )
