"""Gather what commits changed below ``instances/``: by comparing trees, no file is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry.git.repository import GitRepository
from registry.git.trees import TREE_MODE, tree_items
from registry.names import CommitId, ObjectId
from registry.trust.acts import Act, instance_act
from registry.trust.evidence import History
from registry.trust.hashed_objects import read_present
from registry.verifying.tree_differences import EMPTY_TREE, Pair, TreeDifference, differences


def instance_acts(repository: GitRepository, history: History) -> Iterator[Act]:
    """Each change of a file, against each parent that has it otherwise."""

    def tree(commit: CommitId | None) -> ObjectId:
        found = history.roots[history.commits[commit].tree].instances if commit else None
        return found or EMPTY_TREE

    pairs = [
        (commit, parent, (tree(parent), tree(commit.commit_id)))
        for commit in history.commits.values()
        if commit.commit_id not in history.edge
        for parent in commit.parents or (None,)
    ]
    found: dict[Pair, list[TreeDifference]] = {}
    wanted = [pair for _, _, pair in pairs]
    for pair, difference in differences(repository, wanted, recursive=True):
        found.setdefault(pair, []).append(difference)
    for commit, parent, pair in pairs:
        for one in found.get(pair, ()):
            yield instance_act(commit, parent, one.path, one.new)


def instance_acts_at_edge(
    repository: GitRepository, history: History, paths: Iterable[bytes]
) -> Iterator[Act]:
    """Yield acts for the state of these files at the edge, as if they had been done there."""
    listed = list(dict.fromkeys(paths))
    for at in history.edge if listed else ():
        commit = history.commits[at]
        root = history.roots[commit.tree].instances
        for path in listed:
            yield instance_act(commit, None, path, _blob(repository, root, path))


def _blob(repository: GitRepository, tree: ObjectId | None, path: bytes) -> ObjectId | None:
    *folders, file = path.split(b"/")
    for folder in folders:
        tree = _entry(repository, tree, folder, is_tree=True)
    return _entry(repository, tree, file, is_tree=False)


def _entry(
    repository: GitRepository, tree: ObjectId | None, wanted: bytes, *, is_tree: bool
) -> ObjectId | None:
    if tree is None:
        return None
    ((_, content),) = read_present(repository, [tree], "tree")
    return next(
        (
            ObjectId(raw.hex())
            for mode, name, raw in tree_items(content)
            if name == wanted and (mode == TREE_MODE) is is_tree
        ),
        None,
    )
