"""Carry a plan out, under the writers' lock: refs move only from where they were seen.

Nothing is destroyed: what a tag was stays below ``refs/opsteps/repaired/``, and files of the killed
are put into ``opsteps/repaired``.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from registry.files.durable import sync_directories
from registry.formats.library_file import facts_bytes, facts_path
from registry.git.commit_writer import ABSENT, NewCommit, RefUpdate
from registry.git.object_writer import ObjectWriter
from registry.git.worktree import follow
from registry.names import CommitId, LibraryName
from registry.repairing.model import (
    Change,
    EntryChange,
    Leftover,
    RepairPlan,
    StaleIndex,
    TagChange,
)
from registry.repairing.repair_plan import make_plan
from registry.repairing.stale_locks import OLD_SECONDS
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import (
    Actor,
    Transaction,
    follow_head,
    operation_commit,
    run_transaction,
)
from registry.trust.moved_head import refuse_not_served

KEPT = "refs/opsteps/repaired"
"""Below it is what tags were before they were repaired or removed."""
_SHOWN = 12


def repair(
    registry: Registry, *, by: Actor, asks_remotes: bool = True, removing: Collection[str] = ()
) -> RepairPlan:
    """Make a plan and carry it out; returns the plan. The registry must have no remote set.

    Raises UntrustedHistoryError for a head that does not descend from the trusted one, or from
    what a server of this clone served, MovedError where a person moved a tag meanwhile, and what
    `make_plan` raises.
    """

    def attempt(turn: Transaction) -> RepairPlan:
        refuse_not_served(registry)
        plan = make_plan(registry, turn.head, asks_remotes=asks_remotes, removing=removing)
        apply_repair(turn, plan.changes, by=by)
        return plan

    plan = run_transaction(registry, attempt, needs_tags=False)
    follow_head(registry)
    for change in plan.changes:
        if isinstance(change, StaleIndex):
            follow(registry.repository, change.base)
    return plan


def apply_repair(turn: Transaction, changes: Sequence[Change], *, by: Actor) -> None:
    """Do what a plan says, in a writer's turn: first what stands in the way of the rest."""
    _put_aside(turn.registry, [c for c in changes if isinstance(c, Leftover)])
    _set_tags(turn, [c for c in changes if isinstance(c, TagChange)])
    head = turn.head
    entries = [c for c in changes if isinstance(c, EntryChange)]
    for name in dict.fromkeys(change.library for change in entries):
        own = [change for change in entries if change.library == name]
        head = _enter(replace(turn, head=head), name, own, by=by)


def _put_aside(registry: Registry, found: Sequence[Leftover]) -> None:
    directory = registry.state_directory / "repaired"
    before = time.time() - OLD_SECONDS
    for leftover in found:
        path = leftover.path
        with suppress(FileNotFoundError):  # whoever held it has ended meanwhile
            is_ours = directory.parent in path.parents
            if not is_ours and path.stat().st_mtime >= before:
                continue
            directory.mkdir(exist_ok=True)
            path.rename(_free(directory, path.name))
            sync_directories([path.parent, directory])


def _free(directory: Path, name: str) -> Path:
    return directory / f"{name}.{time.time_ns()}"


def _set_tags(turn: Transaction, changes: Sequence[TagChange]) -> None:
    if not changes:
        return
    writer = ObjectWriter(turn.registry.repository)
    updates: list[RefUpdate] = []
    for change in changes:
        new = writer.write("tag", change.content) if change.content is not None else ABSENT
        updates.append(RefUpdate(ref=f"refs/tags/{change.name}", new=new, old=change.old))
        updates.extend(_kept(turn.registry, change))
    writer.finish()
    turn.move(updates)
    # A server knows the tags that it served: these state the same digests and trees.
    tags: dict[tuple[str, str], str] = {}
    for update in updates:
        name, _, version = update.ref.removeprefix("refs/tags/").partition("/v")
        if update.ref.startswith("refs/tags/") and update.new != ABSENT:
            tags[name, version] = update.new
    turn.registry.memory.accept_tags(tags)


def _kept(registry: Registry, change: TagChange) -> list[RefUpdate]:
    """A ref that keeps what a tag was, unless there is one already."""
    if change.old == ABSENT:
        return []
    ref = f"{KEPT}/{change.name}/{change.old[:_SHOWN]}"
    if registry.repository.object(ref) is not None:
        return []
    return [RefUpdate(ref=ref, new=change.old)]


def _enter(
    turn: Transaction, name: LibraryName, changes: Sequence[EntryChange], *, by: Actor
) -> CommitId:
    at = read_library(turn.registry, name, turn.head)
    entered = {str(change.version): change.entry for change in changes}
    facts = replace(at.facts, ledger={**at.facts.ledger, **entered})
    return turn.commit(_commit(name, facts_bytes(facts), sorted(entered), by))


def _commit(name: LibraryName, facts: bytes, versions: Sequence[str], by: Actor) -> NewCommit:
    return operation_commit(
        f"Enter {name} {', '.join(versions)} into the ledger again",
        operation="repair",
        by=by,
        files={facts_path(name): facts},
        body="The history has the entry, and the files have its digest.",
    )
