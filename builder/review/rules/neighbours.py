"""The libraries around a change: what candidates can reach, and who depends on what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.review.evidence.gathering import read_facts
from builder.review.evidence.model import ReviewedLibrary
from builder.review.rules.dependencies import (
    ReviewDependent,
    ReviewSupply,
    is_active,
    may_break,
    offered,
)
from registry.formats.model import LibraryFacts
from registry.git.repository import GitRepository
from registry.library.core import core_library
from registry.names import CORE, LibraryName, ObjectId
from registry.snapshots.dependency_index import DependencyIndex
from registry.versions import Dependency, Version, version_or_none


@dataclass(kw_only=True, slots=True)
class Neighbours:
    """Looks libraries of one commit up, each at most once."""

    repository: GitRepository
    trees: Mapping[LibraryName, ObjectId]
    index: DependencyIndex
    _facts: dict[LibraryName, LibraryFacts] = field(default_factory=dict)
    _supplies: dict[LibraryName, ReviewSupply] = field(default_factory=dict)

    def supplies(self, needs: Iterable[Dependency]) -> Mapping[LibraryName, ReviewSupply]:
        """Every library that is there and can be reached by following requirements."""
        reached: dict[LibraryName, ReviewSupply] = {}
        seen: set[str] = set()
        pending = list(needs)
        while pending:
            dependency = pending.pop()
            if str(dependency.requirement) in seen:
                continue
            seen.add(str(dependency.requirement))
            supply = self._supply(dependency.library)
            if supply is None:
                continue
            reached[dependency.library] = supply
            chosen = supply.chosen(dependency)
            if chosen is not None:
                pending.extend(supply.versions[chosen])
        return reached

    def versions(self, name: LibraryName) -> Collection[Version]:
        """The versions of a library that a resolution may choose."""
        supply = self._supply(name)
        return supply.versions if supply is not None else ()

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of one of them."""
        supply = self._supply(name)
        return supply.versions[version] if supply is not None else ()

    def dependents(self, change: ReviewedLibrary) -> Iterator[ReviewDependent]:
        """The last releases that name this library, as far as directories tell: no facts are read.

        There may be as many as libraries.
        """
        for name, version, dependency in self.index.dependents(change.name):
            if name != change.name and version == self._last(name):
                yield ReviewDependent(library=name, version=version, dependency=dependency)

    def broken(self, change: ReviewedLibrary) -> Iterator[ReviewDependent]:
        """The active releases whose requirement the change leaves without an answer."""
        for name, version, dependency in self.index.dependents(change.name):
            if (
                name != change.name
                and may_break(change, dependency)
                and is_active(self._facts_of(name), version)
            ):
                yield ReviewDependent(library=name, version=version, dependency=dependency)

    def _last(self, name: LibraryName) -> Version | None:
        parsed = map(version_or_none, self.index.libraries[name])
        found = [version for version in parsed if version is not None]
        stable = [version for version in found if version.is_stable]
        return max(stable or found, default=None)

    def _supply(self, name: LibraryName) -> ReviewSupply | None:
        if name == CORE:
            return ReviewSupply(versions={record.version: () for record in core_library().releases})
        if name not in self.trees:
            return None
        if name not in self._supplies:
            found = map(version_or_none, self.index.libraries.get(name, {}))
            versions = offered(self._facts_of(name), [v for v in found if v is not None])
            self._supplies[name] = ReviewSupply(versions=self._needs(name, versions))
        return self._supplies[name]

    def _needs(
        self, name: LibraryName, versions: Iterable[Version]
    ) -> dict[Version, tuple[Dependency, ...]]:
        return {version: self.index.requirements(name, version) for version in versions}

    def _facts_of(self, name: LibraryName) -> LibraryFacts:
        if name not in self._facts:
            blob = self.repository.object(f"{self.trees[name]}:library.yaml")
            facts = read_facts(blob.content, name)[0] if blob is not None else None
            self._facts[name] = facts or LibraryFacts()
        return self._facts[name]
