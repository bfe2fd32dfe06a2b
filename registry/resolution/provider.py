"""Requirements and releases as resolvelib asks about them, and which version is tried first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from resolvelib import AbstractProvider
from resolvelib.resolvers import RequirementInformation

from registry.names import LibraryName
from registry.versions import Dependency, Version


class CandidatePool(Protocol):
    """The releases that may be chosen. Answers must stay the same during a resolution."""

    def versions(self, name: LibraryName) -> Collection[Version]:
        """The versions of a library that may be chosen; none when there is no such library."""

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of one of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A requirement and who has it, such as ``file-tools 1.0.0``; a person when empty."""

    dependency: Dependency
    by: str = ""

    def __str__(self) -> str:
        """``tools 1.0 needs core>=2``."""
        requirement = self.dependency.requirement
        return f"{self.by} needs {requirement}" if self.by else f"{requirement} is asked for"


class Choice(NamedTuple):
    """A release that may be chosen."""

    name: LibraryName
    version: Version


def preferred(versions: Iterable[Version]) -> list[Version]:
    """The order in which versions are tried: stable ones first, the greatest of them first."""
    return sorted(versions, key=lambda version: (version.is_stable, version), reverse=True)


class ReleaseProvider(AbstractProvider[Wanted, Choice, LibraryName]):
    """Our requirements and releases, as resolvelib asks about them."""

    def __init__(self, pool: CandidatePool, kept: Mapping[LibraryName, Version]) -> None:
        self._pool = pool
        self._kept = kept
        self._ordered: dict[LibraryName, list[Version]] = {}
        self._needs: dict[tuple[LibraryName, int], list[Wanted]] = {}
        # By identity, which holds while the dependency is kept beside its answers.
        self._answers: dict[int, tuple[Dependency, dict[Version, bool]]] = {}

    def identify(self, requirement_or_candidate: Wanted | Choice) -> LibraryName:
        if isinstance(requirement_or_candidate, Wanted):
            return requirement_or_candidate.dependency.library
        return requirement_or_candidate.name

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[LibraryName],
        resolutions: Mapping[LibraryName, Choice],  # noqa: ARG002 - resolvelib's signature
        candidates: Mapping[LibraryName, Iterator[Choice]],  # noqa: ARG002 - the same
        information: Mapping[LibraryName, Iterator[Information]],  # noqa: ARG002 - the same
        backtrack_causes: Sequence[Information],
    ) -> Iterable[LibraryName]:
        """Put first what made the last choice impossible: only another choice of it helps."""
        names = list(identifiers)
        if not backtrack_causes:
            return names
        blamed = {self.identify(cause.requirement) for cause in backtrack_causes}
        blamed |= {cause.parent.name for cause in backtrack_causes if cause.parent is not None}
        return [name for name in names if name in blamed] or names

    def get_preference(
        self,
        identifier: LibraryName,
        resolutions: Mapping[LibraryName, Choice],  # noqa: ARG002 - resolvelib's signature
        candidates: Mapping[LibraryName, Iterator[Choice]],  # noqa: ARG002 - the same
        information: Mapping[LibraryName, Iterator[Information]],  # noqa: ARG002 - the same
        backtrack_causes: Sequence[Information],  # noqa: ARG002 - the same
    ) -> tuple[int, LibraryName]:
        """Few versions first; then by name, so that one question always has one answer."""
        return len(self._versions(identifier)), identifier

    def find_matches(
        self,
        identifier: LibraryName,
        requirements: Mapping[LibraryName, Iterator[Wanted]],
        incompatibilities: Mapping[LibraryName, Iterator[Choice]],
    ) -> Callable[[], Iterator[Choice]]:
        wanted = list(requirements[identifier])
        refused = {choice.version for choice in incompatibilities[identifier]}

        def matches() -> Iterator[Choice]:
            for version in self._versions(identifier):
                if version not in refused and all(self._allows(w, version) for w in wanted):
                    yield Choice(identifier, version)

        return matches

    def is_satisfied_by(self, requirement: Wanted, candidate: Choice) -> bool:
        return self._allows(requirement, candidate.version)

    def get_dependencies(self, candidate: Choice) -> list[Wanted]:
        name, version = candidate
        needs = self._pool.requirements(name, version)
        # A need of itself that holds says nothing.
        others = (one for one in needs if one.library != name or not one.allows(version))
        return [Wanted(dependency=dependency, by=f"{name} {version}") for dependency in others]

    def choice(self, name: LibraryName, place: int) -> Choice:
        """The version at a place in the order of a library's versions."""
        return Choice(name, self._versions(name)[place])

    def needs(self, name: LibraryName, place: int) -> list[Wanted]:
        """Return the requirements of that version; the same objects each time."""
        key = (name, place)
        if key not in self._needs:
            self._needs[key] = self.get_dependencies(self.choice(name, place))
        return self._needs[key]

    def first(self, name: LibraryName, wanted: Sequence[Wanted]) -> int | None:
        """The first place whose version all of these allow; None for none."""
        return next(self.places(name, wanted), None)

    def places(self, name: LibraryName, wanted: Sequence[Wanted]) -> Iterator[int]:
        """All places whose versions these allow."""
        for place, version in enumerate(self._versions(name)):
            if all(self._allows(one, version) for one in wanted):
                yield place

    def fits(self, name: LibraryName, place: int, wanted: Sequence[Wanted]) -> bool:
        """True if all of these allow the version at a place."""
        version = self._versions(name)[place]
        return all(self._allows(one, version) for one in wanted)

    def _allows(self, wanted: Wanted, version: Version) -> bool:
        """As the dependency says; it is asked of the same ones again in every round."""
        dependency = wanted.dependency
        _, answers = self._answers.setdefault(id(dependency), (dependency, {}))
        if version not in answers:
            answers[version] = dependency.allows(version)
        return answers[version]

    def _versions(self, name: LibraryName) -> list[Version]:
        if name not in self._ordered:
            ordered = preferred(self._pool.versions(name))
            kept = self._kept.get(name)
            if kept in ordered:
                ordered.remove(kept)
                ordered.insert(0, kept)
            self._ordered[name] = ordered
        return self._ordered[name]


Information = RequirementInformation[Wanted, Choice]
