"""Addresses in strangers' text: which of them a link may lead to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LONGEST = 2_000
# An address in running text begins so; it goes on until a blank, a quotation mark or a bracket.
_BARE_URL = re.compile(rf"(?<![\w/])https?://[^\s<>\"“”«»\[\]`|\\^{{}}]{{1,{_LONGEST}}}")
_SENTENCE_ENDS = "?!.,:;*_~'"


def safe_url(text: str | None, *, mail: bool = True) -> str | None:
    """The URL when it is an absolute http, https or mailto one; else None: show it as text."""
    if not text or any(character <= " " for character in text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return text if mail and parts.path else None
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


def bare_urls(text: str) -> list[tuple[int, int]]:
    """Find where addresses stand in running text, without what only ends the sentence.

    >>> [text[a:b] for text in ["(see https://e.example/a_(b).)"] for a, b in bare_urls(text)]
    ['https://e.example/a_(b)']
    """
    found = []
    for match in _BARE_URL.finditer(text):
        url = match[0].rstrip(_SENTENCE_ENDS)
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1].rstrip(_SENTENCE_ENDS)
        if safe_url(url):
            found.append((match.start(), match.start() + len(url)))
    return found
