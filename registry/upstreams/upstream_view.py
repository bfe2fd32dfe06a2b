"""The contents of an upstream at the fetched head: each library is read when it is asked for.

Only what its own directory, ledger and tag agree on is a release there, as it is here.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import NotFoundError
from registry.formats.model import Manifest
from registry.installing.accepted_signature import require_publishers_signature
from registry.installing.head_view import HeadView, library_trees
from registry.installing.incoming import Incoming, UpstreamOrigin, check_incoming
from registry.library.release_state import ReleaseRecord
from registry.names import CommitId, LibraryName
from registry.problems import InvalidLibraryError
from registry.publishing.ledger_signature import registry_facts
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.dependency_index import IndexMemory
from registry.snapshots.library_at_head import LibraryAtHead
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import (
    irregular_problems,
    read_contents,
    read_files,
    refuse_large_release,
)
from registry.upstreams.declaration import Upstream, prefix_length
from registry.versions import Dependency, Version


class UpstreamView:
    """One upstream at one head; answers stay the same as long as it lives."""

    def __init__(self, upstream: Upstream, registry: Registry, head: CommitId) -> None:
        """``registry`` is the repository that it was fetched into."""
        self.upstream = upstream
        self.head = head
        self._registry = registry
        self._memory = IndexMemory(registry.repository, cache_directory(registry))
        self._view = HeadView(registry, self._memory, head)

    def close(self) -> None:
        """End the process that reads."""
        self._registry.close()

    def gives(self, name: LibraryName) -> bool:
        """True if a prefix rule leaves it this name."""
        prefixes = self.upstream.prefixes
        return not prefixes or prefix_length(name, prefixes) > 0

    def has(self, name: LibraryName) -> bool:
        """True if the name is taken there, also by a library without a release."""
        return self.gives(name) and self._view.state(name).exists

    def names(self) -> list[LibraryName]:
        """All libraries that it gives, sorted."""
        return sorted(n for n in library_trees(self._registry, self.head) if self.gives(n))

    def load(self, names: Sequence[LibraryName]) -> None:
        """Read these together, as they will be asked for."""
        self._view.load(names)

    def state(self, name: LibraryName) -> LibraryAtHead:
        """Return the upstream's state of a library."""
        return self._view.state(name)

    def releases(self, name: LibraryName) -> list[ReleaseRecord]:
        """The releases that are served there, the greatest first."""
        return [record for record in self._view.state(name).releases if record.is_served]

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of one of them."""
        return self._view.requirements(name, version)

    def host(self, name: LibraryName, version: Version) -> Version:
        """The least version of OpsConductor that one of them runs with."""
        return self._view.host(name, version)

    def manifests(self, wanted: Sequence[tuple[LibraryName, Version]]) -> list[Manifest | None]:
        """The manifests of releases, read together; None for one that cannot be read."""
        records = [self._view.state(name).release(version) for name, version in wanted]
        trees = [record.tree if record is not None else None for record in records]
        found = read_contents(self._registry.repository, trees, self._registry.limits)
        return [content.manifest if content is not None else None for content, _ in found]

    def release(self, name: LibraryName, version: Version) -> Incoming:
        """A release with all its files, verified against the upstream's ledger.

        Raises NotFoundError, LimitError, ConflictError for files of another digest,
        InvalidLibraryError, and a SigningError where the upstream's policy demands a signature.
        """
        where = f"upstream {self.upstream.alias}"
        state = self._view.state(name)
        record = state.release(version)
        if record is None or not record.is_served or record.tree is None:
            why = f": {record.alarm or record.state}" if record is not None else ""
            raise NotFoundError(f"it has no release {name} {version}{why}", where=where)
        repository, limits = self._registry.repository, self._registry.limits
        refuse_large_release(repository, record.tree, limits)
        irregular = tuple(irregular_problems(repository, record.tree, limits))
        if irregular:
            raise InvalidLibraryError(f"{where}, {name} {version}", irregular)
        entry = state.facts.ledger[str(version)]
        incoming = check_incoming(
            read_files(repository, record.tree, limits=limits),
            limits=limits,
            signature=entry.signature,
            origin=UpstreamOrigin(upstream=self.upstream.alias, facts=state.facts, date=entry.date),
            expected=entry.digest,
        )
        if (incoming.name, incoming.version) != (name, version):
            raise NotFoundError(
                f"{name} {version} there says that it is {incoming.name} {incoming.version}",
                where=where,
            )
        facts = registry_facts(self._registry, self.head)
        require_publishers_signature(incoming, facts, state.facts.owners, date=entry.date)
        return incoming
