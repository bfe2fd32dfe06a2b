"""The part of one library in the browser's index: kept between builds, a file a library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from builder.search.card import Card
from builder.search.documents import library_documents
from builder.search.postings import meant_words, stem_weights
from builder.search.synonyms import Synonyms
from registry.library.release_state import Library

_SUFFIX = ".record"


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A library as the browser's search knows it. All texts are strangers'."""

    card: Card
    quality: int
    """Its points out of 100."""
    hue: int
    initials: str
    """The colour and the letters of its tile."""
    terms: tuple[str, ...]
    weights: bytes
    """A weight from 1 to 255 for each term."""
    words: tuple[str, ...]
    """Its words as they are written, to complete and to mend what is typed."""
    names: tuple[str, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(SearchRecord)


def search_record(
    library: Library, synonyms: Synonyms, *, quality: int, hue: int, initials: str
) -> SearchRecord | None:
    """The record of a library; None for one that is not found, as it is not served."""
    document = next(library_documents(library), None)
    if document is None:
        return None
    stems = stem_weights(document, synonyms)
    written = {*document.weights, *meant_words(stems.keys(), synonyms)}
    return SearchRecord(
        card=document.card,
        quality=quality,
        hue=hue,
        initials=initials,
        terms=tuple(stems),
        weights=bytes(stems.values()),
        words=tuple(sorted(written)),
        names=tuple(sorted(document.names)),
    )


def write_records(records: Path, found: Mapping[str, SearchRecord | None]) -> None:
    """Keep the records of these libraries; of one without a record nothing is kept."""
    records.mkdir(parents=True, exist_ok=True)
    for name, record in found.items():
        path = records / f"{name}{_SUFFIX}"
        if record is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(_ENCODER.encode(record))


def read_records(records: Path, names: Iterable[str]) -> Iterator[SearchRecord]:
    """The records of these libraries, as far as they have one."""
    for name in names:
        try:
            raw = (records / f"{name}{_SUFFIX}").read_bytes()
        except FileNotFoundError:
            continue
        yield _DECODER.decode(raw)
