"""Bring many releases from another source in at once: one commit and one tag a release.

All commits go through one stream, so that thousands of releases take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from registry.bulk import write_commits
from registry.checking import check_release
from registry.digest import release_digest, tree_id
from registry.errors import ConflictError
from registry.model import Deprecation, LibraryFacts
from registry.names import CommitId, Digest, LibraryId, LibraryName, ObjectId, library_id
from registry.problems import Problem, errors_of
from registry.service import (
    facts_bytes,
    identity,
    operation_message,
    with_release,
)
from registry.snapshot import Registry
from registry.tags import tag_message, tag_name, tag_object
from registry.versions import Version
from registry.writing import NewCommit, RefUpdate, move_refs, write_tags


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
    """What an import did. ``present`` were there already, with the same content."""

    commit: CommitId
    released: int
    present: int
    refused: tuple[Refused, ...]


@dataclass(kw_only=True, slots=True)
class _Run:
    """What is known while the stream is written."""

    actor: str
    request: str
    facts: dict[LibraryName, LibraryFacts]
    ids: dict[LibraryId, LibraryName]
    tags: list[tuple[str, str, str]]
    refused: list[Refused]
    present: int = 0


def import_releases(
    registry: Registry,
    releases: Iterable[ImportedRelease],
    *,
    actor: str,
    request: str = "import",
    progress: Callable[[ImportedRelease], None] | None = None,
) -> Imported:
    """Import releases in their order; those of one library must come from the least version up.

    A release that has errors is refused and reported, the others go on. Raises GitError when
    another writer moved the head meanwhile: then nothing was imported.
    """
    before = registry.snapshot()
    run = _Run(
        actor=actor,
        request=request,
        facts={},
        ids={library_id(name): name for name in before.names},
        tags=[],
        refused=[],
    )
    run.facts = {library.name: library.facts for library in before.libraries(before.names)}

    def commits() -> Iterator[NewCommit]:
        for item in releases:
            commit = _commit_for(registry, run, item)
            if commit is not None:
                yield commit
            if progress is not None:
                progress(item)

    written = write_commits(registry.repository, before.commit, commits())
    if not written:
        return _result(run, before.commit)
    raw = [
        tag_object(name, commit, message, tagger=tagger)
        for (name, message, tagger), commit in zip(run.tags, written, strict=True)
    ]
    objects = write_tags(registry.repository, raw)
    updates = [
        RefUpdate(ref=f"refs/tags/{name}", new=object_id)
        for (name, _, _), object_id in zip(run.tags, objects, strict=True)
    ]
    head = RefUpdate(ref="HEAD", new=written[-1], old=before.commit)
    move_refs(registry.repository, [*updates, head])
    # Thousands of loose refs are slow to list.
    registry.repository.run("pack-refs", "--all")
    return _result(run, written[-1])


def _result(run: _Run, commit: CommitId) -> Imported:
    return Imported(
        commit=commit,
        released=len(run.tags),
        present=run.present,
        refused=tuple(run.refused),
    )


def _commit_for(registry: Registry, run: _Run, item: ImportedRelease) -> NewCommit | None:
    facts = run.facts.get(item.name, LibraryFacts(owners=item.owners))
    digest = release_digest(item.files)
    known = facts.ledger.get(str(item.version))
    if known is not None and known.digest == digest:
        run.present += 1
        return None
    problems = _problems(registry, run, item, known_digest=known.digest if known else None)
    if problems:
        run.refused.append(Refused(name=item.name, version=item.version, problems=problems))
        return None
    run.ids[library_id(item.name)] = item.name
    facts = replace(
        with_release(facts, item.version, digest, item.date), deprecated=item.deprecated
    )
    run.facts[item.name] = facts
    return _release_commit(run, item, facts, digest, tree_id(item.files))


def _problems(
    registry: Registry, run: _Run, item: ImportedRelease, *, known_digest: Digest | None
) -> tuple[Problem, ...]:
    if known_digest is not None:
        return (_conflict(f"{item.version} was released with other content"),)
    if run.ids.get(library_id(item.name), item.name) != item.name:
        return (_conflict("the id of this name is taken"),)
    checked = check_release(
        item.files,
        name=item.name,
        version=str(item.version),
        strict=True,
        limits=registry.limits,
    )
    return errors_of(checked.problems)


def _conflict(message: str) -> Problem:
    error = ConflictError(message)
    return Problem(rule="conflict", file="library.yaml", message=error.message)


def _release_commit(
    run: _Run, item: ImportedRelease, facts: LibraryFacts, digest: Digest, tree: ObjectId
) -> NewCommit:
    seconds = int(datetime.fromisoformat(item.date).timestamp())
    who = identity(run.actor, max(seconds, 0))
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
            actor=run.actor,
            request=run.request,
        ),
        who=who,
        files={**files, f"{root}/library.yaml": facts_bytes(facts)},
    )
