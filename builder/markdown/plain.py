"""A stranger's description on one line, for cards and for what search engines show."""

from __future__ import annotations

import re
from functools import lru_cache

_REMEMBERED = 2_000
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_AT_LINE_START = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)+", re.MULTILINE)
_ITEM = re.compile(r"([^\w\s]?)\s*^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+", re.MULTILINE)
_SIGNS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")


def plain_text(text: str, length: int) -> str:
    """The text without Markdown's signs, on one line, at most ``length`` characters.

    Items of a list stand after one another, with commas between. It is still to be escaped.
    """
    return _plain_text(text[: length * 4], length)


@lru_cache(maxsize=_REMEMBERED)
def _plain_text(short: str, length: int) -> str:
    if "[" in short:
        short = _LINK.sub(r"\1", short)
    short = _ITEM.sub(_before_item, _AT_LINE_START.sub("", short.strip()))
    short = " ".join(_SIGNS.sub("", short).split())
    if len(short) <= length:
        return short
    return short[: length - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _before_item(found: re.Match[str]) -> str:
    """The sign before an item of a list, and a comma where there is none."""
    if found.start() == 0:
        return found[1]
    return f"{found[1]} " if found[1] else ", "
