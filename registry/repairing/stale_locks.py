"""Leftovers of killed processes: locks of Git that nobody holds, journals, an older head's index.

A lock that a person's Git holds is there for moments; one of ten minutes ago is nobody's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from registry.errors import GitError
from registry.git.repository import GitRepository
from registry.names import CommitId
from registry.problems import printable
from registry.repairing.model import Item, ItemState, Leftover, StaleIndex
from registry.snapshots.registry import Registry

OLD_SECONDS = 600
# So many heads before this one are tried as what the index was made of.
_HEADS = 64
_NAMED = ("HEAD.lock", "index.lock", "packed-refs.lock", "config.lock", "shallow.lock")


def leftovers(registry: Registry) -> Iterator[Item]:
    """Files that stand in the way of every change, or say what nobody can read."""
    repository = registry.repository
    inside = repository.common_dir
    for path in _locks(repository):
        yield Item(
            state=ItemState.REPAIR,
            subject=printable(str(path.relative_to(inside) if inside in path.parents else path)),
            what="a Git that was killed left its lock, and no change gets past it",
            then="it is put aside, into opsteps/repaired in the Git directory",
            change=Leftover(path=path),
        )
    for path in sorted((registry.state_directory / "journal").glob("*.unreadable")):
        yield Item(
            state=ItemState.REPAIR,
            subject=printable(str(path.relative_to(inside))),
            what="this entry of the journal cannot be read: an operation may have been cut short",
            then="it is put aside, into opsteps/repaired in the Git directory; what it may have"
            " left half-way is in this plan",
            change=Leftover(path=path),
        )


def _locks(repository: GitRepository) -> Iterator[Path]:
    before = time.time() - OLD_SECONDS
    named = [repository.git_dir / name for name in _NAMED]
    named += [repository.common_dir / name for name in _NAMED]
    refs = sorted((repository.common_dir / "refs").rglob("*.lock"))
    for path in dict.fromkeys([*named, *refs]):
        try:
            is_old = path.is_file() and path.stat().st_mtime < before
        except OSError:
            continue
        if is_old:
            yield path


def stale_index(registry: Registry, head: CommitId) -> Iterator[Item]:
    """An index that is that of an earlier head: the next ``git commit`` would undo what came since.

    An index with what a person has staged is left alone.
    """
    repository = registry.repository
    if repository.work_tree is None or not (repository.git_dir / "index").exists():
        return
    if _is_index_of(repository, head):
        return
    out = repository.run("rev-list", "--first-parent", f"--max-count={_HEADS}", head)
    for text in out.decode().split()[1:]:
        if _is_index_of(repository, CommitId(text)):
            yield Item(
                state=ItemState.REPAIR,
                subject="index",
                what=f"Git's index is that of the older head {text[:12]}: the next 'git commit'"
                " would undo what came since",
                then="index and working tree follow to the head; files that somebody edited stay",
                change=StaleIndex(base=CommitId(text)),
            )
            return


def _is_index_of(repository: GitRepository, commit: CommitId) -> bool:
    try:
        out = repository.run_on_files(
            "diff-index", "--cached", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules",
            commit, "--",
        )  # fmt: skip
    except GitError:  # an index that cannot be read is not that of a commit
        return False
    return not out
