"""Files that survive a power cut once they are written, and stand complete or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

_READ_ONLY = 0o444


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a file in place with one rename, synced before it; its directory is synced after."""
    place_durably(path, content, mode=mode)
    sync_directories([path.parent])


def place_durably(path: Path, content: bytes, *, mode: int = _READ_ONLY) -> None:
    """As `write_durably`; the directory is still to be synced, once for many files."""
    staged = path.parent / f".opsteps-{uuid.uuid4().hex}"
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def sync_directories(directories: Iterable[Path]) -> None:
    """Sync directories, so that the names in them last as well: Git renames without it."""
    for directory in dict.fromkeys(directories):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_up_to(directory: Path, root: Path) -> None:
    """Sync a directory and those above it, up to ``root`` and with it."""
    above = [parent for parent in directory.parents if parent == root or root in parent.parents]
    sync_directories([directory, *above])
