"""Read raw commit objects."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from registry.errors import GitError
from registry.names import CommitId, ObjectId

_TREE = re.compile(rb"\Atree ([0-9a-f]{40})\n")
_PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)
_COMMITTER = re.compile(rb"^committer .* (\d{1,12}) [+-]\d{4}$", re.MULTILINE)


def commit_tree(content: bytes) -> ObjectId:
    """The tree of a raw commit."""
    found = _TREE.match(content)
    if found is None:
        raise GitError("a commit names no tree", next_step="Look at it with 'git fsck'")
    return ObjectId(found[1].decode())


def commit_parents(content: bytes) -> list[CommitId]:
    """The parents of a raw commit."""
    header = content.partition(b"\n\n")[0]
    return [CommitId(parent.decode()) for parent in _PARENT.findall(header)]


def commit_time(content: bytes) -> str:
    """When a raw commit was made: RFC 3339, UTC."""
    found = _COMMITTER.search(content.partition(b"\n\n")[0])
    if found is None:
        raise GitError("a commit has no committer", next_step="Look at it with 'git fsck'")
    return datetime.fromtimestamp(int(found[1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
