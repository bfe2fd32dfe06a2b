"""Names that a person may have meant by one that is not there."""

from __future__ import annotations

from collections.abc import Iterable

from registry.problems import printable
from registry.words.likeness import alike

_SUGGESTED = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'this' or 'that'?``, or nothing where no known name is like the word.

    Strangers' names come out printable.
    """
    found = alike(word, known, most=_SUGGESTED)
    if not found:
        return ""
    *first, last = (f"'{printable(name)}'" for name in found)
    return f"Did you mean {', '.join(first)}{' or ' if first else ''}{last}?"
