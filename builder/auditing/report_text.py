"""An audit as lines, as rows of a table and as JSON. Text of strangers is made printable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from builder.auditing.model import AffectedDependent, AuditFinding, AuditReport, Unpinned
from registry.advisories.hit import AdvisoryHit
from registry.advisories.model import Advisory
from registry.problems import printable
from registry.versions import Version

HEAD = ("release", "advisory", "severity", "steps", "safe", "summary")
_NONE_YET = "none yet"
_SUMMARY_CHARACTERS = 300


def summary(audit: AuditReport) -> str:
    """One sentence: what was found."""
    served = sum(finding.counts for finding in audit.findings)
    found = f"{_count(len(audit.findings), 'release')} hit" if audit.findings else "Nothing is hit"
    active = f", {served} of them active" if audit.findings else ""
    return f"{found}{active}; {_count(audit.checked, 'advisory', 'advisories')} compared"


def _count(amount: int, one: str, many: str = "") -> str:
    return f"{amount:,} {one if amount == 1 else many or f'{one}s'}"


def rows(audit: AuditReport) -> Iterator[tuple[str, ...]]:
    """One row a release and advisory, in the order of `HEAD`."""
    for finding, hit in audit.hits:
        yield (
            f"{finding.library} {finding.version}{_marks(finding)}",
            printable(hit.advisory.id),
            severity_text(hit.advisory),
            _steps(hit),
            _safe(finding.safe),
            _about(hit),
        )


def hit_line(finding: AuditFinding, hit: AdvisoryHit) -> str:
    """The same for a script or a log: everything in one line."""
    severity = severity_text(hit.advisory) or "no severity"
    return (
        f"{finding.library} {finding.version}{_marks(finding)}: {printable(hit.advisory.id)}"
        f" [{severity}] {_about(hit)}; steps: {_steps(hit)}; safe: {_safe(finding.safe)}"
    )


def dependent_line(dependent: AffectedDependent) -> str:
    """A library that allows only releases that are hit, and what it should allow."""
    allowed = ", ".join(map(str, dependent.allowed))
    return (
        f"{dependent.library} {dependent.version}: {printable(dependent.requires)!r} allows only"
        f" {dependent.on} {allowed}, which {'is' if len(dependent.allowed) == 1 else 'are'} hit;"
        f" safe: {_safe(dependent.safe)}"
    )


def unpinned_line(unpinned: Unpinned) -> str:
    """A requirement that nobody can judge."""
    return (
        f"{unpinned.library} {unpinned.version}: {printable(unpinned.requirement[:80])!r}"
        " pins no version: not checked"
    )


def severity_text(advisory: Advisory) -> str:
    """The database's word, then the first vector: no number is worked out of it."""
    parts = [advisory.severity_word, *(rating.score for rating in advisory.ratings[:1])]
    return printable(" ".join(part for part in parts if part))


def _marks(finding: AuditFinding) -> str:
    marks = [
        ("active", finding.is_active and not finding.is_pinned),
        ("pinned", finding.is_pinned),
        ("yanked", finding.is_yanked),
        ("library disabled", not finding.is_enabled),
    ]
    said = ", ".join(word for word, holds in marks if holds)
    return f" ({said})" if said else ""


def _steps(hit: AdvisoryHit) -> str:
    return printable(", ".join(hit.steps)) or "all"


def _safe(version: Version | None) -> str:
    return _NONE_YET if version is None else str(version)


def _about(hit: AdvisoryHit) -> str:
    said = hit.advisory.summary or hit.advisory.details.partition("\n")[0]
    text = printable(said[:_SUMMARY_CHARACTERS])
    return f"{printable(hit.package)}: {text}" if hit.package else text


def audit_data(audit: AuditReport) -> dict[str, Any]:
    """All of it, for scripts."""
    return {
        "commit": audit.commit,
        "hit": audit.is_hit,
        "advisories_compared": audit.checked,
        "findings": [_finding_data(finding) for finding in audit.findings],
        "dependents": [
            {
                "library": found.library,
                "version": str(found.version),
                "requires": found.requires,
                "on": found.on,
                "allowed": [str(version) for version in found.allowed],
                "safe": _version_data(found.safe),
            }
            for found in audit.dependents
        ],
        "not_checked": [
            {
                "library": found.library,
                "version": str(found.version),
                "requirement": found.requirement,
            }
            for found in audit.unpinned
        ],
        "problems": [
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "pointer": problem.pointer,
                "severity": problem.severity,
                "message": problem.message,
                "expected": problem.expected,
            }
            for problem in audit.problems
        ],
    }


def _finding_data(finding: AuditFinding) -> dict[str, Any]:
    return {
        "library": finding.library,
        "version": str(finding.version),
        "active": finding.is_active,
        "pinned": finding.is_pinned,
        "enabled": finding.is_enabled,
        "yanked": finding.is_yanked,
        "safe": _version_data(finding.safe),
        "hits": [_hit_data(hit) for hit in finding.hits],
    }


def _hit_data(hit: AdvisoryHit) -> dict[str, Any]:
    advisory = hit.advisory
    return {
        "id": advisory.id,
        "aliases": list(advisory.aliases),
        "summary": advisory.summary,
        "severity": advisory.severity_word or None,
        "vectors": [rating.score for rating in advisory.ratings],
        "cause": hit.cause,
        "package": hit.package or None,
        "steps": list(hit.steps) or "all",
        "modified": advisory.modified,
    }


def _version_data(version: Version | None) -> str | None:
    return None if version is None else str(version)
