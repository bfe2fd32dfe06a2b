"""Refuse links in the state directory of a registry: it may be a stranger's, and lead away."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from registry.errors import NotARegistryError
from registry.git.repository import GitRepository

# Where files of ours are written by their names.
_INNER = ("journal", "upstreams", "repaired")


def refuse_links(repository: GitRepository) -> None:
    """Raise NotARegistryError where a file of ours is a link, a pipe or a device.

    What is written to a link is written where it leads: in a registry that was copied from a
    stranger to any file of this user.
    """
    for directory in {repository.git_dir / "opsteps", repository.common_dir / "opsteps"}:
        for path in _entries(directory):
            mode = _mode(path)
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise NotARegistryError(
                    "something in the state of this registry must be a file, and leads elsewhere",
                    where=str(path),
                    next_step="Look at it and remove it: commands and servers would write where it"
                    " leads. For rows in another place there is OPSTEPS_DATABASE_URL",
                )


def _entries(directory: Path) -> Iterator[Path]:
    """The directory, what is in it, and what is in those of its directories that we write to."""
    yield directory
    for path in _inside(directory):
        yield path
        if path.name in _INNER:
            yield from _inside(path)


def _inside(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:  # there is none, or nothing that this user may read
        return []


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:  # it is gone already, as others are at work here
        return stat.S_IFREG
