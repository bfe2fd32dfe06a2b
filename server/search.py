"""Search over the index that the builder keeps: opened when it is there, asked in few threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from builder.search.query import SearchQuery, SearchResults, SearchUnavailableError
from server.errors import AnswerError
from server.settings import Settings
from server.thread_pools import Pool

if TYPE_CHECKING:
    from builder.search.index import SearchIndex

_LOG = structlog.get_logger(__name__)


class Searching:
    """Opens the index late and again: it may be built while the server runs already."""

    def __init__(self, directory: Path, settings: Settings, problem: Callable[[], str]) -> None:
        """Nothing is opened before the first question; ``problem``: why no index is made."""
        self._problem = problem
        self._directory = directory
        self._index: SearchIndex | None = None
        self._lock = threading.Lock()
        self.pool = Pool(
            "search",
            threads=settings.search_threads,
            most=settings.search_threads + settings.search_queue,
            what="searches",
        )

    @property
    def state(self) -> str:
        """``ready`` once an index was opened."""
        return "ready" if self._index is not None else "unavailable"

    def refresh(self) -> None:
        """Take up a newer index if there is one; called when a build ended."""
        # Loaded when it is first needed, as its library is slow to import.
        from builder.search.index import SearchIndex

        try:
            with self._lock:
                if self._index is None:
                    self._index = SearchIndex.open(self._directory)
                else:
                    self._index.refresh()
        except SearchUnavailableError as error:
            _LOG.info("no search index", reason=str(error))

    def close(self) -> None:
        """Stop searching."""
        self.pool.close()
        if self._index is not None:
            self._index.close()

    async def search(self, query: SearchQuery) -> SearchResults:
        """The hits; raises AnswerError (503) without an index or with too many questions."""
        return await self.pool.run(self._search, query)

    def _search(self, query: SearchQuery) -> SearchResults:
        if self._index is None:
            self.refresh()
        if self._index is None:
            if problem := self._problem():
                raise AnswerError(503, f"the search index cannot be built: {problem}")
            raise AnswerError(503, "the search index is still being built; ask again in a moment")
        try:
            return self._index.search(query)
        except SearchUnavailableError as error:
            raise AnswerError(503, f"search is not available: {error.message}") from error
