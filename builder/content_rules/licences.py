"""The licences that a registry's policy takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from builder.content_rules.rule_problems import error
from registry.checks.release import CheckedRelease
from registry.formats.model import Policy
from registry.problems import Problem

_TOKEN = re.compile(r"\(|\)|[^\s()]+")


def refused_licence(checked: CheckedRelease, policy: Policy) -> Iterator[Problem]:
    """A licence that the policy does not list, or none where it lists some."""
    said, allowed = checked.manifest.get("license", ""), policy.licenses
    # Of a manifest that cannot be read, or another type, enough is said.
    if not checked.manifest or not isinstance(said, str):
        return
    if allowed and not is_allowed(said, allowed):
        yield error(
            "license-refused",
            "manifest.json",
            f"the licence {said[:80]!r} is not one that this registry takes"
            if said
            else "the library has no licence",
            f"choose one of {', '.join(allowed[:20])}",
            pointer="/license",
        )


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """True if one may use something under this SPDX expression and only the allowed licences.

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
