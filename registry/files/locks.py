"""Locks between our own processes; the kernel releases one when its holder ends in any way."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold the lock of this file; waits for whoever holds it. The file itself stays.

    Gives its descriptor: a child process that inherits it holds the lock until it ends as well.
    """
    path.parent.mkdir(exist_ok=True)
    # The umask decides who else may take it: others of a group share a registry's locks.
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        _keep_readers_off(lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def is_held(path: Path) -> bool:
    """True if somebody holds the lock of this file now; False where we may not ask."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _keep_readers_off(lock: int) -> None:
    """Only who may write it may read it: whoever may read a file can hold its lock for ever."""
    found = os.fstat(lock)
    mode = stat.S_IMODE(found.st_mode)
    kept = mode
    for write, read in ((stat.S_IWGRP, stat.S_IRGRP), (stat.S_IWOTH, stat.S_IROTH)):
        if not mode & write:
            kept &= ~read
    if kept != mode and found.st_uid == os.geteuid():
        os.fchmod(lock, kept)
