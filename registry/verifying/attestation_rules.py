"""Decide over acts: once instance keys are declared, each is by a commit that one of them signed.

A commit is attested by its own signature, or by that of the merge on the head's first line of
parents that brought it in: whoever signs a merge vouches for what comes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto

from registry.git.commit_message import PLAIN_COMMIT, split_signature
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId
from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey
from registry.signing.sshsig import verify
from registry.signing.statements import Namespace
from registry.trust.acts import Act, ActKind, attested_by
from registry.trust.evidence import History
from registry.trust.hashed_objects import read_present
from registry.trust.report import Attack, CheckName, Finding
from registry.verifying.instance_keys import KeyHistory

_LOOK = (
    "Look with 'git show {commit}', and find out who made it: this registry has instance keys, and"
    " such a change is made with --key KEY. If it was meant, 'opsteps attest {commit} --key KEY'"
    " says so to every clone"
)
_WRONG = (
    "Look with 'git show {commit}'; what is explained and restored can be acknowledged with"
    " 'opsteps trust HEAD --accept'"
)
_CHECKS = {ActKind.UNYANK: CheckName.YANKS, ActKind.YANK: CheckName.YANKS}
_NOTED = {
    ActKind.UNYANK: ("1 yank was taken back", "yanks were taken back"),
    ActKind.YANK: ("1 yank was rewritten", "yanks were rewritten"),
    ActKind.DEPRECATION: ("1 deprecation was taken back", "deprecations were taken back"),
    ActKind.INSTANCE: (
        "1 file of an instance was changed without an operation",
        "files of instances were changed without an operation",
    ),
}
# Sets of ancestors that are kept: each is as large as the history.
_ANCESTORS = 16


class _Status(Enum):
    FREE = auto()
    ATTESTED = auto()
    FOUND = auto()
    UNBOUND = auto()
    """There were no keys yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Origin:
    """An act that was judged, for merges that take over what it came to."""

    commit: CommitId
    status: _Status
    signer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedActs:
    """Acts that nobody attests: findings where there are keys, notes where there are none."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def judge_acts(
    repository: GitRepository,
    history: History,
    acts: Iterable[Act],
    keys: KeyHistory,
    seeds: Iterable[Act] = (),
) -> JudgedActs:
    """Judge what was done; ``seeds`` are acts of a history before, which was judged already."""
    order = {commit: number for number, commit in enumerate(history.commits)}
    ordered = sorted(acts, key=lambda act: order[act.commit.commit_id])
    bound = {act.commit.commit_id for act in ordered if not act.is_free and keys.before(act.commit)}
    merges = _brought_in(history, bound) if bound else {}
    signed = signed_by(repository, bound.union(merges.values()), list(keys.keys.values()))
    judge = _Judge(
        history=history,
        keys=keys,
        signed=signed,
        merges=merges,
        attested_later=attested_later(
            repository, history, {act.commit.commit_id for act in ordered}, keys
        ),
    )
    for act in seeds:
        judge.origins.setdefault(act.key, []).append(
            _Origin(commit=act.commit.commit_id, status=_Status.FREE)
        )
    for act in ordered:
        judge.act(act)
    return JudgedActs(findings=tuple(judge.findings), notes=tuple(_notes(judge.unattested)))


@dataclass(kw_only=True, slots=True)
class _Judge:
    history: History
    keys: KeyHistory
    signed: Mapping[CommitId, str]
    """The fingerprint of the key that signed, by commit."""
    merges: Mapping[CommitId, CommitId]
    """The merge that brought a commit in."""
    attested_later: Mapping[CommitId, frozenset[str]]
    """By commit, the keys of later ones that attest it."""
    introduced: set[str] = field(default_factory=set)
    """Keys that came in as they should."""
    origins: dict[tuple[str, ...], list[_Origin]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unattested: list[Act] = field(default_factory=list)
    _ancestors: dict[CommitId, frozenset[CommitId]] = field(default_factory=dict)

    def act(self, act: Act) -> None:
        commit = act.commit
        if len(commit.parents) > 1 and self._is_carried(act):
            return
        status, signer = self._status(act)
        self.origins.setdefault(act.key, []).append(
            _Origin(commit=commit.commit_id, status=status, signer=signer)
        )
        if act.kind is ActKind.KEYS and status in {_Status.FREE, _Status.ATTESTED}:
            self.introduced.update(act.value.split())
        if act.is_wrong and not act.is_free:
            self.findings.append(_finding(act, _WRONG))
        elif status is _Status.FOUND and not self._is_attested_later(act):
            self.findings.append(_finding(act, _LOOK, why=", and no declared key attests it"))
        elif status is _Status.UNBOUND:
            self.unattested.append(act)

    def _status(self, act: Act) -> tuple[_Status, str]:
        if act.is_free:
            return _Status.FREE, ""
        if not self.keys.before(act.commit):
            return _Status.UNBOUND, ""
        # Each with the keys that were removed by then: of the commit, or of the merge after it.
        own, merge = act.commit.commit_id, self.merges.get(act.commit.commit_id)
        for signed in filter(None, (own, merge)):
            gone = self.keys.removed_before(self.history.commits[signed])
            signer = self.signed.get(signed, "")
            if signer in self._declared(act) and signer not in gone:
                return _Status.ATTESTED, signer
        return _Status.FOUND, ""

    def _declared(self, act: Act) -> frozenset[str]:
        """The keys that may sign an act: those of the parent that it changes something of.

        What another parent of a merge declares, nobody on this one's side may have agreed to.
        """
        against = self.keys.declared[act.against] if act.against is not None else None
        return against or self.keys.before(act.commit)

    def _is_attested_later(self, act: Act) -> bool:
        signers = self.attested_later.get(act.commit.commit_id, frozenset())
        if act.kind is ActKind.KEYS:  # a key that came in with it cannot vouch for that
            signers &= self._declared(act)
        return bool(signers)

    def _is_carried(self, act: Act) -> bool:
        """True if a merge only takes over what was done on the side of another parent."""
        for origin in self.origins.get(act.key, ()):
            if not self._is_from_another_side(origin.commit, act):
                continue
            if self._counts(origin, act):
                return True
        return False

    def _counts(self, origin: _Origin, act: Act) -> bool:
        """True if the side that takes an act over has to believe where it comes from."""
        bound = act.against is not None and bool(self.keys.declared[act.against])
        if origin.status is _Status.UNBOUND:
            return not bound
        if origin.status is not _Status.ATTESTED:
            return True
        is_known = origin.signer in self.introduced or (
            act.against is not None and origin.signer in self.keys.ever[act.against]
        )
        return (is_known or not bound) and self._still_counts(origin, act)

    def _is_from_another_side(self, origin: CommitId, act: Act) -> bool:
        after = self.ancestors(act.commit.commit_id)
        before = self.ancestors(act.against) if act.against is not None else frozenset()
        return origin in after and origin not in before

    def _still_counts(self, origin: _Origin, act: Act) -> bool:
        """True if its key was not removed, or only after what it signed."""
        at = self.keys.removed_before(act.commit).get(origin.signer)
        return at is None or origin.commit in self.ancestors(at)

    def ancestors(self, commit: CommitId) -> frozenset[CommitId]:
        if commit not in self._ancestors:
            if len(self._ancestors) >= _ANCESTORS:
                self._ancestors.clear()
            self._ancestors[commit] = frozenset(self.history.ancestors(commit))
        return self._ancestors[commit]


def attested_later(
    repository: GitRepository, history: History, commits: AbstractSet[CommitId], keys: KeyHistory
) -> dict[CommitId, frozenset[str]]:
    """By commit, the keys of later ones that attest it; only those of ``commits`` that are so."""
    known = commits if keys.is_any else frozenset()
    named = {
        commit.commit_id: found
        for commit in history.commits.values()
        # A merge may have a parent whose keys nobody on the other side agreed to.
        if len(commit.parents) == 1 and (found := attested_by(commit) & known)
    }
    signed = signed_by(repository, named, list(keys.keys.values())) if named else {}
    attested: dict[CommitId, frozenset[str]] = {}
    for by, found in named.items():
        if (signer := signed.get(by)) in keys.valid_before(history.commits[by]) and signer:
            for commit in found & history.ancestors(by):
                attested[commit] = attested.get(commit, frozenset()) | {signer}
    return attested


def _brought_in(history: History, wanted: set[CommitId]) -> dict[CommitId, CommitId]:
    """For commits off the head's first line of parents: the merge on it that brought them in."""
    line = [history.head]
    while parents := history.commits[line[-1]].parents:
        line.append(parents[0])
    known = set(line)
    found: dict[CommitId, CommitId] = {}
    for merge in reversed(line):
        pending = list(history.commits[merge].parents[1:])
        while pending:
            commit = pending.pop()
            if commit in known:
                continue
            known.add(commit)
            if commit in wanted:
                found[commit] = merge
            pending.extend(history.commits[commit].parents)
    return found


def signed_by(
    repository: GitRepository, commits: Iterable[CommitId], keys: Sequence[PublicKey]
) -> dict[CommitId, str]:
    """The fingerprint of the key that signed, for each commit that one of them signed."""
    found: dict[CommitId, str] = {}
    for object_id, raw in read_present(repository, map(ObjectId, commits), "commit"):
        if (signer := _signer(raw, keys)) is not None:
            found[CommitId(object_id)] = str(signer.fingerprint)
    return found


def _signer(raw: bytes, keys: Sequence[PublicKey]) -> PublicKey | None:
    found = split_signature(raw)
    if found is None:
        return None
    payload, signature = found
    try:
        return verify(payload, signature, namespace=Namespace.COMMIT, keys=keys)
    except SigningError:
        return None


def _finding(act: Act, next_step: str, *, why: str = "") -> Finding:
    commit = act.commit.commit_id
    return Finding(
        check=_CHECKS.get(act.kind, CheckName.ATTESTED),
        attack=Attack.ROLLBACK if act.kind in _CHECKS else Attack.FORGED_OPERATION,
        library=act.library,
        version=act.version,
        what=f"{act.what}{why}",
        evidence=f"commit {commit}" + (f"; {act.evidence}" if act.evidence else ""),
        next_step=next_step.format(commit=commit[:12]),
    )


def _notes(acts: Sequence[Act]) -> Iterator[str]:
    """Yield notes for a person on acts that no key could have signed, because there was none."""
    for kind, (one, many) in _NOTED.items():
        noted = [act for act in acts if act.kind is kind and not _is_ordinary(act)]
        if noted:
            what = one if len(noted) == 1 else f"{len(noted):,} {many}"
            by = "the unattested commit" if len(noted) == 1 else "unattested commits, the last"
            last = noted[-1].commit.commit_id[:12]
            yield f"{what} by {by} {last}"


def _is_ordinary(act: Act) -> bool:
    return act.kind is ActKind.INSTANCE and act.commit.operation != PLAIN_COMMIT
