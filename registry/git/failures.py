"""Git's refusals, in words that a person can act on.

Git's own last line stays in the message as a detail; its hints, which are about commands of its
own, do not. Only an object that is really damaged sends anybody to ``git fsck``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from registry.errors import (
    DamagedRepositoryError,
    DiskError,
    GitError,
    IncompleteCloneError,
    NoSuchCommitError,
)
from registry.files.git_config import GitConfig
from registry.files.os_errors import disk_full, not_allowed, read_only
from registry.problems import printable
from registry.terminal.pasting import word

RESTORE = "Look with 'git fsck'; restore the object from another clone"
"""The advice on an object that cannot be read."""
_DAMAGED = re.compile(
    r"corrupt|inflate|hash mismatch|unable to unpack|is empty$|bad object|bad tree"
    r"|garbage at end|unable to read|could not parse|missing (?:blob|tree|commit) object",
    re.IGNORECASE | re.MULTILINE,
)
_PROMISED = re.compile(
    r"promisor|lazy fetching|missing (?:blob|tree|commit)|unable to read|bad object|not read object"
    r"|could not parse|transport '.*' not allowed",
    re.IGNORECASE,
)
_LOCKED = re.compile(r"Unable to create '([^']*)\.lock': File exists")
_DUBIOUS = re.compile(r"dubious ownership in repository at '([^'\n]*)'")
# Git says the last two of a file of refs, and not why; the reason is nearly always a full disk.
_FULL = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|Out of diskspace|couldn't write '"
)
_REFUSED_BY_THE_SYSTEM: tuple[tuple[re.Pattern[str], Callable[[str], GitError]], ...] = (
    (_FULL, disk_full),
    (re.compile("Read-only file system"), read_only),
    (re.compile("Permission denied|insufficient permission"), not_allowed),
)
_HINT = re.compile(r"^(?:hint|warning|remote): *", re.IGNORECASE)
_SHOWN = 300
_NAME = 80


def git_failure(name: str, said: str, *, where: str, is_partial: bool, remote: str) -> GitError:
    """The error for a command ``name`` that failed with these words.

    ``is_partial`` is whether the repository was cloned with a filter, from ``remote``.
    """
    owned = dubious_owner(said)
    if owned is not None:
        return owned
    if is_partial and _PROMISED.search(said):
        return partial_clone(where, remote)
    for pattern, make in _REFUSED_BY_THE_SYSTEM:
        if pattern.search(said):
            return make(where)
    locked = _LOCKED.search(said)
    if locked is not None:
        return DiskError(
            f"another Git holds {printable(locked[1])}",
            where=where,
            next_step="Wait for it; if none runs any more, delete the file that ends in .lock, or"
            " let 'opsteps repair --yes' put it aside once it is ten minutes old",
        )
    message = f"git {name} failed: {last_words(said)}"
    if _DAMAGED.search(said):
        return DamagedRepositoryError(message, where=where, next_step=RESTORE)
    return GitError(message, where=where)


def disk_is_full(said: str) -> bool:
    """True if these words are those of a disk that takes no more."""
    return bool(_FULL.search(said))


def partial_clone(where: str, remote: str) -> IncompleteCloneError:
    """A clone whose contents were left out by a filter when it was made."""
    return IncompleteCloneError(
        "this clone is partial: it was made with --filter, and lacks contents that are needed",
        where=where,
        next_step=(
            f"Run 'git fetch --refetch --no-filter {word(remote)}', or clone again without --filter"
            if remote
            else "Clone it again without --filter"
        ),
    )


def missing_object(object_id: str, where: Path) -> DamagedRepositoryError:
    """An object that something names and that is not there."""
    return DamagedRepositoryError(
        f"object {object_id} is missing", where=str(where), next_step=RESTORE
    )


def dubious_owner(said: str) -> GitError | None:
    """A repository that belongs to another user, whom this one does not trust yet."""
    found = _DUBIOUS.search(said)
    if found is None:
        return None
    path = printable(found[1])
    return GitError(
        "this repository belongs to another user, and Git does not read it without your consent",
        where=path,
        next_step="If you trust everybody who can write to it, say so with"
        f" 'git config --global --add safe.directory {path}'",
    )


def last_words(said: str) -> str:
    """Git's reason: its last fatal line, else its last error, else its last line but a hint."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not _HINT.match(line)] or lines
    for mark in ("fatal: ", "error: "):
        marked = [line for line in lines if line.startswith(mark)]
        if marked:
            return printable(marked[-1].removeprefix(mark))[:_SHOWN]
    return printable(lines[-1])[:_SHOWN] if lines else "it does not say why"


def no_such_commit(
    revision: str, kind: str, *, where: str, config: GitConfig, is_shallow: bool
) -> NoSuchCommitError:
    """Return the error for a name of no commit here: of another ``kind``, or (empty) missing."""
    shown = printable(revision)[:_NAME]
    if kind:
        return NoSuchCommitError(
            f"{shown!r} is a {kind}, and no commit",
            where=where,
            next_step="Name a branch, a tag or a commit",
        )
    return NoSuchCommitError(
        f"there is no commit {shown!r} here",
        where=where,
        next_step=_how_to_get(shown, config, is_shallow=is_shallow),
    )


def _how_to_get(revision: str, config: GitConfig, *, is_shallow: bool) -> str:
    remote = next((name for name in config.remotes if revision.startswith(f"{name}/")), "")
    known = remote or next(iter(config.remotes), "")
    known = word(known) if known else ""
    if is_shallow and known:
        return f"This clone is shallow: run 'git fetch --unshallow --tags {known}'"
    branch = revision.removeprefix(f"{remote}/")
    if remote and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", branch):
        return (
            f"Fetch it with 'git fetch {known} {branch}', or see what there is with 'git branch -a'"
        )
    if re.search(r"[~^]", revision):
        return "The history does not go back that far; see it with 'opsteps log'"
    if known:
        return f"Fetch it with 'git fetch --tags {known}', or name a commit of 'opsteps log'"
    return "Name a branch, a tag or a commit of 'opsteps log'"
