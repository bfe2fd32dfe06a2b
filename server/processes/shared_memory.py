"""Memory that processes share through descriptors: it needs no room on any disk, and no name."""

from __future__ import annotations

import os


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
