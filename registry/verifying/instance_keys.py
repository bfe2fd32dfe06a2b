"""The instance keys of a registry through time: a key counts from then on, until it is removed.

What holds at a commit is what its parents declare. A key that was removed anywhere in its history
does not count any more, whatever a parent from before the removal still says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from registry.formats.model import RegistryFacts
from registry.formats.parsing import parse_registry_facts
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId
from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey, parse_public_key
from registry.trust.acts import Act, ActKind
from registry.trust.evidence import Commit, CommitRoot, History
from registry.trust.hashed_objects import read_present

Prints = frozenset[str]
"""Fingerprints of keys."""
_NONE: Prints = frozenset()


@dataclass(kw_only=True, slots=True)
class KeyHistory:
    """The keys that each commit declares, and those removed up to it and where."""

    keys: dict[str, PublicKey] = field(default_factory=dict)
    declared: dict[CommitId, Prints] = field(default_factory=dict)
    ever: dict[CommitId, Prints] = field(default_factory=dict)
    """The keys declared at each commit or before it."""
    removed: dict[CommitId, Mapping[str, CommitId]] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)

    @property
    def is_any(self) -> bool:
        """True if any commit declares one."""
        return bool(self.keys)

    def before(self, commit: Commit) -> Prints:
        """Return the keys that a commit's parents declare: with any, its acts need attesting."""
        return _NONE.union(*(self.declared[parent] for parent in commit.parents))

    def removed_before(self, commit: Commit) -> Mapping[str, CommitId]:
        """The keys that were removed in the history of a commit, each with where."""
        found = [known for parent in commit.parents if (known := self.removed[parent])]
        if len(found) == 1:
            return found[0]
        return {key: at for known in found for key, at in known.items()}

    def valid_before(self, commit: Commit) -> Prints:
        """The keys that may sign a commit."""
        return self.before(commit).difference(self.removed_before(commit))


def declared_keys(raw: bytes | None) -> tuple[PublicKey, ...]:
    """The instance keys in a ``registry.yaml``; none where it cannot be read."""
    return keys_of(parse_registry_facts(raw).value) if raw is not None else ()


def keys_of(facts: RegistryFacts | None) -> tuple[PublicKey, ...]:
    """The instance keys that are declared; an invalid line counts for nothing."""
    keys: list[PublicKey] = []
    for line in facts.policy.instance_keys if facts is not None else ():
        try:
            keys.append(parse_public_key(line))
        except SigningError:
            continue
    return tuple(keys)


def read_key_history(
    repository: GitRepository, history: History, vouched: Callable[[CommitRoot], bool]
) -> KeyHistory:
    """Follow the keys through a history; ``vouched`` says what an administrator has signed."""
    blobs = {root.registry for root in history.roots.values() if root.registry}
    declared = {blob: declared_keys(raw) for blob, raw in read_present(repository, blobs, "blob")}
    found = KeyHistory()
    found.keys = {str(k.fingerprint): k for keys in declared.values() for k in keys}
    prints = {
        blob: frozenset(str(key.fingerprint) for key in keys) for blob, keys in declared.items()
    }
    seen: set[tuple[ObjectId | None, ObjectId | None]] = set()
    for commit in history.commits.values():
        root = history.roots[commit.tree]
        now = prints[root.registry] if root.registry else _NONE
        found.declared[commit.commit_id] = now
        found.ever[commit.commit_id] = _joined([now, *(found.ever[p] for p in commit.parents)])
        found.removed[commit.commit_id] = _removed(found, commit, now)
        if commit.commit_id in history.edge and history.since is not None:
            # What the other head does not declare any more was removed on the way to it.
            kept = history.roots[history.commits[history.since].tree].registry
            gone = now - (prints[kept] if kept else _NONE)
            found.removed[commit.commit_id] = dict.fromkeys(gone, history.since)
        state = (root.registry, root.signature)
        # A file that an administrator signed once says nothing when it comes back.
        is_vouched = state not in seen and vouched(root)
        seen.add(state)
        if commit.commit_id not in history.edge:
            found.acts.extend(_acts(found, commit, now, is_free=is_vouched))
    return found


def _joined(sets: list[Prints]) -> Prints:
    """All of them together, as one that is there already where one of them is all."""
    largest = max(sets, key=len)
    return largest if all(one <= largest for one in sets) else _NONE.union(*sets)


def _removed(found: KeyHistory, commit: Commit, now: Prints) -> Mapping[str, CommitId]:
    known = found.removed_before(commit)
    gone = found.before(commit) - now - known.keys()
    back = now & known.keys() if len(commit.parents) == 1 else _NONE
    if not gone and not back:
        return known
    kept = {key: at for key, at in known.items() if key not in back}
    return kept | dict.fromkeys(gone, commit.commit_id)


def _acts(found: KeyHistory, commit: Commit, now: Prints, *, is_free: bool) -> Iterator[Act]:
    for parent in commit.parents:
        before = found.declared[parent]
        if before and before != now:
            evidence = f"{', '.join(sorted(before))} became {', '.join(sorted(now)) or 'none'}"
            yield Act(
                kind=ActKind.KEYS,
                commit=commit,
                against=parent,
                what="the instance keys in registry.yaml were changed",
                value=" ".join(sorted(now)),
                evidence=evidence,
                is_free=is_free,
            )
