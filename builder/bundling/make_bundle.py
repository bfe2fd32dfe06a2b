"""Make a bundle of a registry: its branch, its release and rollback tags, the signed head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.bundling.errors import BundleError
from builder.bundling.refs import is_plain_branch, is_registry_tag
from builder.packaging.staging import staged
from registry.git.commit_writer import ABSENT, RefUpdate, move_refs
from registry.git.repository import GitRepository
from registry.git.tag_refs import tag_refs
from registry.names import CommitId
from registry.signing.errors import MalformedStatementError
from registry.signing.statements import parse_head_statement
from registry.snapshots.registry import Registry
from registry.trust.commit_walk import descends
from registry.verifying.head_statement import BRANCH, KeptStatement, read_statements


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeBundle:
    """The contents of a bundle; ``since`` is the commit that its receiver must have, if any.

    ``is_signed`` is False also when the statement is about an earlier head.
    """

    head: CommitId
    since: CommitId | None
    tags: int
    is_signed: bool
    size: int


def make_bundle(registry: Registry, target: Path, *, since: str | None = None) -> MadeBundle:
    """Write a bundle, whole or not at all; with ``since`` only what comes after that commit.

    Raises BundleError, WriteError and GitError.
    """
    repository = registry.repository
    branch, head = registry.branch, registry.head()
    _refuse_unfit(registry, branch)
    start = _start(repository, head, since) if since is not None else None
    tags = _tags(repository, head, start)
    statement = _bring_statement(repository)
    refs = ["HEAD", branch, *(f"refs/tags/{name}" for name in tags)]
    if statement is not None:
        refs.append(BRANCH)
    if start is not None:
        refs.append(f"^{start}")
    with staged(target) as beside:
        repository.run(
            # Bundles are carried about: small counts more than quick.
            "-c", "pack.compression=6",
            "bundle", "create", "--quiet", "--version=2", str(beside.absolute()), "--stdin",
            stdin="".join(f"{ref}\n" for ref in refs).encode(),
        )  # fmt: skip
        size = beside.stat().st_size
    return MadeBundle(
        head=head,
        since=start,
        tags=len(tags),
        is_signed=statement is not None and _is_about(statement, head),
        size=size,
    )


def _bring_statement(repository: GitRepository) -> KeptStatement | None:
    """The newest statement that is known here, brought to our own branch from a remote's."""
    kept = read_statements(repository)
    newest = max(kept, key=KeptStatement.sequence, default=None)
    if newest is not None and newest.ref != BRANCH:
        here = next((item.commit for item in kept if item.ref == BRANCH), ABSENT)
        move_refs(repository, [RefUpdate(ref=BRANCH, new=newest.commit, old=here)])
    return newest


def _is_about(statement: KeptStatement, head: CommitId) -> bool:
    try:
        return parse_head_statement(statement.raw or b"").head == head
    except MalformedStatementError:
        return False


def _refuse_unfit(registry: Registry, branch: str) -> None:
    if not is_plain_branch(branch):
        raise BundleError(
            "its HEAD is on no branch that a registry can have",
            where=str(registry.path),
            next_step="Check the registry's branch out, such as with 'git switch main'",
        )
    if (registry.repository.common_dir / "shallow").exists():
        raise BundleError(
            "this clone lacks a part of the history",
            where=str(registry.path),
            next_step="Fetch the rest with 'git fetch --unshallow --tags'",
        )


def _start(repository: GitRepository, head: CommitId, since: str) -> CommitId:
    start = repository.resolve_commit(since)
    if start == head:
        raise BundleError(
            f"nothing has happened since {start[:12]}", next_step="There is no bundle to make"
        )
    if not descends(repository, head, start):
        raise BundleError(
            f"{start[:12]} is not in the history of the head",
            next_step="Name a commit that both registries have, such as the receiver's head",
        )
    return start


def _tags(repository: GitRepository, head: CommitId, start: CommitId | None) -> list[str]:
    """Our tags on the history of the head; those that the receiver has already are left out."""
    had = tag_refs(repository, merged=start) if start is not None else {}
    found = tag_refs(repository, merged=head)
    return [name for name in found if name not in had and is_registry_tag(name)]
