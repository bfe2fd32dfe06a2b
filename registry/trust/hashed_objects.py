"""Read objects and believe none: each must hash to the id that it was asked by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from registry.errors import GitError, IncompleteCloneError
from registry.git.repository import GitObject, GitRepository
from registry.limits import BLOB_BYTES
from registry.names import ObjectId
from registry.trust.errors import DamagedObjectError


def read_objects(
    repository: GitRepository, ids: Iterable[ObjectId]
) -> Iterator[tuple[ObjectId, GitObject | None]]:
    """Each id with its object, None for one that is missing; raises DamagedObjectError.

    Git itself compares ids only when objects arrive over a network.
    """
    wanted = list(dict.fromkeys(ids))
    waiting = iter(wanted)
    try:
        for found in repository.objects(wanted):
            object_id = next(waiting)
            if found is not None and not found.is_read:
                raise _too_large(object_id)
            if found is not None and _id_of(found) != object_id:
                raise _damaged(object_id, "its content is not what its id says")
            yield object_id, found
    except GitError as error:
        # Git ends at the first object that it cannot read.
        unread = next(waiting, None)
        if isinstance(error, DamagedObjectError | IncompleteCloneError) or unread is None:
            raise
        raise _damaged(unread, "Git cannot read it") from error


def read_present(
    repository: GitRepository, ids: Iterable[ObjectId], kind: str
) -> Iterator[tuple[ObjectId, bytes]]:
    """As `read_objects`, for objects of one type that must be there."""
    for object_id, found in read_objects(repository, ids):
        if found is None or found.type != kind:
            raise _damaged(object_id, f"it is missing, or no {kind}")
        yield object_id, found.content


def _id_of(found: GitObject) -> str:
    header = b"%b %d\0" % (found.type.encode(), len(found.content))
    return hashlib.sha1(header + found.content).hexdigest()  # noqa: S324 - Git's own object id


def _too_large(object_id: ObjectId) -> DamagedObjectError:
    return DamagedObjectError(
        f"the object {object_id} has more than {BLOB_BYTES:,} bytes: no file of a registry has",
        next_step="Find the commit that brought it, with 'git log --find-object', and undo it",
    )


def _damaged(object_id: ObjectId, why: str) -> DamagedObjectError:
    return DamagedObjectError(
        f"the object {object_id} is damaged: {why}",
        next_step="Look with 'git fsck'; restore the object from another clone",
    )
