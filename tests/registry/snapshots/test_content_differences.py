"""The same version with other content: the message says what differs, and stays short."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ConflictError
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.content_differences import difference
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import (
    EXECUTOR,
    NAME,
    commit_all,
    files,
    new_registry,
    put,
    version,
    write_files,
)

BY = Actor(name="ada")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        yield made


def crlf(content: dict[str, bytes]) -> dict[str, bytes]:
    return {path: raw.replace(b"\n", b"\r\n") for path, raw in content.items()}


def test_line_ends_are_named_at_add_and_at_install(registry: Registry) -> None:
    with pytest.raises(ConflictError) as added:
        add_release(registry, crlf(files()), by=BY)
    with pytest.raises(ConflictError) as installed:
        Installer(registry).install([check_incoming(crlf(files()))], by=BY)
    for caught in (added, installed):
        assert "content: only the line ends differ in docs/CHANGELOG.md" in caught.value.message
        assert "The files here have CRLF" in caught.value.next_step
        assert "core.autocrlf" in caught.value.next_step


def test_changed_new_and_missing_files_are_named(registry: Registry) -> None:
    other = files(extra={"docs/new.md": b"x", "executors/copy.py": EXECUTOR + b"#"})
    del other["docs/README.md"]
    with pytest.raises(ConflictError) as caught:
        add_release(registry, other, by=BY)
    assert caught.value.message.endswith(
        "with other content: changed: executors/copy.py; new: docs/new.md; gone: docs/README.md"
    )
    assert caught.value.next_step == "A release never changes: give the new content a new version"


def test_release_of_an_edited_directory_says_what_was_edited(registry: Registry) -> None:
    write_files(registry.path / "libraries/file-tools/1.0.0", {"docs/README.md": b"# Other\n"})
    commit_all(registry.path)
    with pytest.raises(ConflictError) as caught:
        release(registry, NAME, version("1.0.0"), by=BY)
    assert caught.value.message.endswith("with other content: changed: docs/README.md")


def test_what_is_gone_from_the_tree_is_compared_with_its_tag(registry: Registry) -> None:
    Installer(registry).uninstall(NAME, by=BY)
    with pytest.raises(ConflictError, match="only the line ends differ"):
        add_release(registry, crlf(files()), by=BY)


def test_candidate_in_the_way_of_an_install_is_compared(registry: Registry) -> None:
    add_release(registry, files(version="1.1.0"), by=BY)
    other = files(version="1.1.0", extra={"docs/b.md": b"x"})
    with pytest.raises(ConflictError, match=r"there is a candidate .*: new: docs/b\.md"):
        Installer(registry).install([check_incoming(other)], by=BY)


def test_a_few_are_named_and_the_rest_is_counted() -> None:
    after = {f"docs/{number:04}-{'x' * 300}\x1b[31m.md": b"" for number in range(2_000)}
    said = str(difference({}, after))
    assert said.endswith("and 1997 more")
    assert len(said) < 400
    assert said.isprintable()
    assert str(difference({"a": b"1"}, {"a": b"1"})) == "only the executable bits differ"
