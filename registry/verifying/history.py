"""Gather the history: which commit changed which library, from trees only, in a few processes.

Commits and roots are read here; the big trees of names, one a commit, are compared by one
``git diff-tree``; the small trees of the libraries that differ are read here again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from registry.formats.model import SIGNATURE_FILE, LibraryFacts
from registry.formats.parsing import parse_library_facts
from registry.git.repository import GitRepository
from registry.git.trees import TREE_MODE, tree_items
from registry.names import CommitId, LibraryName, ObjectId, is_library_name
from registry.trust.commit_walk import read_commits, read_commits_since
from registry.trust.evidence import Commit, CommitChange, CommitRoot, History, LibraryTree
from registry.trust.hashed_objects import read_present
from registry.verifying.ledger_reader import FactsReader
from registry.verifying.tree_differences import EMPTY_TREE, Pair, differences
from registry.versions import is_version

_FILE_MODES = frozenset({b"100644", b"100755"})
_DIRECTORY = b"040000"

# Name of a library → its tree before and after.
Difference = Mapping[LibraryName, tuple[ObjectId | None, ObjectId | None]]


def read_history(repository: GitRepository, head: CommitId) -> History:
    """Everything up to a head; raises IncompleteHistoryError and DamagedObjectError."""
    commits = read_commits(repository, head)
    contents = read_present(repository, (c.tree for c in commits.values()), "tree")
    roots = {tree: read_root(content) for tree, content in contents}
    changes = tuple(_changes(repository, commits, roots))
    libraries = _at_head(repository, roots[commits[head].tree])
    trees = _library_trees(repository, changes, libraries.values())
    return History(
        head=head,
        commits=commits,
        roots=roots,
        changes=changes,
        trees=trees,
        facts=_facts(repository, trees, libraries.values()),
        libraries=libraries,
    )


def read_history_since(
    repository: GitRepository,
    head: CommitId,
    since: CommitId,
    *,
    also: Iterable[LibraryName] = (),
) -> History:
    """Read the history between two heads: of libraries only those that changed, and ``also`` these.

    Costs that, and a tree of names for each commit. Raises as `read_history`.
    """
    commits, edge = read_commits_since(repository, head, since)
    contents = read_present(repository, (c.tree for c in commits.values()), "tree")
    roots = {tree: read_root(content) for tree, content in contents}
    changes = tuple(_changes(repository, commits, roots, edge))
    names = {change.name for change in changes}.union(also)
    at = {
        commit: _at_head(repository, roots[commits[commit].tree], only=names)
        for commit in {head, *edge}
    }
    heads = [tree for libraries in at.values() for tree in libraries.values()]
    trees = _library_trees(repository, changes, heads)
    return History(
        head=head,
        commits=commits,
        roots=roots,
        changes=changes,
        trees=trees,
        facts=_facts(repository, trees, heads),
        libraries=at[head],
        edge={commit: at[commit] for commit in edge},
        since=since,
    )


def read_root(content: bytes) -> CommitRoot:
    """Return the contents of the root of a tree."""
    entries = {name: (mode, ObjectId(raw.hex())) for mode, name, raw in tree_items(content)}

    def blob(name: bytes) -> ObjectId | None:
        mode, object_id = entries.get(name, (b"", None))
        return object_id if mode in _FILE_MODES else None

    def tree(name: bytes) -> ObjectId | None:
        mode, object_id = entries.get(name, (b"", None))
        return object_id if mode == TREE_MODE else None

    return CommitRoot(
        libraries=tree(b"libraries"),
        instances=tree(b"instances"),
        registry=blob(b"registry.yaml"),
        signature=blob(SIGNATURE_FILE.encode()),
    )


def _changes(
    repository: GitRepository,
    commits: Mapping[CommitId, Commit],
    roots: Mapping[ObjectId, CommitRoot],
    edge: Collection[CommitId] = (),
) -> Iterator[CommitChange]:
    def libraries(commit: CommitId | None) -> ObjectId:
        found = roots[commits[commit].tree].libraries if commit is not None else None
        return found or EMPTY_TREE

    pairs = {
        commit.commit_id: [
            (libraries(parent), libraries(commit.commit_id)) for parent in commit.parents or (None,)
        ]
        for commit in commits.values()
        if commit.commit_id not in edge
    }
    found_in = _differences(repository, [pair for listed in pairs.values() for pair in listed])
    for commit_id, listed in pairs.items():
        commit = commits[commit_id]
        found = [found_in.get(pair, {}) for pair in listed]
        for name in dict.fromkeys(name for difference in found for name in difference):
            after = next(difference[name][1] for difference in found if name in difference)
            before = tuple(d[name][0] if name in d else after for d in found)
            yield CommitChange(commit=commit, name=name, before=before, after=after)


def _differences(repository: GitRepository, pairs: Iterable[Pair]) -> Mapping[Pair, Difference]:
    """Return the differences between two trees of names, for each pair."""
    found: dict[Pair, dict[LibraryName, tuple[ObjectId | None, ObjectId | None]]] = {}
    for pair, one in differences(repository, pairs):
        name = LibraryName(one.path.decode(errors="surrogateescape"))
        if is_library_name(name):
            before = one.old if one.old_mode == _DIRECTORY else None
            after = one.new if one.new_mode == _DIRECTORY else None
            # A directory that became a file is a removal and an addition.
            known = found.setdefault(pair, {}).get(name, (None, None))
            found[pair][name] = (before or known[0], after or known[1])
    return found


def _library_trees(
    repository: GitRepository, changes: Iterable[CommitChange], heads: Iterable[ObjectId]
) -> dict[ObjectId, LibraryTree]:
    wanted = [tree for change in changes for tree in (change.after, *change.before) if tree]
    return {
        object_id: _library_tree(content)
        for object_id, content in read_present(repository, [*wanted, *heads], "tree")
    }


def _library_tree(content: bytes) -> LibraryTree:
    facts: ObjectId | None = None
    releases: dict[str, ObjectId] = {}
    for mode, raw, object_id in tree_items(content):
        if raw == b"library.yaml" and mode in _FILE_MODES:
            facts = ObjectId(object_id.hex())
        elif mode == TREE_MODE and is_version(raw.decode(errors="replace")):
            releases[raw.decode()] = ObjectId(object_id.hex())
    return LibraryTree(facts=facts, releases=releases)


def _at_head(
    repository: GitRepository, root: CommitRoot, *, only: Collection[LibraryName] | None = None
) -> dict[LibraryName, ObjectId]:
    if root.libraries is None:
        return {}
    (_, content), *_ = read_present(repository, [root.libraries], "tree")
    items: Iterable[tuple[bytes, bytes, bytes]] = tree_items(content)
    if only is not None:
        wanted = {name.encode(errors="surrogateescape") for name in only}
        items = (item for item in items if item[1] in wanted)
    names = ((mode, raw.decode(errors="replace"), i) for mode, raw, i in items)
    return {
        LibraryName(name): ObjectId(object_id.hex())
        for mode, name, object_id in sorted(names, key=lambda item: item[1])
        if mode == TREE_MODE and is_library_name(name)
    }


def _facts(
    repository: GitRepository, trees: Mapping[ObjectId, LibraryTree], heads: Iterable[ObjectId]
) -> dict[ObjectId, LibraryFacts | None]:
    """All states of all facts; those at the head by the reader that servers use."""
    current = {trees[tree].facts for tree in heads}
    wanted = (tree.facts for tree in trees.values() if tree.facts is not None)
    reader = FactsReader()
    return {
        object_id: parse_library_facts(raw).value if object_id in current else reader.read(raw)
        for object_id, raw in read_present(repository, wanted, "blob")
    }
