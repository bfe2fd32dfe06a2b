"""The evidence for the rules: libraries at the base and at the head, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.diff import InterfaceDiff
from builder.review.evidence.rights import Rights
from builder.review.evidence.treediff import ChangedFile
from registry.formats.model import LedgerEntry, LibraryFacts, Policy, ReleaseContent
from registry.git.trees import TreeEntry
from registry.library.release_state import TagFacts
from registry.names import LibraryName, ObjectId
from registry.problems import Problem
from registry.signing.publishers import Publishers
from registry.versions import Version, version_or_none


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One library at one commit. ``readable`` is False when ``library.yaml`` has errors."""

    entries: Mapping[str, TreeEntry] = field(default_factory=dict)
    facts: LibraryFacts = field(default_factory=LibraryFacts)
    readable: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def exists(self) -> bool:
        return bool(self.entries)

    @property
    def has_facts(self) -> bool:
        return "library.yaml" in self.entries

    def versions(self) -> dict[Version, ObjectId]:
        """The directories named by a version, and their trees."""
        found = {}
        for name, entry in self.entries.items():
            version = version_or_none(name)
            if version is not None and entry.is_tree:
                found[version] = entry.object_id
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewedLibrary:
    """A library that the head changed.

    ``before`` is where the head branched off, ``now`` the base as it is: the same unless the base
    has moved on. ``tags`` are its release tags, None when this clone has none of any library.
    ``edited`` names the files that differ of each version that was there before.
    """

    name: LibraryName
    before: Side
    now: Side
    after: Side
    tags: Mapping[Version, TagFacts] | None
    edited: Mapping[Version, tuple[str, ...]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"libraries/{self.name}"

    @property
    def is_new(self) -> bool:
        return not (self.before.exists or self.now.exists)

    @property
    def ledger(self) -> dict[Version, LedgerEntry]:
        """Every release that is on record where it counts: before the change."""
        texts = {**self.before.facts.ledger, **self.now.facts.ledger}
        parsed = ((version_or_none(text), entry) for text, entry in texts.items())
        return {version: entry for version, entry in parsed if version is not None}

    @property
    def taken(self) -> frozenset[Version]:
        """Versions that were released: in the ledger, or tagged."""
        return frozenset({*self.ledger, *(self.tags or {})})

    def candidates(self) -> dict[Version, ObjectId]:
        """The versions that the change adds, or edits before they are released."""
        before, now, taken = self.before.versions(), self.now.versions(), self.taken
        return {
            version: tree
            for version, tree in self.after.versions().items()
            if version not in taken and tree not in {before.get(version), now.get(version)}
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One version that the change brings.

    ``entries`` is all that is in its directory, ``contents`` what could be read of it.
    ``previous`` is the release that it is compared with; ``diff`` is None without one.
    """

    library: LibraryName
    version: Version
    entries: Mapping[str, TreeEntry]
    contents: Mapping[str, bytes]
    content: ReleaseContent | None = None
    previous: Version | None = None
    previous_content: ReleaseContent | None = None
    diff: InterfaceDiff | None = None

    @property
    def path(self) -> str:
        return f"libraries/{self.library}/{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewAuthority:
    """The authority at the base: its policy, its publishers, and what the actor may do."""

    policy: Policy
    publishers: Publishers
    rights: Rights


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryChange:
    """The changes outside ``libraries/``; contents are those of ``registry.yaml``, if any."""

    files: tuple[ChangedFile, ...]
    before: bytes | None
    after: bytes | None
    signed: bool
    """True if there is a ``registry.yaml.sig`` at the base."""
    instances: Mapping[str, bytes] = field(default_factory=dict)
    """The changed files of instances, as they are at the head."""
    advisories: Mapping[str, bytes] = field(default_factory=dict)
    """The changed files of ``advisories/``, as they are at the head."""
    libraries: frozenset[LibraryName] = frozenset()
    """The names of all libraries at the head, which advisories are about."""
