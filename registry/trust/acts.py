"""Acts: what a commit did that only those may do who run the registry, and everybody can type.

To withdraw something is not an act; to take that back is one. Each is compared with one parent of
its commit. What a merge takes over from another parent was done by the commit that it comes from:
an act that is *free* is written down only so that it can be found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from registry.formats.model import UNINSTALLED, LibraryFacts, Yank
from registry.names import CommitId, LibraryName, ObjectId
from registry.trust.evidence import Commit

UNYANK = "unyank"
ATTEST = "attest"
ATTESTS = "Attests"
"""The trailer of a commit that vouches for others."""
_ATTESTS = re.compile(rb"^Attests: ([0-9a-f]{40})$", re.MULTILINE)
_OF_UPSTREAMS = frozenset({"install", "update"})


class ActKind(StrEnum):
    """The kind of act."""

    UNYANK = "unyank"
    YANK = "yank"
    OWNERS = "owners"
    DEPRECATION = "deprecation"
    STATE = "state"
    REMOVAL = "removal"
    INSTANCE = "instance"
    KEYS = "keys"


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One act. ``value`` is what it came to, so that the same one is found in another commit."""

    kind: ActKind
    commit: Commit
    what: str
    against: CommitId | None = None
    """The parent that it is compared with."""
    library: str = ""
    version: str = ""
    subject: str = ""
    value: str = ""
    evidence: str = ""
    path: bytes = b""
    is_free: bool = False
    """Anybody may do it."""
    is_wrong: bool = False
    """No operation does it: a finding, whoever signed it."""

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for acts that came to the same."""
        return (self.kind, self.library, self.version, self.subject, self.value)


def library_acts(
    commit: Commit,
    against: CommitId | None,
    name: LibraryName,
    before: LibraryFacts,
    after: LibraryFacts,
) -> Iterator[Act]:
    """Yield the acts of a commit on the facts of a library."""
    for act in (
        *_yank_acts(commit, before, after),
        *_publisher_acts(commit, before, after),
        *_removal_acts(commit, before, after),
    ):
        yield replace(act, library=name, against=against)


def _yank_acts(commit: Commit, before: LibraryFacts, after: LibraryFacts) -> Iterator[Act]:
    for version in sorted(before.yanked.keys() | after.yanked.keys()):
        was, now = before.yanked.get(version), after.yanked.get(version)
        if was is not None and now is None:
            is_unyank = commit.operation == UNYANK
            vanished = "its yank vanished, and no operation took it back"
            yield Act(
                kind=ActKind.UNYANK,
                commit=commit,
                what="its yank was taken back" if is_unyank else vanished,
                version=version,
                evidence=f"it was yanked for: {was.reason[:200]}",
                is_wrong=not is_unyank,
            )
        elif now is not None and was != now:
            yield Act(
                kind=ActKind.YANK,
                commit=commit,
                what="what its yank says was rewritten",
                version=version,
                value=f"{now.replacement}\0{now.reason}",
                evidence=f"{_shown(was)} became {_shown(now)}",
                is_free=was is None,
                # An upstream's word replaces ours when the library is installed again.
                is_wrong=commit.operation not in _OF_UPSTREAMS,
            )


def _publisher_acts(commit: Commit, before: LibraryFacts, after: LibraryFacts) -> Iterator[Act]:
    if before.owners != after.owners:
        yield Act(
            kind=ActKind.OWNERS,
            commit=commit,
            what=f"the owners became {', '.join(after.owners) or 'nobody'}",
            value="\0".join(after.owners),
            evidence=f"before: {', '.join(before.owners)}",
            is_free=not before.owners,
        )
    if before.deprecated != after.deprecated:
        verb = "was rewritten" if after.deprecated else "was taken back"
        yield Act(
            kind=ActKind.DEPRECATION,
            commit=commit,
            what=f"its deprecation {verb}",
            value=repr(after.deprecated),
            is_free=before.deprecated is None,
        )


def _removal_acts(commit: Commit, before: LibraryFacts, after: LibraryFacts) -> Iterator[Act]:
    if before.state != after.state:
        yield Act(
            kind=ActKind.STATE,
            commit=commit,
            what="it was uninstalled",
            value=after.state,
            is_free=after.state != UNINSTALLED,
        )
    for version, entry in after.removed.items():
        if before.removed.get(version) != entry:
            yield Act(
                kind=ActKind.REMOVAL,
                commit=commit,
                what=f"it was removed, by {entry.by}",
                version=version,
                value=f"{entry.digest} {entry.date}",
            )


def instance_act(
    commit: Commit, against: CommitId | None, path: bytes, blob: ObjectId | None
) -> Act:
    """A change of a file below ``instances/``."""
    shown = path.decode(errors="backslashreplace")[:300]
    verb = "was changed" if blob is not None else "was removed"
    return Act(
        kind=ActKind.INSTANCE,
        commit=commit,
        against=against,
        what=f"instances/{shown} {verb}",
        subject=path.hex(),
        path=path,
        value=blob or "",
    )


def attested_by(commit: Commit) -> frozenset[CommitId]:
    """The commits that a commit says it attests."""
    found = _ATTESTS.findall(commit.message)
    if not found or commit.operation != ATTEST:
        return frozenset()
    return frozenset(CommitId(one.decode()) for one in found)


def _shown(yank: Yank | None) -> str:
    if yank is None:
        return "nothing"
    instead = f", use {yank.replacement}" if yank.replacement else ""
    return f"{yank.reason[:100]!r}{instead}"
