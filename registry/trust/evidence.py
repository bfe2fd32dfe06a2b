"""The evidence gathered from Git before anything is decided: plain data, nothing judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.formats.model import LibraryFacts
from registry.git.commit_message import read_message
from registry.names import CommitId, Digest, LibraryName, ObjectId

Release = tuple[LibraryName, str]
"""A library's name and a version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A commit; ``seen`` is the latest time (seconds since 1970) that it or an ancestor states."""

    commit_id: CommitId
    tree: ObjectId
    parents: tuple[CommitId, ...]
    seen: int
    message: bytes

    @property
    def operation(self) -> str:
        """The operation that its trailers name, as the log shows it."""
        return read_message(b"\n\n" + self.message).operation


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitRoot:
    """The root of a commit's tree; None for an entry that is not there."""

    libraries: ObjectId | None
    instances: ObjectId | None
    registry: ObjectId | None
    signature: ObjectId | None
    """``registry.yaml.sig``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryTree:
    """A library's directory: its facts and the trees of its releases by version."""

    facts: ObjectId | None
    releases: Mapping[str, ObjectId]


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitChange:
    """A commit that changed a library; the trees are None where the library is not there.

    ``before`` has one for each parent, and a None for a commit without any.
    """

    commit: Commit
    name: LibraryName
    before: tuple[ObjectId | None, ...]
    after: ObjectId | None


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """All commits up to a head, parents first, and what they changed.

    ``facts`` are by the id of the blob; None where ``library.yaml`` cannot be read. With an
    ``edge`` it is only what came after another head, and only the libraries that changed.
    """

    head: CommitId
    commits: Mapping[CommitId, Commit]
    roots: Mapping[ObjectId, CommitRoot]
    changes: tuple[CommitChange, ...]
    trees: Mapping[ObjectId, LibraryTree]
    facts: Mapping[ObjectId, LibraryFacts | None]
    libraries: Mapping[LibraryName, ObjectId]
    """The trees of the libraries at the head."""
    edge: Mapping[CommitId, Mapping[LibraryName, ObjectId]] = field(default_factory=dict)
    """Commits of the other head's history that stand here without their parents, and what trees
    the libraries have there."""
    since: CommitId | None = None
    """The other head."""

    @property
    def root(self) -> CommitRoot:
        """The root at the head."""
        return self.roots[self.commits[self.head].tree]

    def ancestors(self, commit: CommitId) -> set[CommitId]:
        """A commit of this history and all that it descends from."""
        seen, pending = {commit}, [commit]
        while pending:
            for parent in self.commits[pending.pop()].parents:
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return seen

    def facts_at(self, tree: ObjectId | None) -> LibraryFacts | None:
        """The facts in a library's directory: empty without a file, None when unreadable."""
        if tree is None:
            return LibraryFacts()
        facts = self.trees[tree].facts
        return LibraryFacts() if facts is None else self.facts[facts]

    def releases_at(self, tree: ObjectId | None) -> Mapping[str, ObjectId]:
        """The trees of the versions in a library's directory."""
        return {} if tree is None else self.trees[tree].releases


@dataclass(frozen=True, kw_only=True, slots=True)
class TagEvidence:
    """A tag below a library's name. ``commit`` is None unless it annotates a commit."""

    ref: str
    object_id: ObjectId
    name: str = ""
    """The name that the tag object itself says."""
    commit: CommitId | None = None
    digest: Digest | None = None
    tree: ObjectId | None = None
    symbolic: str = ""
    """The ref that the tag is only another name of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Introduction:
    """A commit that entered a release into the ledger, and the release's tree there."""

    commit: Commit
    tree: ObjectId | None
    owners: tuple[str, ...]
    """The owners just before; for a new library, those from then on."""
