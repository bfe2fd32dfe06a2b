"""All releases of a registry, each held against the one before: who broke callers, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from builder.diff.compare import compare
from builder.diff.model import Bump, ChangeKind
from builder.diff.required import comparable, judge_against, least_version, previous_version
from registry.formats.model import ReleaseContent
from registry.library.release_state import Library
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot
from registry.snapshots.release_reader import read_contents
from registry.versions import Version

# Libraries read together: enough to keep Git's pipe full, few enough to stay small in memory.
_CHUNK = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """One release held against the one before it.

    ``demanded`` is the bump of what changed, ``said`` the part of the version that rose (for a
    pre-release, the part in which its final version rises), ``kinds`` those of the changes that
    demanded as much. ``ok`` is whether the version says enough.
    """

    library: LibraryName
    old: Version
    new: Version
    demanded: Bump
    said: Bump
    least: Version
    ok: bool
    kinds: frozenset[ChangeKind]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The findings.

    ``unread`` are releases that cannot be read, ``first`` those without one before them.
    """

    libraries: int
    releases: int
    unread: int
    first: int
    upgrades: tuple[Upgrade, ...]

    @property
    def broke_silently(self) -> tuple[Upgrade, ...]:
        """The releases that broke callers with a version that does not say so."""
        return tuple(s for s in self.upgrades if s.demanded is Bump.MAJOR and not s.ok)

    def counts(self) -> dict[tuple[Bump, Bump], int]:
        """Count the releases that demanded one bump and said another: (demanded, said) → number."""
        return Counter((upgrade.demanded, upgrade.said) for upgrade in self.upgrades)

    def breaks(self) -> list[tuple[ChangeKind, int, int, int]]:
        """The kinds of break that occur, the most frequent first.

        Each with the releases that have it, those of them that broke silently, and the libraries
        that these are of.
        """
        rows = []
        silent = self.broke_silently
        for kind in ChangeKind:
            having = [s for s in self.upgrades if s.demanded is Bump.MAJOR and kind in s.kinds]
            hidden = [s for s in silent if kind in s.kinds]
            if having:
                rows.append((kind, len(having), len(hidden), len({s.library for s in hidden})))
        return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))


def survey(
    registry: Registry, snapshot: Snapshot, progress: Callable[[Library], None] = lambda _: None
) -> Survey:
    """Compare every release that is served with the greatest lower stable one."""
    releases = unread = 0
    found: list[Upgrade] = []
    for library, contents in _contents(registry, snapshot):
        served = sum(record.is_served for record in library.releases)
        releases += served
        unread += served - len(contents)
        found.extend(upgrades(library.name, comparable(library.releases), contents))
        progress(library)
    return Survey(
        libraries=len(snapshot.names),
        releases=releases,
        unread=unread,
        first=releases - unread - len(found),
        upgrades=tuple(found),
    )


def _contents(
    registry: Registry, snapshot: Snapshot
) -> Iterator[tuple[Library, dict[Version, ReleaseContent]]]:
    """Each library with those of its releases that can be read, by version."""
    names = iter(snapshot.names)
    while chunk := list(islice(names, _CHUNK)):
        libraries = list(snapshot.libraries(chunk))
        served = [(lib, record) for lib in libraries for record in lib.releases if record.is_served]
        trees = [record.tree for _, record in served]
        outcomes = read_contents(registry.repository, trees, registry.limits)
        read: dict[LibraryName, dict[Version, ReleaseContent]] = {lib.name: {} for lib in libraries}
        for (library, record), (content, _) in zip(served, outcomes, strict=True):
            if content is not None:
                read[library.name][record.version] = content
        yield from ((library, read[library.name]) for library in libraries)


def upgrades(
    library: LibraryName, versions: Collection[Version], contents: Mapping[Version, ReleaseContent]
) -> Iterator[Upgrade]:
    """Each of a library's releases held against the greatest lower stable one, if there is one.

    Only ``versions`` are compared with: those that were not yanked.
    """
    known = [version for version in versions if version in contents]
    for version in sorted(contents):
        previous = previous_version(known, version)
        if previous is None:
            continue
        diff = compare(contents[previous], contents[version])
        verdict = judge_against(previous, version, diff.bump)
        yield Upgrade(
            library=library,
            old=previous,
            new=version,
            demanded=diff.bump,
            said=_said(previous, version),
            least=least_version(previous, diff.bump),
            ok=verdict.ok,
            kinds=frozenset(change.kind for change in diff.of(diff.bump)),
        )


def _said(old: Version, new: Version) -> Bump:
    if new.major != old.major:
        return Bump.MAJOR
    return Bump.MINOR if new.minor != old.minor else Bump.PATCH
