"""Take a candidate back: its directory goes, as nobody was ever served from it."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ConflictError, NotFoundError
from registry.formats.library_file import facts_path
from registry.formats.model import LibraryFacts
from registry.git.commit_message import read_message
from registry.library.release_state import ReleaseState
from registry.names import CommitId, LibraryName
from registry.snapshots.library_at_head import state_at
from registry.snapshots.one_library import LibraryAt, read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, Transaction, operation_commit, run_transaction
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenBack:
    """A candidate that is gone from ``commit`` on. ``is_name_free``: nothing else was there."""

    name: LibraryName
    version: Version
    commit: CommitId
    is_name_free: bool


def take_back(registry: Registry, name: LibraryName, version: Version, *, by: Actor) -> TakenBack:
    """Remove a candidate, and with the last one of a library that `add` began the library.

    Raises NotFoundError, and ConflictError for what is released.
    """

    def attempt(turn: Transaction) -> TakenBack:
        at = read_library(registry, name, turn.head)
        _require_candidate(registry, at, version)
        directory = f"libraries/{name}/{version}"
        is_all = _is_nothing_else(registry, at, version)
        commit = operation_commit(
            f"Remove the candidate {name} {version}",
            operation="remove",
            by=by,
            files={},
            removed=(directory, facts_path(name)) if is_all else (directory,),
        )
        new = turn.commit(commit)
        return TakenBack(name=name, version=version, commit=new, is_name_free=is_all)

    return run_transaction(registry, attempt)


def _require_candidate(registry: Registry, at: LibraryAt, version: Version) -> None:
    record = state_at(registry, at).release(version) if at.exists else None
    where = f"libraries/{at.name}"
    if not at.exists:
        raise NotFoundError(
            f"there is no library {at.name!r}",
            where=str(registry.path),
            next_step="List the libraries with 'opsteps search'",
        )
    if record is None:
        raise NotFoundError(
            f"{at.name} has no version {version}",
            where=where,
            next_step=f"See its versions with 'opsteps show {at.name}'",
        )
    if record.state is ReleaseState.ALARM:
        raise ConflictError(
            f"{at.name} {version} is not trusted: {record.alarm}",
            where=where,
            next_step="Look at it with 'opsteps verify'",
        )
    if record.state is not ReleaseState.CANDIDATE:
        raise ConflictError(
            f"{at.name} {version} is released, and no candidate any more",
            where=where,
            next_step=f"Withdraw it with 'opsteps yank {at.name} {version} --reason WHY', or remove"
            f" its files with 'opsteps uninstall {at.name} {version}'",
        )


def _is_nothing_else(registry: Registry, at: LibraryAt, version: Version) -> bool:
    """True if the library is what `add` made of this candidate, and nothing that was said since."""
    said = at.facts
    if at.entries.keys() - {"library.yaml", str(version)} or said != LibraryFacts(
        owners=said.owners
    ):
        return False
    message = registry.repository.run(
        "log", "-1", "--diff-filter=A", "--format=%B", at.head, "--", facts_path(at.name)
    )
    return read_message(b"\n\n" + message).operation == "add"
