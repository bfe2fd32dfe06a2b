"""The branch that a server serves, and the commit of it that it served last."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from registry.files.durable import write_durably, write_whole
from registry.files.locks import exclusive
from registry.names import CommitId
from registry.snapshots.registry import Registry

_FILE = "served.json"
_LOCK = "served-head.lock"
_ID = re.compile(r"[0-9a-f]{40}")
_BRANCH = re.compile(r"HEAD|refs/heads/[^\x00-\x20\x7f]+")
DETACHED = "HEAD"


class ServedHead(msgspec.Struct, frozen=True):
    """The ref of a branch (``HEAD`` where none was checked out), and a commit of it."""

    branch: str
    head: CommitId
    accepted: int = 0
    """The number of times that a person accepted another head."""
    judged: str = ""
    """The last commit of which nothing was found; empty before the first judgement."""


def served_head_path(registry: Registry) -> Path:
    """Return the file's path: each working tree of a repository has its own HEAD and file."""
    return registry.repository.git_dir / "opsteps" / _FILE


def read_served_head(registry: Registry) -> ServedHead | None:
    """Return the head that was served last; None when nothing was, or when the file is damaged."""
    try:
        raw = served_head_path(registry).read_bytes()
        found = msgspec.json.decode(raw, type=ServedHead)
    except (OSError, msgspec.MsgspecError):
        return None
    ids = filter(None, (found.head, found.judged))
    if not found.head or not _BRANCH.fullmatch(found.branch) or not all(map(_ID.fullmatch, ids)):
        return None
    return found


def write_served_head(registry: Registry, served: ServedHead) -> ServedHead:
    """Remember what is served now, unless a person accepted something meanwhile: then that.

    Not synced: after a power cut an older commit of the same branch does as well. Raises OSError.
    """
    path = served_head_path(registry)
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(path.parent / _LOCK):
        there = read_served_head(registry)
        if there is not None and there.accepted > served.accepted:
            return there
        if there == served:
            return served
        write_whole(path, msgspec.json.encode(served))
    return served


def accept_head(registry: Registry, head: CommitId, *, judged: str) -> None:
    """A person says that this commit, and the branch that HEAD names, is what is to be served.

    Nothing is looked for in what came before ``judged``; empty is as it was. Where nothing was
    served yet there is nothing to change. Raises OSError.
    """
    path = served_head_path(registry)
    if not path.exists():
        return
    with exclusive(path.parent / _LOCK):
        there = read_served_head(registry)
        count = there.accepted + 1 if there is not None else int(path.stat().st_mtime)
        judged = judged or (there.judged if there is not None else "")
        accepted = ServedHead(branch=registry.branch, head=head, accepted=count, judged=judged)
        write_durably(path, msgspec.json.encode(accepted))
