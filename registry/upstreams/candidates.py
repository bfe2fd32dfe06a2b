"""The candidates for a choice: what is installed, and what the owners of names offer.

Invariants of a choice (design, section 6):
- all versions of a library come from its owner;
- a yanked release, and one that needs a later OpsConductor, is only kept, never newly chosen;
- what is installed never goes back, and what is pinned stays, unless somebody asks for just that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.errors import NotFoundError
from registry.installing.head_view import HeadView
from registry.library.release_state import ReleaseRecord
from registry.names import CORE, LibraryName
from registry.resolution.host import runs_on
from registry.snapshots.library_at_head import LibraryAtHead
from registry.upstreams.declaration import Upstream
from registry.upstreams.errors import UnreachableUpstreamError
from registry.upstreams.fetched import Upstreams
from registry.upstreams.ownership import Here, owner
from registry.versions import Dependency, Version

HostOf = Callable[[LibraryName, Version], Version]
"""The least version of OpsConductor that a release runs with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """The libraries in question: those to ``update``, and those that may go anywhere."""

    update: frozenset[LibraryName] = frozenset()
    moving: frozenset[LibraryName] = frozenset()


class Supply:
    """A pool for `registry.resolution.resolver.resolve`; each library is looked at once."""

    def __init__(
        self, here: HeadView, upstreams: Upstreams, *, host: Version, wishes: Wishes
    ) -> None:
        """``host`` is the version of OpsConductor."""
        self.hints: dict[LibraryName, list[str]] = {}
        """The reasons why some versions of a library were not there to be chosen."""
        self._here = here
        self._upstreams = upstreams
        self._host = host
        self._wishes = wishes
        self._versions: dict[LibraryName, Collection[Version]] = {}

    def owner(self, name: LibraryName) -> Upstream | None:
        """The upstream that gives a library; None for our own.

        Raises NotFoundError, UnreachableUpstreamError, UnknownUpstreamError.
        """
        state = self._here.state(name)
        here = Here(is_known=state.exists, upstream=state.instance.facts.upstream)
        return owner(name, here, self._upstreams.declared, self._upstreams.has)

    def versions(self, name: LibraryName) -> Collection[Version]:
        """The versions that may be chosen, and the one that is kept."""
        if name not in self._versions:
            self._versions[name] = self._find(name)
        return self._versions[name]

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """The requirements of a version, by the registry that has it."""
        if name == CORE:
            return ()
        if self.is_here(name, version):
            return self._here.requirements(name, version)
        upstream = self.owner(name)
        return (
            () if upstream is None else self._upstreams.view(upstream).requirements(name, version)
        )

    def is_here(self, name: LibraryName, version: Version) -> bool:
        """True if this registry serves a release already."""
        record = self._here.state(name).release(version)
        return record is not None and record.is_served

    def _find(self, name: LibraryName) -> Collection[Version]:
        if name == CORE:
            return [self._here.core()]
        state = self._here.state(name)
        served = [record for record in state.releases if record.is_served]
        pin = state.instance.pin
        if pin is not None and name not in self._wishes.moving:
            self._hint(name, f"{name} is pinned to {pin}")
            return [pin] if any(record.version == pin for record in served) else []
        found = {
            record.version
            for record in served
            if record.version == state.active or self._may_be_chosen(name, record, self._here.host)
        }
        return self._not_below(name, state, found | self._offered(name, state))

    def _not_below(
        self, name: LibraryName, state: LibraryAtHead, found: set[Version]
    ) -> Collection[Version]:
        active = state.active
        if active is None or name in self._wishes.moving:
            return found
        return {version for version in found if version >= active}

    def _offered(self, name: LibraryName, state: LibraryAtHead) -> set[Version]:
        """Return the versions that its owner offers, where that is an upstream."""
        try:
            upstream = self.owner(name)
            if upstream is None:
                return set()
            view = self._upstreams.view(upstream)
        except NotFoundError as error:
            self._hint(name, error.message)
            return set()
        except UnreachableUpstreamError as error:
            asked = name in self._wishes.moving | self._wishes.update
            if state.active is None or asked:
                raise
            self._hint(name, str(error))
            return set()
        return {
            record.version
            for record in view.releases(name)
            if self._may_be_chosen(name, record, view.host)
        }

    def _may_be_chosen(self, name: LibraryName, record: ReleaseRecord, host_of: HostOf) -> bool:
        if record.yank is not None:
            self._hint(name, f"{name} {record.version} is yanked")
            return False
        needed = host_of(name, record.version)
        if not runs_on(needed, self._host):
            self._hint(
                name, f"{name} {record.version} needs OpsConductor {needed}, this is {self._host}"
            )
            return False
        return True

    def _hint(self, name: LibraryName, text: str) -> None:
        found = self.hints.setdefault(name, [])
        if text not in found:
            found.append(text)


class KeptRelease(Mapping[LibraryName, Version]):
    """The version of each library that stays where it may: the active one."""

    def __init__(self, here: HeadView, wishes: Wishes) -> None:
        self._here = here
        self._update = wishes.update

    def __getitem__(self, name: LibraryName) -> Version:
        active = None if name in self._update or name == CORE else self._here.state(name).active
        if active is None:
            raise KeyError(name)
        return active

    def __iter__(self) -> Iterator[LibraryName]:
        """Nobody lists them: they are looked up as they are met."""
        return iter(())

    def __len__(self) -> int:
        """As `__iter__`."""
        return 0

    def __bool__(self) -> bool:
        """It is never known to be empty."""
        return True
