"""Compare two Git trees, level by level: O(what changed), and never without end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from registry.errors import LimitError
from registry.git.repository import GitRepository, Wave
from registry.git.trees import TreeEntry, parse_tree
from registry.names import ObjectId

CHANGED_FILES = 500_000
"""Changed files that a review looks at."""
_LEVELS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedFile:
    """One path that is not a directory; None on the side where it is missing."""

    path: str
    before: TreeEntry | None
    after: TreeEntry | None


def changed_files(
    repository: GitRepository,
    before: ObjectId | None,
    after: ObjectId | None,
    *,
    skipped: Collection[str] = (),
    limit: int = CHANGED_FILES,
) -> list[ChangedFile]:
    """The files that differ, sorted by path; raises LimitError.

    ``skipped`` are names at the top that are not looked at. Trees that name each other over and
    over make millions of paths out of a few bytes: hence the limit.
    """
    found: list[ChangedFile] = []
    level: list[tuple[str, ObjectId | None, ObjectId | None]] = [("", before, after)]
    for depth in range(_LEVELS):
        trees = _trees(repository, level)
        deeper: list[tuple[str, ObjectId | None, ObjectId | None]] = []
        for prefix, old, new in level:
            for name, one, other in _differing(trees, old, new):
                if depth or name not in skipped:
                    _sort_out(prefix + name, one, other, found, deeper)
            if len(found) + len(deeper) > limit:
                raise _too_much(f"more than {limit:,} files differ")
        if not deeper:
            return sorted(found, key=lambda changed: changed.path)
        level = deeper
    raise _too_much(f"directories are deeper than {_LEVELS} levels")


def _too_much(message: str) -> LimitError:
    return LimitError(message, next_step="Split the change into smaller ones")


def _trees(
    repository: GitRepository, level: list[tuple[str, ObjectId | None, ObjectId | None]]
) -> Mapping[ObjectId, dict[str, TreeEntry]]:
    wave = Wave(repository)
    for _, old, new in level:
        for tree in (old, new):
            if tree is not None:
                wave.want(tree)
    return {
        object_id: {entry.name: entry for entry in parse_tree(found.content)}
        for object_id, found in wave.fetch().items()
        if found.type == "tree"
    }


def _differing(
    trees: Mapping[ObjectId, dict[str, TreeEntry]], old: ObjectId | None, new: ObjectId | None
) -> Iterator[tuple[str, TreeEntry | None, TreeEntry | None]]:
    before = trees.get(old, {}) if old else {}
    after = trees.get(new, {}) if new else {}
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one != other:
            yield name, one, other


def _sort_out(
    path: str,
    old: TreeEntry | None,
    new: TreeEntry | None,
    found: list[ChangedFile],
    deeper: list[tuple[str, ObjectId | None, ObjectId | None]],
) -> None:
    trees = [entry.object_id if entry and entry.is_tree else None for entry in (old, new)]
    if any(trees):
        deeper.append((f"{path}/", trees[0], trees[1]))
    files = [entry if entry and not entry.is_tree else None for entry in (old, new)]
    if any(files):
        found.append(ChangedFile(path=path, before=files[0], after=files[1]))
