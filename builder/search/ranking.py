"""Ranking and counting over posting lists that are in memory; knows nothing of where they are kept.

A posting list holds document numbers, ascending, and what the word counts in each. Weights were
saturated and normalised when they were written, so a score is a sum of products (BM25F).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from builder.search.rules import ALL, TAIL

Scores = dict[int, float]


@dataclass(frozen=True, slots=True)
class Postings:
    """One word's documents and weights."""

    documents: array[int]
    weights: array[float]

    def __len__(self) -> int:
        return len(self.documents)


EMPTY = Postings(array("I"), array("f"))


def rarity(documents: int, total: int) -> float:
    """Return the weight of a word that occurs in so many of all documents (the BM25 idf)."""
    return math.log(1.0 + (total - documents + 0.5) / (documents + 0.5))


def any_of(lists: Sequence[tuple[Postings, float]]) -> Postings:
    """Lists as one, for words that stand for each other: a document counts its best.

    Each comes with its factor: how surely it is what was meant.
    """
    if len(lists) == 1 and lists[0][1] == 1.0:
        return lists[0][0]
    best: Scores = {}
    for postings, factor in lists:
        for document, weight in zip(postings.documents, postings.weights, strict=True):
            value = weight * factor
            if value > best.get(document, 0.0):
                best[document] = value
    return Postings(array("I", best), array("d", best.values()))


def covered(lists: Sequence[Postings], total: int) -> tuple[Scores, int]:
    """The documents with any of the words, with their scores, and how many have all of them.

    A score is the sum over the words times the square of the share of the question that the
    document covers, by how much its words tell: a document with all words comes before one that
    says a part of them louder, unless what is missing tells next to nothing.
    """
    telling = [(postings, rarity(len(postings), total)) for postings in lists if len(postings)]
    whole = sum(factor for _, factor in telling)
    scores: Scores = {}
    shares: Scores = {}
    for postings, factor in telling:
        share = factor / whole
        for document, weight in zip(postings.documents, postings.weights, strict=True):
            scores[document] = scores.get(document, 0.0) + weight * factor
            shares[document] = shares.get(document, 0.0) + share
    complete = 0
    for document, share in shares.items():
        if share > ALL:
            complete += 1
        else:
            scores[document] *= share * share
    return scores, complete


def without_tail(scores: Scores) -> Scores:
    """The scores that are not far below the best: the tail, which but mentions a word, is cut."""
    least = max(scores.values(), default=0.0) * TAIL
    return {document: score for document, score in scores.items() if score >= least}
