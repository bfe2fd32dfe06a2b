"""From documents to posting lists: how much each stem counts, collected by term."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from builder.search.documents import SearchDocument
from builder.search.ranking import Postings
from builder.search.stems import stem
from builder.search.synonyms import Synonyms

# Saturation and length normalisation of BM25, applied when a weight is written. The length is the
# sum of a document's weights; the average is a constant, so that a document's weights depend on
# nothing but itself and one library can be replaced without touching the others.
_K1, _B, _AVERAGE = 8.0, 0.4, 170.0
# Weights are whole numbers up to this: the browser's index has a byte for each, and both sides
# come to the same scores.
HEAVIEST, _WEIGHT_BITS = 255, 8
POSTING_BYTES = 8
"""The size of one posting in the index: a document and a weight, 4 bytes each."""


def stem_weights(document: SearchDocument, synonyms: Synonyms) -> dict[str, int]:
    """Stem → weight, saturated and normalised; what documents say by other words included."""
    raw: dict[str, float] = {}
    for word, weight in document.weights.items():
        stemmed = stem(word)
        raw[stemmed] = raw.get(stemmed, 0.0) + weight
    damped = _K1 * (1 - _B + _B * sum(raw.values()) / _AVERAGE)
    raw.update(synonyms.of(raw))
    gain = HEAVIEST * document.factor
    return {term: int(gain * weight / (weight + damped)) or 1 for term, weight in raw.items()}


def meant_words(stems: AbstractSet[str], synonyms: Synonyms) -> Iterator[str]:
    """The words of synonyms that are among these stems, as somebody would write them."""
    written = synonyms.words
    for term in written.keys() & stems:
        yield from written[term]


def pack(documents: array[int], weights: array[float]) -> bytes:
    """A posting list as it is kept: all documents, then all weights, as they lie in memory.

    An index never leaves its machine, so the order of bytes is that machine's.
    """
    return documents.tobytes() + weights.tobytes()


def unpack(packed: bytes) -> Postings:
    """A posting list that `pack` made; raises ValueError when it is cut off."""
    if len(packed) % POSTING_BYTES:
        raise ValueError(f"a posting list has {len(packed)} bytes")
    documents, weights = array("I"), array("f")
    middle = len(packed) // 2
    documents.frombytes(packed[:middle])
    weights.frombytes(packed[middle:])
    return Postings(documents, weights)


def _no_postings() -> defaultdict[str, array[int]]:
    return defaultdict(lambda: array("Q"))


class PostingPool:
    """Collects postings by term, in place of Whoosh's own pool, which sorts them one by one."""

    def __init__(self) -> None:
        self._found: dict[str, defaultdict[str, array[int]]] = defaultdict(_no_postings)

    def extend(self, field: str, document: int, weights: Mapping[str, int]) -> None:
        """Add all terms of a document's field."""
        terms, number = self._found[field], document << _WEIGHT_BITS
        for term, weight in weights.items():
            terms[term].append(number | weight)

    def add(self, item: tuple[str, bytes, int, float, bytes]) -> None:
        """Add one posting of a segment that is merged; Whoosh calls this."""
        field, term, document, weight, _ = item
        self.extend(field, document, {term.decode(): int(weight)})

    def iter_postings(self) -> Iterator[tuple[str, bytes, int, float, bytes]]:
        """Everything, a posting a term whose value is the packed list; Whoosh calls this.

        The order is Whoosh's: that of UTF-8, which is that of code points.
        """
        for field in sorted(self._found):
            terms = self._found[field]
            for term in sorted(terms):
                found = terms[term]
                documents = array("I", [both >> _WEIGHT_BITS for both in found])
                weights = array("f", [both & HEAVIEST for both in found])
                yield field, term.encode(), documents[0], 1.0, pack(documents, weights)

    def cleanup(self) -> None:
        """Forget everything; Whoosh calls this when it has written or given up."""
        self._found.clear()
