"""The report of `verify`: attacks that it found, and the result of each check."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.names import CommitId


class Attack(StrEnum):
    """The aim of somebody behind a finding; mostly TUF's names (section 1.5.2)."""

    ARBITRARY_RELEASE = "arbitrary release"
    """Something poses as a release that nobody who may release has released."""
    ALTERED_RELEASE = "altered release"
    """A release is not any more what it was."""
    ROLLBACK = "rollback"
    """An older state poses as the present one, or a withdrawal was undone."""
    FAST_FORWARD = "fast-forward"
    """A number or time so far ahead that all genuine ones after it would be refused."""
    FREEZE = "freeze"
    """The state is an old one, and newer ones may be held back."""
    MIX_AND_MATCH = "mix-and-match"
    """Parts that were never part of one state."""
    FORGED_STATEMENT = "forged statement"
    """A statement of the head that nobody who may sign it has signed."""
    FORGED_OPERATION = "forged operation"
    """Something was done in the name of those who run the registry, and none of them signed it."""
    REWRITTEN_HISTORY = "rewritten history"
    """The history is another one than what was trusted."""


class CheckName(StrEnum):
    """The checks, in the order of the report."""

    DESCENT = "descent"
    TREES = "trees"
    RELEASES = "releases"
    TAGS = "tags"
    LEDGERS = "ledgers"
    EDITS = "edits"
    YANKS = "yanks"
    ATTESTED = "attested"
    PUBLISHERS = "publishers"
    SIGNATURES = "signatures"
    STATEMENT = "statement"
    FRESHNESS = "freshness"
    DIGESTS = "digests"


# What may be acknowledged with `opsteps trust`: facts about the registry's past. Whether a head is
# too old or does not descend from the trusted one is decided again each time.
ACCEPTABLE = frozenset(CheckName) - {CheckName.DESCENT, CheckName.STATEMENT, CheckName.FRESHNESS}


class CheckState(StrEnum):
    """The result of a check."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKABLE = "not checkable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One trace of an attack. ``evidence`` are object ids and values that a person can look up."""

    check: CheckName
    attack: Attack
    what: str
    next_step: str
    library: str = ""
    version: str = ""
    evidence: str = ""

    @property
    def identity(self) -> str:
        """The identity that an acknowledgement remembers: another trace has another one."""
        parts = (self.check, self.attack, self.library, self.version, self.what, self.evidence)
        return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check, what it came to, and what was looked at (or why it could not be)."""

    name: CheckName
    state: CheckState
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOutcome:
    """The findings of one check; ``not_checkable`` says why it could not decide."""

    detail: str
    findings: tuple[Finding, ...] = ()
    not_checkable: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationCounts:
    """The amounts that were looked at."""

    commits: int
    libraries: int
    releases: int
    signatures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationReport:
    """Everything that `verify` says of a registry at one head."""

    head: CommitId
    time: datetime
    trusted: CommitId | None
    """The head that was trusted before; None at the first time."""
    counts: VerificationCounts
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    """Findings that were acknowledged with ``opsteps trust``."""
    notes: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """True when nothing was found that is not acknowledged."""
        return not self.findings


def conclude(name: CheckName, outcome: CheckOutcome, *, failures: int) -> Check:
    """The line of the report for an outcome with so many findings that count."""
    if failures:
        detail = f"{failures:,} finding{'s' if failures != 1 else ''}"
        return Check(name=name, state=CheckState.FAILED, detail=detail)
    if outcome.not_checkable:
        return Check(name=name, state=CheckState.NOT_CHECKABLE, detail=outcome.not_checkable)
    return Check(name=name, state=CheckState.OK, detail=outcome.detail)


def make_report(
    outcomes: Mapping[CheckName, CheckOutcome],
    *,
    head: CommitId,
    time: datetime,
    trusted: CommitId | None,
    counts: VerificationCounts,
    accepted: frozenset[str],
    notes: Iterable[str],
) -> VerificationReport:
    """Put the outcomes together; what was acknowledged does not fail a check any more."""
    found = [finding for name in CheckName for finding in outcomes[name].findings]
    known = [f for f in found if f.check in ACCEPTABLE and f.identity in accepted]
    new = [finding for finding in found if finding not in known]
    failures = Counter(finding.check for finding in new)
    return VerificationReport(
        head=head,
        time=time,
        trusted=trusted,
        counts=counts,
        checks=tuple(conclude(name, outcomes[name], failures=failures[name]) for name in CheckName),
        findings=tuple(new),
        accepted=tuple(known),
        notes=tuple(notes),
    )
