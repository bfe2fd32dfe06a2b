"""Wider permissions, and licences."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from builder.diff import Kind
from builder.diff.texts import change_text
from builder.review.model import Authority, Candidate
from builder.review.problems import error, warning
from registry.model import Escalation
from registry.problems import Problem

_TOKEN = re.compile(r"\(|\)|[^\s()]+")


def permission_problems(candidate: Candidate, authority: Authority) -> Iterator[Problem]:
    """What the candidate asks for beyond the release before it."""
    if candidate.diff is None or candidate.content is None:
        return
    report = error if authority.policy.escalation is Escalation.REFUSE else warning
    content = candidate.content
    files = {
        step.name: entry.file
        for step, entry in zip(content.steps, content.manifest.steps, strict=True)
    }
    for change in candidate.diff.changes:
        if change.kind is Kind.PERMISSION_WIDENED:
            file = files.get(change.step, "manifest.json") if change.step else "manifest.json"
            yield report(
                "permission-escalation",
                f"{candidate.path}/{file}",
                f"it asks for more than {candidate.previous}: {change_text(change)}",
                "the permissions of before, or a reason for the reviewer",
                pointer=change.pointer,
            )


def license_problems(candidate: Candidate, authority: Authority) -> Iterator[Problem]:
    """A licence that the policy does not list, or that changed since the last release."""
    if candidate.content is None:
        return
    said = candidate.content.manifest.license
    file, allowed = f"{candidate.path}/manifest.json", authority.policy.licenses
    if allowed and not is_allowed(said, allowed):
        yield error(
            "license-refused",
            file,
            f"the licence {said[:80]!r} is not one that this registry takes"
            if said
            else "the library has no licence",
            f"one of {', '.join(allowed[:20])}",
            pointer="/license",
        )
    previous = candidate.previous_content
    if previous is not None and previous.manifest.license != said:
        yield warning(
            "license-changed",
            file,
            f"the licence was {_named(previous.manifest.license)} and is {_named(said)}",
            "a second look: users of the library agreed to the old one",
            pointer="/license",
        )


def _named(expression: str) -> str:
    return repr(expression[:80]) if expression else "none"


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether one may use something under this SPDX expression and only the allowed licences.

    Of alternatives (OR) one suffices, of what applies together (AND) all are needed. A licence
    with an exception (WITH) is allowed where the licence is, or where both are listed together.
    """
    try:
        canonical = canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        return False
    listed = {text.casefold() for text in allowed}
    return _Reader(_TOKEN.findall(canonical), listed).alternatives()


class _Reader:
    """Recursive descent over an expression that is valid."""

    def __init__(self, tokens: list[str], listed: Collection[str]) -> None:
        self._tokens = tokens[::-1]
        self._listed = listed

    def alternatives(self) -> bool:
        found = self._together()
        while self._taken("OR"):
            found = self._together() or found
        return found

    def _together(self) -> bool:
        found = self._single()
        while self._taken("AND"):
            found = self._single() and found
        return found

    def _single(self) -> bool:
        if self._taken("("):
            found = self.alternatives()
            self._taken(")")
            return found
        name = self._tokens.pop()
        if self._taken("WITH"):
            both = f"{name} WITH {self._tokens.pop()}"
            return both.casefold() in self._listed or name.casefold() in self._listed
        return name.casefold() in self._listed

    def _taken(self, token: str) -> bool:
        if self._tokens and self._tokens[-1] == token:
            self._tokens.pop()
            return True
        return False
