"""Take a bundle in: into a new directory, or into a registry that is there already.

Everything is unpacked and verified apart from the registry. Before that is done no ref moves and
no object arrives; then all refs move in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from builder.bundling.errors import (
    BundleError,
    DivergedError,
    NotABundleError,
    OlderBundleError,
)
from builder.bundling.header import BundleHeader, read_header
from builder.bundling.quarantine import (
    absent,
    quarantine,
    refuse_missing,
    take_objects,
    unpack,
    write_refs,
)
from builder.bundling.refs import (
    BundleOffer,
    choose_refs,
    is_plain_branch,
    refuse_moved_tags,
)
from builder.bundling.signed_head import Demands, Trusted, check_incoming_head
from builder.packaging.errors import WriteError
from registry.errors import ConflictError, NotFoundError
from registry.files.durable import sync_directories
from registry.files.locks import exclusive
from registry.git.commit_writer import ABSENT, RefUpdate
from registry.git.tag_refs import tag_refs
from registry.git.worktree import follow
from registry.names import CommitId, ObjectId
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Transaction, follow_head, run_transaction
from registry.trust.commit_walk import descends
from registry.trust.trusted_head import read_trusted, remember
from registry.verifying.head_statement import BRANCH


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedBundle:
    """The result of an import. ``before`` is None for a new registry; ``kept`` are edited files."""

    head: CommitId
    before: CommitId | None
    new_tags: int
    ignored_refs: int
    trusted: Trusted
    kept: tuple[str, ...] = ()


def import_bundle(file: Path, directory: Path, demands: Demands) -> ImportedBundle:
    """Verify a bundle and take it into a registry, or into a directory that is new or empty.

    Raises NotFoundError, BundleError (RefusedBundleError when it is not to be trusted),
    NotARegistryError and GitError; then nothing has changed.
    """
    try:
        opened = file.open("rb")
    except OSError as error:
        raise NotFoundError(
            f"it cannot be read: {error.strerror}", where=str(file), next_step="Name a bundle"
        ) from error
    with opened:
        header = read_header(opened, where=str(file))
        arrival = _Arrival(file=opened, header=header, where=str(file), demands=demands)
        try:
            if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
                return _into_new(arrival, directory.absolute())
            with Registry.open(directory) as registry:
                return _into_existing(arrival, registry)
        except OSError as error:
            raise WriteError(
                f"it cannot be written: {error.strerror or error}",
                where=str(directory),
                next_step="Name a registry, or a new directory, that may be written to",
            ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrival:
    """A bundle that lies open at its pack, and what is asked of it."""

    file: BinaryIO
    header: BundleHeader
    where: str
    demands: Demands


def _into_new(arrival: _Arrival, directory: Path) -> ImportedBundle:
    offer = choose_refs(arrival.header, branch=None, where=arrival.where)
    # As near as there is a directory: a refused bundle makes none.
    place = next(parent for parent in directory.parents if parent.is_dir())
    with quarantine(place, None) as path:
        with Registry.open(path) as incoming:
            refuse_missing(incoming.repository, arrival.header, None, where=arrival.where)
            _unpack(arrival, offer, incoming)
            write_refs(incoming.repository, offer.branch, offer.refs())
            trusted = check_incoming_head(incoming, arrival.demands, local=None)
            remember(incoming, trusted.head, before=None)
            # As in a registry that `opsteps init` makes.
            incoming.repository.run("config", "gc.auto", "0")
            follow(incoming.repository, None)
        if directory.exists():
            directory.rmdir()
        directory.parent.mkdir(parents=True, exist_ok=True)
        path.rename(directory)
        sync_directories([directory.parent])
    return ImportedBundle(
        head=offer.head,
        before=None,
        new_tags=len(offer.tags),
        ignored_refs=offer.ignored,
        trusted=trusted,
    )


def _into_existing(arrival: _Arrival, registry: Registry) -> ImportedBundle:
    if not is_plain_branch(registry.branch):
        raise BundleError(
            "its HEAD is on no branch that a registry can have",
            where=str(registry.path),
            next_step="Check the registry's branch out, such as with 'git switch main'",
        )
    repository, head, known = registry.repository, registry.head(), read_trusted(registry)
    offer = choose_refs(arrival.header, branch=registry.branch, where=arrival.where)
    tags = {f"refs/tags/{name}": tag.object_id for name, tag in tag_refs(repository).items()}
    refuse_moved_tags(offer, tags, where=arrival.where)
    refuse_missing(repository, arrival.header, head, where=arrival.where)
    place = registry.state_directory / "incoming"
    with exclusive(registry.state_directory / "import.lock"), quarantine(place, repository) as path:
        with Registry.open(path) as incoming:
            _unpack(arrival, offer, incoming)
            _refuse_other_history(incoming, head, offer, arrival.where)
            write_refs(incoming.repository, offer.branch, {**tags, **offer.refs()})
            trusted = check_incoming_head(incoming, arrival.demands, local=registry)
            take_objects(incoming.repository, repository)
        _move(registry, head, offer, tags)
        remember(registry, trusted.head, before=known)
    return ImportedBundle(
        head=offer.head,
        before=head,
        new_tags=len(offer.tags.keys() - tags.keys()),
        ignored_refs=offer.ignored,
        trusted=trusted,
        kept=follow_head(registry),
    )


def _unpack(arrival: _Arrival, offer: BundleOffer, incoming: Registry) -> None:
    unpack(incoming.repository, arrival.file, where=arrival.where)
    missing = absent(incoming.repository, offer.refs())
    if missing:
        raise NotABundleError(
            f"the bundle is not complete: what {missing[0]} names is not in it",
            where=arrival.where,
            next_step="Make it with 'opsteps bundle'",
        )


def _refuse_other_history(
    incoming: Registry, head: CommitId, offer: BundleOffer, where: str
) -> None:
    if descends(incoming.repository, offer.head, head):
        return
    if descends(incoming.repository, head, offer.head):
        raise OlderBundleError(
            f"its head {offer.head[:12]} comes before the one that is here, {head[:12]}",
            where=where,
            next_step="Take the newest bundle; nothing was changed",
        )
    raise DivergedError(
        f"its head {offer.head[:12]} does not descend from the one that is here, {head[:12]}",
        where=where,
        next_step="Find out which history was rewritten, or what was committed only here",
    )


def _move(
    registry: Registry, head: CommitId, offer: BundleOffer, tags: dict[str, ObjectId]
) -> None:
    """All refs or none; the branch comes first of all but tags, as recovery expects."""

    def attempt(turn: Transaction) -> None:
        if turn.head != head:
            raise ConflictError(
                "the registry has moved on meanwhile",
                where=str(registry.path),
                next_step="Run the command again",
            )
        known = registry.repository.object(BRANCH)
        current = {
            **tags,
            registry.branch: head,
            BRANCH: known.object_id if known is not None else ABSENT,
        }
        updates = [
            RefUpdate(ref=ref, new=new, old=current.get(ref, ABSENT))
            for ref, new in offer.refs().items()
            if current.get(ref, ABSENT) != new
        ]
        if updates:
            turn.move(updates)

    run_transaction(registry, attempt)
