"""Where derived files of a registry are kept: beside it, or with the user who may only read it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from registry.snapshot import Registry


def cache_directory(registry: Registry) -> Path:
    """A directory that this user may write into, for what can be made again at any time.

    It is the registry's own where they may write there; else one of theirs, kept from command to
    command; where they have no place either, one that ends with this process.
    """
    own = registry.state_directory
    if _is_writable(own if own.exists() else own.parent):
        return own
    return _of_user(registry.repository.common_dir.resolve())


def _is_writable(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=True)


@cache
def _of_user(common_dir: Path) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - raises nothing
    place = Path(base) / "opsteps" / sha256(os.fsencode(common_dir)).hexdigest()[:32]
    try:
        if place.is_absolute():
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place.stat().st_uid == os.geteuid() and _is_writable(place):
                return place
    except OSError:
        pass  # a user without a home
    scratch = Path(tempfile.mkdtemp(prefix="opsteps-"))
    atexit.register(_remove, scratch, os.getpid())
    return scratch


def _remove(directory: Path, maker: int) -> None:
    """At the end of the process that made it: a forked one may end before the others."""
    if os.getpid() == maker:
        shutil.rmtree(directory, ignore_errors=True)
