"""The tile of a library: its colour and its letters, made of its name and title alone."""

from __future__ import annotations

from hashlib import sha256

_HUES = 8


def hue_of(name: str) -> int:
    """Return the colour of a library's tile, the same for ever."""
    return int(sha256(name.encode()).hexdigest()[:4], 16) % _HUES


def initials_of(title: str) -> str:
    """One or two letters for a library's tile."""
    words = [word for word in title.replace("-", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"
