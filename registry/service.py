"""The one path on which a registry changes: read, check, write objects, move the refs.

Every operation is one commit, whose trailers name the operation, the actor and the request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from registry.checking import check_release
from registry.contents import irregular_problems, read_files
from registry.digest import release_digest, tree_id
from registry.errors import (
    ConflictError,
    InvalidNameError,
    LimitError,
    NotFoundError,
)
from registry.model import LedgerEntry, LibraryFacts
from registry.names import (
    CommitId,
    Digest,
    LibraryName,
    ObjectId,
    parse_library_name,
    same_id,
)
from registry.operation import (
    NewTag,
    commit_upon,
    identity,
    new_request,
    one_line,
    operation_message,
    retried,
    rfc3339,
)
from registry.parsing import parse_library_facts
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.snapshot import Registry
from registry.tags import tag_message, tag_name
from registry.trees import TreeEntry, parse_tree, tree_items
from registry.versions import Version, parse_version
from registry.worktree import follow
from registry.writing import NewCommit
from registry.yamltext import dump_yaml


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A candidate that is in the registry now. ``changed`` is False when it was there already."""

    name: LibraryName
    version: Version
    commit: CommitId
    changed: bool
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A release that is served from ``commit`` on."""

    name: LibraryName
    version: Version
    digest: Digest
    commit: CommitId
    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryAt:
    """What an operation must know of one library at the head it builds upon."""

    head: CommitId
    name: LibraryName
    facts: LibraryFacts
    entries: Mapping[str, TreeEntry]

    @property
    def exists(self) -> bool:
        """False for a name that nothing was added under yet."""
        return bool(self.entries)


def add_release(
    registry: Registry, files: Mapping[str, bytes], *, actor: str, request: str | None = None
) -> Added:
    """Put a release's files into the registry as a candidate.

    Raises InvalidLibraryError with every problem, and ConflictError when that version was released
    with other content. The same candidate may be replaced as long as it is not released.
    """
    checked = check_release(files, strict=True, limits=registry.limits)
    if checked.content is None or errors_of(checked.problems):
        raise InvalidLibraryError("the library", checked.problems)
    name = parse_library_name(checked.content.manifest.name)
    version = parse_version(checked.content.manifest.version)

    def attempt() -> tuple[CommitId, bool]:
        at = read_library(registry, name)
        _refuse_taken(registry, at, version, files)
        directory = f"libraries/{name}/{version}"
        current = at.entries.get(str(version))
        if current is not None and _same_files(registry, current.object_id, files):
            return at.head, False
        contents = {f"{directory}/{path}": content for path, content in files.items()}
        if "library.yaml" not in at.entries:
            facts = LibraryFacts(owners=(one_line(actor),))
            contents[f"libraries/{name}/library.yaml"] = facts_bytes(facts)
        commit = NewCommit(
            message=operation_message(
                f"Add {name} {version}",
                operation="add",
                actor=actor,
                request=request or new_request(),
            ),
            who=identity(actor),
            files=contents,
            removed=(directory,) if current is not None else (),
        )
        return commit_upon(registry, at.head, commit, [])[0], True

    commit, changed = retried(registry, attempt)
    return Added(
        name=name, version=version, commit=commit, changed=changed, problems=checked.problems
    )


def release(
    registry: Registry,
    name: LibraryName,
    version: Version | None = None,
    *,
    actor: str,
    request: str | None = None,
) -> Released:
    """Release a candidate: enter its digest into the ledger and tag the commit.

    Without a version, the greatest candidate is meant. Raises NotFoundError, ConflictError when
    the version is in the ledger already, InvalidLibraryError when the candidate has errors.
    """

    def attempt() -> Released:
        at = read_library(registry, name)
        chosen = version or _greatest_candidate(at)
        entry = at.entries.get(str(chosen))
        if entry is None or not entry.is_tree:
            raise NotFoundError(
                f"{name} has no version {chosen}",
                where=f"libraries/{name}",
                next_step="Add it first with 'opsteps add DIRECTORY'",
            )
        _refuse_released(registry, at, chosen)
        directory = f"libraries/{name}/{chosen}"
        files = _checked_files(registry, name, chosen, entry.object_id)
        digest, tree = release_digest(files), tree_id(files)
        now = int(time.time())
        facts = with_release(at.facts, chosen, digest, rfc3339(now))
        who = identity(actor, now)
        changed = {f"libraries/{name}/library.yaml": facts_bytes(facts)}
        # Executable bits are no part of a release: the same bytes make the same tree anywhere.
        plain = entry.object_id == tree
        if not plain:
            changed |= {f"{directory}/{path}": content for path, content in files.items()}
        commit = NewCommit(
            message=operation_message(
                f"Release {name} {chosen}",
                operation="release",
                actor=actor,
                request=request or new_request(),
            ),
            who=who,
            files=changed,
            removed=() if plain else (directory,),
        )
        message = tag_message(name, chosen, digest=digest, tree=tree)
        tag = NewTag(name=tag_name(name, chosen), message=message, who=who)
        head, _ = commit_upon(registry, at.head, commit, [tag])
        return Released(name=name, version=chosen, digest=digest, commit=head, tag=tag.name)

    return retried(registry, attempt)


def _refuse_released(registry: Registry, at: LibraryAt, version: Version) -> None:
    if str(version) in at.facts.ledger:
        raise ConflictError(
            f"{at.name} {version} was released on {at.facts.ledger[str(version)].date}",
            next_step="A release never changes: give the new content a new version",
        )
    tag = tag_name(at.name, version)
    if registry.repository.object(f"refs/tags/{tag}") is not None:
        raise ConflictError(
            f"there is a tag {tag!r} already, and no entry in the ledger",
            where=f"libraries/{at.name}",
            next_step="Find out who made the tag; delete it, or give the content a new version",
        )


def read_library(registry: Registry, name: LibraryName) -> LibraryAt:
    """One library at the head, in a few small reads; raises InvalidNameError for no name."""
    parse_library_name(name)
    head = registry.head()
    tree = registry.repository.object(f"{head}:libraries/{name}")
    if tree is None or tree.type != "tree":
        return LibraryAt(head=head, name=name, facts=LibraryFacts(), entries={})
    entries = {entry.name: entry for entry in parse_tree(tree.content)}
    facts = LibraryFacts()
    if "library.yaml" in entries:
        blob = registry.repository.object(entries["library.yaml"].object_id)
        parsed = parse_library_facts(blob.content if blob else b"", file="library.yaml")
        if parsed.value is None:
            raise InvalidLibraryError(f"libraries/{name}/library.yaml", parsed.problems)
        facts = parsed.value
    return LibraryAt(head=head, name=name, facts=facts, entries=entries)


def facts_bytes(facts: LibraryFacts) -> bytes:
    """``library.yaml`` as this project writes it: what is empty is left out."""
    kept = {key: value for key, value in msgspec.to_builtins(facts).items() if value}
    ledger = kept.pop("ledger", {})
    lean = {v: {k: x for k, x in entry.items() if x is not None} for v, entry in ledger.items()}
    return dump_yaml({**kept, "ledger": lean})


def with_release(facts: LibraryFacts, version: Version, digest: Digest, date: str) -> LibraryFacts:
    """The facts after a release; nothing that was in the ledger changes."""
    entry = LedgerEntry(digest=digest, date=date)
    return replace(facts, state="active", ledger={**facts.ledger, str(version): entry})


def _refuse_taken(
    registry: Registry, at: LibraryAt, version: Version, files: Mapping[str, bytes]
) -> None:
    entry = at.facts.ledger.get(str(version))
    if entry is not None and entry.digest != release_digest(files):
        raise ConflictError(
            f"{at.name} {version} was released on {entry.date} with other content",
            next_step="A release never changes: give the new content a new version",
        )
    if not at.exists:
        _refuse_taken_id(registry, at)


def _refuse_taken_id(registry: Registry, at: LibraryAt) -> None:
    tree = registry.repository.object(f"{at.head}:libraries")
    names = (raw for _, raw, _ in tree_items(tree.content)) if tree is not None else ()
    taken = same_id(at.name, names)
    if taken is not None:
        raise ConflictError(
            f"the id of {at.name!r} is taken by {taken!r}", next_step="Choose another name"
        )


def _same_files(registry: Registry, tree: ObjectId, files: Mapping[str, bytes]) -> bool:
    """Whether the directory holds these files, and nothing that is no file."""
    repository, limits = registry.repository, registry.limits
    try:
        if any(irregular_problems(repository, tree, limits)):
            return False
        return read_files(repository, tree, limits=limits) == dict(files)
    except LimitError:
        return False


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


def _checked_files(
    registry: Registry, name: LibraryName, version: Version, tree: ObjectId
) -> dict[str, bytes]:
    """The files of a candidate; raises InvalidLibraryError, LimitError."""
    repository, limits = registry.repository, registry.limits
    files = read_files(repository, tree, limits=limits)
    checked = check_release(files, name=name, version=str(version), strict=True, limits=limits)
    problems = (*irregular_problems(repository, tree, limits), *checked.problems)
    if errors_of(problems):
        raise InvalidLibraryError(f"libraries/{name}/{version}", problems)
    return files


def let_worktree_follow(registry: Registry, old: CommitId, new: CommitId) -> tuple[str, ...]:
    """After the answer: index and working tree follow the head; returns paths left as they are."""
    return follow(registry.repository, old) if old != new else ()
