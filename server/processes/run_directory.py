"""The directory of one run of the server, which no other user may enter."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from server.errors import ListenError

_PREFIX = "opsteps-run-"


def directory_path(descriptor: int) -> Path:
    """Return the path of an open directory: short, and right also where others have renamed it."""
    return Path(f"/proc/self/fd/{descriptor}")


@contextmanager
def run_directory() -> Iterator[int]:
    """Make a directory for this run; yields its descriptor. Raises ListenError."""
    try:
        _remove_left()
        made, held = _make()
    except OSError as error:
        raise ListenError(
            f"no directory can be made for the server's own socket: {error.strerror}",
            next_step="Name a directory that can be written to in TMPDIR",
        ) from error
    try:
        yield held
    finally:
        os.close(held)
        shutil.rmtree(made, ignore_errors=True)


def _make() -> tuple[Path, int]:
    while True:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX))
        held = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        # Whoever tidies directories of temporary files leaves one alone that is locked.
        fcntl.flock(held, fcntl.LOCK_SH)
        if _is_still(made, held):
            return made, held
        os.close(held)  # another server took it for one that was left


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_left() -> None:
    """Remove what servers have left that were killed: nobody holds it any more."""
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if found.lstat().st_uid == os.geteuid():
                _remove_if_free(found)


def _remove_if_free(found: Path) -> None:
    held = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(found, ignore_errors=True)
    finally:
        os.close(held)
