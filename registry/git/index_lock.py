"""Change Git's index in a copy, and put it in place with one rename.

While the copy is changed we hold Git's own ``index.lock``, with a text of ours in it: a person's
Git waits, and a lock that a killed process of ours left is told from one that a person's holds.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.errors import GitError
from registry.git.repository import GitRepository

_OURS = b"opsteps\n"
# How long a person's own `git` may hold the index before we give up, in seconds.
_PATIENCE = 5.0
_PAUSE = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexCopy:
    """A copy of the index, for Git commands to read and write; ``is_new`` where there was none."""

    repository: GitRepository
    path: Path
    is_new: bool
    holding: int

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a Git command upon this index and the working tree; raises GitError."""
        return self.repository.run_on_files(
            *arguments, stdin=stdin, index=self.path, holding=self.holding
        )


@contextmanager
def index_copy(repository: GitRepository, *, holding: int) -> Iterator[IndexCopy]:
    """Change the index in a ``with``: at its end the copy takes the index's place.

    ``holding`` is the lock of the working tree; whoever has it is the only process of ours here.
    Raises GitError when a person's Git holds the index for long.
    """
    index = repository.git_dir / "index"
    lock = repository.git_dir / "index.lock"
    copy = repository.git_dir / "opsteps" / "index"
    _take(lock, copy.with_name("index.ours"))
    try:
        for leftover in (copy, copy.with_name("index.lock")):
            leftover.unlink(missing_ok=True)
        is_new = not index.exists()
        if not is_new:
            shutil.copy2(index, copy)
        yield IndexCopy(repository=repository, path=copy, is_new=is_new, holding=holding)
        if copy.exists():
            copy.replace(index)
    finally:
        lock.unlink(missing_ok=True)


def _take(lock: Path, ours: Path) -> None:
    """Make the lock with our text in it, in one step: it never stands there empty."""
    ours.write_bytes(_OURS)
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            os.link(ours, lock)
        except FileExistsError:
            _clear_or_wait(lock, end)
        else:
            return


def _clear_or_wait(lock: Path, end: float) -> None:
    try:
        content = lock.read_bytes()
        age = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return
    if content == _OURS:  # of a process of ours that was killed
        lock.unlink(missing_ok=True)
        return
    if time.monotonic() > end:
        raise GitError(
            "the index is held by another Git",
            where=str(lock),
            next_step="Wait for it to end"
            + ("" if age < _PATIENCE else ", or remove the file if no Git is running"),
        )
    time.sleep(_PAUSE)
