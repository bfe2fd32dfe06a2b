"""The advisories of a registry at one commit, read from Git objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from registry.advisories.checking import FOLDER, check_advisory
from registry.advisories.model import LIBRARIES, Advisory
from registry.advisories.parsing import DEFAULT_ADVISORY_LIMITS, AdvisoryLimits
from registry.advisories.ranges import Extent, extent_of
from registry.errors import LimitError
from registry.git.commits import commit_tree
from registry.git.repository import GitRepository, Wave
from registry.git.trees import TreeEntry, read_tree
from registry.names import CommitId, LibraryName, ObjectId, StepName
from registry.problems import Problem
from registry.versions import version_or_none


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryClaim:
    """The claim of one advisory about one library: the versions, and the steps (none means all)."""

    advisory: Advisory
    extent: Extent
    steps: tuple[StepName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisories:
    """All known vulnerabilities, made ready by library."""

    advisories: tuple[Advisory, ...]
    """By id; withdrawn ones too."""
    problems: tuple[Problem, ...]
    """Problems of files of the folder: those with an error are not among the advisories."""
    claims: Mapping[LibraryName, tuple[AdvisoryClaim, ...]]
    keys: Mapping[LibraryName, str]

    @property
    def names(self) -> frozenset[LibraryName]:
        """The libraries that something is said about."""
        return frozenset(self.claims)

    def about(self, name: LibraryName) -> tuple[Advisory, ...]:
        """The advisories about a library, by id, without withdrawn ones."""
        return tuple(
            {claim.advisory.id: claim.advisory for claim in self.claims.get(name, ())}.values()
        )

    def key(self, name: LibraryName) -> str:
        """A text that changes exactly when what is said about this library may have changed."""
        return self.keys.get(name, "")


NO_ADVISORIES = Advisories(advisories=(), problems=(), claims={}, keys={})


def read_advisories(
    repository: GitRepository,
    commit: CommitId,
    limits: AdvisoryLimits = DEFAULT_ADVISORY_LIMITS,
) -> Advisories:
    """All advisories at a commit; a file that is wrong is a problem and the others go on.

    Raises LimitError for more files than ``limits`` allow.
    """
    files = _files(repository, commit)
    if not files:
        return NO_ADVISORIES
    if len(files) > limits.registry_files:
        raise LimitError(
            f"more than {limits.registry_files:,} advisories",
            where=FOLDER,
            next_step="Remove those of libraries that are gone",
        )
    wave = Wave(repository)
    for entry in files:
        if entry.is_file:
            wave.want(entry.object_id)
    found = wave.fetch()
    advisories: dict[str, tuple[Advisory, ObjectId]] = {}
    problems: list[Problem] = []
    for entry in files:
        file = f"{FOLDER}/{_shown(entry.name)}"
        blob = found.get(entry.object_id)
        if not entry.is_file or blob is None:
            problems.append(_no_file(file))
            continue
        parsed = check_advisory(blob.content, file=file, limits=limits)
        problems.extend(parsed.problems)
        if parsed.value is not None:
            advisories[parsed.value.id] = (parsed.value, entry.object_id)
    ordered = [advisories[key] for key in sorted(advisories)]
    return _sorted_out(ordered, tuple(problems))


def _files(repository: GitRepository, commit: CommitId) -> list[TreeEntry]:
    found = repository.object(commit)
    if found is None or found.type != "commit":
        return []
    roots = read_tree(repository, commit_tree(found.content))
    folder = next((entry for entry in roots if entry.name == FOLDER and entry.is_tree), None)
    return read_tree(repository, folder.object_id) if folder is not None else []


def _shown(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _no_file(file: str) -> Problem:
    return Problem(
        rule="advisory-file",
        file=file,
        message="it is a folder, a link or missing from the repository",
        expected=f"put in only files {FOLDER}/<id>.yaml",
    )


def _sorted_out(
    advisories: Sequence[tuple[Advisory, ObjectId]], problems: tuple[Problem, ...]
) -> Advisories:
    claims: dict[LibraryName, list[AdvisoryClaim]] = {}
    keys: dict[LibraryName, list[str]] = {}
    for advisory, object_id in advisories:
        for name, claim in _claims(advisory):
            claims.setdefault(name, []).append(claim)
            keys.setdefault(name, []).append(object_id)
    return Advisories(
        advisories=tuple(advisory for advisory, _ in advisories),
        problems=problems,
        claims={name: tuple(items) for name, items in claims.items()},
        keys={name: sha256("".join(ids).encode()).hexdigest()[:32] for name, ids in keys.items()},
    )


def _claims(advisory: Advisory) -> Iterator[tuple[LibraryName, AdvisoryClaim]]:
    if advisory.withdrawn is not None:
        return
    for entry in advisory.affected:
        if entry.package is not None and entry.is_about(LIBRARIES):
            yield (
                LibraryName(entry.package.name),
                AdvisoryClaim(
                    advisory=advisory,
                    extent=extent_of(entry, version_or_none),
                    steps=tuple(map(StepName, entry.steps)),
                ),
            )
