"""Errors of the file system, in words: what was refused, where, and what to do about it."""

from __future__ import annotations

import errno
import os

from registry.errors import AccessError, DiskError, DiskFullError, GitError

_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})
# EFBIG: a limit that the machine's administrator set for this process's files.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def not_allowed(where: str) -> AccessError:
    """Return the error for a path that this user may not read or write."""
    return AccessError(
        f"the user {_user()} may not read or write this",
        where=where,
        next_step="Ask its owner for the right, or let a group write: see docs/permissions.md",
    )


def disk_full(where: str) -> DiskFullError:
    """There is no room, or no more of it for this user."""
    return DiskFullError(
        "there is no room left to write this",
        where=where,
        next_step="Make room on that file system, then run the command again",
    )


def read_only(where: str) -> DiskError:
    """The file system is mounted for reading only."""
    return DiskError(
        "this file system can only be read",
        where=where,
        next_step="Mount it for writing, or work in a clone elsewhere",
    )


def file_system_error(error: OSError) -> GitError:
    """The error that a person reads in the place of what the operating system said."""
    where = " and ".join(map(_place, filter(None, (error.filename, error.filename2))))
    if error.errno in _NOT_ALLOWED:
        return not_allowed(where)
    if error.errno in _FULL:
        return disk_full(where)
    if error.errno == errno.EROFS:
        return read_only(where)
    return DiskError(
        f"the file system refused: {_text(error.strerror or error)}",
        where=where,
        next_step="See that the path is what you meant, and that its disk is sound",
    )


def _place(name: object) -> str:
    """A path as people know it: what could not be made stands for the directory it belongs in."""
    if isinstance(name, str | bytes) and not os.path.lexists(name):
        name = os.path.dirname(name) or os.curdir  # noqa: PTH120 - it may be bytes
    return _text(name)


def _user() -> str:
    """The number, where there is no name: a container's user may have none."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _text(value: object) -> str:
    """A path or a reason, fit for a terminal whatever bytes are in it."""
    text = os.fsdecode(value) if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
