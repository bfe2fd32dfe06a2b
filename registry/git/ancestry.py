"""The test of "is an ancestor", for whoever has no `Ancestors` of the head at hand.

Git goes by dates in ``rev-list A ^B`` and ``--merged``, and stops too early where a clock was set
back: then it takes an ancestor for a stranger, never a stranger for an ancestor. So that answer is
asked for a second time, in a way that does not depend on dates. `registry.git.tag_refs` has the
tags on a history by it.
"""

from __future__ import annotations

from collections.abc import Collection

from registry.errors import GitError
from registry.git.repository import GitRepository, Wave
from registry.names import CommitId, ObjectId


def is_ancestor(repository: GitRepository, commit: CommitId, head: str) -> bool:
    """True if a commit is a head or before it; raises GitError when one of them is missing."""
    try:
        repository.run("merge-base", "--is-ancestor", commit, head)
    except GitError as error:
        if error.said.strip():
            raise
        return False  # Git says no without a word
    return True


def ancestors_among(
    repository: GitRepository, commits: Collection[CommitId], *heads: CommitId
) -> frozenset[CommitId]:
    """Those of the commits that are one of the heads or before it; missing ones are not.

    Costs the history down to the oldest of them; all of it only where one is not an ancestor.
    """
    wave = Wave(repository)
    for commit in commits:
        wave.want(ObjectId(commit))
    found = frozenset(
        CommitId(name) for name, item in wave.fetch().items() if item.type == "commit"
    )
    if not found:
        return found
    asked = (*sorted(found), *(f"^{head}" for head in heads))
    stdin = "".join(f"{line}\n" for line in asked).encode()
    out = repository.run("rev-list", "--stdin", stdin=stdin)
    doubted = found.intersection(map(CommitId, out.decode().split()))
    if not doubted:
        return found
    before = doubted.intersection(map(CommitId, repository.lines("rev-list", *heads, "--")))
    return found - doubted | before
