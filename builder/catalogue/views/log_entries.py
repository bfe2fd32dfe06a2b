"""The latest operations on a registry, read once: a build adds those since the one before it.

A history of hundreds of operations takes longer to read than a library takes to render, and an
import of ten thousand libraries is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from builder.catalogue.output.site_state import KnownLog, LogEntry
from registry.errors import GitError
from registry.formats.timestamps import format_seconds
from registry.history.audit_trail import AuditEntry, read_audit_trail
from registry.names import CommitId
from registry.snapshots.registry import Registry, Snapshot

OPERATIONS = 500
"""Operations that are kept; `opsteps log` knows all of them."""
_LAST_SECOND = 253_402_300_799
"""Of the year 9999. Anyone can write any date into a commit."""
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
    new_ones = list(read_audit_trail(registry, head=snapshot.commit, limit=amount))
    before = kept[0].here if kept else _latest_before(registry, snapshot.commit, len(new_ones))
    entries = _dated(new_ones, before)
    return KnownLog(head=snapshot.commit, keys=keys, entries=tuple([*entries, *kept][:OPERATIONS]))


def _dated(entries: Sequence[AuditEntry], before: str) -> list[LogEntry]:
    """The entries, each with the latest date up to it.

    An import gives its commits the dates of the releases that it brings. Whoever reads the log
    wants to know when they came here, and that was after what lies before them in the history.
    """
    here = accumulate((entry.time for entry in reversed(entries)), max, initial=before)
    times = list(here)[:0:-1]
    return [_kept(entry, time) for entry, time in zip(entries, times, strict=True)]


def _latest_before(registry: Registry, head: CommitId, skipped: int) -> str:
    """The latest date of the commits that come after so many in the list of them."""
    out = registry.repository.run("rev-list", "--timestamp", f"--skip={skipped}", head, "--")
    seconds = (int(line.split()[0]) for line in out.splitlines())
    return format_seconds(max((one for one in seconds if one <= _LAST_SECOND), default=0))


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


def _kept(entry: AuditEntry, here: str) -> LogEntry:
    versions = entry.versions if len(entry.libraries) <= _NAMED else {}
    return LogEntry(
        commit=entry.commit,
        time=entry.time,
        here=here,
        operation=entry.operation,
        actor=entry.actor,
        summary=entry.summary,
        reason=entry.reason,
        attested=entry.attested,
        libraries=entry.libraries,
        versions={name: tuple(map(str, found)) for name, found in versions.items()},
    )
