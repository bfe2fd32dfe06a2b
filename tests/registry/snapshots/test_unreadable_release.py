"""A release that counts as one and cannot be read: the one before it goes on being served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.library.digest import release_digest
from registry.library.release_state import LibraryStatus
from registry.snapshots.registry import Registry
from registry.transactions.transaction import follow_head
from tests.registry.making import NAME, commit_all, files, git, new_registry, put


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files(version="1.0.0"))
        put(made, files(version="1.1.0"))
        follow_head(made)
        yield made


def forge(registry: Registry, number: str, manifest: bytes) -> None:
    """Release by hand what no command would, so that directory, ledger and tag agree."""
    place = registry.path
    content = {**files(version=number), "manifest.json": manifest}
    for path, raw in content.items():
        target = place / f"libraries/{NAME}/{number}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
    digest = release_digest(content)
    facts = place / f"libraries/{NAME}/library.yaml"
    entry = f"  {number}:\n    digest: {digest}\n    date: '2026-01-01T00:00:00Z'\n"
    facts.write_text(facts.read_text().replace("ledger:\n", f"ledger:\n{entry}"))
    commit_all(place, f"forge {number}")
    tree = git(place, "rev-parse", f"HEAD:libraries/{NAME}/{number}")
    message = f"{NAME} {number}\n\nDigest: sha256:{digest}\nTree: {tree}\n"
    git(place, "tag", "-a", "-m", message, f"{NAME}/v{number}")


def test_the_version_before_it_is_served_and_the_library_says_what_is_wrong(
    registry: Registry,
) -> None:
    forge(registry, "1.2.0", b"{ no json")
    library = registry.snapshot().library(NAME)
    assert library.active is not None
    assert str(library.active.version) == "1.1.0"
    assert library.content is not None
    assert library.content.manifest.version == "1.1.0"
    assert library.status is LibraryStatus.ERROR
    assert any("1.2.0 cannot be served, and 1.1.0 is" in p.message for p in library.problems)


def test_a_manifest_that_says_another_name_is_not_served_either(registry: Registry) -> None:
    other = files("other-tools", "1.2.0")["manifest.json"]
    forge(registry, "1.2.0", other)
    library = registry.snapshot().library(NAME)
    assert library.content is not None
    assert library.content.manifest.version == "1.1.0"


def test_several_in_a_row_are_passed_over(registry: Registry) -> None:
    forge(registry, "1.2.0", b"[]")
    forge(registry, "1.3.0", b"\xff")
    library = registry.snapshot().library(NAME)
    assert library.content is not None
    assert library.content.manifest.version == "1.1.0"


def test_what_an_operator_has_pinned_is_served_or_nothing(registry: Registry) -> None:
    forge(registry, "1.2.0", b"{}")
    instance = registry.path / f"instances/production/{NAME}.yaml"
    instance.parent.mkdir(parents=True)
    instance.write_text("active: 1.2.0\n")
    commit_all(registry.path)
    library = registry.snapshot().library(NAME)
    assert library.active is not None
    assert str(library.active.version) == "1.2.0"
    assert library.content is None
    assert library.status is LibraryStatus.ERROR


def test_without_another_release_nothing_is_served_and_it_is_still_listed(tmp_path: Path) -> None:
    with new_registry(tmp_path / "alone") as registry:
        put(registry, files(version="1.0.0"))
        follow_head(registry)
        facts = registry.path / f"libraries/{NAME}/1.0.0/manifest.json"
        assert facts.is_file()
        git(registry.path, "rm", "-q", "-r", f"libraries/{NAME}/1.0.0")
        commit_all(registry.path)
        forge(registry, "1.1.0", b"{}")
        library = registry.snapshot().library(NAME)
        assert library.content is None
        assert library.is_listed
        assert library.status is LibraryStatus.ERROR
