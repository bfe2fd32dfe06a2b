"""Choose the entries about removed versions that count where a registry has instance keys.

What was written before the first declaration is bound by nothing, as any other commit; what was
signed by a key that was removed since counts when it came before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.git.repository import GitRepository
from registry.names import CommitId
from registry.trust.evidence import Commit, History
from registry.verifying.attestation_rules import attested_later, signed_by
from registry.verifying.instance_keys import KeyHistory
from registry.verifying.removal_rules import Counting, Record, Unrecorded


@dataclass(frozen=True, kw_only=True, slots=True)
class _Signed:
    """The signers of each commit, in a history with these keys."""

    history: History
    keys: KeyHistory
    signers: dict[CommitId, str]

    def counts(self, commit: Commit) -> bool:
        """True if a key signed a commit that counts now, or counted then and was not removed."""
        signer = self.signers.get(commit.commit_id)
        if signer is None:
            return False
        if signer in self.keys.declared[self.history.head]:
            return True
        removed_at = self.keys.removed[self.history.head].get(signer)
        return signer in self.keys.valid_before(commit) and (
            removed_at is None or commit.commit_id in self.history.ancestors(removed_at)
        )


def counting_records(
    repository: GitRepository,
    history: History,
    keys: KeyHistory,
    unrecorded: Iterable[Unrecorded],
    records: Iterable[Record],
) -> Counting | None:
    """Return the entries that count; None where the registry has no keys, and all do."""
    if not keys.declared[history.head]:
        return None
    written = {record.commit.commit_id: record.commit for record in records}
    gone = {one.commit.commit_id: one.commit for one in unrecorded}
    if not gone or not written:
        return Counting()
    signed = _Signed(
        history=history,
        keys=keys,
        signers=signed_by(repository, written, list(keys.keys.values())),
    )
    later = attested_later(repository, history, written.keys() | gone.keys(), keys)
    attested = [commit for commit in written.values() if signed.counts(commit)]
    attested += [commit for commit_id, commit in (gone | written).items() if commit_id in later]
    return Counting(
        attested=frozenset(attested), unbound=frozenset(_unbound(history, keys, written.values()))
    )


def _unbound(history: History, keys: KeyHistory, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Those that every commit which declares the first keys of its line descends from, or is.

    A branch that begins before a declaration and is merged later is bound.
    """
    before = [
        history.ancestors(commit.commit_id)
        for commit in history.commits.values()
        if keys.declared[commit.commit_id] and not keys.before(commit)
    ]
    for commit in commits:
        if all(commit.commit_id in ancestors for ancestors in before):
            yield commit
