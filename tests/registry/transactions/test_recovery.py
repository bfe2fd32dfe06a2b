"""What a killed writer left is cleared up, and what is a person's is left alone."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import GitError
from registry.git.commit_writer import ABSENT, RefUpdate
from registry.git.index_lock import index_copy
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.journal import Journal
from registry.transactions.transaction import Actor, follow_head, reconcile
from tests.registry.making import NAME, commits_with_old_dates, files, git, new_registry, put

_BY = Actor(name="tester")
_TAG = "refs/tags/file-tools/v1.1.0"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        add_release(made, files(version="1.1.0"), by=_BY)
        follow_head(made)
        yield made


def begin(registry: Registry, new: str, tag: str) -> None:
    """The journal of a writer that was killed while it moved a branch and a tag."""
    updates = [
        RefUpdate(ref=_TAG, new=tag, old=ABSENT),
        RefUpdate(ref="refs/heads/main", new=new, old=registry.head()),
    ]
    Journal(registry.state_directory / "journal").begin(registry.head(), updates)


def unearned(registry: Registry) -> tuple[str, str]:
    """A commit and a tag on it, which no branch has."""
    tree = git(registry.path, "rev-parse", "HEAD^{tree}")
    new = git(registry.path, "commit-tree", "-p", "HEAD", "-m", "x", tree)
    git(registry.path, "tag", "-a", "-m", "x", "file-tools/v1.1.0", new)
    return new, git(registry.path, "rev-parse", _TAG)


def test_tag_without_its_head_is_removed(registry: Registry) -> None:
    begin(registry, *unearned(registry))
    reconcile(registry)
    assert "v1.1.0" not in git(registry.path, "tag")
    release(registry, NAME, by=_BY)
    assert "file-tools/v1.1.0" in git(registry.path, "tag").split()


def test_tag_without_its_head_is_removed_when_packed(registry: Registry) -> None:
    begin(registry, *unearned(registry))
    git(registry.path, "pack-refs", "--all")
    reconcile(registry)
    assert "v1.1.0" not in git(registry.path, "tag")


def test_tag_that_a_person_made_is_left(registry: Registry) -> None:
    new, _ = unearned(registry)
    begin(registry, new, "1" * 40)
    reconcile(registry)
    assert "v1.1.0" in git(registry.path, "tag")


def test_move_that_was_complete_is_kept(registry: Registry) -> None:
    new, tag = unearned(registry)
    begin(registry, new, tag)
    git(registry.path, "update-ref", "refs/heads/main", new)
    reconcile(registry)
    assert registry.head() == new
    assert "v1.1.0" in git(registry.path, "tag")


def test_move_that_was_complete_is_kept_below_commits_with_old_dates(registry: Registry) -> None:
    new, tag = unearned(registry)
    begin(registry, new, tag)
    git(registry.path, "update-ref", "refs/heads/main", new)
    commits_with_old_dates(registry)
    reconcile(registry)
    assert "v1.1.0" in git(registry.path, "tag")


def test_commit_that_is_not_even_there_is_not_earned(registry: Registry) -> None:
    _, tag = unearned(registry)
    begin(registry, "2" * 40, tag)
    reconcile(registry)
    assert "v1.1.0" not in git(registry.path, "tag")


def test_stale_locks_of_a_killed_writer_are_removed(registry: Registry) -> None:
    inside = registry.path / ".git"
    new = "3" * 40
    begin(registry, new, "4" * 40)
    for lock, content in (("HEAD.lock", ""), ("refs/heads/main.lock", f"{new}\n")):
        (inside / lock).write_text(content)
    release(registry, NAME, by=_BY)
    assert not [*inside.rglob("*.lock")] or {p.name for p in inside.rglob("*.lock")} <= {
        "write.lock",
        "worktree.lock",
    }


def test_lock_with_another_content_is_a_persons_and_stays(registry: Registry) -> None:
    begin(registry, "3" * 40, "4" * 40)
    lock = registry.path / ".git/refs/heads/main.lock"
    lock.write_text("5" * 40)
    with pytest.raises(GitError, match="main"):
        release(registry, NAME, by=_BY)
    assert lock.exists()


def test_working_tree_follows_also_when_the_clock_was_set_back(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.time_ns()
    for number, back in enumerate((0, 3600, 1800)):
        past = clock - back * 10**9
        monkeypatch.setattr("registry.transactions.journal.time.time_ns", lambda past=past: past)
        put(registry, files(f"tool-{'abc'[number]}"))
    assert follow_head(registry) == ()
    assert git(registry.path, "status", "--porcelain") == ""


def test_working_tree_follows_operations_with_a_persons_commit_between(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.time_ns()
    put(registry, files("tool-a"))
    tree = git(registry.path, "rev-parse", "HEAD^{tree}")
    between = git(registry.path, "commit-tree", "-p", "HEAD", "-m", "x", tree)
    git(registry.path, "update-ref", "refs/heads/main", between)
    monkeypatch.setattr("registry.transactions.journal.time.time_ns", lambda: clock - 10**12)
    put(registry, files("tool-b"))
    assert follow_head(registry) == ()
    assert git(registry.path, "status", "--porcelain") == ""


def test_litter_of_killed_processes_is_cleared_and_what_is_under_way_stays(
    registry: Registry,
) -> None:
    inside = registry.path / ".git"
    (inside / "objects/ab").mkdir(exist_ok=True)
    litter = [
        inside / "objects/ab/.opsteps-0123",
        inside / "opsteps/.opsteps-0123",
        inside / "opsteps/.served-0123456789abcdef.cache.x1y2",
        inside / "opsteps/journal/.opsteps-4567",
        inside / "opsteps/journal/moving-1-1.unreadable",
    ]
    others = [inside / "opsteps/served-0123456789abcdef.cache", inside / "opsteps/trusted.json"]
    young = inside / "opsteps/.served-0123456789abcdef.cache.young"
    for path in (*litter, *others, young):
        path.write_bytes(b"x")
    long_ago = time.time() - 3600
    for path in (*litter, *others):
        os.utime(path, (long_ago, long_ago))
    reconcile(registry)
    assert [path for path in (*litter, *others, young) if path.exists()] == [*others, young]
    fsck = ["git", "-C", str(registry.path), "fsck", "--no-dangling", "--no-progress"]
    done = subprocess.run(fsck, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_index_lock_of_a_killed_process_of_ours_is_removed(registry: Registry) -> None:
    lock = registry.path / ".git/index.lock"
    lock.write_bytes(b"opsteps\n")
    release(registry, NAME, by=_BY)
    assert follow_head(registry) == ()
    assert not lock.exists()
    assert git(registry.path, "status", "--porcelain") == ""


def test_index_that_a_person_holds_is_waited_for_and_then_named(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.git.index_lock._PATIENCE", 0.1)
    lock = registry.path / ".git/index.lock"
    lock.write_bytes(b"DIRC")
    release(registry, NAME, by=_BY)
    with pytest.raises(GitError, match="another Git"):
        follow_head(registry)
    lock.unlink()
    assert follow_head(registry) == ()
    assert git(registry.path, "status", "--porcelain") == ""


def test_failed_change_of_the_index_leaves_it_as_it_was(registry: Registry) -> None:
    index = registry.path / ".git/index"
    before = index.read_bytes()
    with pytest.raises(GitError), index_copy(registry.repository, holding=0) as copy:
        copy.run("read-tree", "no such tree")
    assert index.read_bytes() == before
    assert not (registry.path / ".git/index.lock").exists()


def test_journal_that_cannot_be_read_is_put_aside(registry: Registry) -> None:
    directory = registry.state_directory / "journal"
    (directory / "moving-1-1.json").write_text("{")
    release(registry, NAME, by=_BY)
    assert [path.name for path in directory.glob("*-1-1.*")] == ["moving-1-1.unreadable"]
