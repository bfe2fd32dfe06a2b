"""Memory that processes share through descriptors: it needs no room on any disk, and no name."""

from __future__ import annotations

import os
from pathlib import Path

_PLACE_BYTES = 4_096
"""The longest path that Linux takes."""


def make_memory(size: int) -> int:
    """Return a descriptor of so many zero bytes. Raises OSError if there is no memory for them.

    All of it is there: a page that is missing would end the process that writes to it.
    """
    made = os.memfd_create("opsteps")
    try:
        os.posix_fallocate(made, 0, size)
    except OSError:
        os.close(made)
        raise
    return made


def make_place() -> int:
    """Return memory for `note_place`. Raises OSError."""
    return make_memory(_PLACE_BYTES)


def note_place(memory: int, directory: Path) -> None:
    """Note the read model's directory for the workers."""
    os.pwrite(memory, os.fsencode(directory).ljust(_PLACE_BYTES, b"\0"), 0)


def noted_place(memory: int) -> Path | None:
    """Return the read model's directory; None until the keeper has noted it."""
    noted = os.pread(memory, _PLACE_BYTES, 0).rstrip(b"\0")
    return Path(os.fsdecode(noted)) if noted else None
