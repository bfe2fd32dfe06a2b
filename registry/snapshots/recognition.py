"""Recognise a registry: a Git repository with a ``registry.yaml`` at the commit."""

from __future__ import annotations

from registry.git.missing import object_at
from registry.names import CommitId
from registry.snapshots.head_index import no_registry
from registry.snapshots.registry import Registry


def refuse_no_registry(registry: Registry, head: CommitId) -> None:
    """Raise NotARegistryError unless the head is a registry's: nothing is written elsewhere.

    Raises DamagedRepositoryError when it cannot be told, because an object is missing.
    """
    found = object_at(registry.repository, head, "registry.yaml")
    if found is None or found.type != "blob":
        raise no_registry(registry.path)
