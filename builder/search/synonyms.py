"""Words that stand for one another: a document with one is also found by the others.

They are put into documents when these are written, so that a question needs to know none of them,
neither on the server nor in the browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import resources

from builder.search.stems import stem
from builder.search.words import STOP_WORDS, words

_SHARE = 0.3
"""A word counts so much where only a synonym of it stands."""

Term = tuple[str, ...]
"""One synonym, as stems; all of them must be there."""


@dataclass(frozen=True)
class Synonyms:
    """Groups of words or of several words that belong together."""

    groups: tuple[tuple[str, ...], ...]

    @property
    def key(self) -> str:
        """Changes with the groups."""
        return sha256(repr(self.groups).encode()).hexdigest()[:16]

    @cached_property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Stem → the words of all synonyms with that stem, as they are written."""
        found: dict[str, dict[str, None]] = {}
        for group in self.groups:
            for member in group:
                for word in words(member):
                    found.setdefault(stem(word), {})[word] = None
        return {stemmed: tuple(written) for stemmed, written in found.items()}

    @cached_property
    def _by_stem(self) -> Mapping[str, tuple[tuple[Term, tuple[str, ...]], ...]]:
        """First stem of a member → the member, and the stems of the others in its group."""
        found: dict[str, list[tuple[Term, tuple[str, ...]]]] = {}
        for group in self.groups:
            members = [term for member in group if (term := _term(member))]
            for member in members:
                others = {s for other in members if other != member for s in other} - set(member)
                found.setdefault(member[0], []).append((member, tuple(sorted(others))))
        return {first: tuple(members) for first, members in found.items()}

    def of(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Stem → weight of what a document with these stems means, and does not say as loudly."""
        by_stem, found = self._by_stem, dict[str, float]()
        for first in weights.keys() & by_stem.keys():
            for member, others in by_stem[first]:
                least = weights[first]
                for stemmed in member[1:]:
                    least = min(least, weights.get(stemmed, 0.0))
                least *= _SHARE
                for other in others:
                    if least > max(found.get(other, 0.0), weights.get(other, 0.0)):
                        found[other] = least
        return found


def _term(text: str) -> Term:
    return tuple(stem(word) for word in words(text) if word not in STOP_WORDS)


@lru_cache(maxsize=8)
def synonyms_of(own: tuple[tuple[str, ...], ...] = ()) -> Synonyms:
    """The synonyms that come with this program, and a registry's own."""
    text = resources.files("builder.search").joinpath("synonyms.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return Synonyms((*map(_group, lines), *map(tuple, own)))


def _group(line: str) -> tuple[str, ...]:
    return tuple(member.strip() for member in line.split(",") if member.strip())


def as_groups(found: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Groups as a registry states them, in a form that can be compared."""
    return tuple(tuple(group) for group in found)
