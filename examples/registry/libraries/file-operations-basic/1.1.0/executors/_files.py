"""Writing and copying of regular files."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from _paths import require_file, status
from _step import Run, StepError

CHUNK = 256 * 1024


def chunks_of(path: Path, run: Run) -> Iterator[bytes]:
    """Yield the bytes of a file, reporting progress and keeping to the deadline."""
    size = max(require_file(path).st_size, 1)
    done = 0
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            run.check()
            yield block
            done += len(block)
            run.progress(done / size, f"{done} bytes")


def write(path: Path, blocks: Iterable[bytes], *, overwrite: bool, mode: int | None = None) -> int:
    """Write a file and return its size; a new file that cannot be completed is removed.

    Nothing beside the file itself is touched, so an overwritten file is written in place.
    Permission bits are set before the content is there for others to read.
    """
    if status(path) is not None:
        if not overwrite:
            raise already_there(path)
        require_file(path)
        with path.open("wb") as stream:
            if mode is not None:
                path.chmod(mode)
            return sum(stream.write(block) for block in blocks)
    return _write_new(path, blocks, mode)


def copy(source: Path, destination: Path, run: Run, *, overwrite: bool) -> tuple[int, str]:
    """Copy the content and the permission bits of a file; return its size and its SHA-256."""
    mode = require_file(source).st_mode
    _require_different(source, destination)
    digest = hashlib.sha256()
    size = write(destination, hashed(chunks_of(source, run), digest.update), overwrite=overwrite)
    with suppress(PermissionError):  # another user's file can be writable all the same
        destination.chmod(mode & 0o777)
    return size, digest.hexdigest()


def hashed(blocks: Iterable[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    """Pass blocks on and show each to a hash on its way."""
    for block in blocks:
        update(block)
        yield block


def move(source: Path, destination: Path, run: Run, *, overwrite: bool) -> int:
    """Move a file and return its size; across file systems it is copied, then removed."""
    if source.is_symlink():
        raise StepError(f"{source} is a link; move what it points to")
    size = require_file(source).st_size
    found = status(destination)
    if found is not None:
        if not overwrite:
            raise already_there(destination)
        require_file(destination)
        _require_different(source, destination)
    if found is not None and _renamed(source, destination):
        return size
    if found is not None or not _linked(source, destination):
        copy(source, destination, run, overwrite=overwrite)
    _remove_moved(source, destination, undo=found is None)
    return size


def already_there(path: Path) -> StepError:
    """Return the failure for a destination that exists."""
    return StepError(f"{path} already exists; set overwrite to replace it")


def _write_new(path: Path, blocks: Iterable[bytes], mode: int | None) -> int:
    try:
        stream = path.open("xb")
    except FileExistsError:
        raise already_there(path) from None
    try:
        with stream:
            if mode is not None:
                path.chmod(mode)
            return sum(stream.write(block) for block in blocks)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _require_different(source: Path, destination: Path) -> None:
    with suppress(FileNotFoundError):
        if source.samefile(destination):
            raise StepError("source and destination are the same file")


def _remove_moved(source: Path, destination: Path, *, undo: bool) -> None:
    """Remove a source that has arrived; where that fails, take the new file back."""
    try:
        source.unlink()
    except OSError:
        if undo:
            destination.unlink(missing_ok=True)
        raise


def _linked(source: Path, destination: Path) -> bool:
    """Give a file a second name, which cannot replace another file, if the system can."""
    try:
        os.link(source, destination, follow_symlinks=False)
    except FileExistsError:
        raise already_there(destination) from None
    except (OSError, NotImplementedError):
        return False
    return True


def _renamed(source: Path, destination: Path) -> bool:
    """Replace the destination at once, if both are on one file system."""
    try:
        source.replace(destination)
    except OSError as problem:
        if problem.errno in (errno.EXDEV, errno.EBUSY, errno.EPERM, errno.EACCES):
            return False
        raise
    return True
