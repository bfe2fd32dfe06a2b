"""Withdraw a release or advise against a library, and take that back: metadata only.

A yanked release stays there for whoever pinned it, and is never newly chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from registry.errors import ConflictError, LimitError, NotFoundError, RegistryError
from registry.formats.library_file import facts_bytes, facts_path
from registry.formats.model import Deprecation, LibraryFacts, Yank
from registry.formats.timestamps import format_seconds
from registry.names import CommitId, LibraryName
from registry.problems import printable
from registry.snapshots.library_at_head import LibraryAtHead, state_at
from registry.snapshots.one_library import LibraryAt, read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, Transaction, operation_commit, run_transaction
from registry.versions import Version

_REASON_CHARACTERS = 4_000


class ReasonError(RegistryError):
    """A withdrawal without a reason."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """A release that was yanked, or whose yank was taken back, from ``commit`` on."""

    name: LibraryName
    version: Version
    commit: CommitId
    active: Version | None
    """The version that callers without one get now where the operator pinned none."""
    active_before: Version | None
    is_removed: bool
    """True if this version is not there to be served, yanked or not."""
    pinned: Version | None
    """The version that this instance is pinned to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deprecated:
    """A library that is advised against, or no more, from ``commit`` on."""

    name: LibraryName
    commit: CommitId
    replacement: LibraryName | None = None


def yank(
    registry: Registry,
    name: LibraryName,
    version: Version,
    *,
    reason: str,
    replacement: Version | None = None,
    by: Actor,
) -> Withdrawn:
    """Withdraw a release: it is never newly chosen.

    Raises ReasonError, NotFoundError for what was never released, ConflictError when it is yanked
    already or the replacement cannot take its place.
    """
    why = _reason(reason)

    def change(at: LibraryAt, state: LibraryAtHead) -> LibraryFacts:
        _require_released(at, version)
        if str(version) in at.facts.yanked:
            raise ConflictError(
                f"{name} {version} is yanked already: "
                + printable(at.facts.yanked[str(version)].reason),
                next_step=f"Take that back with 'opsteps unyank {name} {version}'",
            )
        if replacement is not None:
            _require_replacement(state, name, version, replacement)
        entry = Yank(reason=why, replacement=str(replacement) if replacement else None)
        return replace(at.facts, yanked={**at.facts.yanked, str(version): entry})

    summary = f"Yank {name} {version}"
    return _withdraw(
        registry, name, version, change, operation="yank", summary=summary, body=why, by=by
    )


def unyank(
    registry: Registry, name: LibraryName, version: Version, *, by: Actor, reason: str = ""
) -> Withdrawn:
    """Take a yank back; raises NotFoundError, ConflictError when the release is not yanked."""

    def change(at: LibraryAt, _: LibraryAtHead) -> LibraryFacts:
        _require_released(at, version)
        if str(version) not in at.facts.yanked:
            raise ConflictError(
                f"{name} {version} is not yanked",
                where=f"libraries/{name}",
                next_step=f"See its releases with 'opsteps show {name}'",
            )
        kept = {key: value for key, value in at.facts.yanked.items() if key != str(version)}
        return replace(at.facts, yanked=kept)

    summary = f"Unyank {name} {version}"
    return _withdraw(
        registry, name, version, change, operation="unyank", summary=summary, body=reason, by=by
    )


def deprecate(
    registry: Registry,
    name: LibraryName,
    *,
    reason: str,
    replacement: LibraryName | None = None,
    by: Actor,
) -> Deprecated:
    """Advise against a library: it goes on working, and says so.

    Raises ReasonError, NotFoundError for the library or its replacement, ConflictError when it is
    deprecated already or would replace itself.
    """
    why = _reason(reason)

    def attempt(turn: Transaction) -> CommitId:
        at = _existing(registry, name, turn.head)
        if at.facts.deprecated is not None:
            raise ConflictError(
                f"{name} is deprecated already: {printable(at.facts.deprecated.reason)}",
                next_step=f"Take that back first with 'opsteps deprecate {name} --undo'",
            )
        if replacement == name:
            raise ConflictError(f"{name} cannot replace itself", next_step="Name another library")
        if replacement is not None:
            _existing(registry, replacement, turn.head)
        now = int(time.time())
        advice = Deprecation(reason=why, replacement=replacement, date=format_seconds(now))
        facts = replace(at.facts, deprecated=advice)
        return _commit(
            turn, name, facts, summary=f"Deprecate {name}", operation="deprecate", body=why, by=by
        )

    return Deprecated(name=name, commit=run_transaction(registry, attempt), replacement=replacement)


def undeprecate(registry: Registry, name: LibraryName, *, by: Actor) -> Deprecated:
    """Take the advice back; raises NotFoundError, ConflictError when there is none."""

    def attempt(turn: Transaction) -> CommitId:
        at = _existing(registry, name, turn.head)
        if at.facts.deprecated is None:
            raise ConflictError(
                f"{name} is not deprecated",
                where=f"libraries/{name}",
                next_step=f"See its facts with 'opsteps show {name}'",
            )
        facts = replace(at.facts, deprecated=None)
        summary = f"Undeprecate {name}"
        return _commit(turn, name, facts, summary=summary, operation="undeprecate", body="", by=by)

    return Deprecated(name=name, commit=run_transaction(registry, attempt))


def _withdraw(
    registry: Registry,
    name: LibraryName,
    version: Version,
    change: Callable[[LibraryAt, LibraryAtHead], LibraryFacts],
    *,
    operation: str,
    summary: str,
    body: str,
    by: Actor,
) -> Withdrawn:
    def attempt(turn: Transaction) -> Withdrawn:
        at = _existing(registry, name, turn.head)
        state = state_at(registry, at)
        facts = change(at, state)
        return Withdrawn(
            name=name,
            version=version,
            commit=_commit(
                turn, name, facts, summary=summary, operation=operation, body=body, by=by
            ),
            active_before=state.active_with(None),
            is_removed=version not in state.trees,
            active=state.with_facts(facts).active_with(None),
            pinned=state.instance.pin,
        )

    return run_transaction(registry, attempt)


def _commit(
    turn: Transaction,
    name: LibraryName,
    facts: LibraryFacts,
    *,
    summary: str,
    operation: str,
    body: str,
    by: Actor,
) -> CommitId:
    files = {facts_path(name): facts_bytes(facts)}
    return turn.commit(
        operation_commit(summary, operation=operation, by=by, files=files, body=body)
    )


def _reason(text: str) -> str:
    """A reason as it is kept: one that says something, and not too much."""
    reason = text.encode(errors="replace").decode().strip()
    if not reason:
        raise ReasonError("there is no reason", next_step="Say why, with --reason")
    if len(reason) > _REASON_CHARACTERS:
        raise LimitError(
            f"the reason has {len(reason):,} characters; {_REASON_CHARACTERS:,} are allowed",
            next_step="Say it shorter, and link to the rest",
        )
    return reason


def _existing(registry: Registry, name: LibraryName, head: CommitId) -> LibraryAt:
    at = read_library(registry, name, head)
    if not at.exists:
        raise NotFoundError(
            f"there is no library {name!r}",
            where=str(registry.path),
            next_step="List the libraries with 'opsteps search'",
        )
    return at


def _require_released(at: LibraryAt, version: Version) -> None:
    if str(version) in at.facts.ledger:
        return
    is_candidate = str(version) in at.entries
    raise NotFoundError(
        f"{at.name} {version} " + ("is not released yet" if is_candidate else "was never released"),
        where=f"libraries/{at.name}",
        next_step=f"See its releases with 'opsteps show {at.name}'",
    )


def _require_replacement(
    state: LibraryAtHead, name: LibraryName, version: Version, replacement: Version
) -> None:
    fit = [r.version for r in state.releases if r.is_served and r.yank is None]
    others = [str(one) for one in fit if one != version]
    if str(replacement) in others:
        return
    named = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")  # noqa: PLR2004
    raise ConflictError(
        f"{replacement} cannot replace {name} {version}: it must be another release that is served"
        " and not yanked",
        where=f"libraries/{name}",
        next_step=f"Name one of {named}" if others else "Leave --replacement out: there is none",
    )
