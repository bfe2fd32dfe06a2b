"""The form of a term's postings in Whoosh's index: documents and weights, two arrays, read whole.

Whoosh asks its codec (`whoosh.codec.base`) to write and read postings. Its own codec keeps blocks
of pickles, which a matcher walks one posting at a time; that took ten times as long. The rest of
a segment is Whoosh's third format as it is.
"""

from __future__ import annotations

import secrets
from typing import Any

from whoosh.codec.base import PostingsWriter
from whoosh.codec.whoosh3 import W3Codec, W3Segment
from whoosh.matching import ListMatcher

from builder.search.postings import POSTING_BYTES, unpack
from builder.search.ranking import EMPTY, Postings


class PostingMatcher(ListMatcher):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's matcher of a list in memory, which hands out the list, too."""

    def __init__(self, ids: Any, weights: Any, *others: Any, **named: Any) -> None:
        super().__init__(ids, weights, *others, **named)
        self.postings = Postings(ids, weights)


class PostingCodec(W3Codec):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's third format, but for posting lists; an index names this class in its contents."""

    # Weights are normalised by length when they are counted, so Whoosh need not keep lengths.
    length_stats = False

    def postings_writer(self, dbfile: Any, byteids: bool = False) -> _ListWriter:
        del byteids  # only of vectors, which no field has
        return _ListWriter(dbfile)

    def postings_reader(
        self, dbfile: Any, terminfo: Any, format_: Any, term: Any = None, scorer: Any = None
    ) -> PostingMatcher:
        # `extent` has a length, too, but in Whoosh-Reloaded 2.7.5 it is a tuple.
        found = unpack(dbfile.get(terminfo.extent()[0], terminfo.doc_frequency() * POSTING_BYTES))
        return PostingMatcher(
            found.documents,
            found.weights,
            format=format_,
            scorer=scorer,
            term=term,
            terminfo=terminfo,
        )

    def new_segment(self, storage: Any, indexname: str) -> W3Segment:
        del storage
        # Whoosh draws it from `random`, which gives names twice where a program seeds it.
        return W3Segment(self, indexname, segid=secrets.token_hex(8))


class _ListWriter(PostingsWriter):  # type: ignore[misc]  # Whoosh has no types
    """Writes what `PostingPool` packed: one posting a term, whose value is the whole list."""

    def __init__(self, dbfile: Any) -> None:
        self.file = dbfile
        self.terminfo: Any = None
        self.packed = b""

    def start_postings(self, format_: Any, terminfo: Any) -> None:
        del format_
        self.terminfo = terminfo

    def add_posting(self, id_: int, weight: float, vbytes: bytes, length: Any = None) -> None:
        del id_, weight, length
        self.packed = vbytes

    def finish_postings(self) -> Any:
        """Write the list; returns what Whoosh keeps of a term beside it, and where the list is."""
        found = unpack(self.packed)
        known = type(self.terminfo)(
            weight=sum(found.weights),
            df=len(found),
            maxweight=max(found.weights),
            minid=found.documents[0],
            maxid=found.documents[-1],
        )
        known.set_extent(self.file.tell(), len(self.packed))
        self.file.write(self.packed)
        return known


def read_postings(segment: Any, field: str, term: str) -> Postings:
    """One term's postings in one segment, with deleted documents; empty when it is not there."""
    key = (field, term.encode())
    if key not in segment:
        return EMPTY
    matcher = segment.postings(*key)
    # A segment with deletions wraps its matcher into one that skips them one by one.
    inner = matcher.children()
    postings: Postings = (inner[0] if inner else matcher).postings
    return postings
