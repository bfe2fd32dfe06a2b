"""Release a candidate: its digest enters the ledger and its commit gets a tag."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.checks.policy_demands import ContentRule, with_demands
from registry.checks.release import check_release
from registry.errors import ConflictError, InvalidNameError, NotFoundError
from registry.formats.library_file import facts_bytes, facts_path, with_release
from registry.formats.model import ReleaseContent
from registry.formats.timestamps import format_seconds
from registry.git.object_ids import tree_id
from registry.library.changelog import CHANGELOG, notes_of
from registry.library.digest import release_digest
from registry.library.release_tag import tag_message, tag_name
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.publishing.ledger_signature import ledger_signature, policy_at
from registry.remotes.unsent import tag_step
from registry.snapshots.content_differences import other_content, released_files
from registry.snapshots.one_library import LibraryAt, read_library
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import irregular_problems, read_files
from registry.snapshots.taken_names import refuse_taken_name
from registry.transactions.transaction import (
    Actor,
    NewTag,
    Transaction,
    operation_commit,
    run_transaction,
)
from registry.versions import Version, parse_version

if TYPE_CHECKING:  # cryptography takes its time to load, and few releases are signed
    from registry.signing.private_keys import PrivateKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A candidate that is about to be released, for a rule to judge."""

    at: LibraryAt
    version: Version
    content: ReleaseContent


# Raises a RegistryError for what may not be released.
Rule = Callable[[Proposal], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A release that is served from ``commit`` on."""

    name: LibraryName
    version: Version
    digest: Digest
    commit: CommitId
    tag: str
    signed_by: str | None = None
    """The publisher whose signature the ledger keeps."""
    problems: tuple[Problem, ...] = ()
    """The warnings that it was released with."""


def release(
    registry: Registry,
    name: LibraryName,
    version: Version | None = None,
    *,
    by: Actor,
    signer: PrivateKey | None = None,
    rule: Rule | None = None,
    content_rule: ContentRule | None = None,
) -> Released:
    """Release a candidate: enter its digest into the ledger and tag the commit.

    Without a version, the greatest candidate is meant. ``signer`` is a publisher's key; ``rule``
    judges what is released, ``content_rule`` its files. Raises NotFoundError, ConflictError when
    the version is in the ledger already, InvalidLibraryError when the candidate has errors,
    SigningError when the key may not sign, or none was given and the policy demands one.
    """

    def attempt(turn: Transaction) -> Released:
        at = read_library(registry, name, turn.head)
        chosen = version or _greatest_candidate(at)
        tree = _candidate_tree(at, chosen)
        _refuse_released(registry, at, chosen, tree)
        if not at.facts.ledger:
            refuse_taken_name(registry.repository, name, turn.head, is_there=True)
        checked = _checked_files(registry, name, chosen, tree, turn.head, content_rule)
        if rule is not None:
            rule(Proposal(at=at, version=chosen, content=checked.content))
        released = _write(turn, at, chosen, tree, checked.files, by=by, signer=signer)
        return replace(released, problems=checked.problems)

    return run_transaction(registry, attempt)


def _write(
    turn: Transaction,
    at: LibraryAt,
    version: Version,
    tree: ObjectId,
    files: Mapping[str, bytes],
    *,
    by: Actor,
    signer: PrivateKey | None,
) -> Released:
    name, directory = at.name, f"libraries/{at.name}/{version}"
    digest, plain_tree = release_digest(files), tree_id(files)
    now = int(time.time())
    signed = ledger_signature(turn.registry, at, version, digest, signer)
    signature = signed.armored if signed else None
    facts = with_release(at.facts, version, digest, format_seconds(now), signature=signature)
    changed = {facts_path(name): facts_bytes(facts)}
    # Executable bits are not part of a release: the same bytes make the same tree anywhere.
    is_plain = tree == plain_tree
    if not is_plain:
        changed |= {f"{directory}/{path}": content for path, content in files.items()}
    commit = operation_commit(
        f"Release {name} {version}",
        operation="release",
        by=by,
        files=changed,
        removed=() if is_plain else (directory,),
        seconds=now,
    )
    notes = notes_of(files.get(CHANGELOG, b""), version)
    message = tag_message(name, version, digest=digest, tree=plain_tree, notes=notes)
    tag = NewTag(name=tag_name(name, version), message=message, who=by.identity(now))
    return Released(
        name=name,
        version=version,
        digest=digest,
        commit=turn.commit(commit, [tag]),
        tag=tag.name,
        signed_by=signed.publisher if signed else None,
    )


def candidates(at: LibraryAt) -> list[Version]:
    """The versions of a library that are not released yet, from the least up."""
    return sorted(_candidates(at))


def _candidate_tree(at: LibraryAt, version: Version) -> ObjectId:
    entry = at.entries.get(str(version))
    if entry is None or not entry.is_tree:
        raise NotFoundError(
            f"{at.name} has no version {version}",
            where=f"libraries/{at.name}",
            next_step="Add it first with 'opsteps add DIRECTORY'"
            + (f"; see its versions with 'opsteps show {at.name}'" if at.exists else ""),
        )
    return entry.object_id


def _refuse_released(registry: Registry, at: LibraryAt, version: Version, tree: ObjectId) -> None:
    entry = at.facts.ledger.get(str(version))
    if entry is not None:
        said = f"{at.name} {version} was released on {entry.date}"
        files = released_files(registry, at.name, version, tree)
        if files is not None and release_digest(files) != entry.digest:
            raise other_content(said, released_files(registry, at.name, version), files)
        raise ConflictError(
            said, next_step="A release never changes: give new content a new version"
        )
    tag = tag_name(at.name, version)
    if registry.repository.object(f"refs/tags/{tag}") is not None:
        raise ConflictError(
            f"there is a tag {tag!r} already, and no entry in the ledger",
            where=f"libraries/{at.name}",
            next_step=tag_step(
                registry,
                tag,
                "Find out who made the tag, and what became of its release, with 'opsteps repair';"
                " or give the content a new version",
            ),
        )


def _greatest_candidate(at: LibraryAt) -> Version:
    candidates = list(_candidates(at))
    if not candidates:
        raise NotFoundError(
            f"{at.name} has no candidate to release",
            where=f"libraries/{at.name}",
            next_step="Add one first with 'opsteps add DIRECTORY'",
        )
    return max(candidates)


def _candidates(at: LibraryAt) -> Iterator[Version]:
    for entry in at.entries.values():
        if entry.is_tree and entry.name not in at.facts.ledger:
            try:
                yield parse_version(entry.name)
            except InvalidNameError:
                continue


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """A candidate without errors."""

    files: dict[str, bytes]
    content: ReleaseContent
    problems: tuple[Problem, ...]


def _checked_files(
    registry: Registry,
    name: LibraryName,
    version: Version,
    tree: ObjectId,
    head: CommitId,
    rule: ContentRule | None,
) -> _Checked:
    """The files of a candidate, and what they say; raises InvalidLibraryError, LimitError."""
    repository, limits = registry.repository, registry.limits
    files = read_files(repository, tree, limits=limits)
    checked = check_release(files, name=name, version=str(version), strict=True, limits=limits)
    demanded = with_demands(checked, files, policy_at(registry, head), rule)
    problems = (*irregular_problems(repository, tree, limits), *demanded)
    if errors_of(problems) or checked.content is None:
        raise InvalidLibraryError(f"libraries/{name}/{version}", problems)
    return _Checked(files=files, content=checked.content, problems=problems)
