"""Ranking and counting over posting lists that are in memory; knows nothing of where they are kept.

A posting list holds document numbers, ascending, and what the word counts in each. Weights were
saturated and normalised when they were written, so a score is a sum of products (BM25F).
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from builder.search.query import SearchQuery

Scores = dict[int, float]
Facets = tuple[str, tuple[str, ...], tuple[str, ...], bool]
# A word that an unfinished one may stand for counts a little less than that word itself.
_GUESSED = 0.8
# Below this share of a posting list, looking documents up one by one is quicker than a table.
_FEW = 16


@dataclass(frozen=True, slots=True)
class Postings:
    """One word's documents and weights."""

    documents: array[int]
    weights: array[float]

    def __len__(self) -> int:
        return len(self.documents)

    def scores(self, factor: float) -> Scores:
        """Document → weight times factor."""
        if factor == 1.0:
            return dict(zip(self.documents, self.weights, strict=True))
        return {d: w * factor for d, w in zip(self.documents, self.weights, strict=True)}

    def add_to(self, scores: Scores, factor: float) -> Scores:
        """Keep the scores of the documents that are also here, raised by what is here."""
        if len(scores) * _FEW < len(self):
            return {
                document: score + self.weights[place] * factor
                for document, score in scores.items()
                if (place := self._place(document)) >= 0
            }
        mine = self.scores(factor)
        return {d: score + mine[d] for d, score in scores.items() if d in mine}

    def _place(self, document: int) -> int:
        place = bisect_left(self.documents, document)
        found = place < len(self.documents) and self.documents[place] == document
        return place if found else -1


EMPTY = Postings(array("I"), array("f"))


def rarity(documents: int, total: int) -> float:
    """Return the weight of a word that occurs in so many of all documents (the BM25 idf)."""
    return math.log(1.0 + (total - documents + 0.5) / (documents + 0.5))


def any_of(lists: Sequence[tuple[Postings, bool]]) -> Postings:
    """Lists as one, for words that stand for each other: a document counts its best.

    Each comes with whether it is the word itself rather than a guess at what it will become.
    """
    if len(lists) == 1:
        return lists[0][0]
    best: Scores = {}
    for postings, exact in lists:
        factor = 1.0 if exact else _GUESSED
        for document, weight in zip(postings.documents, postings.weights, strict=True):
            value = weight * factor
            if value > best.get(document, 0.0):
                best[document] = value
    ordered = sorted(best)
    return Postings(array("I", ordered), array("f", [best[document] for document in ordered]))


def all_words(lists: Sequence[Postings], total: int) -> Scores:
    """The documents that have every word, with their scores."""
    ordered = sorted(lists, key=len)
    scores = ordered[0].scores(rarity(len(ordered[0]), total))
    for postings in ordered[1:]:
        if not scores:
            break
        scores = postings.add_to(scores, rarity(len(postings), total))
    return scores


def some_words(lists: Sequence[Postings], total: int) -> Scores:
    """The documents that have any of the words; those with more of them come out higher."""
    scores: Scores = {}
    for postings in lists:
        factor = rarity(len(postings), total)
        for document, weight in zip(postings.documents, postings.weights, strict=True):
            scores[document] = scores.get(document, 0.0) + weight * factor
    return scores


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """The combinations of facets that pass, and how documents spread over the facets.

    Documents share few combinations, so filters and counts look at those, not at documents.
    """

    query: SearchQuery

    def passes(self, facets: Facets, *, but: str = "") -> bool:
        """True if a combination passes every filter but the one named."""
        kind, categories, platforms, premium = facets
        wanted = self.query
        return (
            (but == "kind" or wanted.kind is None or kind == wanted.kind)
            and (but == "category" or wanted.category is None or wanted.category in categories)
            and (but == "platform" or wanted.platform is None or wanted.platform in platforms)
            and (but == "premium" or wanted.premium is None or premium == wanted.premium)
        )

    def counts(self, spread: Mapping[Facets, int]) -> dict[str, dict[str, int]]:
        """Facet → value → documents, each facet as if its own filter were not set."""
        counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("kind", "category", "platform", "premium")
        }
        for facets, number in spread.items():
            values: tuple[tuple[str, Iterable[str]], ...] = (
                ("kind", (facets[0],)),
                ("category", facets[1]),
                ("platform", facets[2]),
                ("premium", ("yes" if facets[3] else "no",)),
            )
            for name, names in values:
                if self.passes(facets, but=name):
                    for value in names:
                        counts[name][value] += number
        return {
            name: dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
            for name, found in counts.items()
        }


def best_documents(scores: Scores, wanted: int, order: Sequence[int]) -> list[int]:
    """The ``wanted`` best documents; equal ones in ``order`` (a document's place in it)."""
    if not scores or wanted <= 0:
        return []
    least = heapq.nlargest(wanted, scores.values())[-1]
    best = [document for document, score in scores.items() if score > least]
    best.sort(key=lambda document: (-scores[document], order[document]))
    tied = (document for document, score in scores.items() if score == least)
    return best + heapq.nsmallest(wanted - len(best), tied, key=order.__getitem__)
