"""Bring many releases from another source in at once: one commit and one tag a release.

All commits go through one stream, so that thousands of releases take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from registry.checks.release import check_release
from registry.errors import ConflictError, MovedError
from registry.formats.library_file import facts_bytes, with_release
from registry.formats.model import Deprecation, LibraryFacts
from registry.formats.parsing import parse_library_facts
from registry.git.commit_writer import NewCommit, RefUpdate, write_tags
from registry.git.fast_import import clear_staging, write_commits
from registry.git.object_ids import tree_id
from registry.git.tag_refs import tag_refs
from registry.library.digest import release_digest
from registry.library.release_tag import is_release_tag, tag_message, tag_name, tag_object
from registry.names import CommitId, Digest, LibraryId, LibraryName, ObjectId, library_id
from registry.problems import Problem, errors_of
from registry.snapshots.registry import Registry
from registry.transactions.transaction import (
    Actor,
    Transaction,
    one_line,
    operation_message,
    run_transaction,
)
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedRelease:
    """A release as an importer gives it. ``date`` is RFC 3339, UTC."""

    name: LibraryName
    version: Version
    files: Mapping[str, bytes]
    date: str
    owners: tuple[str, ...] = ()
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A release that was not imported, and why."""

    name: LibraryName
    version: Version
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The result of an import. ``present`` were there already, with the same content."""

    commit: CommitId
    released: int
    present: int
    refused: tuple[Refused, ...]


@dataclass(kw_only=True, slots=True)
class _Run:
    """The state of an import while the stream is written."""

    by: Actor
    facts: dict[LibraryName, LibraryFacts]
    before: frozenset[LibraryName]
    """The libraries that were there: a candidate of theirs may be in the way."""
    unreadable: frozenset[LibraryName]
    taken: frozenset[str]
    """Names of tags that were there."""
    gone: frozenset[str]
    """Names that have such tags, whether or not anything else of them is there."""
    ids: dict[LibraryId, LibraryName]
    tags: list[tuple[str, str, str]]
    refused: list[Refused]
    present: int = 0


def import_releases(
    registry: Registry,
    releases: Iterable[ImportedRelease],
    *,
    by: Actor,
    progress: Callable[[ImportedRelease], None] | None = None,
) -> Imported:
    """Import releases in their order; those of one library must come from the least version up.

    A release that has errors is refused and reported, the others go on. Raises ConflictError
    when another writer moved the head meanwhile: then nothing was imported.
    """
    done = run_transaction(registry, lambda turn: _import(turn, releases, by=by, progress=progress))
    # Thousands of loose refs are slow to list.
    registry.repository.run("pack-refs", "--all")
    return done


def _import(
    turn: Transaction,
    releases: Iterable[ImportedRelease],
    *,
    by: Actor,
    progress: Callable[[ImportedRelease], None] | None,
) -> Imported:
    registry = turn.registry
    before = registry.snapshot(turn.head)
    taken = frozenset(tag_refs(registry.repository))
    libraries = list(before.libraries(before.names))
    run = _Run(
        by=by,
        facts={library.name: library.facts for library in libraries},
        before=frozenset(before.names),
        unreadable=frozenset(library.name for library in libraries if not library.has_facts),
        taken=taken,
        gone=frozenset(tag.partition("/v")[0] for tag in taken if is_release_tag(tag)),
        ids={library_id(name): name for name in before.names},
        tags=[],
        refused=[],
    )

    def commits() -> Iterator[NewCommit]:
        for item in releases:
            commit = _commit_for(registry, run, item)
            if commit is not None:
                yield commit
            if progress is not None:
                progress(item)

    try:
        return _publish(turn, run, before.commit, commits())
    finally:
        clear_staging(registry.repository)


def _publish(
    turn: Transaction, run: _Run, before: CommitId, commits: Iterator[NewCommit]
) -> Imported:
    """Write the commits and their tags, and move all refs."""
    registry = turn.registry
    written = write_commits(registry.repository, before, commits)
    if not written:
        return _result(run, before)
    raw = [
        tag_object(name, commit, message, tagger=tagger)
        for (name, message, tagger), commit in zip(run.tags, written, strict=True)
    ]
    objects = write_tags(registry.repository, raw)
    updates = [
        RefUpdate(ref=f"refs/tags/{name}", new=object_id)
        for (name, _, _), object_id in zip(run.tags, objects, strict=True)
    ]
    head = RefUpdate(ref=registry.branch, new=written[-1], old=before)
    try:
        turn.move([*updates, head])
    except MovedError as error:  # the releases were read: there is no second attempt
        raise ConflictError(
            "another writer was faster; nothing was imported", next_step="Import again"
        ) from error
    return _result(run, written[-1])


def _result(run: _Run, commit: CommitId) -> Imported:
    return Imported(
        commit=commit,
        released=len(run.tags),
        present=run.present,
        refused=tuple(run.refused),
    )


def _commit_for(registry: Registry, run: _Run, item: ImportedRelease) -> NewCommit | None:
    facts = run.facts.get(item.name, LibraryFacts(owners=tuple(map(one_line, item.owners))))
    known = facts.ledger.get(str(item.version))
    if known is not None and known.digest == _digest_or_none(item):
        run.present += 1
        return None
    problems = _problems(registry, run, item, facts)
    if problems:
        run.refused.append(Refused(name=item.name, version=item.version, problems=problems))
        return None
    digest = release_digest(item.files)
    facts = _with(facts, item, digest)
    run.ids[library_id(item.name)] = item.name
    run.facts[item.name] = facts
    return _release_commit(run, item, facts, digest, tree_id(item.files))


def _digest_or_none(item: ImportedRelease) -> Digest | None:
    try:
        return release_digest(item.files)
    except UnicodeEncodeError:  # a path that is not UTF-8, which the checks report
        return None


def _with(facts: LibraryFacts, item: ImportedRelease, digest: Digest) -> LibraryFacts:
    released = with_release(facts, item.version, digest, item.date)
    return replace(released, deprecated=item.deprecated)


def _problems(
    registry: Registry, run: _Run, item: ImportedRelease, facts: LibraryFacts
) -> tuple[Problem, ...]:
    if str(item.version) in facts.ledger:
        return (_conflict(f"{item.version} was released with other content"),)
    if item.name in run.unreadable:
        return (_conflict("the library's own library.yaml cannot be read"),)
    if tag_name(item.name, item.version) in run.taken:
        return (_conflict(f"there is a tag for {item.version}, and no entry in the ledger"),)
    if not facts.ledger and item.name in run.gone:
        return (_conflict("the name is taken: it has release tags, and its ledger is gone"),)
    if run.ids.get(library_id(item.name), item.name) != item.name:
        return (_conflict("the id of this name is taken"),)
    checked = check_release(
        item.files,
        name=item.name,
        version=str(item.version),
        strict=True,
        limits=registry.limits,
    )
    return errors_of(checked.problems) or tuple(_facts_problems(facts, item))


def _facts_problems(facts: LibraryFacts, item: ImportedRelease) -> Iterator[Problem]:
    """Yield a problem for each fact that would make the ``library.yaml`` unreadable."""
    digest = release_digest(item.files)
    yield from errors_of(parse_library_facts(facts_bytes(_with(facts, item, digest))).problems)
    try:
        datetime.fromisoformat(item.date)
    except ValueError:
        yield _conflict(f"{item.date[:40]!r} is not a date")


def _conflict(message: str) -> Problem:
    return Problem(
        rule="conflict",
        file="library.yaml",
        message=message,
        expected="a release that fits what the registry holds",
    )


def _release_commit(
    run: _Run, item: ImportedRelease, facts: LibraryFacts, digest: Digest, tree: ObjectId
) -> NewCommit:
    seconds = int(datetime.fromisoformat(item.date).timestamp())
    who = run.by.identity(max(seconds, 0))
    run.tags.append(
        (
            tag_name(item.name, item.version),
            tag_message(item.name, item.version, digest=digest, tree=tree),
            str(who),
        )
    )
    root = f"libraries/{item.name}"
    files = {f"{root}/{item.version}/{path}": data for path, data in item.files.items()}
    return NewCommit(
        message=operation_message(
            f"Release {item.name} {item.version}",
            operation="import",
            by=run.by,
        ),
        who=who,
        files={**files, f"{root}/library.yaml": facts_bytes(facts)},
        removed=(f"{root}/{item.version}",) if item.name in run.before else (),
    )
