"""Names of libraries that a shell offers: found at once, or not at all."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from registry.errors import RegistryError
from registry.location import choose_registry
from registry.names import is_library_name

_MOST = 20_000


def library_names(named: Path | None) -> list[str]:
    """The libraries in a registry's working tree; none where that cannot be said quickly.

    Only what is a library's name comes out: a shell may expand what it is given.
    """
    try:
        with os.scandir(choose_registry(named) / "libraries") as entries:
            return sorted(e.name for e in islice(entries, _MOST) if is_library_name(e.name))
    except (RegistryError, OSError, ValueError):
        return []
