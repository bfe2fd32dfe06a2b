"""The report as text and as JSON; nothing that a stranger wrote can move a cursor in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from registry.formats.timestamps import format_time
from registry.problems import printable
from registry.trust.report import Finding, VerificationReport
from registry.verifying.difference import HistoryDifference
from registry.verifying.remedies import mending, mending_lines

_LISTED = 20


def report_lines(report: VerificationReport) -> Iterator[str]:
    """Plain text: a line for each check, then each finding, then the verdict."""
    width = max(len(check.name) for check in report.checks)
    for check in report.checks:
        yield printable(f"{check.name:{width}}  {check.state:13}  {check.detail}")
    yield from finding_lines(report)
    yield verdict(report)


def finding_lines(report: VerificationReport) -> Iterator[str]:
    """Each finding with its evidence and next step, what was acknowledged, and notes.

    Of many findings that say the same of many releases the first are shown, the others counted.
    """
    alike: dict[str, list[Finding]] = {}
    for finding in report.findings:
        alike.setdefault(f"{finding.check} {finding.what}", []).append(finding)
    for findings in alike.values():
        for finding in findings[:_LISTED]:
            yield from _lines(finding)
        if len(findings) > _LISTED:
            yield printable(
                f"{len(findings) - _LISTED:,} more: {findings[0].what} (--json has all)"
            )
    yield from mending_lines(report)
    for finding in report.accepted:
        yield printable(f"acknowledged: {finding.attack}: {title(finding)}")
    for note in report.notes:
        yield printable(f"note: {note}")


def _lines(finding: Finding) -> Iterator[str]:
    yield printable(f"{finding.attack}: {title(finding)}")
    if finding.evidence:
        yield printable(f"  evidence: {finding.evidence}")
    yield printable(f"  next: {finding.next_step}")


def title(finding: Finding) -> str:
    """Name the finding, to stand after its place."""
    where = " ".join(filter(None, (finding.library, finding.version)))
    return f"{where}: {finding.what}" if where else finding.what


def verdict(report: VerificationReport) -> str:
    """The last line."""
    counts = report.counts
    size = (
        f"{counts.releases:,} releases of {counts.libraries:,} libraries"
        f" in {counts.commits:,} commits"
    )
    if report.is_sound:
        return f"Sound: {size}, up to {report.head[:12]}"
    attacks = sorted({finding.attack.value for finding in report.findings})
    found = len(report.findings)
    return (
        f"Not to be trusted: {found:,} finding{'s' if found != 1 else ''}"
        f" ({', '.join(attacks)}) in {size}, up to {report.head[:12]}"
    )


def report_data(report: VerificationReport) -> dict[str, Any]:
    """The report for a script."""
    return {
        "head": report.head,
        "time": format_time(report.time),
        "trusted": report.trusted,
        "sound": report.is_sound,
        "counts": msgspec.to_builtins(report.counts),
        "checks": [msgspec.to_builtins(check) for check in report.checks],
        "findings": [_finding_data(finding) for finding in report.findings],
        "acknowledged": [_finding_data(finding) for finding in report.accepted],
        "mending": {str(name): advice for name, advice in mending(report).items()},
        "notes": list(report.notes),
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {**msgspec.to_builtins(finding), "identity": finding.identity}


def difference_lines(difference: HistoryDifference) -> Iterator[str]:
    """Yield the changes of releases as lines, the alarming first."""
    commits = f"{difference.lost_commits:,} commits are not in it"
    yield f"{commits}, {difference.new_commits:,} are new"
    for what, releases in (
        ("not there any more", difference.lost),
        ("with another digest", difference.altered),
        ("not yanked any more", difference.unyanked),
        ("new", difference.new),
    ):
        for release in releases[:_LISTED]:
            yield printable(f"{what}: {release}")
        if len(releases) > _LISTED:
            yield f"{what}: {len(releases) - _LISTED:,} more"
