"""Strangers' texts in XML: feeds, sitemaps, pictures."""

from __future__ import annotations

# Characters that XML 1.0 cannot hold at all.
_NEVER: dict[int, str | None] = {code: None for code in range(0x20) if code not in {0x9, 0xA, 0xD}}
_NEVER |= dict.fromkeys([0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])
_QUOTED = _NEVER | {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}


def kept_in_xml(text: str) -> str:
    """The text without the characters that XML cannot hold; still to be escaped."""
    return text.translate(_NEVER)


def xml_text(text: str) -> str:
    """The text as XML, between tags or in an attribute with double quotes."""
    return text.translate(_QUOTED)
