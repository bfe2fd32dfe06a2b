"""Add a candidate: a release's files, checked, not yet served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.checks.policy_demands import ContentRule, with_demands
from registry.checks.release import check_release
from registry.errors import LimitError
from registry.formats.library_file import facts_bytes, facts_path, with_directory
from registry.formats.model import LibraryFacts
from registry.library.digest import release_digest
from registry.names import CommitId, LibraryName, ObjectId, parse_library_name
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.publishing.ledger_signature import policy_at
from registry.publishing.release import Proposal, Rule
from registry.snapshots.content_differences import other_content, released_files
from registry.snapshots.one_library import LibraryAt, read_library
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import irregular_problems, read_files
from registry.snapshots.taken_ids import TakenIds
from registry.snapshots.taken_names import refuse_taken_name
from registry.transactions.transaction import (
    Actor,
    Transaction,
    one_line,
    operation_commit,
    run_transaction,
)
from registry.versions import Version, parse_version


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """The candidate in the registry. ``changed`` is False when it was there already."""

    name: LibraryName
    version: Version
    commit: CommitId
    changed: bool
    is_released: bool
    """These bytes were released before: they are served, and no candidate."""
    problems: tuple[Problem, ...]


def add_release(
    registry: Registry,
    files: Mapping[str, bytes],
    *,
    by: Actor,
    rule: Rule | None = None,
    content_rule: ContentRule | None = None,
    where: str = "",
) -> Added:
    """Put a release's files into the registry as a candidate; ``where`` is what they came from.

    ``rule`` and ``content_rule`` judge it as in `registry.publishing.release.release`. Raises
    InvalidLibraryError with every problem, also what the registry's policy demands, and
    ConflictError when that version was released with other content. The same candidate may be
    replaced as long as it is not released.
    """
    checked = check_release(files, strict=True, limits=registry.limits)
    policy = policy_at(registry, registry.head())
    problems = with_demands(checked, files, policy, content_rule)
    if checked.content is None or errors_of(problems):
        raise InvalidLibraryError(where or checked.shown, problems)
    name = parse_library_name(checked.content.manifest.name)
    version = parse_version(checked.content.manifest.version)
    content = checked.content

    def attempt(turn: Transaction) -> tuple[CommitId, bool, bool]:
        at = read_library(registry, name, turn.head)
        _refuse_taken(registry, at, version, files)
        is_released = str(version) in at.facts.ledger
        if rule is not None and not is_released:
            rule(Proposal(at=at, version=version, content=content))
        directory = f"libraries/{name}/{version}"
        current = at.entries.get(str(version))
        if current is not None and _same_files(registry, current.object_id, files):
            return at.head, False, is_released
        contents = {f"{directory}/{path}": content for path, content in files.items()}
        if "library.yaml" not in at.entries:
            contents[facts_path(name)] = facts_bytes(LibraryFacts(owners=(one_line(by.name),)))
        elif is_released:
            # What was removed is back as it was, and served at once.
            contents[facts_path(name)] = facts_bytes(with_directory(at.facts, version))
        commit = operation_commit(
            f"Add {name} {version}",
            operation="add",
            by=by,
            files=contents,
            removed=(directory,) if current is not None else (),
        )
        return turn.commit(commit), True, is_released

    commit, changed, is_released = run_transaction(registry, attempt)
    return Added(
        name=name,
        version=version,
        commit=commit,
        changed=changed,
        is_released=is_released,
        problems=problems,
    )


def _refuse_taken(
    registry: Registry, at: LibraryAt, version: Version, files: Mapping[str, bytes]
) -> None:
    entry = at.facts.ledger.get(str(version))
    if entry is not None and entry.digest != release_digest(files):
        before = released_files(registry, at.name, version)
        raise other_content(f"{at.name} {version} was released on {entry.date}", before, files)
    if not at.exists:
        TakenIds(registry.repository).refuse(at.name, at.head)
    if not at.facts.ledger:
        refuse_taken_name(registry.repository, at.name, at.head, is_there=at.exists)


def _same_files(registry: Registry, tree: ObjectId, files: Mapping[str, bytes]) -> bool:
    """True if the directory holds these files, and nothing but files."""
    repository, limits = registry.repository, registry.limits
    try:
        if any(irregular_problems(repository, tree, limits)):
            return False
        return read_files(repository, tree, limits=limits) == dict(files)
    except LimitError:
        return False
