"""A change of one library by an operation, and the state that it leads to: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from registry.errors import ConflictError, NotFoundError
from registry.formats.library_file import with_directory, with_release, with_removal
from registry.formats.model import InstanceFacts, LibraryFacts
from registry.installing.incoming import Incoming
from registry.library.release_state import ReleaseRecord, ReleaseState
from registry.names import LibraryName
from registry.snapshots.library_at_head import LibraryAtHead
from registry.versions import Version


class Pinning(StrEnum):
    """The fate of the operator's pin."""

    KEEP = "keep"
    CLEAR = "clear"
    SET = "set"
    FOLLOW = "follow"
    """The version that is named becomes active: by a pin only where it would not be by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remover:
    """The person who removes versions, and for which request: ``library.yaml`` remembers both."""

    name: str
    request: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryChange:
    """The change of one library. ``enabled`` None: it stays as it is.

    ``pin`` is the version that SET and FOLLOW are about. With a ``remover`` each version that is
    removed is written down by itself; without one the whole library is uninstalled.
    """

    name: LibraryName
    add: tuple[Incoming, ...] = ()
    remove: tuple[Version, ...] = ()
    remover: Remover | None = None
    enabled: bool | None = None
    pinning: Pinning = Pinning.KEEP
    pin: Version | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryTransition:
    """A change with the state before it and the state after it."""

    change: LibraryChange
    before: LibraryAtHead
    after: LibraryAtHead

    @property
    def writes(self) -> bool:
        """True if there is anything to commit."""
        return self.before != self.after

    @property
    def touches_callers(self) -> bool:
        """True if callers without a version get something else, or nothing any more."""
        return usable(self.before) != usable(self.after)


def usable(state: LibraryAtHead) -> Version | None:
    """The version that callers get: the active one of an enabled library."""
    return state.active if state.is_enabled else None


def step_of(change: LibraryChange, before: LibraryAtHead, *, now: str) -> LibraryTransition:
    """Apply a change to a state; ``now`` is RFC 3339, UTC.

    Raises ConflictError for a version that is there with other content, or is not trusted;
    NotFoundError for a pin that names no release.
    """
    state = before
    for incoming in change.add:
        state = _with_release(change.name, state, incoming, now=now)
    if change.remove:
        state = _without_releases(state, change.remove)
        if change.remover is not None:
            state = _with_removals(state, change.remove, change.remover, now=now)
    enabled = state.is_enabled if change.enabled is None else change.enabled
    pin = _pin(change, state)
    facts = replace(
        state.instance.facts, enabled=enabled, active=str(pin) if pin is not None else None
    )
    after = replace(state, instance=replace(state.instance, facts=facts))
    return LibraryTransition(change=change, before=before, after=after)


def _pin(change: LibraryChange, state: LibraryAtHead) -> Version | None:
    if change.pinning is Pinning.CLEAR:
        return None
    if change.pinning is Pinning.KEEP:
        return state.instance.pin
    record = state.release(change.pin) if change.pin is not None else None
    if record is None or not record.is_served:
        raise NotFoundError(
            f"{change.name} has no release {change.pin} that is served",
            next_step=f"See its releases with 'opsteps show {change.name}'",
        )
    if change.pinning is Pinning.FOLLOW and state.active_with(None) == change.pin:
        return None
    return change.pin


def _with_release(
    name: LibraryName, state: LibraryAtHead, incoming: Incoming, *, now: str
) -> LibraryAtHead:
    """The state once a release is there: nothing changes where it was there already."""
    version, text = incoming.version, str(incoming.version)
    record = state.release(version)
    entry = state.facts.ledger.get(text)
    if entry is not None and entry.digest != incoming.digest:
        raise ConflictError(
            f"{name} {version} was released on {entry.date} with other content",
            next_step="A release never changes: give the new content a new version",
        )
    _refuse_mixing(name, state, incoming)
    if record is not None and record.state is ReleaseState.ALARM:
        raise ConflictError(
            f"{name} {version} is not trusted: {record.alarm}",
            next_step="Look at it with 'opsteps verify'",
        )
    if record is not None and record.state is ReleaseState.RELEASED:
        return state
    if record is not None and record.tree is not None and record.tree != incoming.tree:
        raise ConflictError(
            f"there is a candidate {name} {version} with other content",
            next_step="Release or remove it first, or give the new content a new version",
        )
    origin = incoming.origin
    facts = state.facts if origin is None else _publishers_facts(state.facts, origin.facts)
    if entry is None:
        date = now if origin is None else origin.date
        facts = with_release(facts, version, incoming.digest, date, signature=incoming.signature)
    facts = with_directory(facts, version)
    released = ReleaseRecord(
        version=version,
        state=ReleaseState.RELEASED,
        tree=incoming.tree,
        digest=incoming.digest,
        date=facts.ledger[text].date,
        yank=facts.yanked.get(text),
    )
    others = (one for one in state.releases if one.version != version)
    releases = sorted((released, *others), key=lambda one: one.version, reverse=True)
    instance = state.instance
    if origin is not None:
        said = replace(
            instance.facts,
            upstream=origin.upstream,
            version=text,
            digest=incoming.digest,
            installed_at=now,
        )
        instance = replace(instance, facts=said)
    return replace(
        state,
        exists=True,
        facts=facts,
        trees={**state.trees, version: incoming.tree},
        releases=tuple(releases),
        instance=instance,
    )


def _refuse_mixing(name: LibraryName, state: LibraryAtHead, incoming: Incoming) -> None:
    """Versions of one library never come from two places (design, section 6)."""
    here = state.instance.facts.upstream
    theirs = incoming.origin.upstream if incoming.origin is not None else None
    if state.facts.ledger and here != theirs and str(incoming.version) not in state.facts.ledger:
        raise ConflictError(
            f"{name} is from {_place(here)}, and {incoming.version} would be from {_place(theirs)}",
            next_step="Versions from two places never mix: install it from where it is from, or "
            "give the other library another name",
        )


def _place(upstream: str | None) -> str:
    return f"the upstream {upstream!r}" if upstream is not None else "this registry itself"


def _publishers_facts(ours: LibraryFacts, theirs: LibraryFacts) -> LibraryFacts:
    """Return the publisher's facts about the library, as far as they are about what is here."""
    return replace(
        ours,
        owners=theirs.owners,
        yanked={**ours.yanked, **theirs.yanked},
        deprecated=theirs.deprecated,
    )


def _without_releases(state: LibraryAtHead, versions: tuple[Version, ...]) -> LibraryAtHead:
    """The state without some directories; ledger and tags keep what was released."""
    gone = frozenset(versions)
    releases = tuple(
        replace(one, state=ReleaseState.WITHDRAWN, tree=None) if one.version in gone else one
        for one in state.releases
    )
    is_left = any(one.is_served for one in releases)
    instance = state.instance
    if not is_left:
        # Where it came from stays: nobody else takes the name.
        kept = InstanceFacts(upstream=instance.facts.upstream)
        instance = replace(instance, facts=kept)
    elif instance.pin in gone:
        instance = replace(instance, facts=replace(instance.facts, active=None))
    return replace(
        state,
        facts=state.facts if is_left else replace(state.facts, state="uninstalled"),
        trees={v: tree for v, tree in state.trees.items() if v not in gone},
        releases=releases,
        instance=instance,
    )


def _with_removals(
    state: LibraryAtHead, versions: tuple[Version, ...], by: Remover, *, now: str
) -> LibraryAtHead:
    """The state with what was removed written down, for whoever verifies the history."""
    facts = state.facts
    for version in versions:
        facts = with_removal(facts, version, date=now, by=by.name, request=by.request)
    releases = (replace(one, removal=facts.removed.get(str(one.version))) for one in state.releases)
    return replace(state, facts=facts, releases=tuple(releases))
