"""``core.sharedRepository``: who else may write what this process writes.

Git itself obeys it for the files that Git makes. Ours (locks, the journal, objects, caches, files
of the working tree) follow this process's umask, so that is set, once, for all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from registry.files.git_config import GitConfig

_GROUP = frozenset({"group", "true", "1", "yes", "on"})
_ALL = frozenset({"all", "world", "everybody", "2"})
_OCTAL = re.compile(r"0[0-7]{3}")
# What a umask takes away from a group, and the part of it that keeps others from reading.
_GROUP_BITS = 0o070
_READING_BITS = 0o005


def share(config: GitConfig) -> None:
    """Let the group, or all, have what this process writes from now on, as the repository says."""
    said = config.get("core.sharedrepository").lower()
    if said in _GROUP:
        _set(lambda umask: umask & ~_GROUP_BITS)
    elif said in _ALL:
        _set(lambda umask: umask & ~_GROUP_BITS & ~_READING_BITS)
    elif _OCTAL.fullmatch(said):
        wanted = int(said, 8)
        # Who may read a directory may also enter it.
        allowed = wanted | (wanted & 0o444) >> 2
        os.umask(0o777 & ~allowed)


def _set(change: Callable[[int], int]) -> None:
    before = os.umask(0o077)
    os.umask(change(before))
