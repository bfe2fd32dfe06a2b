"""The libraries around a change, read from Git: each at most once, all at one head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from registry.errors import GitError
from registry.git.missing import object_at
from registry.git.trees import TREE_MODE, tree_items
from registry.library.core import core_library
from registry.names import CORE, CommitId, LibraryName, ObjectId, is_library_name
from registry.snapshots.dependency_index import DependencyIndex, IndexMemory
from registry.snapshots.library_at_head import LibraryAtHead, place_of, states_at
from registry.snapshots.registry import Registry
from registry.versions import Dependency, Version


class HeadView:
    """Libraries are read when they are asked for; who depends on whom only when that matters."""

    def __init__(self, registry: Registry, memory: IndexMemory, head: CommitId) -> None:
        self._registry = registry
        self._memory = memory
        self.head = head
        self._states: dict[LibraryName, LibraryAtHead] = {}
        self._index: DependencyIndex | None = None

    def load(self, names: Iterable[LibraryName]) -> None:
        """Read these together; raises InvalidLibraryError for an operator's file that is broken."""
        missing = sorted(frozenset(names) - self._states.keys() - {CORE})
        if not missing:
            return
        places = {name: place_of(self._registry, name, self.head) for name in missing}
        there = {name: place for name, place in places.items() if place.tree or place.instance}
        self._states.update({name: LibraryAtHead() for name in places.keys() - there.keys()})
        if there:
            self._states.update(states_at(self._registry, there, self.head))

    def state(self, name: LibraryName) -> LibraryAtHead:
        """A library's state; of one that is not there, the empty one."""
        self.load([name])
        return self._states[name]

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of a release that is there."""
        return self._dependencies().requirements(name, version)

    def host(self, name: LibraryName, version: Version) -> Version:
        """The least version of OpsConductor that a release runs with."""
        return self._dependencies().host(name, version)

    def dependents(self, name: LibraryName) -> frozenset[LibraryName]:
        """Libraries with a release that names this one."""
        if not self.state(name).exists:
            # What was never there has nobody whose requirement held.
            return frozenset()
        return frozenset(other for other, _, _ in self._dependencies().dependents(name)) - {name}

    def core(self) -> Version:
        """The version of the built-in library."""
        active = core_library().active
        if active is None:
            raise GitError("the built-in library has no release", next_step="Report this as a bug")
        return active.version

    def _dependencies(self) -> DependencyIndex:
        if self._index is None:
            self._index = self._memory.at(library_trees(self._registry, self.head))
        return self._index


def library_trees(registry: Registry, head: CommitId) -> Mapping[LibraryName, ObjectId]:
    """The tree of every library at a head, by name."""
    found = object_at(registry.repository, head, "libraries")
    if found is None:
        return {}
    names = (
        (raw.decode(errors="replace"), object_id)
        for mode, raw, object_id in tree_items(found.content)
        if mode == TREE_MODE
    )
    return {
        LibraryName(name): ObjectId(object_id.hex())
        for name, object_id in names
        if is_library_name(name)
    }
