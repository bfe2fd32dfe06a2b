"""A working tree that is still to follow has no edits; those of people are seen all the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.files.locks import exclusive
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.transactions.edits import edited_paths
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, files, new_registry, put

_README = "libraries/file-tools/1.0.0/docs/README.md"
_LOCK = "opsteps/worktree.lock"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        yield made


def _change(registry: Registry, *versions: str) -> None:
    """Operations whose tree is still to follow."""
    for version in versions:
        add_release(registry, files(version=version), by=Actor(name="tester"))


def test_operations_that_the_tree_is_to_follow_are_not_edits(registry: Registry) -> None:
    _change(registry, "1.1.0", "1.2.0")
    assert edited_paths(registry) == ()
    lacking = edited_paths(registry, cannot_follow=True) or ()
    assert "libraries/file-tools/1.2.0/manifest.json" in lacking
    follow_head(registry)
    assert edited_paths(registry, cannot_follow=True) == ()


def test_an_edit_is_seen_before_the_tree_has_followed_and_after_it(registry: Registry) -> None:
    _change(registry, "1.1.0")
    (registry.path / _README).write_bytes(b"mine")
    assert edited_paths(registry) == (_README,)
    follow_head(registry)
    assert edited_paths(registry) == (_README,)


def test_what_was_followed_in_part_is_not_an_edit(registry: Registry) -> None:
    """As after a process that was killed amid following."""
    facts = registry.path / "libraries/file-tools/library.yaml"
    before = facts.read_bytes()
    _change(registry, "1.1.0")
    put(registry, files(version="1.2.0"))
    there = registry.repository.run("show", f"HEAD:libraries/{NAME}/library.yaml")
    assert there != before
    facts.write_bytes(there)
    assert edited_paths(registry) == ()


def test_nothing_is_said_while_the_tree_follows(registry: Registry) -> None:
    (registry.path / _README).write_bytes(b"mine")
    with exclusive(registry.repository.git_dir / _LOCK):
        assert edited_paths(registry) is None
        assert edited_paths(registry, cannot_follow=True) == (_README,)
    assert edited_paths(registry) == (_README,)


def test_no_look_beside_operations_finds_an_edit(registry: Registry) -> None:
    found = []
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(_write_and_follow, registry.path, 12)
        while not writing.done():
            found.append(edited_paths(registry))
        writing.result()
    assert set(found) <= {None, ()}
    assert edited_paths(registry) == ()


def _write_and_follow(path: Path, count: int) -> None:
    with Registry.open(path) as writer:
        for number in range(count):
            _change(writer, f"1.{number + 1}.0")
            if number % 2:
                follow_head(writer)
