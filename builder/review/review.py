"""Review a change: gather what differs, put every rule to it, and say what was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from builder.content_rules.rule_problems import warning
from builder.review.evidence.candidates import ReadCandidate, read_candidate
from builder.review.evidence.gathering import (
    Commits,
    LibraryReader,
    find_commits,
    library_trees,
    names_in_change,
    read_root,
    registry_change,
)
from builder.review.evidence.model import RegistryChange, ReviewAuthority, ReviewedLibrary
from builder.review.evidence.other_branches import released_elsewhere
from builder.review.evidence.rights import Rights
from builder.review.line_numbers import placed
from builder.review.rules import (
    dependencies,
    file_modes,
    governance,
    immutability,
    layout,
    ownership,
    permissions_and_licenses,
    versions,
)
from builder.review.rules.neighbours import Neighbours
from builder.review.rules.removals import removed_problems
from registry.formats.model import Policy
from registry.formats.parsing import parse_registry_facts
from registry.problems import Problem, ordered
from registry.signing.publishers import Publishers
from registry.signing.publishers_file import check_publishers
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.dependency_index import load_index
from registry.snapshots.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """The result of a review: what was looked at, by paths of the registry, and every problem."""

    commits: Commits
    checked: tuple[str, ...]
    problems: tuple[Problem, ...]


def review(
    registry: Registry,
    base: str,
    head: str | None = None,
    *,
    actor: str | None = None,
    progress: Callable[[str, int], None] = lambda *_: None,
) -> Review:
    """Review everything between two revisions (the head: HEAD when None).

    ``actor`` is the account that asks. ``progress`` is told the name of each changed library and
    how many there are. Raises GitError, NotARegistryError and LimitError.
    """
    reviewing = _Reviewing(registry, find_commits(registry, base, head), actor, progress)
    problems = tuple(dict.fromkeys(reviewing.problems()))
    return Review(
        commits=reviewing.commits,
        checked=tuple(reviewing.checked),
        problems=ordered(placed(registry.repository, reviewing.commits.head, problems)),
    )


class _Reviewing:
    """One review under way. ``checked`` fills as ``problems`` is gone through."""

    def __init__(
        self,
        registry: Registry,
        commits: Commits,
        actor: str | None,
        progress: Callable[[str, int], None],
    ) -> None:
        self._registry = registry
        self._repository = registry.repository
        self._actor = actor
        self._progress = progress
        self.commits = commits
        self.checked: list[str] = []
        where = registry.path
        self._fork = read_root(self._repository, commits.fork, where)
        same = commits.base == commits.fork
        self._base = self._fork if same else read_root(self._repository, commits.base, where)
        self._head = read_root(self._repository, commits.head, where)

    def problems(self) -> Iterator[Problem]:
        change = registry_change(self._repository, self._fork, self._base, self._head)
        self.checked.extend(file.path for file in change.files)
        authority, wrong = read_authority(change, self._actor)
        yield from wrong
        names = names_in_change(self._fork, self._head)
        if names or change.files:
            yield from ownership.not_checked(authority)
        yield from _registry_problems(change, authority)
        yield from self._libraries(names, authority)

    def _libraries(self, names: list[bytes], authority: ReviewAuthority) -> Iterator[Problem]:
        if not names:
            return
        trees = library_trees(self._head)
        there = [name for name in names if name in self._head.libraries]
        yield from layout.name_problems(there, trees)
        neighbours = Neighbours(
            repository=self._repository,
            trees=trees,
            index=load_index(self._repository, trees, cache_directory(self._registry)),
        )
        reader = LibraryReader(self._repository, self.commits)
        chosen = layout.names_of_libraries(names)
        for change in reader.changes(chosen, self._fork, self._base, self._head):
            self._progress(change.name, len(chosen))
            self.checked.append(f"{change.path}/library.yaml")
            yield from self._library(change, authority, neighbours)

    def _library(
        self, change: ReviewedLibrary, authority: ReviewAuthority, neighbours: Neighbours
    ) -> Iterator[Problem]:
        yield from change.after.problems
        yield from layout.entry_problems(change)
        yield from immutability.release_problems(change)
        elsewhere = released_elsewhere(self._registry, change, self.commits.head)
        yield from immutability.ledger_problems(change, elsewhere)
        yield from immutability.removal_problems(change)
        yield from removed_problems(change)
        yield from immutability.tag_problems(change, elsewhere)
        yield from immutability.yank_problems(change, authority.rights)
        yield from ownership.owner_problems(change, authority)
        yield from ownership.state_problems(change, neighbours.trees)
        if change.is_new:
            yield from ownership.id_problems(change, [*self._base.libraries, *self._head.libraries])
        yield from dependencies.broken_problems(change, neighbours.broken(change))
        candidates = change.candidates()
        there = change.after.versions()
        for version, tree in sorted(candidates.items()):
            read = read_candidate(
                self._repository, change, version, tree, self._registry.limits, authority.policy
            )
            self.checked.append(read.candidate.path)
            others = change.taken | {other for other in there if other < version}
            yield from versions.order_problems(read.candidate, others)
            yield from self._candidate(change, read, authority, neighbours)

    def _candidate(
        self,
        change: ReviewedLibrary,
        read: ReadCandidate,
        authority: ReviewAuthority,
        neighbours: Neighbours,
    ) -> Iterator[Problem]:
        candidate = read.candidate
        yield from read.problems
        yield from versions.demand_problems(candidate)
        yield from file_modes.entry_problems(candidate)
        yield from permissions_and_licenses.permission_problems(candidate, authority)
        yield from permissions_and_licenses.license_problems(candidate)
        needs = neighbours.index.requirements(change.name, candidate.version)
        supplies = neighbours.supplies(needs)
        missing = list(dependencies.dependency_problems(candidate, supplies, needs))
        yield from missing
        if needs and not missing:
            yield from dependencies.conflict_problems(candidate, neighbours)
        if dependencies.breaks_callers(candidate):
            dependents = list(neighbours.dependents(change))
            yield from dependencies.open_problems(candidate, dependents)


def _registry_problems(change: RegistryChange, authority: ReviewAuthority) -> Iterator[Problem]:
    yield from governance.place_problems(change, authority)
    yield from governance.entry_problems(change)
    yield from governance.registry_problems(change)
    yield from governance.instance_problems(change)
    yield from governance.advisory_problems(change)


def read_authority(
    change: RegistryChange, actor: str | None
) -> tuple[ReviewAuthority, tuple[Problem, ...]]:
    """Read the base's rules on who may do what; where it cannot be read, nobody may do much."""
    facts = parse_registry_facts(change.before).value if change.before is not None else None
    publishers = check_publishers(facts.publishers).value if facts is not None else None
    problems: tuple[Problem, ...] = ()
    if facts is None or publishers is None:
        problems = (
            warning(
                "policy-unreadable",
                "registry.yaml",
                "the base's registry.yaml cannot be read: no operators and no publishers are known",
                "repair it at the base first",
            ),
        )
    policy = facts.policy if facts is not None else Policy()
    known = publishers or Publishers()
    rights = Rights(actor=actor, policy=policy, publishers=known)
    return ReviewAuthority(policy=policy, publishers=known, rights=rights), problems
