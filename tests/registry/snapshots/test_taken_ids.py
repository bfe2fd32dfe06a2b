"""Ids that are taken, from one head to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from registry import names
from registry.errors import ConflictError
from registry.git.commit_writer import Identity, NewCommit, write_commit
from registry.git.repository import GitRepository
from registry.names import CommitId, LibraryId, LibraryName
from registry.snapshots import taken_ids
from registry.snapshots.taken_ids import TakenIds
from tests.registry.making import git

_WHO = Identity(name="t", email="t@x", seconds=0)


def _head(repository: GitRepository, base: CommitId | None, *, add: Sequence[str]) -> CommitId:
    files = {f"libraries/{name}/library.yaml": b"{}" for name in add}
    return write_commit(repository, base, NewCommit(message="m\n", who=_WHO, files=files))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[GitRepository]:
    git(tmp_path, "init", "--quiet")
    repository = GitRepository(tmp_path)
    yield repository
    repository.close()


@pytest.fixture
def _ids_by_first_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that begin alike have one id: no two real names are known to."""
    for module in (names, taken_ids):
        monkeypatch.setattr(module, "id_start", lambda name: name[:1])
    monkeypatch.setattr(names, "library_id", lambda name: LibraryId(ord(name[0])))


@pytest.mark.usefixtures("_ids_by_first_letter")
def test_an_id_is_taken_as_long_as_its_name_is_there(repository: GitRepository) -> None:
    taken = TakenIds(repository)
    first = _head(repository, None, add=["apple", "berry"])
    with pytest.raises(ConflictError, match="'avocado' is taken by 'apple'"):
        taken.refuse(LibraryName("avocado"), first)
    taken.refuse(LibraryName("apple"), first)
    taken.refuse(LibraryName("cherry"), first)

    second = _head(repository, None, add=["berry", "citron"])
    taken.refuse(LibraryName("avocado"), second)
    with pytest.raises(ConflictError, match="'cherry' is taken by 'citron'"):
        taken.refuse(LibraryName("cherry"), second)

    with pytest.raises(ConflictError, match="taken by 'apple'"):
        taken.refuse(LibraryName("avocado"), first)


def test_without_libraries_nothing_is_taken(repository: GitRepository) -> None:
    empty = write_commit(repository, None, NewCommit(message="m\n", who=_WHO, files={"a": b""}))
    TakenIds(repository).refuse(LibraryName("apple"), empty)
