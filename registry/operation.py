"""One operation is one commit: who did it and why in its trailers, all refs moved or none.

When another writer was faster, the operation starts again on the new head.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from registry.errors import GitError
from registry.locking import exclusive
from registry.names import CommitId, ObjectId
from registry.problems import printable
from registry.snapshot import Registry
from registry.tags import tag_object
from registry.writing import Identity, NewCommit, RefUpdate, move_refs, write_commit, write_tags

# How often a write is tried again when another writer moved the head first.
_ATTEMPTS = 12
_PAUSE = 0.01
_LINE_CHARACTERS = 200
_EMAIL_DOMAIN = "opsteps.invalid"

Result = TypeVar("Result")


def identity(actor: str, seconds: int | None = None) -> Identity:
    """Who Git records for an actor's operation."""
    local = "".join(c for c in actor.lower() if c.isascii() and (c.isalnum() or c in "-_.")) or "x"
    now = int(time.time()) if seconds is None else seconds
    return Identity(name=actor, email=f"{local}@{_EMAIL_DOMAIN}", seconds=now)


def operation_message(summary: str, *, operation: str, actor: str, request: str) -> str:
    """A commit message with the trailers that make the history an audit trail."""
    trailers = f"Actor: {one_line(actor)}\nRequest-Id: {one_line(request)}"
    return f"{one_line(summary)}\n\nOperation: {operation}\n{trailers}\n"


def one_line(text: str) -> str:
    """Text of strangers as one line of a commit: nothing in it can become a trailer of its own."""
    return printable(" ".join(text.split()))[:_LINE_CHARACTERS] or "unknown"


def new_request() -> str:
    """An id for an operation that was asked for without one."""
    return uuid.uuid4().hex


def rfc3339(seconds: int) -> str:
    """Seconds since 1970 as RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTag:
    """An annotated tag to put on the commit being written."""

    name: str
    message: str
    who: Identity


def commit_upon(
    registry: Registry, head: CommitId, commit: NewCommit, tags: list[NewTag]
) -> tuple[CommitId, list[ObjectId]]:
    """Write one commit upon ``head`` and move the branch and all tags, or nothing at all."""
    repository = registry.repository
    new = write_commit(repository, head, commit)
    raw = [tag_object(tag.name, new, tag.message, tagger=str(tag.who)) for tag in tags]
    objects = write_tags(repository, raw)
    updates = [
        RefUpdate(ref=f"refs/tags/{tag.name}", new=object_id)
        for tag, object_id in zip(tags, objects, strict=True)
    ]
    move_refs(repository, [*updates, RefUpdate(ref="HEAD", new=new, old=head)])
    return new, objects


def retried(registry: Registry, attempt: Callable[[], Result]) -> Result:
    """Try again on the new head when another writer was faster.

    Our own writers wait for each other, so that only a person's Git can be faster.
    """
    with exclusive(registry.state_directory / "write.lock"):
        for number in range(1, _ATTEMPTS):
            try:
                return attempt()
            except GitError as error:
                if "cannot lock ref" not in error.message:
                    raise
                # Writers that met once shall not meet again.
                time.sleep(random.uniform(0, _PAUSE * number))  # noqa: S311 - no secret
        return attempt()
