"""A stranger's description on one line, for cards and for what search engines show."""

from __future__ import annotations

import re
from functools import lru_cache

_REMEMBERED = 2_000
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_SIGNS = re.compile(r"[*`#>]+|(?<!\w)_+|_+(?!\w)")


def plain_text(text: str, length: int) -> str:
    """The text without Markdown's signs, on one line, at most ``length`` characters.

    It is still to be escaped.
    """
    return _plain_text(text[: length * 4], length)


@lru_cache(maxsize=_REMEMBERED)
def _plain_text(short: str, length: int) -> str:
    if "[" in short:
        short = _LINK.sub(r"\1", short)
    short = " ".join(_SIGNS.sub("", short).split())
    if len(short) <= length:
        return short
    return short[: length - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
