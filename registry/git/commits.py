"""Read raw commit objects."""

from __future__ import annotations

import re

from registry.errors import GitError
from registry.formats.timestamps import format_seconds
from registry.names import CommitId, ObjectId

_TREE = re.compile(rb"\Atree ([0-9a-f]{40})\n")
_PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)
_COMMITTER = re.compile(rb"^committer .* (-?\d{1,19}) [+-]\d+$", re.MULTILINE)
# 9999-12-31: what RFC 3339 and Python can say at most. Git itself takes greater numbers.
_LAST_SECOND = 253_402_300_799


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
    """Return the time of a raw commit: RFC 3339, UTC."""
    found = _COMMITTER.search(content.partition(b"\n\n")[0])
    if found is None:
        raise GitError("a commit has no committer", next_step="Look at it with 'git fsck'")
    seconds = min(max(int(found[1]), 0), _LAST_SECOND)
    return format_seconds(seconds)
