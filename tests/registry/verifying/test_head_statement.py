"""Signing the head: on a branch of its own, by a listed key, on the remote first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.errors import ConflictError, MovedError
from registry.git.commit_writer import Identity, NewCommit, write_commit
from registry.git.remote import push
from registry.signing.errors import OtherKeyError
from registry.signing.private_keys import PrivateKey
from registry.signing.signed_statements import sign_head_statement
from registry.signing.statements import HeadStatement
from registry.snapshots.registry import Registry
from registry.trust.report import Attack
from registry.trust.trusted_head import read_trusted
from registry.verifying.head_statement import SignedHead, read_statements, write_statement
from tests.registry.making import git
from tests.registry.verifying.scene import ACME, Scene, new_key, registry_yaml

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def sign(scene: Scene, registry: Registry | None = None, *, time: datetime = NOW) -> SignedHead:
    return write_statement(registry or scene.registry, scene.keys.instance, by=ACME, time=time)


@pytest.fixture
def bare(scene: Scene, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", "--bare", str(scene.path), "bare.git")
    return tmp_path / "bare.git"


def clone(bare: Path, name: str) -> Registry:
    git(bare.parent, "clone", "-q", str(bare), name)
    return Registry.open(bare.parent / name, remote="origin")


def test_numbers_grow_on_a_branch_that_shares_nothing_with_the_registry(scene: Scene) -> None:
    head = scene.registry.head()
    assert [sign(scene).statement.sequence for _ in range(3)] == [1, 2, 3]
    assert scene.registry.head() == head
    log = git(scene.path, "log", "--format=%T %s", "opsteps-head").splitlines()
    assert len(log) == 3
    assert git(scene.path, "ls-tree", "--name-only", "opsteps-head").split() == [
        "head.txt",
        "head.txt.sig",
    ]
    (kept,) = read_statements(scene.registry.repository)
    assert kept.sequence() == 3


def test_key_that_registry_yaml_does_not_list_is_refused(scene: Scene) -> None:
    with pytest.raises(OtherKeyError, match="does not list"):
        write_statement(scene.registry, scene.keys.stranger, by=ACME, time=NOW)
    assert read_statements(scene.registry.repository) == ()


def test_statement_arrives_on_the_remote_and_in_other_clones(scene: Scene, bare: Path) -> None:
    with clone(bare, "first") as first, clone(bare, "second") as second:
        assert sign(scene, first).statement.sequence == 1
        assert sign(scene, second).statement.sequence == 2
        git(first.path, "fetch", "-q", "origin", "opsteps-head:refs/remotes/origin/opsteps-head")
        numbers = sorted(kept.sequence() for kept in read_statements(first.repository))
        assert numbers == [1, 2]
        assert sign(scene, first).statement.sequence == 3
    assert git(bare, "rev-list", "--count", "opsteps-head") == "3"


def test_head_that_is_not_on_the_remote_is_not_signed(scene: Scene, bare: Path) -> None:
    with clone(bare, "first") as first:
        ahead = Scene(registry=first, keys=scene.keys)
        ahead.write({"x.md": b"x"})
        with pytest.raises(ConflictError, match="not on origin yet"):
            sign(scene, first)


def test_slower_of_two_signers_is_told(
    scene: Scene, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one signs between the fetch and the push of the first."""
    with clone(bare, "first") as first, clone(bare, "second") as second:

        def after_the_other(*arguments: Any, **options: Any) -> None:
            monkeypatch.undo()
            sign(scene, second, time=NOW - timedelta(hours=1))
            push(*arguments, **options)

        monkeypatch.setattr("registry.verifying.head_statement.push", after_the_other)
        with pytest.raises(MovedError):
            sign(scene, first)
        assert sign(scene, first).statement.sequence == 2


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_statement_by_a_key_that_was_replaced_since_is_not_forged(
    scene: Scene, *, is_seen: bool
) -> None:
    old, now = scene.keys.instance, datetime.now(UTC)
    sign(scene, time=now)
    if is_seen:
        scene.trust()
    keys = replace(scene.keys, instance=new_key())
    scene.write(scene.signed_registry(registry_yaml(keys)), key=old)
    assert scene.report().findings == ()
    scene.trust()
    trusted = read_trusted(scene.registry)
    assert trusted is not None
    assert trusted.sequence == int(is_seen)
    # Whoever has the old key makes no new ones with it.
    write_forged(scene, old, now)
    attacks = {one.attack for one in scene.report().findings}
    assert attacks == {Attack.FORGED_STATEMENT}


def write_forged(scene: Scene, key: PrivateKey, now: datetime) -> None:
    statement = HeadStatement(head=scene.registry.head(), sequence=7, time=now)
    commit = NewCommit(
        message="x",
        who=Identity(name="x", email="x@x", seconds=int(now.timestamp())),
        files={
            "head.txt": bytes(statement),
            "head.txt.sig": sign_head_statement(statement, key).encode(),
        },
    )
    new = write_commit(scene.registry.repository, None, commit)
    git(scene.path, "update-ref", "refs/heads/opsteps-head", new)
