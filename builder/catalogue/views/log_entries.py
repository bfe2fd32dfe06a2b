"""The latest operations on a registry, read once: a build adds those since the one before it.

A history of hundreds of operations takes longer to read than a library takes to render, and an
import of ten thousand libraries is one of them.
"""

from __future__ import annotations

from builder.catalogue.output.site_state import KnownLog, LogEntry
from registry.errors import GitError
from registry.history.audit_trail import AuditEntry, read_audit_trail
from registry.names import CommitId
from registry.snapshots.registry import Registry, Snapshot

OPERATIONS = 500
"""Operations that are kept; `opsteps log` knows all of them."""
_NAMED = 50
"""Libraries of one operation up to which its versions are told."""


def read_log(registry: Registry, snapshot: Snapshot, known: KnownLog | None) -> KnownLog:
    """The log at a snapshot, the newest first; ``known`` is one that was read before."""
    keys = snapshot.facts.policy.instance_keys
    kept: tuple[LogEntry, ...] = ()
    amount = OPERATIONS
    if known is not None and known.keys == keys:
        new = _commits_since(registry, snapshot.commit, known.head)
        if new is not None:
            amount, kept = new, known.entries
    entries = [_kept(e) for e in read_audit_trail(registry, head=snapshot.commit, limit=amount)]
    return KnownLog(head=snapshot.commit, keys=keys, entries=tuple([*entries, *kept][:OPERATIONS]))


def _commits_since(registry: Registry, head: CommitId, before: str) -> int | None:
    """Count the commits in one line from one head to a later one; None when there is no such line.

    Where there is but one way, Git lists the history from ``before`` on as it did before.
    """
    if head == before:
        return 0
    try:
        out = registry.repository.run(
            "rev-list", "--parents", f"--max-count={OPERATIONS}", f"{before}..{head}", "--"
        )
    except GitError:  # the history from before is gone
        return None
    lines = [line.split() for line in out.decode().splitlines()]
    if not lines:  # the head went back
        return None
    following = [*lines[1:], [before]]
    is_line = all(line[1:] == [parent[0]] for line, parent in zip(lines, following, strict=True))
    return len(lines) if is_line else None


def _kept(entry: AuditEntry) -> LogEntry:
    versions = entry.versions if len(entry.libraries) <= _NAMED else {}
    return LogEntry(
        commit=entry.commit,
        time=entry.time,
        operation=entry.operation,
        actor=entry.actor,
        summary=entry.summary,
        reason=entry.reason,
        attested=entry.attested,
        libraries=entry.libraries,
        versions={name: tuple(map(str, found)) for name, found in versions.items()},
    )
