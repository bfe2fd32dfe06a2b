"""The search index, open for questions."""

from __future__ import annotations

import threading
from pathlib import Path

from builder.search.engine import SearchEngine
from builder.search.index_files import open_index
from builder.search.query import (
    DEFAULT_SEARCH,
    SearchQuery,
    SearchResults,
    SearchSettings,
    SearchUnavailableError,
)
from builder.search.reader import IndexReader
from builder.search.state import read_index_state, state_stamp

_NEXT_STEP = "Delete the directory: 'opsteps search' and 'opsteps serve' build the index again"


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

    def words(self) -> list[str]:
        """All words of the index as they are written, sorted."""
        with self._lock:
            return list(self._engine.words)

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
            stamp, state = state_stamp(self._directory), read_index_state(self._directory)
            if state is None:
                raise self._unavailable("there is no search index here")
            try:
                reader = open_index(self._directory / state.directory).reader()
                engine = SearchEngine(IndexReader(reader), self._settings)
            except Exception as error:  # noqa: BLE001 - Whoosh unpickles, and raises whatever that does
                last = error
                continue
            return stamp, engine, state.commit
        raise self._unavailable(f"it is damaged: {last!r:.200}")

    def _unavailable(self, message: str) -> SearchUnavailableError:
        return SearchUnavailableError(message, where=str(self._directory), next_step=_NEXT_STEP)
