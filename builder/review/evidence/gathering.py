"""Gather what a review needs from Git: which libraries differ, and each at three commits.

Directories and facts are not read by `registry.snapshots.library_at_head`: a review shows every
problem of a file, each entry's mode, and trees that three commits share are read once. Tags are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from builder.review.evidence.model import RegistryChange, ReviewedLibrary, Side
from builder.review.evidence.treediff import ChangedFile, changed_files
from registry.errors import GitError, NotARegistryError
from registry.formats.model import SIGNATURE_FILE, LibraryFacts
from registry.formats.parsing import parse_library_facts, parse_yaml
from registry.formats.schema import Format
from registry.git.commits import commit_tree
from registry.git.repository import GitRepository, Wave
from registry.git.trees import TREE_MODE, TreeEntry, parse_tree, read_tree, tree_items
from registry.library.release_state import TagFacts
from registry.names import CommitId, LibraryName, ObjectId, is_library_name
from registry.problems import Problem
from registry.snapshots.registry import Registry
from registry.snapshots.tag_reader import read_tags
from registry.versions import Version

_INSTANCE_FILE = re.compile(r"instances/[^/]+/[^/]+\.yaml\Z")
_ADVISORY_FILE = re.compile(r"advisories/[^/]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Commits:
    """The base as it is, the head, and where the head branched off from the base."""

    base: CommitId
    head: CommitId
    fork: CommitId


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryRoot:
    """One commit's top: what is in it, and the raw names and ids below ``libraries/``."""

    tree: ObjectId
    entries: Mapping[str, TreeEntry]
    libraries: Mapping[bytes, tuple[bytes, ObjectId]]


def find_commits(registry: Registry, base: str, head: str | None) -> Commits:
    """Find the commits of two revisions; raises GitError without one place where they branched off.

    Branches that merged each other have several places where they branched off. A merge weighs
    all of them: a change that one of them does not show could undo what the base did since.
    """
    from registry.git.gitpython import merge_bases

    repository = registry.repository
    tip = repository.resolve_commit(base)
    end = repository.resolve_commit(head) if head is not None else registry.head()
    if tip == end:
        return Commits(base=tip, head=end, fork=tip)
    forks: list[CommitId] = []
    with suppress(GitError):
        forks = merge_bases(repository, tip, end)
    if not forks:
        raise GitError(
            "the base and the head share no history here",
            where=str(registry.path),
            next_step="Fetch the whole history; in a workflow, check out with 'fetch-depth: 0'",
        )
    if len(forks) > 1:
        raise GitError(
            f"the head and the base branched off at {len(forks)} places, having merged each other",
            where=str(registry.path),
            next_step="Merge the base as it is now into the head",
        )
    return Commits(base=tip, head=end, fork=forks[0])


def read_root(repository: GitRepository, commit: CommitId, where: Path) -> RegistryRoot:
    """The top of a commit; raises NotARegistryError for anything else."""
    found = repository.object(commit)
    if found is None or found.type != "commit":
        raise NotARegistryError(f"{commit[:40]!r} is not a commit here", where=str(where))
    tree = commit_tree(found.content)
    entries = {entry.name: entry for entry in read_tree(repository, tree)}
    libraries = entries.get("libraries")
    listing = repository.object(libraries.object_id) if libraries and libraries.is_tree else None
    items = tree_items(listing.content) if listing is not None else []
    return RegistryRoot(
        tree=tree,
        entries=entries,
        libraries={name: (mode, ObjectId(raw.hex())) for mode, name, raw in items},
    )


def library_trees(root: RegistryRoot) -> dict[LibraryName, ObjectId]:
    """The directories below ``libraries/`` that can be one."""
    named = ((raw.decode(errors="replace"), item) for raw, item in root.libraries.items())
    return {
        LibraryName(name): object_id
        for name, (mode, object_id) in named
        if mode == TREE_MODE and is_library_name(name)
    }


def names_in_change(before: RegistryRoot, after: RegistryRoot) -> list[bytes]:
    """The names below ``libraries/`` that are not what they were, sorted."""
    return sorted({name for name, _ in before.libraries.items() ^ after.libraries.items()})


def registry_change(
    repository: GitRepository, fork: RegistryRoot, base: RegistryRoot, head: RegistryRoot
) -> RegistryChange:
    """Return the changes outside ``libraries/``; raises LimitError."""
    files = changed_files(repository, fork.tree, head.tree, skipped={"libraries"})
    return RegistryChange(
        files=tuple(files),
        before=root_file(repository, base, "registry.yaml"),
        after=root_file(repository, head, "registry.yaml"),
        signed=SIGNATURE_FILE in base.entries,
        instances=_contents(repository, files, _INSTANCE_FILE),
        advisories=_contents(repository, files, _ADVISORY_FILE),
        libraries=frozenset(library_trees(head)),
    )


def _contents(
    repository: GitRepository, files: Sequence[ChangedFile], kind: re.Pattern[str]
) -> dict[str, bytes]:
    """The contents of the changed files whose paths match."""
    wave = Wave(repository)
    wanted = {
        file.path: file.after.object_id
        for file in files
        if file.after is not None and file.after.is_file and kind.match(file.path)
    }
    for object_id in wanted.values():
        wave.want(object_id)
    found = wave.fetch()
    return {path: found[blob].content for path, blob in wanted.items() if blob in found}


def root_file(repository: GitRepository, root: RegistryRoot, name: str) -> bytes | None:
    """The bytes of a file at the top; None when it is not a file, or missing."""
    entry = root.entries.get(name)
    found = repository.object(entry.object_id) if entry is not None and entry.is_file else None
    return found.content if found is not None else None


class LibraryReader:
    """Reads changed libraries; `Wave`s keep thousands of them cheap."""

    def __init__(self, repository: GitRepository, commits: Commits) -> None:
        self._repository = repository
        self._commits = commits

    def changes(
        self,
        names: Sequence[LibraryName],
        fork: RegistryRoot,
        base: RegistryRoot,
        head: RegistryRoot,
    ) -> Iterator[ReviewedLibrary]:
        """Each library at the three commits, with its tags."""
        roots = (fork, base, head) if fork is not base else (fork, head)
        listings = self._listings(names, roots)
        blobs = self._facts(listings.values())
        tags = self._tags(names)
        for name in names:
            sides = [self._side(name, root, listings, blobs) for root in roots]
            before, now, after = sides if len(sides) == len(("fork", "base", "head")) else (
                sides[0], sides[0], sides[1],
            )  # fmt: skip
            change = ReviewedLibrary(
                name=name,
                before=before,
                now=now,
                after=after,
                tags=tags.get(name, {}) if tags is not None else None,
            )
            yield self._with_edits(change)

    def _listings(
        self, names: Sequence[LibraryName], roots: Sequence[RegistryRoot]
    ) -> dict[ObjectId, dict[str, TreeEntry]]:
        wave = Wave(self._repository)
        for root in roots:
            for name in names:
                mode, object_id = root.libraries.get(name.encode(), (b"", ObjectId("")))
                if mode == TREE_MODE:
                    wave.want(object_id)
        return {
            object_id: {entry.name: entry for entry in parse_tree(found.content)}
            for object_id, found in wave.fetch().items()
        }

    def _facts(self, listings: Collection[Mapping[str, TreeEntry]]) -> dict[ObjectId, bytes]:
        wave = Wave(self._repository)
        for entries in listings:
            if "library.yaml" in entries and entries["library.yaml"].is_file:
                wave.want(entries["library.yaml"].object_id)
        return {object_id: found.content for object_id, found in wave.fetch().items()}

    def _side(
        self,
        name: LibraryName,
        root: RegistryRoot,
        listings: Mapping[ObjectId, dict[str, TreeEntry]],
        blobs: Mapping[ObjectId, bytes],
    ) -> Side:
        _, object_id = root.libraries.get(name.encode(), (b"", ObjectId("")))
        entries = listings.get(object_id, {})
        entry = entries.get("library.yaml")
        if entry is None:
            return Side(entries=entries)
        facts, problems = read_facts(blobs.get(entry.object_id, b""), name)
        return Side(
            entries=entries,
            facts=facts or LibraryFacts(),
            readable=facts is not None and entry.is_file,
            problems=problems,
        )

    def _tags(
        self, names: Sequence[LibraryName]
    ) -> dict[LibraryName, dict[Version, TagFacts]] | None:
        """Release tags by library; None when the clone has no tags at all."""
        if not names:
            return {}
        tags = read_tags(self._repository, names, self._commits.base, self._commits.head)
        if not tags and not self._repository.run("for-each-ref", "--count=1", "refs/tags/"):
            return None
        return tags

    def _with_edits(self, change: ReviewedLibrary) -> ReviewedLibrary:
        """With the names of the files that differ in released versions, if any."""
        before, after = change.before.versions(), change.after.versions()
        edited = {
            version: tuple(
                file.path for file in changed_files(self._repository, before[version], tree)
            )
            for version, tree in after.items()
            if version in change.taken and before.get(version, tree) != tree
        }
        if not edited:
            return change
        return ReviewedLibrary(
            name=change.name,
            before=change.before,
            now=change.now,
            after=change.after,
            tags=change.tags,
            edited=edited,
        )


def read_facts(raw: bytes, name: LibraryName) -> tuple[LibraryFacts | None, tuple[Problem, ...]]:
    """``library.yaml``: its facts, None when it has errors, and all that is wrong."""
    file = f"libraries/{name}/library.yaml"
    problems = parse_yaml(Format.LIBRARY, raw, file=file, strict=True).problems
    # An unknown field is an error in a pull request only: the rest is read.
    return parse_library_facts(raw).value, problems
