"""Decide over the history: ledgers only grow, releases stay as they were, yanks stay.

A ledger (`releases` in `library.yaml`) is an append-only log whose growth Git's own hash chain
makes evident: each commit names its parents, so a rewritten entry shows as a change in a commit or
as another history. It is what RFC 9162 (certificate transparency) calls consistency, checked by
reading everything once instead of by Merkle proofs. The rules: docs/trust.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from registry.formats.model import LedgerEntry, LibraryFacts
from registry.names import CommitId, LibraryName, ObjectId
from registry.trust.acts import Act, library_acts
from registry.trust.evidence import CommitChange, History, Introduction, Release
from registry.trust.report import Attack, CheckName, Finding
from registry.verifying.removal_rules import (
    Record,
    Unrecorded,
    is_recorded,
    judge_removals,
    judge_state,
    new_records,
)

_LOOK = (
    "Look with 'git show {commit}'; what is explained and restored can be acknowledged with"
    " 'opsteps trust HEAD --accept'"
)


@dataclass(kw_only=True, slots=True)
class Examined:
    """The result of the walk over all changes."""

    findings: list[Finding] = field(default_factory=list)
    introductions: dict[Release, list[Introduction]] = field(default_factory=dict)
    owners: list[tuple[CommitId, str]] = field(default_factory=list)
    """Changes of owners, each with the commit and a sentence."""
    unrecorded: list[Unrecorded] = field(default_factory=list)
    """Releases whose directory went away and nothing in that commit said so."""
    records: list[Record] = field(default_factory=list)
    """Entries about removed versions, each where it was written first."""
    acts: list[Act] = field(default_factory=list)
    """Acts that only those may do who run the registry, and withdrawals."""

    def change(self, history: History, change: CommitChange) -> None:
        """Take the next change, parents first."""
        after = history.facts_at(change.after)
        befores = [(tree, history.facts_at(tree)) for tree in change.before]
        parents = change.commit.parents or (None,)
        for parent, (tree, before) in zip(parents, befores, strict=True):
            if tree != change.after:
                self.findings.extend(self._step(history, change, tree, before, after))
                if before is not None and after is not None:
                    acts = library_acts(change.commit, parent, change.name, before, after)
                    self.acts.extend(acts)
        if after is not None:
            known = [facts or LibraryFacts() for _, facts in befores]
            self._removals(history, change, known, after)
            self._introduce(history, change, known, after)
            self._note_owners(change, known, after)

    def _removals(
        self,
        history: History,
        change: CommitChange,
        befores: list[LibraryFacts],
        after: LibraryFacts,
    ) -> None:
        trees = [history.releases_at(tree) for tree in change.before]
        known, here = list(zip(befores, trees, strict=True)), history.releases_at(change.after)
        self.findings.extend(judge_state(change, befores, after, here))
        if not (after.removed or any(facts.removed for facts in befores)):
            return
        self.findings.extend(judge_removals(change, known, after, here))
        self.records.extend(new_records(change, befores, after))

    def _step(
        self,
        history: History,
        change: CommitChange,
        tree: ObjectId | None,
        before: LibraryFacts | None,
        after: LibraryFacts | None,
    ) -> Iterator[Finding]:
        if after is None:
            yield _ledger(change, "", Attack.ALTERED_RELEASE, "library.yaml cannot be read")
        if before is None or after is None:
            return
        yield from _shrunk_or_changed(change, before, after)
        olds, news = history.releases_at(tree), history.releases_at(change.after)
        for version in before.ledger:
            old, new = olds.get(version), news.get(version)
            if old != new:
                yield from self._edited(change, version, (old, new), after, news)

    def _edited(
        self,
        change: CommitChange,
        version: str,
        trees: tuple[ObjectId | None, ObjectId | None],
        after: LibraryFacts,
        news: Mapping[str, ObjectId],
    ) -> Iterator[Finding]:
        old, new = trees
        introduced = self.introductions.get((change.name, version), [])
        if new is None and old is not None:
            if not is_recorded(version, after, news):
                gone = Unrecorded(name=change.name, version=version, commit=change.commit, tree=old)
                self.unrecorded.append(gone)
            return
        if not introduced or any(item.tree == new for item in introduced):
            return  # it came back as it was
        yield _finding(
            change,
            version,
            CheckName.EDITS,
            Attack.ALTERED_RELEASE,
            "the release's files were edited after it was released",
            f"tree {old} became {new}",
        )

    def _introduce(
        self,
        history: History,
        change: CommitChange,
        befores: list[LibraryFacts],
        after: LibraryFacts,
    ) -> None:
        releases = history.releases_at(change.after)
        for version in after.ledger:
            if any(version in facts.ledger for facts in befores):
                continue
            owners = next((facts.owners for facts in befores if facts.owners), after.owners)
            self.introductions.setdefault((change.name, version), []).append(
                Introduction(commit=change.commit, tree=releases.get(version), owners=owners)
            )

    def _note_owners(
        self, change: CommitChange, befores: list[LibraryFacts], after: LibraryFacts
    ) -> None:
        known = [facts.owners for facts in befores if facts.owners]
        if known and after.owners not in known:
            text = f"the owners became {', '.join(after.owners) or 'nobody'}"
            was = f" (before: {', '.join(known[0])})"
            self.owners.append((change.commit.commit_id, f"{change.name}: {text}{was}"))


def examine(history: History, known: Examined | None = None) -> Examined:
    """Walk every change of the history; ``known`` is what came of those before it."""
    examined = known or Examined()
    for change in history.changes:
        examined.change(history, change)
    return examined


def _shrunk_or_changed(
    change: CommitChange, before: LibraryFacts, after: LibraryFacts
) -> Iterator[Finding]:
    for version, old in before.ledger.items():
        new = after.ledger.get(version)
        if new is old:
            continue
        if new is None:
            what = "its entry was taken out of the ledger"
            yield _ledger(change, version, Attack.ROLLBACK, what, f"sha256:{old.digest}")
        elif (what := _changed(old, new)) != "":
            evidence = f"{_shown(old)} became {_shown(new)}"
            yield _ledger(change, version, Attack.ALTERED_RELEASE, what, evidence)


def _changed(old: LedgerEntry, new: LedgerEntry) -> str:
    if old.digest != new.digest:
        return "its digest in the ledger was changed"
    if old.date != new.date:
        return "its date in the ledger was changed"
    # A signature may come later than the release; it never changes once it is there.
    if old.signature is not None and old.signature != new.signature:
        return "its signature in the ledger was removed or replaced"
    return ""


def _shown(entry: LedgerEntry) -> str:
    signed = ", signed" if entry.signature else ""
    return f"sha256:{entry.digest} of {entry.date}{signed}"


def _ledger(
    change: CommitChange, version: str, attack: Attack, what: str, evidence: str = ""
) -> Finding:
    return _finding(change, version, CheckName.LEDGERS, attack, what, evidence)


def _finding(
    change: CommitChange, version: str, check: CheckName, attack: Attack, what: str, evidence: str
) -> Finding:
    commit = change.commit.commit_id
    return Finding(
        check=check,
        attack=attack,
        library=LibraryName(change.name),
        version=version,
        what=what,
        evidence=f"commit {commit}" + (f"; {evidence}" if evidence else ""),
        next_step=_LOOK.format(commit=commit[:12]),
    )
