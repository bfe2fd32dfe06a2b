"""The parts of a library that are removed: all of it, or some of its versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.errors import ConflictError, NotFoundError
from registry.formats.instance_file import instance_path, parse_instance_file
from registry.git.missing import object_at
from registry.installing.library_change import LibraryChange, Remover
from registry.library.release_state import ReleaseRecord, ReleaseState
from registry.names import CommitId, LibraryName
from registry.snapshots.instance_names import instances_at
from registry.snapshots.library_at_head import LibraryAtHead
from registry.snapshots.registry import Registry
from registry.versions import Version

REMOVE_RELEASE = "remove-release"
"""The operation that removes versions of a library, beside ``uninstall`` for all of it."""


def whole_removal(name: LibraryName, state: LibraryAtHead) -> LibraryChange:
    """All its releases go; a candidate is an author's work, and stays."""
    released = (r.version for r in state.releases if r.state is ReleaseState.RELEASED)
    return LibraryChange(name=name, remove=tuple(released))


def removal_of_versions(
    name: LibraryName, state: LibraryAtHead, versions: Sequence[Version], by: Remover
) -> LibraryChange:
    """These versions go, each written down by itself.

    A version that is gone without having been written down (before ``removed`` was kept, or by
    hand) is written down now. Raises NotFoundError for what is not there, ConflictError for a
    candidate.
    """
    for version in versions:
        record = state.release(version)
        if record is None or not (record.is_served or needs_record(record)):
            raise _not_there(name, version, record)
    return LibraryChange(name=name, remove=tuple(versions), remover=by)


def needs_record(record: ReleaseRecord) -> bool:
    """True if its directory is gone and ``library.yaml`` does not say who removed it."""
    return record.state is ReleaseState.WITHDRAWN and record.removal is None


def _not_there(
    name: LibraryName, version: Version, record: ReleaseRecord | None
) -> NotFoundError | ConflictError:
    if record is not None and record.state is ReleaseState.CANDIDATE:
        return ConflictError(
            f"{name} {version} is a candidate: it was never released, so it is not installed",
            next_step=f"Take the candidate back with 'opsteps remove {name} {version}'",
        )
    if record is not None and record.state is ReleaseState.ALARM:
        return ConflictError(
            f"{name} {version} is not trusted: {record.alarm}",
            next_step="Look at it with 'opsteps verify'",
        )
    if record is not None and record.removal is not None:
        removal = record.removal
        return NotFoundError(
            f"{name} {version} is removed already, since {removal.date}, by {removal.by}",
            next_step=f"See its releases with 'opsteps show {name}'",
        )
    return NotFoundError(
        f"{name} {version} is not installed",
        next_step=f"See its releases with 'opsteps show {name}'",
    )


def refuse_pinned_elsewhere(
    registry: Registry, head: CommitId, name: LibraryName, versions: Sequence[Version]
) -> None:
    """Raise ConflictError where another instance of the registry is pinned to one of these."""
    for instance in other_instances(registry, head):
        path = instance_path(instance, name)
        found = object_at(registry.repository, head, path)
        pin = parse_instance_file(found.content, file=path).pin if found is not None else None
        if pin in versions:
            raise ConflictError(
                f"the instance {instance!r} is pinned to {name} {pin}",
                next_step=f"Unpin it first with 'opsteps rollback {name} --unpin "
                f"--instance {instance}'",
            )


def other_instances(registry: Registry, head: CommitId) -> Iterator[str]:
    """The instances of a registry that have files, but for the one that is opened."""
    return (name for name in instances_at(registry, head) if name != registry.instance)
