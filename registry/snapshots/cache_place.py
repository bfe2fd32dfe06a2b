"""The place of a registry's derived files: with the user who made them, never beside it.

A registry may have been copied from a stranger with its whole ``.git``. What lies there is not
believed because it lies there: indexes that are unpickled, records that are served and outcomes
of checks are read only from a directory that this user made, and that nobody else may write to.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from registry.snapshots.registry import Registry

PLACE = "OPSTEPS_CACHE"
"""The environment variable that names the directory; else it is in ``XDG_CACHE_HOME``."""


def cache_directory(registry: Registry) -> Path:
    """A directory of this user's for what can be made again at any time.

    It is kept from command to command; where they have no place that is theirs alone, it ends with
    this process.
    """
    return cache_directory_of(registry.repository.common_dir)


def cache_directory_of(common_dir: Path) -> Path:
    """As `cache_directory`, for the repository with this directory."""
    return _of_user(common_dir.resolve())


@cache
def _of_user(common_dir: Path) -> Path:
    base = _base()
    name = sha256(os.fsencode(common_dir)).hexdigest()[:32]
    try:
        if base.is_absolute():
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = base.resolve() / name
            place.mkdir(mode=0o700, exist_ok=True)
            if _is_own(place):
                return place
    except OSError:
        pass  # a user without a home
    scratch = Path(tempfile.mkdtemp(prefix="opsteps-"))
    atexit.register(_remove, scratch, os.getpid())
    return scratch


def _base() -> Path:
    given = os.environ.get(PLACE)
    if given:
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - raises nothing
    return Path(home) / "opsteps"


def _is_own(place: Path) -> bool:
    """True if only this user (and root) can write to it, or put another in its place."""
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    usable = os.access(place, os.W_OK | os.X_OK, effective_ids=True)
    return usable and all(_keeps(parent.stat()) for parent in place.parents)


def _keeps(directory: os.stat_result) -> bool:
    """True if strangers cannot rename what is in a directory."""
    if directory.st_uid not in {0, os.geteuid()}:
        return False
    return not directory.st_mode & stat.S_IWOTH or bool(directory.st_mode & stat.S_ISVTX)


def _remove(directory: Path, maker: int) -> None:
    """At the end of the process that made it: a forked one may end before the others."""
    if os.getpid() == maker:
        shutil.rmtree(directory, ignore_errors=True)
