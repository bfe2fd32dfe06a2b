"""The number of processes that were replaced: the supervisor notes it, the keeper tells it."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

_KINDS = ("keeper", "worker")
_COUNTS = struct.Struct("=2Q")
REPLACEMENTS_BYTES = _COUNTS.size


class Replacements:
    """Kept by the supervisor in memory of its run: every keeper finds the whole count."""

    def __init__(self, memory: int) -> None:
        """``memory`` is a descriptor of `REPLACEMENTS_BYTES` zero bytes."""
        self._memory = memory
        self._counts = dict.fromkeys(_KINDS, 0)

    def note(self, kind: str) -> None:
        """Count one more ``keeper`` or ``worker``."""
        self._counts[kind] += 1
        os.pwrite(self._memory, _COUNTS.pack(*self._counts.values()), 0)


def replaced_in(memory: int) -> Mapping[str, int]:
    """Return how many keepers and workers were replaced in the run with this memory."""
    counts = _COUNTS.unpack(os.pread(memory, _COUNTS.size, 0))
    return dict(zip(_KINDS, counts, strict=True))
