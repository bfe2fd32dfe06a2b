"""The place of a read model: the directory in which workers look for its current file.

It is noted in memory that the processes share, which needs no room on a disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import structlog

PLACE_BYTES = 4_096
"""The size of that memory: the longest path that Linux takes."""
_LOG = structlog.get_logger(__name__)


def noted_place(memory: int) -> Path | None:
    """Return the directory; None before the keeper has noted one, and if it took that back."""
    noted = os.pread(memory, PLACE_BYTES, 0).rstrip(b"\0")
    return Path(os.fsdecode(noted)) if noted else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPlace:
    """Says where workers look. For the keeper."""

    memory: int
    """The descriptor of the memory."""
    spare: Path
    """The directory that is used if files cannot be written to the first one."""

    def note(self, directory: Path) -> None:
        """Let workers look here."""
        if noted_place(self.memory) != directory:
            self._write(os.fsencode(directory))

    def withdraw(self) -> None:
        """Let workers read nothing: soon they have the keeper answer everything."""
        if noted_place(self.memory) is not None:
            _LOG.error("lookups are relayed: a token was revoked, and that cannot be written")
            self._write(b"")

    def _write(self, noted: bytes) -> None:
        os.pwrite(self.memory, noted.ljust(PLACE_BYTES, b"\0"), 0)
