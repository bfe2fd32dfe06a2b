"""What we write, read by another Git client: GitPython, whose packs gitdb reads without Git."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import git as gitpython
import pytest
from gitdb.pack import PackEntity

from registry.git.object_writer import ObjectWriter
from registry.git.packs import Pack
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.library.digest import release_digest
from registry.library.release_tag import parse_tag
from registry.names import LibraryName
from registry.publishing.bulk_import import import_releases
from registry.publishing.withdraw import yank
from registry.rollback.rollback import roll_back_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, files, new_registry, put, version
from tests.registry.publishing.test_bulk_import import item

_BY = Actor(name="Ann Ö")
_FILE = 0o100644


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """With two releases, one installed and one withdrawn."""
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        Installer(made).install([check_incoming(files(version="1.1.0"))], by=_BY)
        yank(made, NAME, version("1.0.0"), reason="Broken.", by=_BY)
        follow_head(made)
        yield made


@pytest.fixture
def other(registry: Registry) -> Iterator[gitpython.Repo]:
    """The same repository, opened by the other client in its own way."""
    with gitpython.Repo(registry.path) as repo:
        yield repo


def test_the_branch_and_its_commits(registry: Registry, other: gitpython.Repo) -> None:
    assert other.active_branch.name == "main"
    assert other.head.commit.hexsha == registry.head()
    operations = [commit.trailers_dict["Operation"] for commit in other.iter_commits()]
    assert operations == [["yank"], ["install"], ["release"], ["add"], ["init"]]
    newest = other.head.commit
    assert newest.trailers_dict["Actor"] == ["Ann Ö"]
    assert newest.author.name == newest.committer.name == "Ann Ö"
    assert abs((datetime.now(UTC) - newest.committed_datetime).total_seconds()) < 300
    assert [parent.hexsha for parent in newest.parents] == [
        registry.repository.resolve_commit("HEAD~1")
    ]
    (changed,) = newest.parents[0].diff(newest)
    assert changed.b_path == f"libraries/{NAME}/library.yaml"


def test_the_files_of_a_release(registry: Registry, other: gitpython.Repo) -> None:
    tree = other.head.commit.tree / f"libraries/{NAME}/1.1.0"
    found = {str(blob.path): blob for blob in tree.traverse() if isinstance(blob, gitpython.Blob)}
    prefix = f"libraries/{NAME}/1.1.0/"
    content = {path.removeprefix(prefix): b.data_stream.read() for path, b in found.items()}
    assert content == files(version="1.1.0")
    assert {blob.mode for blob in found.values()} == {_FILE}
    record = registry.snapshot().library(NAME).release(version("1.1.0"))
    assert record is not None
    assert record.digest == release_digest(content)


def test_trees_are_sorted_as_git_sorts_them(registry: Registry, other: gitpython.Repo) -> None:
    """A directory sorts as if its name ended in a slash."""
    put(registry, files("file", "1.0.0"))
    put(registry, files("file-a", "1.0.0"))
    for tree in [other.head.commit.tree, *other.head.commit.tree.trees]:
        names = [f"{entry.name}/" if entry.type == "tree" else entry.name for entry in tree]
        assert names == sorted(names, key=os.fsencode)


def test_the_tags(registry: Registry, other: gitpython.Repo) -> None:
    tags = {tag.name: tag for tag in other.tags}
    assert sorted(tags) == [f"{NAME}/v1.0.0", f"{NAME}/v1.1.0"]
    for name, tag in tags.items():
        assert tag.tag is not None
        assert tag.tag.tag == name
        directory = f"libraries/{NAME}/{name.rpartition('v')[2]}"
        stated = parse_tag(registry.repository.run("cat-file", "tag", tag.tag.hexsha))
        assert stated.tree == (tag.commit.tree / directory).hexsha
        assert stated.commit == tag.tag.object.hexsha == tag.commit.hexsha
        assert f"Digest: sha256:{stated.digest}" in tag.tag.message


def test_refs_that_were_packed(registry: Registry, other: gitpython.Repo) -> None:
    before = {ref.path: ref.commit.hexsha for ref in other.refs}
    import_releases(registry, [item("other-tools")], by=_BY)
    assert (registry.path / ".git/packed-refs").exists()
    after = {ref.path: ref.commit.hexsha for ref in other.refs}
    assert after.keys() - before.keys() == {"refs/tags/other-tools/v1.0.0"}
    assert after["refs/heads/main"] == registry.head()
    assert {ref: at for ref, at in after.items() if ref in before} | {
        "refs/heads/main": before["refs/heads/main"]
    } == before


def test_the_mark_of_a_rollback(registry: Registry, other: gitpython.Repo) -> None:
    roll_back_library(registry, LibraryName(NAME), version("1.1.0"), by=_BY)
    assert other.tag("rollback/1").commit == other.head.commit


def test_the_working_tree_and_the_index(registry: Registry, other: gitpython.Repo) -> None:
    assert not other.is_dirty(untracked_files=True)
    index = {path: entry.hexsha for (path, _), entry in other.index.entries.items()}
    head = other.head.commit.tree.traverse()
    assert index == {str(one.path): one.hexsha for one in head if isinstance(one, gitpython.Blob)}
    put(registry, files(version="2.0.0"))
    assert other.is_dirty()
    follow_head(registry)
    assert not other.is_dirty(untracked_files=True)


def test_our_packs_hold_what_they_say(registry: Registry) -> None:
    """Read without Git: its own look at a pack is taken by the same Git that uses it."""
    packs = list((registry.path / ".git/objects/pack").glob("*.pack"))
    assert packs
    for path in packs:
        _check_pack(path)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 2_047, 2_048, 300_000])
def test_a_pack_of_every_kind_and_size(registry: Registry, size: int) -> None:
    content = os.urandom(size)
    writer = ObjectWriter(registry.repository)
    written = {kind: writer.write(kind, content) for kind in ("blob", "tag", "commit", "tree")}
    pack = Pack()
    for kind in written:
        pack.add(kind, content)
    name, body, index = pack.content()
    directory = registry.path / "aside"
    directory.mkdir()
    (directory / f"{name}.pack").write_bytes(body)
    (directory / f"{name}.idx").write_bytes(index)
    _check_pack(directory / f"{name}.pack")
    entity = PackEntity(directory / f"{name}.pack")
    for kind, object_id in written.items():
        stream = entity.stream(bytes.fromhex(object_id))
        assert (stream.type.decode(), stream.read()) == (kind, content)
    entity.close()


def _check_pack(path: Path) -> None:
    entity = PackEntity(str(path))
    index = entity.index()
    assert index.packfile_checksum() == entity.pack().checksum()
    assert path.name == f"pack-{entity.pack().checksum().hex()}.pack"
    assert index.size() == entity.pack().size() > 0
    for info in entity.info_iter():
        assert entity.is_valid_stream(info.binsha, use_crc=True)
    entity.close()
