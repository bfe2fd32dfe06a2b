"""The distance between words, as somebody mistypes one for the other.

The browser computes the same, in `catalog-site/assets/search-rules.js`.
"""

from __future__ import annotations

from builder.search.rules import FEW_LETTERS, LONGEST_MENDED, SHORTEST_MENDED


def furthest(word: str) -> int:
    """The distance up to which other words are tried for this one; 0 for none."""
    if not SHORTEST_MENDED <= len(word) <= LONGEST_MENDED:
        return 0
    return 1 if len(word) <= FEW_LETTERS else 2


def distance(one: str, other: str) -> int:
    """Letters that are wrong, missing, too many, or swapped with the next: each counts once."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
