"""Names of libraries that a shell offers: found at once, or not at all."""

from __future__ import annotations

from pathlib import Path

from registry.errors import RegistryError
from registry.git.repository import GitRepository
from registry.git.trees import tree_items
from registry.locating.location import choose_registry
from registry.names import is_library_name


def library_names(named: Path | None) -> list[str]:
    """The libraries at a registry's head; none where that cannot be said.

    Only what is a library's name comes out: a shell may expand what it is given.
    """
    try:
        repository = GitRepository(choose_registry(named))
        try:
            found = repository.object("HEAD:libraries")
        finally:
            repository.close()
        content = found.content if found is not None else b""
        names = [raw.decode(errors="replace") for _, raw, _ in tree_items(content)]
    except (RegistryError, OSError, ValueError):
        return []
    return [name for name in names if is_library_name(name)]
