"""Which commit is to be served after somebody moved HEAD or its branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError
from registry.installing.installer import Installer
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.trust.errors import UntrustedHistoryError
from registry.trust.moved_head import look_at_head
from registry.trust.served_head import ServedHead, accept_head, read_served_head, write_served_head
from registry.trust.trusted_head import TrustedHead, set_trusted
from tests.registry.making import NAME, commit_all, files, git, new_registry, put

_MAIN = "refs/heads/main"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        yield made


def served(registry: Registry) -> ServedHead:
    return ServedHead(branch=registry.branch, head=registry.head())


def test_a_head_that_comes_after_what_was_served_is_served(registry: Registry) -> None:
    before = served(registry)
    commit_all(registry.path)
    look = look_at_head(registry, before)
    assert (look.commit, look.problem) == (registry.head(), "")


def test_a_refused_head_leaves_what_was_trusted_where_nothing_was_served(
    registry: Registry,
) -> None:
    trusted = registry.head()
    set_trusted(registry, TrustedHead(head=trusted, verified="2026-01-01T00:00:00Z"))
    git(registry.path, "reset", "-q", "--hard", "HEAD~1")
    look = look_at_head(registry, None)
    assert look.commit == trusted
    assert "rollback" in look.problem
    gone = TrustedHead(head=CommitId("1" * 40), verified="2026-01-01T00:00:00Z")
    set_trusted(registry, gone)
    with pytest.raises(UntrustedHistoryError):
        look_at_head(registry, None)


def test_what_was_served_and_is_lost_is_said_and_the_head_is_served(registry: Registry) -> None:
    look = look_at_head(registry, ServedHead(branch=_MAIN, head=CommitId("1" * 40)))
    assert look.commit == registry.head()
    assert "is not in the repository any more" in look.problem


def test_a_branch_that_is_gone_leaves_what_was_served(registry: Registry) -> None:
    before = served(registry)
    git(registry.path, "branch", "-m", "trunk")
    look = look_at_head(registry, before)
    assert look.commit == before.head
    assert f"{_MAIN}, which is served, is gone" in look.problem
    git(registry.path, *look.next_step.split("'")[1].split()[1:])
    assert "HEAD has left" in look_at_head(registry, before).problem


def test_whoever_starts_without_a_branch_serves_the_one_that_is_checked_out_later(
    registry: Registry,
) -> None:
    git(registry.path, "switch", "-q", "--detach")
    before = served(registry)
    assert not look_at_head(registry, before).problem
    git(registry.path, "switch", "-q", "main")
    look = look_at_head(registry, before)
    assert (look.branch, look.problem) == (_MAIN, "")


def test_a_servers_change_is_refused_on_another_branch_and_a_persons_is_not(
    registry: Registry,
) -> None:
    write_served_head(registry, served(registry))
    git(registry.path, "switch", "-q", "-c", "other")
    by = Actor(name="ada")
    Installer(registry).set_enabled(NAME, enabled=False, by=by)
    registry.served_branch = ""
    with pytest.raises(ConflictError, match="HEAD has left refs/heads/main"):
        Installer(registry).set_enabled(NAME, enabled=True, by=by)


def test_what_a_person_accepted_is_not_overwritten_by_a_server_that_did_not_hear_of_it(
    registry: Registry,
) -> None:
    old = write_served_head(registry, served(registry))
    git(registry.path, "reset", "-q", "--hard", "HEAD~1")
    accept_head(registry, registry.head(), judged="")
    accepted = read_served_head(registry)
    assert accepted is not None
    assert accepted.head == registry.head()
    assert write_served_head(registry, old) == accepted
    assert not look_at_head(registry, accepted).problem
