"""Decide what a rollback changes, from what was and what is: pure.

Only two wishes of the operator go back: which libraries are enabled, and which version of each is
active. Releases, ledgers, yanks, owners, publishers and grants never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.errors import ConflictError, NotFoundError
from registry.library.release_state import ReleaseRecord
from registry.names import LibraryName
from registry.snapshots.library_at_head import LibraryAtHead
from registry.versions import Version

_NAMED = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackDifference:
    """The change of one library. ``pin_after`` is what its file will say, None: nothing."""

    library: LibraryName
    enabled_before: bool
    enabled_after: bool
    active_before: Version | None
    active_after: Version | None
    pin_before: Version | None
    pin_after: Version | None
    warnings: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """True if anything is to be written."""
        return (self.enabled_before, self.pin_before) != (self.enabled_after, self.pin_after)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A library that cannot go back: the release that was active is not served any more."""

    library: LibraryName
    version: Version
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackPlan:
    """All that a rollback changes, by name, and what it cannot."""

    differences: tuple[RollbackDifference, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all libraries, each with its name."""
        return tuple(f"{d.library}: {text}" for d in self.differences for text in d.warnings)


def plan_pin(name: LibraryName, now: LibraryAtHead, version: Version) -> RollbackPlan:
    """Pin a library to a release; raises NotFoundError, ConflictError for one not served."""
    record = now.release(version)
    if record is None or not record.is_served:
        raise _not_served(name, now, version, record)
    return _plan([_difference(name, now, enabled=now.is_enabled, pin=version, warn=True)])


def plan_unpin(name: LibraryName, now: LibraryAtHead) -> RollbackPlan:
    """Let a library follow its releases again."""
    return _plan([_difference(name, now, enabled=now.is_enabled, pin=None)])


def plan_instance(
    then: Mapping[LibraryName, LibraryAtHead], now: Mapping[LibraryName, LibraryAtHead]
) -> RollbackPlan:
    """Restore what was enabled and active. The two map the same names."""
    differences: list[RollbackDifference] = []
    missing: list[Missing] = []
    for name in sorted(now):
        step = _restore(name, then[name], now[name])
        if isinstance(step, Missing):
            missing.append(step)
        elif step is not None:
            differences.append(step)
    return _plan(differences, missing)


def _restore(
    name: LibraryName, then: LibraryAtHead, now: LibraryAtHead
) -> RollbackDifference | Missing | None:
    pin, wanted = now.instance.pin, then.active
    if wanted is None:
        # Nobody got anything then: what was released since is switched off.
        is_new = not then.exists or now.active is not None
        enabled = then.is_enabled and not is_new
        return _difference(name, now, enabled=enabled, pin=pin) if now.exists else None
    record = now.release(wanted)
    if record is None or not record.is_served:
        why = _why(record)
        if then.is_enabled:
            return Missing(library=name, version=wanted, why=why)
        lost = (f"{wanted}, which was active and disabled then, {why}",)
        return _difference(name, now, enabled=False, pin=pin, lost=lost) if now.exists else None
    if wanted != now.active:
        pin = None if now.active_with(None) == wanted else wanted
    return _difference(
        name, now, enabled=then.is_enabled, pin=pin, warn=then.is_enabled and wanted != now.active
    )


def _plan(
    differences: list[RollbackDifference], missing: list[Missing] | None = None
) -> RollbackPlan:
    return RollbackPlan(
        differences=tuple(d for d in differences if d.is_change), missing=tuple(missing or ())
    )


def _difference(
    name: LibraryName,
    now: LibraryAtHead,
    *,
    enabled: bool,
    pin: Version | None,
    warn: bool = False,
    lost: tuple[str, ...] = (),
) -> RollbackDifference:
    active = now.active_with(pin)
    return RollbackDifference(
        library=name,
        enabled_before=now.is_enabled,
        enabled_after=enabled,
        active_before=now.active,
        active_after=active,
        pin_before=now.instance.pin,
        pin_after=pin,
        warnings=(*lost, *_yank_warnings(now, active)) if warn else lost,
    )


def _yank_warnings(now: LibraryAtHead, active: Version | None) -> tuple[str, ...]:
    record = now.release(active) if active is not None else None
    if record is None or record.yank is None:
        return ()
    instead = f"; its replacement is {record.yank.replacement}" if record.yank.replacement else ""
    return (f"{record.version} is yanked: {record.yank.reason}{instead}",)


def _not_served(
    name: LibraryName, now: LibraryAtHead, version: Version, record: ReleaseRecord | None
) -> NotFoundError | ConflictError:
    served = [str(r.version) for r in now.releases if r.is_served]
    more = ", …" if len(served) > _NAMED else ""
    where = f"libraries/{name}"
    step = f"Choose one of {', '.join(served[:_NAMED])}{more}" if served else "Release one first"
    if record is None:
        return NotFoundError(f"{name} has no version {version}", where=where, next_step=step)
    return ConflictError(
        f"{name} {version} cannot be served: it {_why(record)}", where=where, next_step=step
    )


def _why(record: ReleaseRecord | None) -> str:
    if record is None:
        return "is not there any more"
    if record.removal is not None:
        return f"was removed on {record.removal.date[:10]}, and can be installed again"
    return {
        "candidate": "is a candidate, not released",
        "withdrawn": "was removed, and can be installed again",
        "alarm": f"is not trusted: {record.alarm}",
    }.get(record.state.value, "is there")
