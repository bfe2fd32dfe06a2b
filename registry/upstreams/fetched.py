"""The upstreams of a registry on this machine: when each was fetched, and what it holds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.errors import NotFoundError, RegistryError
from registry.files.durable import write_durably
from registry.files.locks import exclusive
from registry.formats.timestamps import format_seconds
from registry.names import CommitId, LibraryName
from registry.publishing.ledger_signature import registry_facts
from registry.snapshots.registry import Registry
from registry.terminal.fetch_bar import FetchWatch
from registry.upstreams.declaration import Declared, Upstream, UpstreamAlias, declared_upstreams
from registry.upstreams.errors import UnreachableUpstreamError
from registry.upstreams.fetch_limits import FetchLimits
from registry.upstreams.fetching import fetch, forget_trust
from registry.upstreams.upstream_view import UpstreamView

_DEFAULT_COSTS = FetchLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchState:
    """The results of fetching one upstream; all empty before the first time."""

    head: CommitId | None = None
    """The last head that was fetched and judged good."""
    fetched_at: str | None = None
    """The time of that: RFC 3339, UTC."""
    tried_at: float = 0.0
    """The last attempt, seconds since 1970."""
    problem: str = ""
    """The reason why the last attempt failed; empty when it did not."""
    trusted: CommitId | None = None
    """The commit that ``registry.yaml`` demanded then."""

    @property
    def is_known(self) -> bool:
        """True if what the upstream has can be told from what is here."""
        return self.head is not None and not self.problem


class Upstreams:
    """All upstreams that a registry declares at one head, with what was fetched of them."""

    def __init__(
        self,
        registry: Registry,
        head: CommitId | None = None,
        *,
        costs: FetchLimits = _DEFAULT_COSTS,
    ) -> None:
        """Nothing is fetched; raises InvalidLibraryError, AddressError for what is declared."""
        self._head = head or registry.head()
        self.declared: Declared = declared_upstreams(registry_facts(registry, self._head))
        self._registry = registry
        self._costs = costs
        self._directory = registry.state_directory / "upstreams"
        self._views: dict[UpstreamAlias, UpstreamView] = {}

    def follow(self) -> None:
        """Know what is declared at the present head; raises as the constructor."""
        head = self._registry.head()
        if head == self._head:
            return
        declared = declared_upstreams(registry_facts(self._registry, head))
        for alias, upstream in self.declared.upstreams.items():
            if declared.upstreams.get(alias) != upstream:
                self.forget_view(upstream)
        self.declared, self._head = declared, head

    def __iter__(self) -> Iterator[Upstream]:
        """The upstreams in their order."""
        return iter(self.declared.upstreams.values())

    def state(self, upstream: Upstream) -> FetchState:
        """Return the results of its fetches."""
        return read_fetch_state(self._state_path(upstream))

    def fetch(self, upstream: Upstream, *, watch: FetchWatch | None = None) -> CommitId:
        """Fetch it now; raises what `registry.upstreams.fetching.fetch` raises, and notes that."""
        with exclusive(self._lock_path(upstream)):
            before = self.state(upstream)
            try:
                head = self._fetched(upstream, before, watch)
            except RegistryError as error:
                self._note(upstream, before, problem=error.message)
                raise
            self._note(upstream, before, head=head)
        self.forget_view(upstream)
        return head

    def refresh(
        self, *, older_than: float = 0.0, watch: FetchWatch | None = None
    ) -> dict[UpstreamAlias, RegistryError]:
        """Fetch those whose last attempt is so many seconds ago; returns what failed."""
        failed: dict[UpstreamAlias, RegistryError] = {}
        for upstream in self:
            state = self.state(upstream)
            is_changed = state.trusted != upstream.trusted
            if time.time() - state.tried_at < older_than and not is_changed:
                continue
            try:
                self.fetch(upstream, watch=watch)
            except RegistryError as error:
                failed[upstream.alias] = error
        return failed

    def view(self, upstream: Upstream) -> UpstreamView:
        """Return its contents; raises UnreachableUpstreamError when they are not known for sure."""
        state = self.state(upstream)
        if not state.is_known or state.head is None:
            raise UnreachableUpstreamError(
                f"what the upstream {upstream.alias!r} has is not known: "
                f"{state.problem or 'it was never fetched'}",
                next_step="Fetch it with 'opsteps upstream update'; nobody else is asked for what "
                "it may have",
            )
        view = self._views.get(upstream.alias)
        if view is None or view.head != state.head:
            self.forget_view(upstream)
            opened = Registry.open(self._git_path(upstream), limits=self._registry.limits)
            view = UpstreamView(upstream, opened, state.head)
            self._views[upstream.alias] = view
        return view

    def has(self, upstream: Upstream, name: LibraryName) -> bool:
        """True if it has a library of that name; raises UnreachableUpstreamError."""
        return self.view(upstream).has(name)

    def forget_view(self, upstream: Upstream) -> None:
        """End the reading of one."""
        view = self._views.pop(upstream.alias, None)
        if view is not None:
            view.close()

    def fetched_commit(self, upstream: Upstream, text: str) -> CommitId:
        """A commit that was fetched, also one that was refused; raises NotFoundError."""
        try:
            with Registry.open(self._git_path(upstream)) as opened:
                return opened.repository.resolve_commit(text)
        except RegistryError as error:
            raise NotFoundError(
                f"no commit {text[:80]!r} was fetched",
                where=f"upstream {upstream.alias}",
                next_step=f"Fetch it first: 'opsteps upstream update {upstream.alias}'",
            ) from error

    def close(self) -> None:
        """End the reading of all."""
        for upstream in self:
            self.forget_view(upstream)

    def remove(self, alias: UpstreamAlias) -> None:
        """Delete what was fetched of one that is declared no more."""
        place = self._directory / alias
        if place.is_dir():
            shutil.rmtree(place)

    def _fetched(
        self, upstream: Upstream, before: FetchState, watch: FetchWatch | None
    ) -> CommitId:
        path = self._git_path(upstream)
        if not path.is_dir():
            from registry.git.gitpython import create_repository

            path.mkdir(parents=True)
            create_repository(path, bare=True).close()
        with Registry.open(path, limits=self._registry.limits) as opened:
            if before.head is not None and before.trusted != upstream.trusted:
                # An operator says which history is the right one; what was here before is not.
                forget_trust(opened.repository)
            return fetch(opened.repository, upstream, opened.limits, self._costs, watch=watch)

    def _note(
        self,
        upstream: Upstream,
        before: FetchState,
        *,
        head: CommitId | None = None,
        problem: str = "",
    ) -> None:
        now = time.time()
        state = FetchState(
            head=head or before.head,
            fetched_at=format_seconds(int(now)) if head is not None else before.fetched_at,
            tried_at=now,
            problem=problem,
            trusted=upstream.trusted if head is not None else before.trusted,
        )
        write_durably(self._state_path(upstream), msgspec.json.encode(state))

    def _git_path(self, upstream: Upstream) -> Path:
        return self._directory / upstream.alias / "git"

    def _state_path(self, upstream: Upstream) -> Path:
        return self._directory / upstream.alias / "state.json"

    def _lock_path(self, upstream: Upstream) -> Path:
        path = self._directory / upstream.alias / "lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def read_fetch_state(path: Path) -> FetchState:
    """Return the recorded results; a file that cannot be read counts as never fetched."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=FetchState)
    except (OSError, msgspec.MsgspecError):
        return FetchState()
