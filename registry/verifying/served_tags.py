"""Tags that were served and are not there any more: what they were, and how they come back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from registry.git.repository import GitRepository
from registry.names import CommitId, Digest, ObjectId
from registry.served.held_releases import putting_back
from registry.trust.evidence import Release
from registry.verifying.tag_evidence import read_tag_objects


class ServedTags:
    """All that is asked about several tags is read at once."""

    def __init__(self, repository: GitRepository, head: CommitId, ids: Iterable[ObjectId]) -> None:
        """``ids`` are the tag objects, those that were served and those that are there."""
        self._repository = repository
        self._head = head
        self._stated = read_tag_objects(repository, dict.fromkeys(ids))

    def putting_back(self, release: Release, served: ObjectId) -> str:
        """The command that puts back the tag that was served."""
        stated = self._stated.get(served)
        commit = stated.commit if stated is not None else None
        name, version = release
        return putting_back(
            f"{name}/v{version}", served, commit=commit, is_on_history=commit in self._history
        )

    def is_made_anew(self, tag: ObjectId, served: ObjectId, digest: Digest) -> bool:
        """True if a tag releases what was served, upon a history without the served tag's commit.

        As `registry.served` has it: such a history is there only where a person accepted it.
        """
        now, was = self._stated.get(tag), self._stated.get(served)
        if now is None or was is None or None in {now.digest, now.tree, was.commit}:
            return False
        return (
            (now.digest, now.tree) == (digest, was.tree)
            and now.commit in self._history
            and was.commit not in self._history
        )

    @cached_property
    def _history(self) -> frozenset[CommitId | None]:
        """Every commit that the head has."""
        out = self._repository.run("rev-list", self._head, "--")
        return frozenset(map(CommitId, out.decode().split()))
