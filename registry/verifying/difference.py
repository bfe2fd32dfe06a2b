"""The meaning of another head for releases: shown before a person trusts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.trust.evidence import History, Release
from registry.verifying.history import read_history


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryDifference:
    """From one head to another; releases are written ``library version``."""

    lost_commits: int
    new_commits: int
    lost: tuple[str, ...]
    """Releases that the other head does not know."""
    altered: tuple[str, ...]
    """Releases with another digest."""
    unyanked: tuple[str, ...]
    """Releases that are not yanked any more."""
    new: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    digests: Mapping[Release, str]
    yanked: frozenset[Release]
    commits: frozenset[CommitId]


def compare_heads(registry: Registry, before: CommitId, after: CommitId) -> HistoryDifference:
    """Compare the releases at two heads; raises IncompleteHistoryError."""
    old = _known(read_history(registry.repository, before))
    new = _known(read_history(registry.repository, after))
    common = old.digests.keys() & new.digests.keys()
    return HistoryDifference(
        lost_commits=len(old.commits - new.commits),
        new_commits=len(new.commits - old.commits),
        lost=_shown(old.digests.keys() - new.digests.keys()),
        altered=_shown({key for key in common if old.digests[key] != new.digests[key]}),
        unyanked=_shown(old.yanked - new.yanked),
        new=_shown(new.digests.keys() - old.digests.keys()),
    )


def _known(history: History) -> _Known:
    facts = {name: history.facts_at(tree) for name, tree in history.libraries.items()}
    return _Known(
        digests={
            (name, version): entry.digest
            for name, known in facts.items()
            if known is not None
            for version, entry in known.ledger.items()
        },
        yanked=frozenset(
            (name, version)
            for name, known in facts.items()
            if known is not None
            for version in known.yanked
        ),
        commits=frozenset(history.commits),
    )


def _shown(releases: set[Release] | frozenset[Release]) -> tuple[str, ...]:
    return tuple(f"{name} {version}" for name, version in sorted(releases))
