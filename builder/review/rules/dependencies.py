"""Check that a candidate's needs are there, and that the change leaves nobody without."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from builder.content_rules.rule_problems import error, warning
from builder.diff import Bump
from builder.review.evidence.model import Candidate, ReviewedLibrary
from registry.formats.model import LibraryFacts
from registry.names import LibraryName
from registry.problems import Problem
from registry.resolution.errors import ResolutionError
from registry.resolution.provider import CandidatePool, Wanted
from registry.resolution.resolver import resolve
from registry.versions import Dependency, Version, parse_dependency, version_or_none

_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewSupply:
    """The offer of a library to its dependents: its versions, each with what it needs.

    ``versions`` are there, released or candidates, and not yanked.
    """

    versions: Mapping[Version, tuple[Dependency, ...]] = field(default_factory=dict)

    def chosen(self, dependency: Dependency) -> Version | None:
        """The version that answers a requirement: the greatest stable one, else the greatest."""
        allowed = [version for version in self.versions if dependency.allows(version)]
        stable = [version for version in allowed if version.is_stable]
        return max(stable or allowed, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewDependent:
    """A release, active now, that depends on a library that changed."""

    library: LibraryName
    version: Version
    dependency: Dependency


def offered(facts: LibraryFacts, versions: Collection[Version]) -> frozenset[Version]:
    """The versions that may be newly chosen."""
    return frozenset(version for version in versions if str(version) not in facts.yanked)


def dependency_problems(
    candidate: Candidate,
    supplies: Mapping[LibraryName, ReviewSupply],
    needs: tuple[Dependency, ...],
) -> Iterator[Problem]:
    """Requirements of a candidate that nothing answers, or that lead back to it.

    ``supplies`` has every library that can be reached from the candidate and exists.
    """
    file = f"{candidate.path}/manifest.json"
    for index, dependency in enumerate(needs):
        pointer = f"/dependencies/{index}"
        name, range_ = dependency.library, str(dependency.requirement.specifier) or "any version"
        supply = supplies.get(name)
        if name == candidate.library:
            message = "the library depends on itself"
            yield error("dependency-self", file, message, "take it out", pointer=pointer)
        elif supply is None:
            yield error(
                "dependency-unknown",
                file,
                f"there is no library {name!r} in this registry",
                "name a library that is there, or add it first",
                pointer=pointer,
            )
        elif supply.chosen(dependency) is None:
            there = ", ".join(map(str, sorted(supply.versions, reverse=True)[:_SHOWN]))
            yield error(
                "dependency-unmatched",
                file,
                f"no release of {name} that is not yanked is in the range {range_}",
                f"write a range with one of: {there or 'nothing yet'}",
                pointer=pointer,
            )
        else:
            circle = _circle(candidate.library, dependency, supplies)
            if circle:
                yield error(
                    "dependency-cycle",
                    file,
                    f"it depends on itself through {' → '.join(circle)}",
                    "make libraries that do not need each other",
                    pointer=pointer,
                )


def conflict_problems(candidate: Candidate, pool: CandidatePool) -> Iterator[Problem]:
    """Requirements that each have an answer, and all together have none."""
    itself = parse_dependency(f"{candidate.library}=={candidate.version}")
    try:
        resolve([Wanted(dependency=itself)], pool)
    except ResolutionError as conflict:
        yield error(
            "dependency-conflict",
            f"{candidate.path}/manifest.json",
            f"what it needs cannot be installed: {conflict.message}",
            "write ranges that one choice of versions answers",
            pointer="/dependencies",
        )


def _circle(
    start: LibraryName, first: Dependency, supplies: Mapping[LibraryName, ReviewSupply]
) -> tuple[LibraryName, ...]:
    """The way from the library's dependency back to it; empty when there is none."""
    pending: list[tuple[Dependency, tuple[LibraryName, ...]]] = [(first, ())]
    seen: set[LibraryName] = set()
    while pending:
        dependency, way = pending.pop()
        name = dependency.library
        if name == start:
            return (*way, name)
        supply = supplies.get(name)
        chosen = supply.chosen(dependency) if supply and name not in seen else None
        seen.add(name)
        if supply is not None and chosen is not None:
            pending.extend((need, (*way, name)) for need in supply.versions[chosen])
    return ()


def may_break(change: ReviewedLibrary, dependency: Dependency) -> bool:
    """True if the change takes away all that answered a requirement."""
    before = offered(change.before.facts, change.before.versions())
    after = offered(change.after.facts, change.after.versions())
    return any(map(dependency.allows, before)) and not any(map(dependency.allows, after))


def broken_problems(
    change: ReviewedLibrary, dependents: Iterable[ReviewDependent]
) -> Iterator[Problem]:
    """Releases in use whose requirement nothing answers any more. They have passed `may_break`.

    No more of ``dependents`` are looked at than are shown: each is read from Git.
    """
    for number, dependent in enumerate(dependents):
        if number == _SHOWN:
            yield error(
                "dependent-broken",
                f"{change.path}/library.yaml",
                "and the change leaves more libraries without a release",
                "do the same for them",
            )
            return
        yield error(
            "dependent-broken",
            f"{change.path}/library.yaml",
            f"{dependent.library} {dependent.version} needs {dependent.dependency.requirement},"
            " and the change leaves no release for it",
            "make a release in that range first, or a new release of the dependent library",
        )


def breaks_callers(candidate: Candidate) -> bool:
    """True if somebody who calls the release before it may have to change something."""
    return candidate.diff is not None and candidate.diff.bump is Bump.MAJOR


def open_problems(
    candidate: Candidate, dependents: Collection[ReviewDependent]
) -> Iterator[Problem]:
    """Libraries whose range takes a candidate that breaks callers, as it took what was before."""
    previous, version = candidate.previous, candidate.version
    if not breaks_callers(candidate) or previous is None:
        return
    reached = sorted(
        {
            dependent.library
            for dependent in dependents
            if dependent.dependency.allows(version) and dependent.dependency.allows(previous)
        }
    )
    if reached:
        more = f" and {len(reached) - _SHOWN:,} more" if len(reached) > _SHOWN else ""
        yield warning(
            "dependent-open",
            f"{candidate.path}/manifest.json",
            f"{version} breaks callers, and is in the range of {', '.join(reached[:_SHOWN])}{more}",
            f"tell them; their range should end below {version.major}.0.0"
            if version.major > previous.major
            else "tell them",
            pointer="/version",
        )


def is_active(facts: LibraryFacts, version: Version) -> bool:
    """True if an unversioned lookup answers with this version, as far as the ledger says."""
    parsed = (version_or_none(text) for text in facts.ledger if text not in facts.yanked)
    released = [found for found in parsed if found is not None]
    stable = [found for found in released if found.is_stable]
    return version == max(stable or released, default=None)
