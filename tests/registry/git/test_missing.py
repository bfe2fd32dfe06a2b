"""A missing object is said to be missing: it is never taken for a path that is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.errors import DamagedRepositoryError, NotARegistryError
from registry.git.missing import object_at
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.rollback.rollback import roll_back_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from tests.registry.making import NAME, files, git, new_registry, put, version

_BY = Actor(name="tester")
_EVERYWHERE = ["HEAD", "HEAD^{tree}", "HEAD:registry.yaml", "HEAD:libraries"]
_OF_LIBRARY = ["HEAD:libraries/file-tools", "HEAD:libraries/file-tools/library.yaml"]
_WRITES: dict[str, Callable[[Registry], object]] = {
    "add": lambda registry: add_release(registry, files(version="1.2.0"), by=_BY),
    "release": lambda registry: release(registry, NAME, by=_BY),
    "install": lambda registry: Installer(registry).install(
        [check_incoming(files(version="1.2.0"))], by=_BY
    ),
    "toggle": lambda registry: Installer(registry).set_enabled(
        NAME, enabled=False, cascade=False, by=_BY
    ),
    "uninstall": lambda registry: Installer(registry).uninstall(NAME, [], cascade=False, by=_BY),
    "roll back": lambda registry: roll_back_library(registry, NAME, version("1.0.0"), by=_BY),
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        add_release(made, files(version="1.1.0"), by=_BY)
        roll_back_library(made, NAME, version("1.0.0"), by=_BY)
        yield made


def lose(registry: Registry, name: str) -> str:
    """Take one object out of the repository, which then has only loose ones; return its id."""
    root = registry.path
    object_id = git(root, "rev-parse", name)
    for pack in list(root.glob(".git/objects/pack/*.pack")):
        content = pack.read_bytes()
        for path in pack.parent.glob(f"{pack.stem}.*"):
            path.unlink()
        git(root, "unpack-objects", "-q", stdin=content)
    (root / ".git/objects" / object_id[:2] / object_id[2:]).unlink()
    return object_id


@pytest.mark.parametrize("name", [*_EVERYWHERE, *_OF_LIBRARY])
@pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES)
def test_nothing_is_written_upon_a_missing_object(
    registry: Registry, name: str, write: Callable[[Registry], object]
) -> None:
    object_id = lose(registry, name)
    before = git(registry.path, "rev-parse", "HEAD")
    with (
        Registry.open(registry.path, check_clone=False) as opened,
        pytest.raises(DamagedRepositoryError, match=f"object {object_id} is missing"),
    ):
        write(opened)
    assert git(registry.path, "rev-parse", "HEAD") == before


@pytest.mark.parametrize("write", ["toggle", "roll back", "install"])
def test_an_operators_file_that_is_missing_is_not_the_default(
    registry: Registry, write: str
) -> None:
    object_id = lose(registry, "HEAD:instances/production/file-tools.yaml")
    with (
        Registry.open(registry.path) as opened,
        pytest.raises(DamagedRepositoryError, match=object_id),
    ):
        _WRITES[write](opened)


@pytest.mark.parametrize("name", _EVERYWHERE)
def test_a_snapshot_says_which_object_is_missing(registry: Registry, name: str) -> None:
    object_id = lose(registry, name)
    with (
        Registry.open(registry.path, check_clone=False) as opened,
        pytest.raises(DamagedRepositoryError, match=f"object {object_id} is missing"),
    ):
        opened.snapshot()


def test_what_a_commit_does_not_have_is_no_damage(registry: Registry) -> None:
    head = registry.head()
    for path in ("none", "libraries/none", "libraries/file-tools/library.yaml/none", "*", "-x"):
        assert object_at(registry.repository, head, path) is None
    with (
        Registry.open(registry.path) as opened,
        pytest.raises(NotARegistryError, match="is not a commit here"),
    ):
        opened.snapshot("1" * 40)  # type: ignore[arg-type]
