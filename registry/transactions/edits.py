"""Edits that people made in the working tree, told apart from what it is still to follow."""

from __future__ import annotations

from registry.git.edited_files import edited_files
from registry.git.worktree import is_followed
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.transactions.journal import JournalEntry, first_head
from registry.transactions.transaction import journal_of


def edited_paths(registry: Registry, *, cannot_follow: bool = False) -> tuple[str, ...] | None:
    """Tracked files whose bytes in the working tree nobody committed; None while it follows.

    They are never served. Where the tree ``cannot_follow``, what it lacks counts as well. Costs a
    look at every file's size and time, in Git's own process. Raises GitError, NotARegistryError.
    """
    repository, state_directory = registry.repository, registry.state_directory
    if cannot_follow:
        return edited_files(repository, state_directory, registry.head())
    head, waiting = before = _state(registry)
    was_followed = is_followed(repository)
    since = first_head(repository, waiting) if waiting else head
    found = edited_files(repository, state_directory, since)
    if found and since != head:
        # Whoever was killed amid following has brought a part of the files to the head already.
        edited = frozenset(edited_files(repository, state_directory, head))
        found = tuple(path for path in found if path in edited)
    # Of a tree that changes during the look nobody can tell what a person did.
    is_settled = not (was_followed or is_followed(repository)) and _state(registry) == before
    return found if is_settled else None


def _state(registry: Registry) -> tuple[CommitId, list[JournalEntry]]:
    """The head, and the operations that the working tree may not have followed yet."""
    journal = journal_of(registry)
    return registry.head(), [*journal.moving(), *journal.following()]
