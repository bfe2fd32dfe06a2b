"""The tags ``rollback/<n>`` that mark each rollback."""

from __future__ import annotations

import re

from registry.git.commit_writer import Identity
from registry.git.repository import GitRepository
from registry.git.tag_refs import tag_refs
from registry.names import CommitId
from registry.transactions.transaction import NewTag

_TAGS = "rollback"
_NUMBER = re.compile(rf"{_TAGS}/([1-9][0-9]{{0,17}})\Z")


class RollbackNumbers:
    """Numbers for the tags of one rollback while it is tried again and again."""

    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository
        self._head: CommitId | None = None
        self._number = 0

    def tag(self, head: CommitId, message: str, *, who: Identity) -> NewTag:
        """The tag of a rollback upon a head."""
        return NewTag(name=f"{_TAGS}/{self._next(head)}", message=f"{message}\n", who=who)

    def _next(self, head: CommitId) -> int:
        """One more than the greatest there is.

        Where the head is what it was at the last try, it was the number that is taken, by a tag
        that is only on the remote.
        """
        found = map(_NUMBER.match, tag_refs(self._repository, [_TAGS]))
        greatest = max((int(match[1]) for match in found if match is not None), default=0)
        was_taken = head == self._head
        self._number = max(greatest, self._number if was_taken else 0) + 1
        self._head = head
        return self._number
