"""The search index: Whoosh's files, written and read. The only module that imports Whoosh.

Invariants:
- ``state.json`` names the directory of the index and is replaced in one step; inside it Whoosh
  replaces its table of contents in one step. A reader sees the old index or the new one.
- One writer at a time, by a lock on ``lock``; a crash leaves what was there.
- A library is replaced as a whole; nothing else is rewritten, save for the smallest segments when
  there are too many.
The directory holds pickles. It is one that this user made (`registry.snapshots.cache_place`), and
never one that came with a registry.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from whoosh import columns, fields, formats
from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter
from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex
from whoosh.lang.porter import stem as porter_stem
from whoosh.reading import SegmentReader
from whoosh.writing import SegmentWriter

from builder.search.documents import SearchDocument, library_documents
from builder.search.engine import SearchEngine
from builder.search.postings import PostingPool, stem_weights
from builder.search.query import (
    DEFAULT_SEARCH,
    SearchQuery,
    SearchResults,
    SearchSettings,
    SearchUnavailableError,
)
from builder.search.reader import (
    CARD,
    FACETS,
    ID,
    LIBRARY,
    NAME,
    PLAIN,
    TEXT,
    WORDS,
    IndexReader,
    read_postings,
)
from builder.search.state import IndexState, file_marks, finish, read_state, state_stamp, write_lock
from builder.search.words import name_parts
from registry.names import CORE, LibraryName
from registry.snapshots.registry import Snapshot

_BLOCK = 8_192
_NEXT_STEP = "Delete the directory: 'opsteps search' and 'opsteps serve' build the index again"


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of an English word; others mostly come out as they are."""
    stemmed: str = porter_stem(word)
    return stemmed


def _schema() -> Any:
    indexed = (NAME, TEXT, WORDS, LIBRARY, FACETS)
    return fields.Schema(
        **{name: fields.FieldType(formats.Existence(), None) for name in indexed},
        **{name: fields.COLUMN(columns.VarBytesColumn()) for name in (CARD, ID, PLAIN)},
    )


class _FieldWriter(W3FieldWriter):  # type: ignore[misc]  # Whoosh has no types
    """Writes whole posting lists; Whoosh's own takes them one posting at a time."""

    def add_postings(self, schema: Any, lengths: Any, items: Any) -> None:
        del lengths
        for field, terms in itertools.groupby(items, key=lambda item: item[0]):
            self.start_field(field, schema[field])
            for _, term, documents, weights in terms:
                self.start_term(term.encode())
                writer = self._postwriter
                for start in range(0, len(documents), _BLOCK):
                    if start:
                        writer._write_block()  # noqa: SLF001 - what add_posting does
                    writer._ids = documents[start : start + _BLOCK]  # noqa: SLF001
                    writer._weights = weights[start : start + _BLOCK]  # noqa: SLF001
                    writer._maxweight = max(writer._weights)  # noqa: SLF001
                self.finish_term()
            self.finish_field()


class _Codec(W3Codec):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's format with large, uncompressed blocks and no lengths of fields."""

    length_stats = False

    def __init__(self) -> None:
        super().__init__(blocklimit=_BLOCK, compression=0)

    def new_segment(self, storage: Any, indexname: str) -> Any:
        segment = super().new_segment(storage, indexname)
        # Whoosh draws it from `random`, which gives names twice where a program seeds it.
        segment.segid = secrets.token_hex(8)
        return segment

    def field_writer(self, storage: Any, segment: Any) -> _FieldWriter:
        return _FieldWriter(self, storage, segment)


class _Writer(SegmentWriter):  # type: ignore[misc]  # Whoosh has no types
    """Takes documents whose words are counted already."""

    def __init__(self, index: Any) -> None:
        super().__init__(index, codec=_Codec(), timeout=5.0)
        self.pool = PostingPool()
        self._library: str | None = None
        self._library_words: set[str] = set()

    def add(self, document: SearchDocument) -> None:
        """Add a document; those of one library come one after the other."""
        card, columns_of = document.card, self.perdocwriter
        columns_of.start_doc(self.docnum)
        for name, value in (
            (CARD, orjson.dumps(card)),
            (ID, card.id.encode()),
            (PLAIN, " ".join(document.sequence).encode()),
        ):
            columns_of.add_column_value(name, self.schema[name].column_type, value)
        columns_of.finish_doc()
        for name, weights in self._terms(document).items():
            self.pool.extend(name, self.docnum, weights)
        self._added = True
        self.docnum += 1

    def _terms(self, document: SearchDocument) -> dict[str, Mapping[str, float]]:
        card = document.card
        if card.library != self._library:
            self._library, self._library_words = card.library, set()
        # The words as they are only complete and correct questions: once a library is enough.
        new = document.weights.keys() - self._library_words
        self._library_words |= new
        return {
            TEXT: stem_weights(document, stem),
            WORDS: dict.fromkeys(new, 1.0),
            NAME: {"".join(name_parts(card.name)): 1.0},
            LIBRARY: {card.library: 1.0},
            FACETS: {orjson.dumps(card.facets).decode(): 1.0},
        }


def _write(
    directory: Path, removed: Iterable[str], added: Iterable[SearchDocument], segments: int
) -> int:
    """Replace libraries' documents in one step; returns the generation that this is.

    ``removed`` are libraries whose documents go, those that are added again included.
    """
    index = FileIndex(FileStorage(str(directory)), indexname="MAIN")
    writer = _Writer(index)
    try:
        _delete(writer, removed)
        for document in added:
            writer.add(document)
    except BaseException:
        writer.cancel()
        raise
    writer.commit(mergetype=lambda writer, found: _merge(writer, found, segments))
    index.close()
    generation: int = writer.generation
    return generation


def _delete(writer: Any, libraries: Iterable[str]) -> None:
    names = list(libraries)
    for segment in writer.segments if names else ():
        reader = SegmentReader(writer.storage, writer.schema, segment)
        for name in names:
            for document in read_postings(reader, LIBRARY, name).documents:
                segment.delete_document(document)
        reader.close()


def _merge(writer: Any, found: list[Any], most: int) -> list[Any]:
    """Keep at most ``most`` segments: the smallest half becomes part of the one being written."""
    alive = [segment for segment in found if segment.doc_count() > 0]
    if len(alive) < most:
        return alive
    ordered = sorted(alive, key=lambda segment: segment.doc_count())
    merged = {id(segment) for segment in ordered[: len(alive) - most // 2]}
    for segment in alive:
        if id(segment) in merged:
            reader = SegmentReader(writer.storage, writer.schema, segment)
            writer.add_reader(reader)
            reader.close()
    return [segment for segment in alive if id(segment) not in merged]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """What an update did, in libraries."""

    added: int
    removed: int
    unchanged: int
    seconds: float


def update_index(
    directory: Path,
    snapshot: Snapshot,
    *,
    progress: Callable[[LibraryName], None] | None = None,
    settings: SearchSettings = DEFAULT_SEARCH,
) -> IndexReport:
    """Make the index say what the snapshot says, rewriting only the libraries that changed.

    Makes it anew when there is none or when it is damaged. Readers see the old index until the new
    one is complete, also when this process dies. Raises SearchUnavailableError when another
    process keeps the index locked for too long.
    """
    started = time.perf_counter()
    keys = {str(name): snapshot.key(name) for name in (CORE, *snapshot.names)}
    with write_lock(directory, settings.lock_seconds):
        state = _usable(directory)
        known = state.keys if state else {}
        changed = [LibraryName(name) for name, key in keys.items() if known.get(name) != key]
        gone = [name for name in known if name not in keys]
        if state is None or changed or gone:
            documents = _documents(snapshot, changed, progress)
            old = state.directory if state else _fresh(directory)
            stale = [*gone, *(name for name in changed if name in known)]
            generation = _write(directory / old, stale, documents, settings.segments)
            finish(directory, old, generation, snapshot.commit, keys)
        elif state.commit != snapshot.commit:
            finish(directory, state.directory, state.generation, snapshot.commit, keys)
    return IndexReport(
        added=len(changed),
        removed=len(gone),
        unchanged=len(keys) - len(changed),
        seconds=round(time.perf_counter() - started, 3),
    )


def _documents(
    snapshot: Snapshot, names: list[LibraryName], progress: Callable[[LibraryName], None] | None
) -> Iterator[SearchDocument]:
    for library in snapshot.libraries(names) if names else ():
        yield from library_documents(library)
        if progress is not None:
            progress(library.name)


def _usable(root: Path) -> IndexState | None:
    """The state, if the index is there as it was left; else None: it is made anew."""
    state = read_state(root)
    if state is None:
        return None
    try:
        if file_marks(root / state.directory) != state.marks:
            return None
        index = FileIndex(FileStorage(str(root / state.directory)), indexname="MAIN")
        known = index.latest_generation() == state.generation
        index.close()
    except Exception:  # noqa: BLE001 - Whoosh unpickles, and raises whatever that does
        return None
    return state if known else None


def _fresh(root: Path) -> str:
    """A new directory with an empty index in it, under a name that none has."""
    taken = {entry.name for entry in root.iterdir() if entry.is_dir()}
    name = next(f"g{number}" for number in itertools.count(1) if f"g{number}" not in taken)
    (root / name).mkdir()
    FileIndex.create(FileStorage(str(root / name)), _schema(), "MAIN").close()
    return name


class SearchIndex:
    """An index, open for questions from any thread."""

    def __init__(self, directory: Path, settings: SearchSettings) -> None:
        """Made by `SearchIndex.open`."""
        self._directory = directory
        self._settings = settings
        self._lock = threading.Lock()
        self._stamp, self._engine, self.commit = self._load()

    @classmethod
    def open(cls, directory: Path, *, settings: SearchSettings = DEFAULT_SEARCH) -> SearchIndex:
        """Open what `update_index` made; raises SearchUnavailableError."""
        return cls(directory, settings)

    def search(self, query: SearchQuery) -> SearchResults:
        """Answer a question; raises SearchUnavailableError when the index turns out damaged."""
        with self._lock:
            try:
                return self._engine.answer(query)
            except Exception as error:
                raise self._unavailable(f"it is damaged: {error!r:.200}") from error

    def refresh(self) -> bool:
        """Look whether there is a newer generation, and take it; True when there was."""
        if state_stamp(self._directory) == self._stamp:
            return False
        with self._lock:
            old = self._engine
            self._stamp, self._engine, self.commit = self._load()
            old.reader.close()
        return True

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._engine.reader.close()

    def _load(self) -> tuple[tuple[int, int], SearchEngine, str]:
        """Open the newest generation; an update may remove the one that was just looked up."""
        last: Exception | None = None
        for _ in range(5):
            stamp, state = state_stamp(self._directory), read_state(self._directory)
            if state is None:
                raise self._unavailable("there is no search index here")
            try:
                storage = FileStorage(str(self._directory / state.directory))
                reader = FileIndex(storage, indexname="MAIN").reader()
                engine = SearchEngine(IndexReader(reader, reader.close), stem, self._settings)
            except Exception as error:  # noqa: BLE001 - as in `_usable`
                last = error
                continue
            return stamp, engine, state.commit
        raise self._unavailable(f"it is damaged: {last!r:.200}")

    def _unavailable(self, message: str) -> SearchUnavailableError:
        return SearchUnavailableError(message, where=str(self._directory), next_step=_NEXT_STEP)
