"""The test of "is an ancestor", also where the dates of commits mislead Git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError, GitError
from registry.git.ancestry import ancestors_among, is_ancestor
from registry.git.tag_refs import tag_refs
from registry.names import CommitId
from registry.remotes.unsent import refuse_ahead, release_tags
from registry.rollback.rollback import roll_back_instance
from registry.snapshots.registry import Registry
from registry.snapshots.taken_names import refuse_taken_name
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, commits_with_old_dates, files, git, new_registry, put

_ADA = Actor(name="ada")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        yield made


def _aside(registry: Registry) -> CommitId:
    tree = git(registry.path, "rev-parse", "HEAD^{tree}")
    return CommitId(git(registry.path, "commit-tree", "-m", "aside", tree))


def test_commits_below_others_with_old_dates_are_ancestors(registry: Registry) -> None:
    below = registry.head()
    aside = _aside(registry)
    commits_with_old_dates(registry)
    head, repository = registry.head(), registry.repository
    assert git(registry.path, "rev-list", "--max-count=1", below, f"^{head}") == below, "misled"
    assert is_ancestor(repository, below, head)
    assert is_ancestor(repository, head, head)
    assert not is_ancestor(repository, head, below)
    assert not is_ancestor(repository, aside, head)
    assert ancestors_among(repository, [below, head, aside], head) == {below, head}
    assert ancestors_among(repository, [below, aside], head, aside) == {below, aside}


def test_what_is_missing_or_not_a_commit_is_not_an_ancestor(registry: Registry) -> None:
    head, repository = registry.head(), registry.repository
    tree = CommitId(git(registry.path, "rev-parse", "HEAD^{tree}"))
    missing = CommitId("1" * 40)
    assert ancestors_among(repository, [tree, missing, head], head) == {head}
    assert ancestors_among(repository, [tree, missing], head) == frozenset()
    with pytest.raises(GitError):
        is_ancestor(repository, missing, head)


def test_going_back_to_a_commit_below_others_with_old_dates(registry: Registry) -> None:
    then = registry.head()
    put(registry, files(version="1.1.0"))
    commits_with_old_dates(registry)
    roll_back_instance(registry, then, by=_ADA)
    active = registry.snapshot().library(NAME).active
    assert active is not None
    assert str(active.version) == "1.0.0"


def test_tags_below_commits_with_old_dates_are_on_their_history(registry: Registry) -> None:
    """Git's own ``--merged`` leaves them out up to Git 2.40, and advice, names and bundles did."""
    below, aside = registry.head(), _aside(registry)
    git(registry.path, "tag", "plain", below)
    git(registry.path, "tag", "-a", "-m", "x", "aside", aside)
    commits_with_old_dates(registry)
    head, repository = registry.head(), registry.repository
    assert tag_refs(repository, merged=head).keys() == {"file-tools/v1.0.0", "plain"}
    assert tag_refs(repository, ["file-tools"], merged=head).keys() == {"file-tools/v1.0.0"}
    assert tag_refs(repository, merged=aside).keys() == {"aside"}
    assert release_tags(registry, head) == {"file-tools/v1.0.0"}
    with pytest.raises(ConflictError, match="is taken"):
        refuse_taken_name(repository, NAME, head, is_there=True)


def test_a_remote_with_old_dates_lacks_nothing_of_what_is_below_them(registry: Registry) -> None:
    below = registry.head()
    commits_with_old_dates(registry)
    theirs = registry.head()
    git(registry.path, "update-ref", "refs/heads/main", below)
    refuse_ahead(registry, "origin", theirs)
