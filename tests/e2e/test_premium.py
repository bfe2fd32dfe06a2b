"""A premium library comes in by no way without a key that is accepted; publishing is no way in."""

from pathlib import Path
from typing import Any

import pytest

from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files

PREMIUM: dict[str, Any] = {"is_premium": True, "price": 9.0}
MISSING, REFUSED = "no licence key came with it", "licence_unverifiable"


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Our registry, and an upstream with free, premium and soon premium libraries."""
    with new_registry(tmp_path / "theirs") as theirs:
        put(theirs, files("gold-tools", **PREMIUM))
        put(theirs, files("soon-tools"))
        put(theirs, files("top-tools", dependencies=["gold-tools>=1"]))
    new_registry(tmp_path / "ours").close()
    opsteps(
        tmp_path, "upstream", "add", "pub", tmp_path / "theirs", "--allow-private", "-r", "ours"
    )
    write_files(tmp_path / "gold", files("gold-tools", **PREMIUM))
    return tmp_path


def refused(where: Path, *words: object, registry: str = "ours") -> None:
    """Both without a key and with one; by option and by the environment. Nothing is written."""
    before = git(where / registry, "rev-parse", "HEAD")
    words = (*words, "-r", registry)
    assert MISSING in opsteps(where, *words, expect=20)
    assert REFUSED in opsteps(where, *words, "--license-key", "osl1.x.y", expect=20)
    assert REFUSED in opsteps(where, *words, expect=20, env={"OPSTEPS_LICENSE_KEY": "osl1.x.y"})
    assert git(where / registry, "rev-parse", "HEAD") == before


def test_by_a_directory_and_by_a_zip(where: Path) -> None:
    opsteps(where, "package", "gold-tools", "-r", "theirs", "-o", "gold.zip")
    refused(where, "install", "./gold")
    refused(where, "install", "gold.zip")


def test_by_name_from_an_upstream(where: Path) -> None:
    refused(where, "install", "gold-tools")


def test_as_what_another_one_needs(where: Path) -> None:
    refused(where, "install", "top-tools")


def test_by_an_update_to_a_version_that_is_premium(where: Path) -> None:
    opsteps(where, "install", "soon-tools", "-r", "ours")
    library = write_files(where / "next", files("soon-tools", "2.0.0", **PREMIUM))
    opsteps(where, "add", library, "-r", "theirs")
    opsteps(where, "release", "soon-tools", "-r", "theirs")
    refused(where, "update")
    refused(where, "update", "soon-tools")


def test_by_a_lock_file(where: Path) -> None:
    opsteps(where, "lock", "-o", "set.lock", "-r", "theirs")
    lock = (where / "set.lock").read_text()
    assert "gold-tools" in lock
    refused(where, "install", "--lock", "set.lock")


def test_publishing_in_ones_own_registry_needs_no_key(where: Path) -> None:
    opsteps(where, "add", "gold", "-r", "ours")
    opsteps(where, "release", "gold-tools", "-r", "ours")
    assert "Already there: gold-tools 1.0.0" in opsteps(where, "install", "./gold", "-r", "ours")


def test_a_free_library_needs_none_and_a_key_harms_nothing(where: Path) -> None:
    said = opsteps(where, "install", "soon-tools", "-r", "ours", "--license-key", "osl1.x.y")
    assert "Installed soon-tools 1.0.0" in said
