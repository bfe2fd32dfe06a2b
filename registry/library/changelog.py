"""Release notes: the section of a changelog that is about one version."""

from __future__ import annotations

import re

from registry.versions import Version

CHANGELOG = "docs/CHANGELOG.md"
"""The place of a release's changelog."""
NOTES_CHARACTERS = 8_000
"""Longest release notes; the rest is left to the changelog itself."""
# "## 1.2.0", "## [1.2.0] - 2026-01-31", "## v1.2.0 (date)": the headings that people write.
_HEADING = re.compile(r"(#{1,3})[ \t]+\[?v?([0-9][0-9A-Za-z.+-]{0,63})\]?(?=[\s(:,–-]|$)")
_ANY_HEADING = re.compile(r"(#{1,6})[ \t]")


def notes_of(changelog: bytes, version: Version) -> str:
    """The lines below the heading of ``version``, up to the next heading of its level.

    Empty when the changelog has no such heading. Control characters are taken out.
    """
    level = 0
    kept: list[str] = []
    for line in _lines(changelog):
        heading = _ANY_HEADING.match(line)
        if level and heading and len(heading[1]) <= level:
            break
        if level:
            kept.append("".join(c for c in line if c.isprintable() or c == "\t").rstrip())
            continue
        found = _HEADING.match(line)
        if found and found[2] == str(version):
            level = len(found[1])
    return "\n".join(kept).strip()[:NOTES_CHARACTERS]


def has_heading(changelog: bytes, version: Version) -> bool:
    """True if a changelog has a heading for ``version``, with or without anything below it."""
    found = (_HEADING.match(line) for line in _lines(changelog))
    return any(match is not None and match[2] == str(version) for match in found)


def _lines(changelog: bytes) -> list[str]:
    return changelog.decode("utf-8-sig", errors="replace").splitlines()
