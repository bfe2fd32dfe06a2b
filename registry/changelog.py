"""Release notes: the section of a changelog that is about one version."""

from __future__ import annotations

import re

from registry.versions import Version

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
    for line in changelog.decode(errors="replace").splitlines():
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
