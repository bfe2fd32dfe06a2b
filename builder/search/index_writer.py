"""Write libraries' documents into Whoosh's index, and keep its segments few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from whoosh.reading import SegmentReader

from builder.search.documents import SearchDocument
from builder.search.index_files import open_index
from builder.search.posting_codec import PostingCodec, read_postings
from builder.search.postings import PostingPool, meant_words, stem_weights
from builder.search.reader import (
    CARD,
    FACETS,
    LIBRARY,
    NAME,
    PLACE,
    PLAIN,
    STEP_TEXT,
    TEXT,
    WORDS,
    DocumentPlace,
)
from builder.search.synonyms import Synonyms
from builder.search.words import fold

# How long Whoosh waits for its own lock, which nobody else takes while ours is held.
_LOCK_SECONDS = 5.0


def replace_libraries(
    directory: Path,
    removed: Iterable[str],
    added: Iterable[SearchDocument],
    *,
    segments: int,
    synonyms: Synonyms,
) -> int:
    """Replace libraries' documents in one step; returns the generation that this is.

    ``removed`` are libraries whose documents go, those that are added again included; those of one
    library are added one after the other. At most ``segments`` segments are left.
    """
    index = open_index(directory)
    writer = index.writer(codec=PostingCodec(), timeout=_LOCK_SECONDS)
    # Whoosh's own pool takes and sorts postings one by one.
    writer.pool = pool = PostingPool()
    try:
        _delete(writer, removed)
        _add(writer, pool, added, synonyms)
    except BaseException:
        writer.cancel()
        raise
    writer.commit(mergetype=lambda writer, found: _merge(writer, found, segments))
    generation: int = index.latest_generation()
    index.close()
    return generation


def _delete(writer: Any, libraries: Iterable[str]) -> None:
    names = list(libraries)
    if not names:
        return
    with writer.reader() as reader:
        for segment, base in reader.leaf_readers():
            for name in names:
                for document in read_postings(segment, LIBRARY, name).documents:
                    writer.delete_document(base + document)


def _add(
    writer: Any, pool: PostingPool, added: Iterable[SearchDocument], synonyms: Synonyms
) -> None:
    library, known = "", set[str]()
    for number, document in enumerate(added):
        card = document.card
        if card.library != library:
            library, known = card.library, set()
        stems = stem_weights(document, synonyms)
        # The words as they are only complete and correct questions: once a library is enough.
        new = {*document.weights, *meant_words(stems.keys(), synonyms)} - known
        known |= new
        for field, weights in _terms(document, stems, new).items():
            pool.extend(field, number, weights)
        place = DocumentPlace(
            first=card.first,
            id=card.id,
            title=fold(card.title),
            newest=card.newest,
            replacement=card.replacement,
        )
        columns = {
            CARD: orjson.dumps(card),
            PLACE: orjson.dumps(tuple(place)),
            PLAIN: " ".join(document.sequence).encode(),
        }
        writer.add_document(**columns)


def _terms(
    document: SearchDocument, stems: Mapping[str, int], new: set[str]
) -> dict[str, Mapping[str, int]]:
    card = document.card
    return {
        TEXT if card.kind == "library" else STEP_TEXT: stems,
        WORDS: dict.fromkeys(new, 1),
        NAME: dict.fromkeys(document.names, 1),
        LIBRARY: {card.library: 1},
        FACETS: {orjson.dumps(tuple(card.facets)).decode(): 1},
    }


def _merge(writer: Any, found: list[Any], most: int) -> list[Any]:
    """Keep at most ``most`` segments: the smallest half becomes part of the one being written."""
    alive = [segment for segment in found if segment.doc_count() > 0]
    if len(alive) < most:
        return alive
    ordered = sorted(alive, key=lambda segment: segment.doc_count())
    merged = {id(segment) for segment in ordered[: len(alive) - most // 2]}
    for segment in alive:
        if id(segment) in merged:
            with SegmentReader(writer.storage, writer.schema, segment) as reader:
                writer.add_reader(reader)
    return [segment for segment in alive if id(segment) not in merged]
