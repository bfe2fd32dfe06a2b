"""Nobody else takes the name of a library that was deleted: its tags keep it."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.versions import parse_version
from tests.registry.making import NAME, files, git, new_registry, put, write_files

MALLORY = Actor(name="mallory")
OTHER = files(version="3.0.0")


@pytest.fixture
def deleted(tmp_path: Path) -> Iterator[Registry]:
    """As a person deletes a library with plain Git: ledger and all."""
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
        git(registry.path, "reset", "-q", "--hard")
        git(registry.path, "rm", "-rq", f"libraries/{NAME}")
        git(registry.path, "commit", "-qm", "delete it")
        yield registry


def commit_candidate(registry: Registry) -> None:
    """A pull request brings the directory: nothing of ours was asked."""
    write_files(registry.path / f"libraries/{NAME}/3.0.0", OTHER)
    git(registry.path, "add", "libraries")
    git(registry.path, "commit", "-qm", "A library")


def release_candidate(registry: Registry) -> None:
    commit_candidate(registry)
    release(registry, NAME, parse_version("3.0.0"), by=MALLORY)


def install_beside_candidate(registry: Registry) -> None:
    commit_candidate(registry)
    Installer(registry).install([check_incoming(files(version="4.0.0"))], by=MALLORY)


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(lambda r: add_release(r, OTHER, by=MALLORY), id="add"),
        pytest.param(
            lambda r: Installer(r).install([check_incoming(OTHER)], by=MALLORY), id="install"
        ),
        pytest.param(release_candidate, id="release"),
        pytest.param(install_beside_candidate, id="install beside a candidate"),
    ],
)
def test_the_name_of_a_deleted_library_stays_taken(
    deleted: Registry, take: Callable[[Registry], object]
) -> None:
    with pytest.raises(ConflictError, match="taken: it has 2 release tags") as caught:
        take(deleted)
    assert "file-tools/v1.1.0" in str(caught.value)


def test_an_import_does_not_take_it_either(deleted: Registry) -> None:
    release_ = ImportedRelease(
        name=LibraryName(NAME),
        version=parse_version("3.0.0"),
        files=OTHER,
        date="2026-01-01T00:00:00Z",
        owners=("mallory",),
    )
    done = import_releases(deleted, [release_], by=MALLORY)
    (refused,) = done.refused
    assert "the name is taken" in refused.problems[0].message


def test_the_advice_brings_the_library_back(deleted: Registry) -> None:
    with pytest.raises(ConflictError) as caught:
        add_release(deleted, OTHER, by=MALLORY)
    (command,) = [text for text in caught.value.next_step.split("'") if text.startswith("git ")]
    git(deleted.path, *shlex.split(command)[1:])
    git(deleted.path, "commit", "-qm", "Put it back")
    add_release(deleted, OTHER, by=MALLORY)
    assert deleted.snapshot().library(LibraryName(NAME)).facts.owners == ("tester",)


def test_a_tag_of_a_colleague_that_was_fetched_first_is_in_nobodys_way(tmp_path: Path) -> None:
    """The candidate is here; that it was released there is not merged yet."""
    with new_registry(tmp_path / "r") as registry:
        add_release(registry, files(), by=MALLORY)
        here = registry.head()
        release(registry, LibraryName(NAME), by=MALLORY)
        git(registry.path, "update-ref", "HEAD", here)
        add_release(registry, files(version="1.1.0"), by=MALLORY)
