"""A person's ``git gc`` beside our writers, however bold: nothing being written is lost."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.git.commit_writer import Identity, NewCommit, RefUpdate, move_refs, write_commit
from registry.git.fast_import import clear_staging, write_commits
from registry.snapshots.registry import Registry
from registry.transactions.transaction import reconcile
from tests.registry.making import files, git, new_registry, put

_WHO = Identity(name="tester", email="tester@example.com", seconds=1_700_000_000)
_BOLD = [
    ("gc", "--prune=now", "--quiet"),
    ("repack", "-a", "-d", "-q"),
    ("prune", "--expire=now"),
    ("gc", "--aggressive", "--prune=all", "--quiet"),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        yield made


def new_commit(text: str = "x") -> NewCommit:
    return NewCommit(message="m\n", who=_WHO, files={f"notes/{text}": text.encode()})


def move(registry: Registry, new: str) -> None:
    update = RefUpdate(ref=registry.branch, new=new, old=registry.head())
    move_refs(registry.repository, [update])


def fsck(registry: Registry) -> str:
    done = subprocess.run(
        ["git", "-C", str(registry.path), "fsck", "--strict", "--no-dangling", "--no-progress"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    return done.stdout + done.stderr


def kept(registry: Registry) -> list[str]:
    return [path.name for path in registry.path.glob(".git/objects/pack/*.keep")]


@pytest.mark.parametrize("command", _BOLD, ids=" ".join)
def test_objects_outlive_a_gc_until_their_refs_have_moved(
    registry: Registry, command: tuple[str, ...]
) -> None:
    new = write_commit(registry.repository, registry.head(), new_commit())
    git(registry.path, *command)
    move(registry, new)
    assert fsck(registry) == ""
    assert git(registry.path, "show", "HEAD:notes/x") == "x"
    assert kept(registry) == []


@pytest.mark.parametrize("command", _BOLD, ids=" ".join)
def test_object_that_was_there_and_that_nothing_names_is_not_relied_upon(
    registry: Registry, command: tuple[str, ...]
) -> None:
    git(registry.path, "hash-object", "-w", "--stdin", stdin=b"x")
    new = write_commit(registry.repository, registry.head(), new_commit())
    git(registry.path, *command)
    move(registry, new)
    assert fsck(registry) == ""


@pytest.mark.parametrize("command", _BOLD, ids=" ".join)
def test_imported_commits_outlive_a_gc_until_their_refs_have_moved(
    registry: Registry, command: tuple[str, ...]
) -> None:
    commits = [new_commit("x"), new_commit("y")]
    *_, new = write_commits(registry.repository, registry.head(), commits)
    git(registry.path, *command)
    move(registry, new)
    clear_staging(registry.repository)
    assert fsck(registry) == ""
    assert git(registry.path, "for-each-ref", "refs/opsteps") == ""


def test_packs_and_refs_of_a_killed_writer_are_let_go(registry: Registry) -> None:
    with Registry.open(registry.path) as killed:
        write_commit(killed.repository, killed.head(), new_commit())
        write_commits(killed.repository, killed.head(), [new_commit("y")])
    staged = registry.path / ".git/objects/pack/tmp_opsteps_0123"
    staged.write_bytes(b"half")
    person = registry.path / ".git/objects/pack/pack-0.keep"
    person.write_text("mine")
    assert len(kept(registry)) == 2
    reconcile(registry)
    assert kept(registry) == ["pack-0.keep"]
    assert not staged.exists()
    assert git(registry.path, "for-each-ref", "refs/opsteps") == ""


def test_writers_go_on_beside_gc_after_gc(registry: Registry) -> None:
    """Also a file that has no name yet, and a directory that Git found empty, may be taken."""
    stop = threading.Event()

    def clean() -> None:
        while not stop.is_set():
            git(registry.path, "prune", "--expire=now")

    thread = threading.Thread(target=clean)
    thread.start()
    try:
        for number in range(12):
            put(registry, files(f"tool-{chr(97 + number)}"))
    finally:
        stop.set()
        thread.join()
    assert fsck(registry) == ""
    assert len(registry.snapshot().names) == 13


def test_a_missing_directory_of_packs_is_made(registry: Registry) -> None:
    git(registry.path, "unpack-objects", "-q", stdin=_moved_away(registry))
    (registry.path / ".git/objects/pack").rmdir()
    put(registry, files(version="1.1.0"))
    assert fsck(registry) == ""


def _moved_away(registry: Registry) -> bytes:
    """One pack of everything, no longer in the repository."""
    git(registry.path, "repack", "-a", "-d", "-q")
    directory = registry.path / ".git/objects/pack"
    (pack,) = directory.glob("*.pack")
    content = pack.read_bytes()
    for path in directory.iterdir():
        path.unlink()
    return content


def test_every_size_and_kind_of_object_is_as_git_reads_it(registry: Registry) -> None:
    sizes = [0, 1, 15, 16, 17, 2047, 2048, 2049, 300_000]
    wanted = {f"sizes/{size}": bytes([size % 251]) * size for size in sizes}
    wanted |= {f"many/{number}": str(number).encode() for number in range(600)}
    commit = NewCommit(message="m\n", who=_WHO, files=wanted)
    move(registry, write_commit(registry.repository, registry.head(), commit))
    assert fsck(registry) == ""
    for path, content in wanted.items():
        found = registry.repository.object(f"HEAD:{path}")
        assert found is not None
        assert found.content == content
    (pack,) = registry.path.glob(f".git/objects/pack/{_newest_pack(registry)}")
    git(registry.path, "verify-pack", str(pack))


def _newest_pack(registry: Registry) -> str:
    found = registry.path.glob(".git/objects/pack/*.idx")
    return max(found, key=lambda path: path.stat().st_size).name


def test_a_release_leaves_nothing_behind(registry: Registry) -> None:
    put(registry, files(version="1.1.0"))
    assert kept(registry) == []
    assert not [*registry.path.glob(".git/objects/**/tmp_*")]
    assert not [*registry.path.glob(".git/objects/**/.opsteps-*")]
