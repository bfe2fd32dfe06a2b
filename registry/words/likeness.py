"""Find the known words that a mistyped one may have been meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

# Longer words are nobody's slip, and comparing them costs time, as many of them do.
_CHARACTERS = 240
_KNOWN = 20_000


def alike(word: str, known: Iterable[str], *, most: int = 1, likeness: float = 0.6) -> list[str]:
    """Return at most so many of the known words that are like a word, the likest first.

    Upper and lower case are the same. ``likeness`` is from 0 to 1, as `difflib` has it. Of a long
    word the beginning counts, of known words the first 20,000.

    >>> alike("Platfrom", ["library", "platform", "category"])
    ['platform']
    """
    # How a name is written matters to nobody who looks for it; a name can be there in two ways.
    names = {name[:_CHARACTERS].casefold(): name for name in islice(known, _KNOWN)}
    found = get_close_matches(word[:_CHARACTERS].casefold(), names, n=most, cutoff=likeness)
    return [names[name] for name in found]
