"""Decide over what ``removed`` says in ``library.yaml``: it and the directories change together.

One version's directory goes in the commit that writes its entry, with the ledger's digest; the
entry goes in the commit that brings the same directory back. Neither changes otherwise.

A version that was removed without an entry (before there were any, or by hand) is a finding, until
a later commit writes one. From then on it is a note in every report, in every clone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from registry.formats.model import UNINSTALLED, LibraryFacts, Removal
from registry.names import LibraryName, ObjectId
from registry.trust.evidence import Commit, CommitChange, History
from registry.trust.report import Attack, CheckName, Finding

_LOOK = "Look with 'git show {commit}', and find out who wrote it"
_RECORD = (
    "Look with 'git show {commit}'; if it was meant, write it down with"
    " 'opsteps uninstall {library} {version}', which heals every clone; if not, restore the"
    " directory and find out who removed it"
)
_ATTEST = (
    "Look with 'git show {record}', which wrote it down and is signed by no instance key of this"
    " registry; if it was meant, 'opsteps attest {record} --key KEY' says so to every clone"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A commit that wrote an entry about one version."""

    name: LibraryName
    version: str
    commit: Commit
    removal: Removal


@dataclass(frozen=True, kw_only=True, slots=True)
class Unrecorded:
    """A directory that went away without an entry, and the library was not uninstalled."""

    name: LibraryName
    version: str
    commit: Commit
    tree: ObjectId


def is_recorded(version: str, after: LibraryFacts, trees: Collection[str]) -> bool:
    """True if a released directory may be gone in a commit with these facts and directories.

    A library that is uninstalled has none of its releases left.
    """
    return version in after.removed or (
        after.state == UNINSTALLED and after.ledger.keys().isdisjoint(trees)
    )


def judge_state(
    change: CommitChange,
    befores: Iterable[LibraryFacts],
    after: LibraryFacts,
    trees: Mapping[str, ObjectId],
) -> Iterator[Finding]:
    """A library that a commit makes uninstalled while releases of it stay.

    A directory that comes back later without a word makes no such claim.
    """
    if after.state == UNINSTALLED and all(facts.state != UNINSTALLED for facts in befores):
        for version in sorted(after.ledger.keys() & trees.keys())[:1]:
            what = "it is said to be uninstalled, and its directory is there"
            yield _finding(change, version, what, f"tree {trees[version]}")


def judge_removals(
    change: CommitChange,
    befores: list[tuple[LibraryFacts, Mapping[str, ObjectId]]],
    after: LibraryFacts,
    trees: Mapping[str, ObjectId],
) -> Iterator[Finding]:
    """Yield the findings about a commit's removals; ``befores`` has one for each parent."""
    for version, entry in after.removed.items():
        is_new = all(facts.removed.get(version) != entry for facts, _ in befores)
        known = after.ledger.get(version)
        if is_new and known is None:
            yield _finding(change, version, "its removal was written, and it was never released")
        elif is_new and known is not None and known.digest != entry.digest:
            evidence = f"sha256:{entry.digest}, ledger sha256:{known.digest}"
            what = "its removal was written with another digest than the ledger's"
            yield _finding(change, version, what, evidence)
        was_so = any(version in facts.removed and version in there for facts, there in befores)
        if version in trees and not was_so:
            what = "it is said to be removed, and its directory is there"
            yield _finding(change, version, what, f"tree {trees[version]}")
        before = [facts.removed[version] for facts, _ in befores if version in facts.removed]
        if is_new and before:
            what = "what was written about its removal was changed"
            yield _finding(change, version, what, f"before: {before[0].date} by {before[0].by}")
    yield from _vanished(change, befores, after, trees)


def _vanished(
    change: CommitChange,
    befores: list[tuple[LibraryFacts, Mapping[str, ObjectId]]],
    after: LibraryFacts,
    trees: Mapping[str, ObjectId],
) -> Iterator[Finding]:
    gone = {v: entry for facts, _ in befores for v, entry in facts.removed.items()}
    for version, entry in sorted(gone.items()):
        if version not in after.removed and version not in trees:
            what = "what was written about its removal vanished, and the release did not come back"
            yield _finding(change, version, what, f"before: {entry.date} by {entry.by}")


def new_records(
    change: CommitChange, befores: list[LibraryFacts], after: LibraryFacts
) -> list[Record]:
    """The entries that a commit writes, none of its parents having them, with a true digest."""
    return [
        Record(name=change.name, version=version, commit=change.commit, removal=entry)
        for version, entry in after.removed.items()
        if all(facts.removed.get(version) != entry for facts in befores)
        and version in after.ledger
        and after.ledger[version].digest == entry.digest
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """The commits that count where there are instance keys: for entries, or for removals."""

    attested: frozenset[Commit] = frozenset()
    unbound: frozenset[Commit] = frozenset()
    """They came before the first key was declared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The verdict on the versions that went without an entry."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def judge_unrecorded(
    history: History,
    unrecorded: list[Unrecorded],
    records: list[Record],
    *,
    counting: Counting | None,
) -> Judged:
    """Findings of what was never written down later, and notes of what was.

    ``counting`` is None where the registry has no instance keys, and nothing can be attested.
    """
    findings: list[Finding] = []
    notes: list[str] = []
    for one in unrecorded:
        later = [
            record
            for record in records
            if (record.name, record.version) == (one.name, one.version)
            and record.commit != one.commit
            and one.commit.commit_id in history.ancestors(record.commit.commit_id)
        ]
        proven = [record for record in later if _is_attested(one, record, counting)]
        good = proven or [
            record for record in later if counting is None or record.commit in counting.unbound
        ]
        if good:
            notes.append(_note(one, good[0], is_attested=bool(proven)))
        else:
            findings.append(_unrecorded(one, later))
    return Judged(findings=tuple(findings), notes=tuple(notes))


def _is_attested(one: Unrecorded, record: Record, counting: Counting | None) -> bool:
    return counting is not None and not counting.attested.isdisjoint((one.commit, record.commit))


def _note(one: Unrecorded, record: Record, *, is_attested: bool) -> str:
    proof = "attested" if is_attested else "not attested"
    return (
        f"{one.name} {one.version} was removed without a record in commit"
        f" {one.commit.commit_id[:12]}; it was written down later in"
        f" {record.commit.commit_id[:12]} by {record.removal.by} ({proof})"
    )


def _unrecorded(one: Unrecorded, later: list[Record]) -> Finding:
    commit = one.commit.commit_id
    step = (
        _ATTEST.format(record=later[-1].commit.commit_id[:12])
        if later
        else _RECORD.format(commit=commit[:12], library=one.name, version=one.version)
    )
    return Finding(
        check=CheckName.EDITS,
        attack=Attack.ALTERED_RELEASE,
        library=one.name,
        version=one.version,
        what="the release was removed, and the library not uninstalled",
        evidence=f"commit {commit}; tree {one.tree} became nothing",
        next_step=step,
    )


def _finding(change: CommitChange, version: str, what: str, evidence: str = "") -> Finding:
    commit = change.commit.commit_id
    return Finding(
        check=CheckName.EDITS,
        attack=Attack.ALTERED_RELEASE,
        library=change.name,
        version=version,
        what=what,
        evidence=f"commit {commit}" + (f"; {evidence}" if evidence else ""),
        next_step=_LOOK.format(commit=commit[:12]),
    )
