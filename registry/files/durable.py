"""Files that survive a power cut once they are written, and stand complete or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

STAGED = ".opsteps-"
"""The beginning of a file's name until it gets its own; what a killed process left has it, too."""
_READ_ONLY = 0o444
# Files that are synced one after the other; more are synced at once, by so many threads.
_ALONE = 3
_AT_ONCE = 8


class Batch:
    """Files that get their names together, once all of them are synced.

    The file system writes what is synced at the same moment in one go: many files cost little
    more than one.
    """

    def __init__(self, *, staged: str = STAGED) -> None:
        """Nothing is waiting; ``staged`` begins the names of files that have not theirs yet."""
        self._staged = staged
        self._waiting: dict[Path, Path] = {}
        self._directories: dict[Path, None] = {}

    def put(self, path: Path, content: bytes, *, mode: int = _READ_ONLY) -> None:
        """Write a file beside its place; it gets its name with `finish`."""
        staged = path.parent / f"{self._staged}{uuid.uuid4().hex}"
        self._waiting[path] = staged
        try:
            descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError:
            # Without this file the others are of no use; on a full disk each of them counts.
            self._discard()
            raise
        self.touch(path.parent)

    def touch(self, directory: Path) -> None:
        """Sync this directory at the end too."""
        self._directories[directory] = None

    def __contains__(self, path: Path) -> bool:
        """True if a file waits for this name."""
        return path in self._waiting

    def finish(self) -> None:
        """Sync all files, name them, and sync their directories."""
        try:
            _sync_all(self._waiting.values())
            for path, staged in self._waiting.items():
                staged.replace(path)
        finally:
            self._discard()
        sync_directories(self._directories)
        self._directories.clear()

    def _discard(self) -> None:
        for staged in self._waiting.values():
            staged.unlink(missing_ok=True)
        self._waiting.clear()


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a file in place with one rename, synced before it; its directory is synced after."""
    batch = Batch()
    batch.put(path, content, mode=mode)
    batch.finish()


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place with one rename, unsynced: for what can be made again. Raises OSError."""
    with staged(path, durable=False) as beside:
        beside.write_bytes(content)


@contextmanager
def staged(target: Path, *, durable: bool = True) -> Iterator[Path]:
    """A path beside ``target`` to write to: it takes its place when all went well. Raises OSError.

    ``durable`` syncs the file before the rename, and its directory after.
    """
    beside = target.parent / f"{STAGED}{uuid.uuid4().hex}"
    try:
        yield beside
        if durable:
            _sync(beside)
        beside.replace(target)
        if durable:
            sync_directories([target.parent])
    finally:
        with suppress(OSError):
            beside.unlink()


def sync_directories(directories: Iterable[Path]) -> None:
    """Sync directories, so that the names in them last as well: Git renames without it."""
    _sync_all(directories)


def above(directory: Path, root: Path) -> list[Path]:
    """A directory and those above it, up to ``root`` and with it."""
    found = [parent for parent in directory.parents if parent == root or root in parent.parents]
    return [directory, *found]


def _sync_all(paths: Iterable[Path]) -> None:
    wanted = list(dict.fromkeys(paths))
    if len(wanted) < _ALONE:
        for path in wanted:
            _sync(path)
        return
    # Each result is asked for, so that no error is lost.
    list(_pool().map(_sync, wanted))


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that wait for the disk; starting them for each batch took longer than the disk."""
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sync")


# A forked process has none of its parent's threads.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
