"""Wider permissions, and other licences than before."""

from __future__ import annotations

from collections.abc import Iterator

from builder.content_rules.rule_problems import error, warning
from builder.diff import ChangeKind
from builder.diff.as_text import change_text
from builder.review.evidence.model import Candidate, ReviewAuthority
from registry.formats.model import Escalation
from registry.problems import Problem


def permission_problems(candidate: Candidate, authority: ReviewAuthority) -> Iterator[Problem]:
    """Yield the permissions that the candidate asks for beyond the release before it."""
    if candidate.diff is None or candidate.content is None:
        return
    report = error if authority.policy.escalation is Escalation.REFUSE else warning
    content = candidate.content
    files = {
        step.name: entry.file
        for step, entry in zip(content.steps, content.manifest.steps, strict=True)
    }
    for change in candidate.diff.changes:
        if change.kind is ChangeKind.PERMISSION_WIDENED:
            file = files.get(change.step, "manifest.json") if change.step else "manifest.json"
            yield report(
                "permission-escalation",
                f"{candidate.path}/{file}",
                f"it asks for more than {candidate.previous}: {change_text(change)}",
                "keep to the permissions of before, or give the reviewer a reason",
                pointer=change.pointer,
            )


def license_problems(candidate: Candidate) -> Iterator[Problem]:
    """A licence that changed since the last release."""
    if candidate.content is None:
        return
    said = candidate.content.manifest.license
    file = f"{candidate.path}/manifest.json"
    previous = candidate.previous_content
    if previous is not None and previous.manifest.license != said:
        yield warning(
            "license-changed",
            file,
            f"the licence was {_named(previous.manifest.license)} and is {_named(said)}",
            "give it a second look: users of the library agreed to the old one",
            pointer="/license",
        )


def _named(expression: str) -> str:
    return repr(expression[:80]) if expression else "none"
