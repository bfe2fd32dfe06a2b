"""``opsteps maintain``: the repository stays small, and all that was named stays."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.commands.writing import let_follow
from registry.errors import GitError
from registry.files.locks import exclusive
from registry.git.commit_writer import Identity, NewCommit, RefUpdate, move_refs, write_commit
from registry.git.fast_import import write_commits
from registry.maintenance.maintenance import count_packs, maintain
from registry.snapshots.registry import Registry
from registry.transactions.transaction import follow_head
from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put

_WHO = Identity(name="tester", email="tester@example.com", seconds=1_700_000_000)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        for minor in range(6):
            put(made, files(version=f"1.{minor}.0"))
        follow_head(made)
        yield made


def fsck(registry: Registry) -> str:
    return git(registry.path, "fsck", "--strict", "--no-dangling", "--no-progress")


def test_packs_and_refs_are_few_afterwards_and_all_is_there(registry: Registry) -> None:
    before = git(registry.path, "for-each-ref")
    packs = count_packs(registry)
    stages: list[str] = []
    done = maintain(registry, told=stages.append)
    assert done.packs_before == packs > done.packs == count_packs(registry)
    assert done.refs_before > done.refs == 0
    assert stages == ["litter", "refs", "objects", "commits"]
    assert git(registry.path, "for-each-ref") == before
    assert fsck(registry) == ""
    git(registry.path, "commit-graph", "verify")
    put(registry, files(version="2.0.0"))
    assert follow_head(registry) == ()
    assert git(registry.path, "status", "--porcelain") == ""


def test_loose_objects_are_packed_and_unnamed_ones_go_after_two_weeks(registry: Registry) -> None:
    root = registry.path
    named = git(root, "commit-tree", "-p", "HEAD", "-m", "x", git(root, "rev-parse", "HEAD^{tree}"))
    git(root, "update-ref", "refs/heads/other", named)
    old = git(root, "hash-object", "-w", "--stdin", stdin=b"old")
    new = git(root, "hash-object", "-w", "--stdin", stdin=b"new")
    long_ago = time.time() - 15 * 86_400
    os.utime(root / ".git/objects" / old[:2] / old[2:], (long_ago, long_ago))
    done = maintain(registry)
    assert (done.loose_before, done.loose) == (3, 0)
    assert registry.repository.object(named) is not None
    assert registry.repository.object(new) is not None
    assert registry.repository.object(old) is None


def test_what_a_writer_has_under_way_outlives_it(registry: Registry) -> None:
    commit = NewCommit(message="m\n", who=_WHO, files={"notes/x": b"x"})
    head = registry.head()
    with Registry.open(registry.path) as writing:
        new = write_commit(writing.repository, head, commit)
        git(registry.path, "repack", "-d", "-l", "-q", "--geometric=2")
        move_refs(writing.repository, [RefUpdate(ref=writing.branch, new=new, old=head)])
    assert fsck(registry) == ""
    assert git(registry.path, "show", "HEAD:notes/x") == "x"


def test_old_lines_of_reflogs_go(registry: Registry) -> None:
    log = registry.path / ".git/logs/HEAD"
    zeros = "0" * 40
    line = f"{zeros} {registry.head()} Person <p@example.com> 1500000000 +0000\tlong ago\n"
    log.write_text(line + log.read_text())
    maintain(registry, is_thorough=False)
    assert "long ago" not in log.read_text()


def test_staging_refs_of_a_killed_import_go_also_when_they_are_packed(registry: Registry) -> None:
    commit = NewCommit(message="m\n", who=_WHO, files={"x": b"x"})
    write_commits(registry.repository, registry.head(), [commit])
    git(registry.path, "pack-refs", "--all")
    maintain(registry)
    assert git(registry.path, "for-each-ref", "refs/opsteps") == ""


def test_it_waits_for_a_writer_and_writers_go_on_beside_it(registry: Registry) -> None:
    ended = threading.Event()

    def work() -> None:
        with Registry.open(registry.path) as opened:
            for _ in range(4):
                maintain(opened)
        ended.set()

    thread = threading.Thread(target=work)
    with exclusive(registry.state_directory / "write.lock"):
        thread.start()
        assert not ended.wait(0.2)
    for number in range(4):
        put(registry, files(f"tool-{'abcd'[number]}"))
    thread.join()
    assert fsck(registry) == ""
    assert len(registry.snapshot().names) == 5


def test_a_command_that_takes_too_long_is_ended_and_said(registry: Registry) -> None:
    with pytest.raises(GitError, match="pack-refs it took longer"):
        maintain(registry, seconds=0.000_001)
    assert fsck(registry) == ""


def test_the_command_says_what_it_did(registry: Registry) -> None:
    packs = count_packs(registry)
    done = json.loads(opsteps(registry.path, "maintain", "--json"))
    assert done["packs_before"] == packs > done["packs"]
    said = opsteps(registry.path, "maintain").splitlines()
    assert said[0].startswith("Packs: ")  # how far it is, is for a terminal
    assert said[2] == "Loose refs: 0, now 0"


def test_commands_fold_many_packs_by_themselves(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.commands.writing._MANY_PACKS", 10)
    assert count_packs(registry) >= 10
    let_follow(registry)
    assert count_packs(registry) < 10


def test_init_leaves_gits_own_care_to_the_person(registry: Registry) -> None:
    assert "gc.auto" not in git(registry.path, "config", "--local", "--list")
    git(
        registry.path, "-c", "gc.autoPackLimit=2", "-c", "gc.autoDetach=false", "gc", "--auto", "-q"
    )
    assert count_packs(registry) == 1
    assert fsck(registry) == ""
