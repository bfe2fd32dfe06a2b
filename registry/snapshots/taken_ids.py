"""The ids that a registry's names take, remembered from one head to the next.

Of ten thousand names a new head has one more or one less: only what differs is hashed.
"""

from __future__ import annotations

import threading

from registry.errors import ConflictError
from registry.git.missing import object_at
from registry.git.repository import GitRepository
from registry.git.trees import tree_names
from registry.names import CommitId, LibraryName, id_start, same_id


class TakenIds:
    """The names below ``libraries/``, by how their ids start; safe to use from many threads."""

    def __init__(self, repository: GitRepository) -> None:
        """Nothing is read yet."""
        self._repository = repository
        self._lock = threading.Lock()
        self._names: frozenset[bytes] = frozenset()
        self._by_start: dict[bytes, set[bytes]] = {}

    def refuse(self, name: LibraryName, head: CommitId) -> None:
        """Raise ConflictError for a new name that has the id of one that is there."""
        tree = object_at(self._repository, head, "libraries")
        names = frozenset(tree_names(tree.content)) if tree is not None else frozenset()
        with self._lock:
            self._become(names)
            taken = same_id(name, self._by_start.get(id_start(name.encode()), ()))
        if taken is not None:
            raise ConflictError(
                f"the id of {name!r} is taken by {taken!r}", next_step="Choose another name"
            )

    def _become(self, names: frozenset[bytes]) -> None:
        for gone in self._names - names:
            self._by_start[id_start(gone)].remove(gone)
        for new in names - self._names:
            self._by_start.setdefault(id_start(new), set()).add(new)
        self._names = names
