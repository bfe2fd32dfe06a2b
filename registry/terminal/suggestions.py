"""Names that a person may have meant by one that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from registry.problems import printable

_WORD_CHARACTERS = 80
_NAMES = 20_000
_SUGGESTED = 3
_LIKENESS = 0.6


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'this' or 'that'?``, or nothing where no known name is like the word.

    Strangers' names come out printable. At most 20,000 names are compared.
    """
    asked = word[:_WORD_CHARACTERS].casefold()
    # How a name is written matters to nobody who looks for it; a name can be there in two ways.
    names = {name[:_WORD_CHARACTERS].casefold(): name for name in islice(known, _NAMES)}
    found = get_close_matches(asked, names, n=_SUGGESTED, cutoff=_LIKENESS)
    if not found:
        return ""
    *first, last = (f"'{printable(names[name])}'" for name in found)
    return f"Did you mean {', '.join(first)}{' or ' if first else ''}{last}?"
