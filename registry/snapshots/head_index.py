"""A head after one look: names and ids, no library yet.

A look costs three small trees, one tree of names and the names of the tags; a look with an earlier
one at hand costs the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.errors import NotARegistryError
from registry.formats.model import RegistryFacts
from registry.formats.parsing import parse_registry_facts
from registry.git.ancestors import Ancestors
from registry.git.commits import commit_parents, commit_time, commit_tree
from registry.git.failures import missing_object
from registry.git.repository import GitRepository
from registry.git.tag_refs import TagRef, tag_refs
from registry.git.trees import TREE_MODE, TreeEntry, raw_entries, read_tree, tree_items
from registry.names import CommitId, LibraryName, ObjectId, is_library_name
from registry.problems import InvalidLibraryError

# New commits that are walked one by one before Git is asked for all of them.
_WALKED_COMMITS = 500
SHA1_LENGTH = 40
# Directories, symbolic links and submodules.
_LIBRARY_MODES = frozenset({TREE_MODE, b"120000", b"160000"})
# Changed libraries whose tags are asked for by name; above it all tags are listed.
_NAMED_TAGS = 200
# Changed entries up to which the list of libraries is changed, and not made again.
_FEW = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadIndex:
    """A head after one look: names and ids, no library yet."""

    commit: CommitId
    committed_at: str
    facts_id: ObjectId
    facts: RegistryFacts
    trees: Mapping[LibraryName, ObjectId]
    listing: frozenset[bytes]
    """The raw entries below ``libraries/``: what the next look is compared with."""
    instances: Mapping[str, ObjectId]
    tags: Mapping[str, Mapping[str, TagRef]]
    ancestors: Ancestors
    since: tuple[CommitId, frozenset[CommitId]] | None
    """The commit of the look before, and those that came after it; None where none did."""


def read_state(
    repository: GitRepository,
    at: CommitId,
    *,
    instance: str,
    where: Path,
    before: HeadIndex | None,
    all_tags: bool,
) -> HeadIndex:
    """Look at a commit; raises NotARegistryError, and InvalidLibraryError for ``registry.yaml``."""
    found = repository.object(at)
    if found is not None and len(found.object_id) != SHA1_LENGTH:
        raise NotARegistryError(
            "its objects are named by SHA-256",
            where=str(where),
            next_step="Use a repository whose objects are named by SHA-1, as 'git init' makes",
        )
    if found is None and at == _head_id(repository):
        raise missing_object(at, repository.git_dir)
    if found is None or found.type != "commit":
        raise NotARegistryError(f"{at[:40]!r} is not a commit here", where=str(where))
    roots = {entry.name: entry for entry in read_tree(repository, commit_tree(found.content))}
    facts_id, facts = _facts(repository, roots.get("registry.yaml"), before, where)
    listing, trees = _library_trees(repository, roots.get("libraries"), before)
    commit = CommitId(found.object_id)
    new = _new_commits(repository, commit, before) if before is not None else None
    return HeadIndex(
        commit=commit,
        committed_at=commit_time(found.content),
        facts_id=facts_id,
        facts=facts,
        trees=trees,
        listing=listing,
        instances=_instances(repository, roots.get("instances"), instance),
        tags=_tags(repository, trees, before, all_tags=all_tags),
        ancestors=_ancestors(repository, commit, before, new),
        since=(before.commit, new) if before is not None and new is not None else None,
    )


def _head_id(repository: GitRepository) -> str:
    """Return the name in HEAD, be it there or not."""
    return repository.run("rev-parse", "HEAD").decode().strip()


def no_registry(where: Path) -> NotARegistryError:
    """Return the error for a repository that is not a registry."""
    return NotARegistryError(
        "there is no registry.yaml at its newest commit: this is not a registry",
        where=str(where),
        next_step="Name a registry with --registry, or make one with 'opsteps init DIRECTORY'",
    )


def _facts(
    repository: GitRepository, entry: TreeEntry | None, before: HeadIndex | None, where: Path
) -> tuple[ObjectId, RegistryFacts]:
    if entry is None or not entry.is_file:
        raise no_registry(where)
    if before is not None and before.facts_id == entry.object_id:
        return before.facts_id, before.facts
    found = repository.object(entry.object_id)
    if found is None:
        raise missing_object(entry.object_id, repository.git_dir)
    parsed = parse_registry_facts(found.content)
    if parsed.value is None:
        raise InvalidLibraryError("registry.yaml", parsed.problems)
    return entry.object_id, parsed.value


def _instances(
    repository: GitRepository, entry: TreeEntry | None, instance: str
) -> dict[str, ObjectId]:
    if entry is None or not entry.is_tree:
        return {}
    for child in read_tree(repository, entry.object_id):
        if child.name == instance and child.is_tree:
            files = read_tree(repository, child.object_id)
            # Links too: what cannot be read must not count as "nothing is said here".
            return {
                f.name.removesuffix(".yaml"): f.object_id for f in files if f.name.endswith(".yaml")
            }
    return {}


def _library_trees(
    repository: GitRepository, entry: TreeEntry | None, before: HeadIndex | None
) -> tuple[frozenset[bytes], Mapping[LibraryName, ObjectId]]:
    """Directories below ``libraries/`` whose name is a library's, sorted by it.

    A link or submodule in a library's place is one that cannot be read; files are not ours.
    """
    if entry is None or not entry.is_tree:
        return frozenset(), {}
    found = repository.object(entry.object_id)
    if found is None:
        raise missing_object(entry.object_id, repository.git_dir)
    listing = frozenset(raw_entries(found.content))
    if before is None or len(listing ^ before.listing) > _FEW:
        # Git sorts a directory as if its name ended in a slash: foo-bar before foo.
        return listing, dict(sorted(_named_trees(found.content)))
    trees = dict(before.trees)
    new = dict(_named_trees(b"".join(listing - before.listing)))
    for name, _ in _named_trees(b"".join(before.listing - listing)):
        if name not in new:  # one that changed keeps its place
            trees.pop(name, None)
    trees.update(new)
    is_in_order = len(trees) == len(before.trees) and trees.keys() == before.trees.keys()
    return listing, trees if is_in_order else dict(sorted(trees.items()))


def _named_trees(content: bytes) -> Iterator[tuple[LibraryName, ObjectId]]:
    """Yield the entries of a raw tree that may be libraries."""
    for mode, raw, object_id in tree_items(content):
        name = raw.decode(errors="replace")
        if mode in _LIBRARY_MODES and is_library_name(name):
            yield LibraryName(name), ObjectId(object_id.hex())


def _tags(
    repository: GitRepository,
    trees: Mapping[LibraryName, ObjectId],
    before: HeadIndex | None,
    *,
    all_tags: bool,
) -> Mapping[str, Mapping[str, TagRef]]:
    """Library name → version text → tag."""
    if before is None or all_tags:
        return _by_library(tag_refs(repository))
    changed = [name for name, tree in trees.items() if before.trees.get(name) != tree]
    if not changed:
        return before.tags
    if len(changed) > _NAMED_TAGS:
        return _by_library(tag_refs(repository))
    return {**before.tags, **_by_library(tag_refs(repository, changed), changed)}


def _by_library(
    refs: Mapping[str, TagRef], names: Iterable[LibraryName] = ()
) -> dict[str, dict[str, TagRef]]:
    grouped: dict[str, dict[str, TagRef]] = {name: {} for name in names}
    for ref, tag in refs.items():
        library, slash, version = ref.partition("/v")
        if slash:
            grouped.setdefault(library, {})[version] = tag
    return grouped


def _ancestors(
    repository: GitRepository,
    commit: CommitId,
    before: HeadIndex | None,
    new: frozenset[CommitId] | None,
) -> Ancestors:
    if before is not None and new is not None:
        return before.ancestors.followed_by(new) if new else before.ancestors
    return Ancestors(repository.lines("rev-list", commit))


def _new_commits(
    repository: GitRepository, commit: CommitId, before: HeadIndex
) -> frozenset[CommitId] | None:
    """The commits since ``before``; None when this one does not descend from it, or from far."""
    new: set[CommitId] = set()
    pending = [commit]
    reached = False
    while pending:
        current = pending.pop()
        if current in before.ancestors:
            reached = reached or current == before.commit
            continue
        found = repository.object(current)
        if current in new or found is None or len(new) > _WALKED_COMMITS:
            return None
        new.add(current)
        pending.extend(commit_parents(found.content))
    return frozenset(new) if reached else None
