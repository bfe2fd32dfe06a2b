"""Locks between our own processes; the kernel releases one when its holder ends in any way."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold the lock of this file; waits for whoever holds it. The file itself stays.

    Gives its descriptor: a child process that inherits it holds the lock until it ends as well.
    """
    path.parent.mkdir(exist_ok=True)
    # Only the umask decides who else may take it: others of a group share a registry's locks.
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)
