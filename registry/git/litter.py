"""Remove what killed processes left beside a registry: files that never got their names.

Packs of killed writers are the next writer's to clear up: see `registry.transactions.recovery`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from registry.files.durable import STAGED
from registry.git.repository import GitRepository

# Whoever still writes a file has written to it since.
_OLD_SECONDS = 600
_OF_CACHES = re.compile(r"\.served-[0-9a-f]+\.cache\..+")
_UNREADABLE = ".unreadable"
# The directories that loose objects are in.
_FAN_OUT = "[0-9a-f][0-9a-f]"


def clear_litter(repository: GitRepository, state_directory: Path) -> int:
    """Remove files of ours that are old and have no name yet; return how many.

    The write lock must be held. Earlier versions left such files among Git's own loose objects,
    where ``git fsck`` takes them for damage.
    """
    before = time.time() - _OLD_SECONDS
    removed = 0
    for path in _litter(repository, state_directory):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def _litter(repository: GitRepository, state_directory: Path) -> Iterator[Path]:
    directories = [state_directory, state_directory / "journal"]
    directories += state_directory.glob("upstreams/*")
    directories += (repository.common_dir / "objects").glob(_FAN_OUT)
    for directory in directories:
        if directory.is_dir():
            yield from (path for path in directory.iterdir() if _is_ours(path.name))


def _is_ours(name: str) -> bool:
    return name.startswith(STAGED) or name.endswith(_UNREADABLE) or bool(_OF_CACHES.fullmatch(name))
