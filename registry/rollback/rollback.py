"""Go back: one library to an earlier release, or an instance to what it served at a commit.

A rollback is a commit forward, tagged ``rollback/<n>``. It writes nothing but the operator's files
of the libraries that change, and reads only libraries that differ between then and now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from registry.errors import ConflictError, NotFoundError
from registry.formats.instance_file import changed_bytes, instance_path, parse_instance_name
from registry.git.ancestry import is_ancestor
from registry.git.commit_writer import NewCommit
from registry.git.repository import GitRepository
from registry.names import CommitId, LibraryName
from registry.rollback.numbers import RollbackNumbers
from registry.rollback.plan import (
    RollbackDifference,
    RollbackPlan,
    plan_instance,
    plan_pin,
    plan_unpin,
)
from registry.snapshots.changed_libraries import differing
from registry.snapshots.library_at_head import LibraryAtHead, state_at, states_at, states_by_ledger
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, Transaction, operation_commit, run_transaction
from registry.versions import Version

# Names of tags, branches and commits, also with ~2 or ^; nothing that Git takes for an option.
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./~^@{}+-]{0,199}\Z")
_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledBack:
    """The result of a rollback; without ``commit`` nothing was written."""

    instance: str
    target: str
    plan: RollbackPlan
    commit: CommitId | None = None
    tag: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """A rollback that is asked for. ``plan`` reads and decides at a head."""

    target: str
    operation: str
    summary: str
    is_tagged: bool
    plan: Callable[[CommitId], tuple[RollbackPlan, dict[LibraryName, LibraryAtHead]]]


def roll_back_library(
    registry: Registry, name: LibraryName, version: Version, *, by: Actor, dry_run: bool = False
) -> RolledBack:
    """Pin a library to a release that is there.

    Raises NotFoundError, and ConflictError for a version that is not served.
    """
    request = _Request(
        target=str(version),
        operation="rollback",
        summary=f"Roll {name} back to {version} in {registry.instance}",
        is_tagged=True,
        plan=_library_planner(registry, name, lambda state: plan_pin(name, state, version)),
    )
    return _carry_out(registry, request, by=by, dry_run=dry_run)


def unpin_library(
    registry: Registry, name: LibraryName, *, by: Actor, dry_run: bool = False
) -> RolledBack:
    """Let a library follow its releases again; raises NotFoundError."""
    request = _Request(
        target="unpinned",
        operation="unpin",
        summary=f"Unpin {name} in {registry.instance}",
        is_tagged=False,
        plan=_library_planner(registry, name, lambda state: plan_unpin(name, state)),
    )
    return _carry_out(registry, request, by=by, dry_run=dry_run)


def roll_back_instance(
    registry: Registry,
    revision: str,
    *,
    by: Actor,
    skip_missing: bool = False,
    dry_run: bool = False,
) -> RolledBack:
    """Restore what was enabled and active at a tag or commit that the head descends from.

    Raises NotFoundError for no such revision, ConflictError for one of another history, and for
    releases that are not there any more unless they are to be skipped: their libraries stay as
    they are.
    """
    target = resolve_revision(registry.repository, revision)

    def plan(head: CommitId) -> tuple[RollbackPlan, dict[LibraryName, LibraryAtHead]]:
        _require_ancestor(registry.repository, target, head, revision)
        then, now = differing(registry, target, head)
        states = states_at(registry, now, head)
        plan = plan_instance(states_by_ledger(registry, then), states)
        if plan.missing and not (skip_missing or dry_run):
            raise _missing(plan, revision)
        return plan, states

    request = _Request(
        target=target,
        operation="rollback",
        summary=f"Roll {registry.instance} back to {_shown(target, revision)}",
        is_tagged=True,
        plan=plan,
    )
    return _carry_out(registry, request, by=by, dry_run=dry_run)


def resolve_revision(repository: GitRepository, revision: str) -> CommitId:
    """The commit that a tag, branch or id names; raises NotFoundError."""
    if _REVISION.match(revision):
        return repository.resolve_commit(revision)
    raise NotFoundError(
        f"{revision[:80]!r} names no commit here",
        where=str(repository.git_dir),
        next_step="Name a tag such as 'rollback/3', or a commit from 'opsteps log'",
    )


def _shown(target: CommitId, revision: str) -> str:
    """Show the revision that was asked for, and the commit that it meant at that time."""
    return target[:12] if target.startswith(revision) else f"{revision} ({target[:12]})"


def _library_planner(
    registry: Registry, name: LibraryName, decide: Callable[[LibraryAtHead], RollbackPlan]
) -> Callable[[CommitId], tuple[RollbackPlan, dict[LibraryName, LibraryAtHead]]]:
    def plan(head: CommitId) -> tuple[RollbackPlan, dict[LibraryName, LibraryAtHead]]:
        at = read_library(registry, name, head)
        if not at.exists:
            raise NotFoundError(
                f"there is no library {name!r}",
                where=str(registry.path),
                next_step="List the libraries with 'opsteps search'",
            )
        state = state_at(registry, at)
        return decide(state), {name: state}

    return plan


def _carry_out(registry: Registry, request: _Request, *, by: Actor, dry_run: bool) -> RolledBack:
    parse_instance_name(registry.instance)
    answer = RolledBack(
        instance=registry.instance, target=request.target, plan=RollbackPlan(differences=())
    )
    if dry_run:
        return replace(answer, plan=request.plan(registry.head())[0])
    numbers = RollbackNumbers(registry.repository)

    def attempt(turn: Transaction) -> RolledBack:
        plan, states = request.plan(turn.head)
        if not plan.differences:
            return replace(answer, plan=plan)
        commit = _commit(request, plan, states, by=by, instance=registry.instance)
        if not request.is_tagged:
            return replace(answer, plan=plan, commit=turn.commit(commit))
        message = "\n".join((request.summary, "", *map(describe, plan.differences)))
        tag = numbers.tag(turn.head, message, who=commit.who)
        return replace(answer, plan=plan, commit=turn.commit(commit, [tag]), tag=tag.name)

    return run_transaction(registry, attempt)


def describe(difference: RollbackDifference) -> str:
    """One line about what changes for a library."""
    parts: list[str] = []
    if difference.active_before != difference.active_after:
        before, after = difference.active_before, difference.active_after
        parts.append(f"{before or 'nothing'} → {after or 'nothing'}")
    elif difference.pin_before != difference.pin_after:
        pin = difference.pin_after
        parts.append(f"pinned to {pin}" if pin is not None else "not pinned any more")
    if difference.enabled_before != difference.enabled_after:
        parts.append("enabled" if difference.enabled_after else "disabled")
    return f"{difference.library}: {', '.join(parts)}"


def _commit(
    request: _Request,
    plan: RollbackPlan,
    states: Mapping[LibraryName, LibraryAtHead],
    *,
    by: Actor,
    instance: str,
) -> NewCommit:
    files: dict[str, bytes] = {}
    removed: list[str] = []
    for change in plan.differences:
        path = instance_path(instance, change.library)
        file = states[change.library].instance
        content = changed_bytes(file, enabled=change.enabled_after, pin=change.pin_after)
        if content is None:
            removed.append(path)
        else:
            files[path] = content
    count = len(plan.differences)
    more = f"; {count} libraries in all" if count > _NAMED else ""
    return operation_commit(
        request.summary,
        operation=request.operation,
        by=by,
        files=files,
        removed=removed,
        body="; ".join(map(describe, plan.differences[:_NAMED])) + more,
    )


def _require_ancestor(
    repository: GitRepository, target: CommitId, head: CommitId, revision: str
) -> None:
    if not is_ancestor(repository, target, head):
        raise ConflictError(
            f"{revision!r} is not in the history of the head",
            where=target[:12],
            next_step="Choose a commit from 'opsteps log'",
        )


def _missing(plan: RollbackPlan, revision: str) -> ConflictError:
    listed = "; ".join(f"{item.library} {item.version} {item.why}" for item in plan.missing)
    return ConflictError(
        f"not all that was active at {revision} can be served: {listed}",
        next_step="Install these again, or go back without them with --skip-missing",
    )
