"""Files that travel with the code: beside the rooms in a checkout, inside of one in a wheel."""

from __future__ import annotations

from pathlib import Path

import registry
from registry.errors import RegistryError

_ROOM = Path(registry.__file__).resolve().parent
ROOT = _ROOM.parent
"""The directory that holds the rooms; in a checkout it holds the rest of the project, too."""
# Where a wheel has them; the leading underscore keeps them from being taken for code.
_IN_A_WHEEL = _ROOM / "_shipped"


class MissingFilesError(RegistryError):
    """The installation lacks files of its own."""

    exit_code = 10


def shipped(name: str) -> Path:
    """A file or directory of the project, by its path in a checkout, such as ``catalog-site``.

    Raises MissingFilesError if this installation lacks it.
    """
    for place in (_IN_A_WHEEL, ROOT):
        if (place / name).exists():
            return place / name
    raise MissingFilesError(
        f"{name} is missing from this installation",
        where=str(_IN_A_WHEEL),
        next_step="Install opsconductor-steps again",
    )
