"""Make what is there now what servers compare with: a person says that it was meant."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import GitError
from registry.library.release_state import Library, ReleaseState, choose_active
from registry.names import CommitId
from registry.served.memory import RememberedLibrary, RememberedRelease
from registry.snapshots.registry import Registry, Snapshot
from registry.trust.served_head import accept_head, read_served_head


def accept_served(registry: Registry, head: CommitId, *, with_releases: bool) -> tuple[str, ...]:
    """Let servers of this clone go on from a commit; returns the releases that are accepted.

    ``with_releases``: also those that are not what was served, and what was found in the history.
    Raises OSError, NotARegistryError, GitError.
    """
    served = read_served_head(registry)
    judged = served.judged if served is not None else ""
    if with_releases:
        registry.remembers = True
        snapshot = registry.snapshot(head)
        changed = list(_changed(snapshot, snapshot.as_it_is()))
        if changed or registry.memory.problem or registry.memory.libraries:
            registry.memory.accept(library for library, _ in changed)
    else:
        changed = []
    since = head if with_releases else _last_judged(registry, head, judged)
    accept_head(registry, head, judged=since)
    return tuple(text for _, texts in changed for text in texts)


def _last_judged(registry: Registry, head: CommitId, judged: str) -> CommitId:
    """The last commit of a head that was judged: what comes after it is a person's to accept."""
    if not judged:
        return head
    from registry.git.gitpython import merge_bases

    try:
        shared = merge_bases(registry.repository, CommitId(judged), head)
    except GitError:  # what was judged is not here any more
        return head
    return next(iter(shared), head)


def _changed(now: Snapshot, plain: Snapshot) -> Iterator[tuple[RememberedLibrary, list[str]]]:
    """Libraries that are not what was served, as they are to be remembered, and which releases."""
    there = frozenset(plain.names)
    for library in now.libraries():
        known = now.known(library.name)
        if known is None:
            continue
        wrong = [
            release
            for release in known.releases
            if _is_wrong(library, release) or library.name not in there
        ]
        if not wrong:
            continue
        at_last = plain.library(library.name) if library.name in there else None
        kept = [release for release in known.releases if release not in wrong]
        new = [found for one in wrong if (found := _as_it_is(at_last, one)) is not None]
        facts = at_last.facts_id if at_last is not None else None
        active = choose_active(at_last.releases, None) if at_last is not None else None
        remembered = RememberedLibrary(
            name=library.name,
            releases=tuple(kept + new),
            facts=facts or "",
            active=str(active.version) if active is not None else "",
        )
        yield remembered, [f"{library.name} {release.version}" for release in wrong]


def _is_wrong(library: Library, release: RememberedRelease) -> bool:
    record = next((r for r in library.releases if str(r.version) == release.version), None)
    return record is None or record.state is ReleaseState.ALARM


def _as_it_is(library: Library | None, release: RememberedRelease) -> RememberedRelease | None:
    """The same version as tag, ledger and directory have it now; None where they disagree."""
    records = library.releases if library is not None else ()
    record = next((r for r in records if str(r.version) == release.version), None)
    if record is None or record.state is not ReleaseState.RELEASED:
        return None
    if record.tag is None or record.digest is None or record.tree is None:
        return None
    return RememberedRelease(
        version=release.version, tag=record.tag, digest=record.digest, tree=record.tree
    )
