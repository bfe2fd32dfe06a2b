"""The one service behind HTTP and command line for what an operator does to libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from registry.errors import ConflictError, NotFoundError
from registry.formats.instance_file import parse_instance_name
from registry.formats.timestamps import format_seconds
from registry.installing.accepted_signature import signing_publisher, with_accepted_signature
from registry.installing.commit_files import files_of, new_releases, release_tag
from registry.installing.head_view import HeadView
from registry.installing.incoming import Incoming
from registry.installing.library_change import (
    LibraryChange,
    LibraryTransition,
    Pinning,
    Remover,
    step_of,
)
from registry.installing.licenses import require_license
from registry.installing.removal import (
    REMOVE_RELEASE,
    refuse_pinned_elsewhere,
    removal_of_versions,
    whole_removal,
)
from registry.installing.requirements import Fate, settle
from registry.library.release_tag import tag_name
from registry.names import CORE, CommitId, LibraryName
from registry.publishing.ledger_signature import registry_facts
from registry.remotes.unsent import tag_step
from registry.resolution.host import DEFAULT_HOST, refuse_incompatible
from registry.rollback.numbers import RollbackNumbers
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.content_differences import other_content, released_files
from registry.snapshots.dependency_index import IndexMemory
from registry.snapshots.library_at_head import LibraryAtHead
from registry.snapshots.registry import Registry
from registry.snapshots.taken_ids import TakenIds
from registry.snapshots.taken_names import refuse_taken_name
from registry.transactions.transaction import (
    Actor,
    NewTag,
    Transaction,
    one_line,
    operation_commit,
    run_transaction,
)
from registry.versions import Version

_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallResult:
    """The result of an operation. ``changed`` is False where all was so already.

    ``commit`` is a head that has it. ``steps`` are first the libraries that were asked for, then
    those that followed.
    """

    commit: CommitId
    changed: bool
    steps: tuple[LibraryTransition, ...]

    def step(self, name: LibraryName) -> LibraryTransition:
        """Return the step of one of the libraries."""
        return next(step for step in self.steps if step.change.name == name)


@dataclass(frozen=True, kw_only=True, slots=True)
class DependentLibrary:
    """A library whose active release needs another one, and what it demands of it."""

    name: LibraryName
    version: Version
    requirement: str
    is_enabled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    operation: str
    summary: str
    by: Actor
    body: str = ""
    fate: Fate | None = None
    license_key: str | None = field(default=None, repr=False)
    numbers: RollbackNumbers | None = None
    """Given for an operation that is tagged as a rollback."""


Decide = Callable[[HeadView], Sequence[LibraryChange]]


class Installer:
    """Operations on the libraries of one registry and instance; safe to use from many threads."""

    def __init__(self, registry: Registry, *, host: Version = DEFAULT_HOST) -> None:
        """Nothing is read yet. ``host`` is the version of OpsConductor."""
        parse_instance_name(registry.instance)
        self.registry = registry
        self.host = host
        self._taken = TakenIds(registry.repository)
        self._memory = IndexMemory(registry.repository, cache_directory(registry))

    def install(
        self, incoming: Sequence[Incoming], *, by: Actor, license_key: str | None = None
    ) -> InstallResult:
        """Install releases, all or none; what is there already stays as it is.

        A library that was never there is enabled. Raises ConflictError for a version that is there
        with other content, a name or id that is taken, a candidate in the way;
        DependencyConflictError where requirements would not hold; IncompatibleHostError; a
        SigningError; a LicenseError for a premium one that is not there and has no good key.
        """
        for one in incoming:
            refuse_incompatible(one.content.manifest, self.host)
        first = incoming[0]
        more = f" and {len(incoming) - 1} more" if len(incoming) > 1 else ""
        request = _Request(
            operation="install",
            summary=f"Install {first.name} {first.version}{more} in {self.registry.instance}",
            body=_listed(incoming),
            by=by,
            license_key=license_key,
        )
        changes = _additions(incoming)
        return self._carry_out(lambda _: changes, request)

    def arrange(
        self,
        incoming: Sequence[Incoming],
        *,
        follow: Mapping[LibraryName, Version],
        operation: str,
        by: Actor,
        license_key: str | None = None,
    ) -> InstallResult:
        """Install releases and let callers without a version get the versions in ``follow``.

        ``incoming`` may lack what is there already, and all of it is followed. ``operation`` is
        ``install`` or ``update``. Raises as `install`, and NotFoundError.
        """
        if not follow:
            return InstallResult(commit=self.registry.head(), changed=False, steps=())
        first = next(iter(follow))
        more = f" and {len(follow) - 1} more" if len(follow) > 1 else ""
        said = f"Update {first} to" if operation == "update" else f"Install {first}"
        request = _Request(
            operation=operation,
            summary=f"{said} {follow[first]}{more} in {self.registry.instance}",
            body=_listed(incoming),
            by=by,
            license_key=license_key,
        )
        added = {change.name: change for change in _additions(incoming)}

        def decide(view: HeadView) -> list[LibraryChange]:
            changes = []
            for name, version in follow.items():
                self._require_installed(view, name, is_arriving=name in added)
                base = added.get(name, LibraryChange(name=name))
                changes.append(replace(base, pinning=Pinning.FOLLOW, pin=version))
            return changes

        return self._carry_out(decide, request)

    def pin(self, name: LibraryName, version: Version | None, *, by: Actor) -> InstallResult:
        """Let callers without a version get this one, or what is greatest again with None.

        Raises NotFoundError, DependencyConflictError.
        """
        said = f"Pin {name} to {version}" if version is not None else f"Unpin {name}"
        request = _Request(
            operation="pin" if version is not None else "unpin",
            summary=f"{said} in {self.registry.instance}",
            by=by,
        )

        def decide(view: HeadView) -> list[LibraryChange]:
            self._require_installed(view, name)
            pinning = Pinning.SET if version is not None else Pinning.CLEAR
            return [LibraryChange(name=name, pinning=pinning, pin=version)]

        return self._carry_out(decide, request)

    def roll_back(self, name: LibraryName, version: Version, *, by: Actor) -> InstallResult:
        """Pin a library to a release that is there, tagged ``rollback/<n>``.

        Raises NotFoundError, DependencyConflictError.
        """
        request = _Request(
            operation="rollback",
            summary=f"Roll {name} back to {version} in {self.registry.instance}",
            by=by,
            numbers=RollbackNumbers(self.registry.repository),
        )

        def decide(view: HeadView) -> list[LibraryChange]:
            self._require_installed(view, name)
            return [LibraryChange(name=name, pinning=Pinning.SET, pin=version)]

        return self._carry_out(decide, request)

    def set_enabled(
        self, name: LibraryName, *, enabled: bool, cascade: bool = False, by: Actor
    ) -> InstallResult:
        """Turn a library on or off. With ``cascade`` also what needs it, or what it needs.

        Raises NotFoundError, DependentsError that names those that need it.
        """
        word = "enable" if enabled else "disable"
        request = _Request(
            operation=word,
            summary=f"{word.title()} {name} in {self.registry.instance}",
            by=by,
            fate=_turned_off if cascade else None,
        )

        def decide(view: HeadView) -> list[LibraryChange]:
            self._require_installed(view, name)
            return [LibraryChange(name=name, enabled=enabled)]

        return self._carry_out(decide, request)

    def uninstall(
        self,
        name: LibraryName,
        versions: Sequence[Version] = (),
        *,
        cascade: bool = False,
        by: Actor,
    ) -> InstallResult:
        """Remove the releases of a library, or some of them; its facts, name and tags stay.

        Versions that are named are written down in ``library.yaml`` as removed, also one that went
        before that was done. With ``cascade`` also the libraries that need it go. Raises
        NotFoundError, DependentsError, ConflictError for a candidate and where another instance is
        pinned to one of them.
        """
        said = f"Remove {name} {', '.join(map(str, versions))}" if versions else f"Uninstall {name}"
        request = _Request(
            operation=REMOVE_RELEASE if versions else "uninstall",
            summary=said,  # what is there to serve is so for every instance
            by=by,
            fate=whole_removal if cascade else None,
        )
        remover = Remover(name=one_line(by.name), request=one_line(by.request))

        def decide(view: HeadView) -> list[LibraryChange]:
            if not versions:
                return [whole_removal(name, self._require_installed(view, name))]
            state = self._require_known(view, name)
            change = removal_of_versions(name, state, versions, remover)
            refuse_pinned_elsewhere(self.registry, view.head, name, versions)
            return [change]

        return self._carry_out(decide, request)

    def view(self, head: CommitId | None = None) -> HeadView:
        """Return the view of a head (the present one when None)."""
        return HeadView(self.registry, self._memory, head or self.registry.head())

    def dependents(self, name: LibraryName) -> tuple[DependentLibrary, ...]:
        """The libraries whose active release needs this one, by name; raises NotFoundError."""
        view = self.view()
        self._require_installed(view, name)
        others = sorted(view.dependents(name))
        view.load(others)
        return tuple(
            DependentLibrary(
                name=other,
                version=version,
                requirement=str(need.requirement),
                is_enabled=view.state(other).is_enabled,
            )
            for other in others
            if (version := view.state(other).active) is not None
            for need in view.requirements(other, version)
            if need.library == name
        )

    def _carry_out(self, decide: Decide, request: _Request) -> InstallResult:
        return run_transaction(self.registry, lambda turn: self._attempt(turn, decide, request))

    def _attempt(self, turn: Transaction, decide: Decide, request: _Request) -> InstallResult:
        view = self.view(turn.head)
        seconds = int(time.time())
        now, facts = format_seconds(seconds), registry_facts(self.registry, turn.head)

        def apply(change: LibraryChange, state: LibraryAtHead) -> LibraryTransition:
            for one in change.add:
                known = state.release(one.version)
                if known is None or not known.is_served:
                    require_license(one, request.license_key)
            self._refuse_taken(turn, change, state)
            self._refuse_other_content(change, state)
            owners = state.facts.owners
            add = tuple(with_accepted_signature(one, facts, owners) for one in change.add)
            if add and not owners:
                said = add[0].origin.facts.owners if add[0].origin is not None else ()
                owner = signing_publisher(add[0], facts) or one_line(request.by.name)
                owned = replace(state.facts, owners=said or (owner,))
                step = step_of(replace(change, add=add), replace(state, facts=owned), now=now)
                return replace(step, before=state)
            return step_of(replace(change, add=add), state, now=now)

        steps = settle(view, decide(view), apply, fate=request.fate)
        ordered = tuple(steps.values())
        writing = [step for step in ordered if step.writes]
        if not writing:
            return InstallResult(commit=turn.head, changed=False, steps=ordered)
        files, removed = files_of(writing, self.registry.instance)
        commit = operation_commit(
            request.summary,
            operation=request.operation,
            by=request.by,
            files=files,
            removed=removed,
            body=request.body or _followed(writing),
            seconds=seconds,
        )
        tags: list[NewTag] = [
            release_tag(incoming, commit.who) for step in writing for incoming in new_releases(step)
        ]
        if request.numbers is not None:
            tags.append(request.numbers.tag(turn.head, request.summary, who=commit.who))
        return InstallResult(commit=turn.commit(commit, tags), changed=True, steps=ordered)

    def _require_known(self, view: HeadView, name: LibraryName) -> LibraryAtHead:
        """The state of a library of which anything is there or was."""
        state = view.state(name) if name != CORE else LibraryAtHead()
        return state if state.releases else self._require_installed(view, name)

    def _require_installed(
        self, view: HeadView, name: LibraryName, *, is_arriving: bool = False
    ) -> LibraryAtHead:
        if name == CORE:
            raise ConflictError(
                f"{CORE!r} is built in: it is always there, as it is",
                next_step="Choose another library",
            )
        state = view.state(name)
        if not is_arriving and not any(record.is_served for record in state.releases):
            gone = state.facts.state == "uninstalled"
            raise NotFoundError(
                f"the library {name!r} is {'uninstalled' if gone else 'not installed'}",
                where=str(self.registry.path),
                next_step="List what is there with 'opsteps search'",
            )
        return state

    def _refuse_other_content(self, change: LibraryChange, state: LibraryAtHead) -> None:
        """A version that is there with other content: say what differs."""
        for incoming in change.add:
            name, version = incoming.name, incoming.version
            entry = state.facts.ledger.get(str(version))
            if entry is not None and entry.digest != incoming.digest:
                said = f"{name} {version} was released on {entry.date}"
                before = released_files(self.registry, name, version)
                raise other_content(said, before, incoming.files)
            candidate = state.trees.get(version)
            if entry is None and candidate is not None and candidate != incoming.tree:
                raise other_content(
                    f"there is a candidate {name} {version}",
                    released_files(self.registry, name, version, candidate),
                    incoming.files,
                    next_step="Release or remove it first, or give the new content a new version",
                )

    def _refuse_taken(self, turn: Transaction, change: LibraryChange, state: LibraryAtHead) -> None:
        """A new name whose id another library has, or whose tag somebody made by hand."""
        if not change.add or state.facts.ledger:
            return
        repository = self.registry.repository
        if state.exists:
            refuse_taken_name(repository, change.name, turn.head, is_there=True)
            return
        self._taken.refuse(change.name, turn.head)
        for incoming in change.add:
            tag = tag_name(incoming.name, incoming.version)
            if repository.object(f"refs/tags/{tag}") is not None:
                raise ConflictError(
                    f"there is a tag {tag!r} already, and no entry in the ledger",
                    where=f"libraries/{incoming.name}",
                    next_step=tag_step(
                        self.registry,
                        tag,
                        "Find out who made the tag, and what became of its release, with"
                        " 'opsteps repair'; or use another version",
                    ),
                )
        refuse_taken_name(repository, change.name, turn.head, is_there=False)


def _additions(incoming: Sequence[Incoming]) -> list[LibraryChange]:
    """One change a library, in the order in which they come."""
    by_name: dict[LibraryName, list[Incoming]] = {}
    for one in incoming:
        by_name.setdefault(one.name, []).append(one)
    return [LibraryChange(name=name, add=tuple(found)) for name, found in by_name.items()]


def _turned_off(name: LibraryName, state: LibraryAtHead) -> LibraryChange:
    del state  # what it is does not matter
    return LibraryChange(name=name, enabled=False)


def _listed(incoming: Sequence[Incoming]) -> str:
    """Name the sources of releases, for the log."""
    if len(incoming) == 1 and incoming[0].origin is None:
        return ""
    parts = [
        f"{one.name} {one.version}" + (f" from {one.origin.upstream}" if one.origin else "")
        for one in incoming[:_NAMED]
    ]
    more = f"; {len(incoming)} releases in all" if len(incoming) > _NAMED else ""
    return "; ".join(parts) + more


def _followed(steps: Sequence[LibraryTransition]) -> str:
    """The libraries that a cascade changed, for the log."""
    if len(steps) == 1:
        return ""
    names = [step.change.name for step in steps]
    more = f"; {len(names)} libraries in all" if len(names) > _NAMED else ""
    return f"with {', '.join(names[1 : _NAMED + 1])}{more}"
