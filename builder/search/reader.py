"""One generation of the search index, read from Whoosh's segments."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from builder.search.card import Card, Facets, StepName
from builder.search.posting_codec import read_postings
from builder.search.ranking import Postings

NAME, TEXT, STEP_TEXT, WORDS = "name", "text", "step", "words"
LIBRARY, FACETS = "library", "facets"
"""Indexed fields: names as a whole, stems of libraries, stems of steps, words as they are, the
library, the facets."""
CARD, PLACE, PLAIN = "card", "place", "plain"
"""Columns: what a hit shows, what it is sorted by, its words in order."""


class DocumentPlace(NamedTuple):
    """The facts that documents are sorted by."""

    first: str
    id: str
    title: str
    newest: str
    replacement: str
    """The library that takes its place; empty when none does."""


class IndexReader:
    """One generation of the index, open for reading; not for several threads at once."""

    def __init__(self, reader: Any) -> None:
        """``reader`` is Whoosh's, of the whole index."""
        self._reader = reader
        self._segments = list(reader.leaf_readers())
        self._deleted = [_deleted(segment) for segment, _ in self._segments]
        self._bases = [base for _, base in self._segments]
        self._columns: dict[tuple[str, int], Any] = {}
        self.size: int = reader.doc_count_all()
        self.count: int = reader.doc_count()

    def close(self) -> None:
        """Let go of the files."""
        self._reader.close()

    def postings(self, field: str, term: str) -> Postings:
        """One term's postings in all segments, without deleted documents."""
        documents, weights = array("I"), array("f")
        for (segment, base), gone in zip(self._segments, self._deleted, strict=True):
            found = read_postings(segment, field, term)
            if base or gone:
                kept = [p for p, document in enumerate(found.documents) if document not in gone]
                documents.extend([base + found.documents[place] for place in kept])
                weights.extend([found.weights[place] for place in kept])
            else:
                documents.extend(found.documents)
                weights.extend(found.weights)
        return Postings(documents, weights)

    def terms(self, field: str) -> list[str]:
        """All terms of a field, sorted; also those of deleted documents."""
        return [term.decode() for term in self._reader.lexicon(field)]

    def similar(self, word: str, distance: int) -> list[str]:
        """Words that are at most so many letters away and begin with the same letter."""
        return list(self._reader.terms_within(WORDS, word, distance, prefix=1))

    def facets(self) -> dict[Facets, Postings]:
        """The combinations of facets that occur, with the documents that have them."""
        found = {}
        for term in self.terms(FACETS):
            key = Facets(*map(tuple, orjson.loads(term)))
            found[key] = self.postings(FACETS, term)
        return found

    def places(self) -> list[DocumentPlace]:
        """Of each document, what it is sorted by."""
        return [DocumentPlace(*orjson.loads(value)) for value in self._column(PLACE)]

    def _column(self, field: str) -> Iterator[bytes]:
        for number, (segment, _) in enumerate(self._segments):
            column = self._opened(field, number)
            yield from (column[document] for document in range(segment.doc_count_all()))

    def _opened(self, field: str, number: int) -> Any:
        """A segment's column; opening one reads where each of its values is."""
        column = self._columns.get((field, number))
        if column is None:
            column = self._segments[number][0].column_reader(field, translate=False)
            self._columns[field, number] = column
        return column

    def card(self, document: int) -> Card:
        """Return the card of a document."""
        value = orjson.loads(self._value(CARD, document))
        lists = {key: tuple(value[key]) for key in ("categories", "platforms")}
        steps = tuple(StepName(**step) for step in value["steps"])
        return Card(**{**value, **lists, "steps": steps})

    def plain(self, document: int) -> str:
        """Its words in their order, with two spaces between texts."""
        return self._value(PLAIN, document).decode()

    def _value(self, field: str, document: int) -> bytes:
        number = bisect_right(self._bases, document) - 1
        value: bytes = self._opened(field, number)[document - self._bases[number]]
        return value


def _deleted(segment: Any) -> frozenset[int]:
    """The documents of a segment that are no longer there."""
    return frozenset(segment.segment().deleted_docs()) if segment.has_deletions() else frozenset()
