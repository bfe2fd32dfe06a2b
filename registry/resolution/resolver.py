"""Choose one version of each library so that all requirements hold, or say who contradicts whom.

The search is resolvelib's, which pip uses, too: backtracking with backjumps, over requirements as
they turn up (https://resolvelib.readthedocs.io). Before it a straight run is tried, which answers
where nothing contradicts; after it a plain search in depth, which is complete. Here is what a
library, a release and a requirement are to it, which version is tried first, and the words for a
contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import attrgetter
from typing import NamedTuple, Protocol

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible
from resolvelib.resolvers import RequirementInformation, Resolution, ResolutionTooDeep

from registry.errors import RegistryError
from registry.names import LibraryName
from registry.versions import Dependency, Version

_MOST_ROUNDS = 5_000
_MOST_CHOICES = 100_000
_MOST_SEARCHED = 300
_MOST_STEPS = 20_000
_SHOWN = 6


class ResolutionError(RegistryError):
    """Requirements that cannot all hold; the message names who asks for what."""

    exit_code = 5


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
    provider = _Provider(pool, kept or {})
    straight = _straight(wanted, pool, provider)
    if straight is not None:
        return straight
    resolution = Resolution(provider, BaseReporter[Wanted, Choice, LibraryName]())
    try:
        # Not `Resolver`: its last act follows libraries that need each other for ever.
        found = resolution.resolve(wanted, max_rounds=_MOST_ROUNDS)
    except ResolutionImpossible as error:
        # Where libraries need each other in a circle it overlooks some choices.
        patient = _search(wanted, provider)
        if patient is not None:
            return _reached(wanted, patient, pool)
        raise _contradiction(error.causes, pool) from error
    except ResolutionTooDeep as error:
        raise ResolutionError(
            f"no choice of versions was found in {_MOST_ROUNDS:,} attempts",
            next_step="Narrow the ranges of what is asked for, or name versions",
        ) from error
    return _reached(wanted, found.mapping, pool)


def _search(wanted: Sequence[Wanted], provider: _Provider) -> dict[LibraryName, Choice] | None:
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


def _straight(
    wanted: Sequence[Wanted], pool: CandidatePool, provider: _Provider
) -> dict[LibraryName, Version] | None:
    """The answer where none must be searched for; None where it must, or where there is none.

    resolvelib's rounds cost the square of the number of libraries. Here each library takes the
    first version that all that is asked of it allows, and again when that changes; those nearest
    to what is wanted come first, so that most are asked once.
    """
    work = _Work(provider)
    work.ask(None, wanted, depth=0)
    for _ in range(_MOST_CHOICES):
        name = work.next()
        if name is None:
            break
        if not work.choose(name):
            return None
    else:
        return None
    found = {name: provider.choice(name, place) for name, place in work.chosen.items()}
    reached = _reached(wanted, found, pool)
    # What is not needed any more, and only keeps itself, may have asked for something.
    is_first = (work.place(name, reached) == work.chosen[name] for name in reached)
    return reached if all(is_first) else None


class _Work:
    """The choices so far, what was asked by whom, and the libraries to look at (again)."""

    def __init__(self, provider: _Provider) -> None:
        self.chosen: dict[LibraryName, int] = {}
        self._provider = provider
        self._asked: dict[LibraryName, dict[LibraryName | None, list[Wanted]]] = {}
        self._depth: dict[LibraryName, int] = {}
        self._heap: list[tuple[int, LibraryName]] = []
        self._pending: set[LibraryName] = set()

    def ask(self, by: LibraryName | None, requirements: Iterable[Wanted], *, depth: int) -> None:
        """Note what somebody asks for."""
        for one in requirements:
            name = one.dependency.library
            self._asked.setdefault(name, {}).setdefault(by, []).append(one)
            self._depth[name] = max(self._depth.get(name, 0), depth + 1)
            self._look_at(name)

    def _look_at(self, name: LibraryName) -> None:
        self._pending.add(name)
        heappush(self._heap, (self._depth[name], name))

    def next(self) -> LibraryName | None:
        """The library to choose now; None when all are chosen."""
        while self._heap:
            depth, name = heappop(self._heap)
            # An entry of a lesser depth was overtaken by a later one.
            if name in self._pending and depth == self._depth[name]:
                self._pending.discard(name)
                return name
        return None

    def choose(self, name: LibraryName) -> bool:
        """Choose a version; False when there is none."""
        if not self._asked[name]:
            self._take_back(name)
            return True
        place = self.place(name)
        if place is None:
            return False
        if place != self.chosen.get(name):
            self._take_back(name)
            self.chosen[name] = place
            self.ask(name, self._provider.needs(name, place), depth=self._depth[name])
        return True

    def place(self, name: LibraryName, among: Collection[LibraryName] | None = None) -> int | None:
        """The first version that fits what is asked, by all or by those among these."""
        requirements = [
            one
            for by, found in self._asked[name].items()
            if by is None or among is None or by in among
            for one in found
        ]
        return self._provider.first(name, requirements)

    def _take_back(self, name: LibraryName) -> None:
        """Take back the requirements of the version that was chosen before."""
        before = self.chosen.pop(name, None)
        if before is None:
            return
        for need in self._provider.needs(name, before):
            other = need.dependency.library
            if self._asked[other].pop(name, None) is not None:
                self._look_at(other)


def _reached(
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


class _Provider(AbstractProvider[Wanted, Choice, LibraryName]):
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
        information: Mapping[LibraryName, Iterator[_Information]],  # noqa: ARG002 - the same
        backtrack_causes: Sequence[_Information],
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
        information: Mapping[LibraryName, Iterator[_Information]],  # noqa: ARG002 - the same
        backtrack_causes: Sequence[_Information],  # noqa: ARG002 - the same
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


_Information = RequirementInformation[Wanted, Choice]


def _contradiction(causes: Collection[_Information], pool: CandidatePool) -> ResolutionError:
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
