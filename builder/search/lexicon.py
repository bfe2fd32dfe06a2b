"""The words of an index as they are written, to complete an unfinished one and mend a wrong one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from builder.search.near_words import distance, furthest
from builder.search.rules import COMPLETIONS, NEAREST
from builder.search.stems import stem

_SCANNED = 5_000
"""Words that are looked at for an unfinished one."""

Count = Callable[[str], int]
"""From a stem, the documents that have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    """Words, sorted, and a way to those that are a few letters away."""

    words: Sequence[str]
    similar: Callable[[str, int], list[str]]

    def completions(self, beginning: str, count: Count) -> list[str]:
        """The stems of what an unfinished word may become, the most frequent first."""
        found = {stem(word) for word in self._longer(beginning)} - {stem(beginning)}
        alive = sorted((-number, term) for term in found if (number := count(term)))
        return [term for _, term in alive[:COMPLETIONS]]

    def nearest(self, word: str, count: Count, most: int | None = None) -> list[str]:
        """The words that are the fewest letters away, of those the most frequent."""
        reach = furthest(word) if most is None else min(most, furthest(word))
        if not reach:
            return []
        known = {
            near: (distance(word, near), -count(stem(near)))
            for near in self.similar(word, 2)
            if stem(near) != stem(word)
        }
        alive = sorted((far, fewer, near) for near, (far, fewer) in known.items() if fewer)
        least = alive[0][0] if alive else 0
        return [near for far, _, near in alive if far == least <= reach][:NEAREST]

    def _longer(self, beginning: str) -> Iterator[str]:
        start = bisect_left(self.words, beginning)
        for word in islice(self.words, start, start + _SCANNED):
            if not word.startswith(beginning):
                return
            yield word
