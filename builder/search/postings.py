"""From documents to posting lists: how much each stem counts, collected by term."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from builder.search.documents import SearchDocument

# Saturation and length normalisation of BM25, applied when a weight is written. The length is the
# sum of a document's weights; the average is a constant, so that a document's weights depend on
# nothing but itself and one library can be replaced without touching the others.
_K1, _B, _AVERAGE = 1.6, 0.5, 60.0


def stem_weights(document: SearchDocument, stem: Callable[[str], str]) -> dict[str, float]:
    """Stem → weight, saturated and normalised."""
    raw: dict[str, float] = {}
    for word, weight in document.weights.items():
        stemmed = stem(word)
        raw[stemmed] = raw.get(stemmed, 0.0) + weight
    damped = _K1 * (1 - _B + _B * sum(raw.values()) / _AVERAGE)
    gain = (_K1 + 1) * document.factor
    return {term: gain * weight / (weight + damped) for term, weight in raw.items()}


class PostingPool:
    """Collects postings by term; Whoosh's own sorts them all one by one."""

    def __init__(self) -> None:
        self.fieldnames: set[str] = set()
        self._found: dict[str, dict[str, tuple[array[int], array[float]]]] = defaultdict(dict)

    def extend(self, field: str, document: int, weights: Mapping[str, float]) -> None:
        """Add all terms of a document's field."""
        terms = self._found[field]
        for term, weight in weights.items():
            known = terms.get(term)
            if known is None:
                terms[term] = (array("I", (document,)), array("f", (weight,)))
            else:
                known[0].append(document)
                known[1].append(weight)

    def add(self, item: tuple[str, bytes, int, float, bytes]) -> None:
        """Add one posting of a segment that is merged."""
        field, term, document, weight, _ = item
        self.extend(field, document, {term.decode(): weight})

    def iter_postings(self) -> Iterator[tuple[str, str, array[int], array[float]]]:
        """Everything, in Whoosh's order: that of UTF-8, which is that of code points."""
        for field in sorted(self._found):
            terms = self._found[field]
            for term in sorted(terms):
                yield field, term, *terms[term]

    def cleanup(self) -> None:
        self._found.clear()
