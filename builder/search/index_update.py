"""Make the search index say what a snapshot says, rewriting only the libraries that changed.

Invariants:
- ``state.json`` names the directory of the index and is replaced in one step; inside it Whoosh
  replaces its table of contents in one step. A reader sees the old index or the new one.
- One writer at a time, by a lock on ``lock``; a crash leaves what was there.
- A library is replaced as a whole; nothing else is rewritten, save for the smallest segments when
  there are too many.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builder.search.documents import SearchDocument, library_documents
from builder.search.index_files import create_index, open_index
from builder.search.index_writer import replace_libraries
from builder.search.query import DEFAULT_SEARCH, SearchSettings
from builder.search.state import (
    FORMAT,
    IndexState,
    file_marks,
    finish,
    read_index_state,
    write_lock,
)
from builder.search.synonyms import Synonyms, synonyms_of
from registry.names import CORE, LibraryName
from registry.snapshots.registry import Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """The result of an update, in libraries."""

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

    Makes a new one when there is none or when it is damaged. Readers see the old index until the
    new one is complete, also when this process dies. Raises SearchUnavailableError when another
    process keeps the index locked for too long.
    """
    started = time.perf_counter()
    keys = {str(name): snapshot.key(name) for name in (CORE, *snapshot.names)}
    synonyms = synonyms_of(snapshot.facts.synonyms)
    with write_lock(directory, settings.lock_seconds):
        state = _usable(directory, synonyms)
        known = state.keys if state else {}
        changed = [LibraryName(name) for name, key in keys.items() if known.get(name) != key]
        gone = [name for name in known if name not in keys]
        if state is None or changed or gone:
            documents = _documents(snapshot, changed, progress)
            place = state.directory if state else _fresh(directory)
            stale = [*gone, *(name for name in changed if name in known)]
            generation = replace_libraries(
                directory / place,
                stale,
                documents,
                segments=settings.segments,
                synonyms=synonyms,
            )
        else:
            place, generation = state.directory, state.generation
        fresh = IndexState(
            format=FORMAT,
            directory=place,
            generation=generation,
            commit=snapshot.commit,
            synonyms=synonyms.key,
            keys=keys,
        )
        if state is None or replace(fresh, marks=state.marks) != state:
            finish(directory, fresh)
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


def _usable(root: Path, synonyms: Synonyms) -> IndexState | None:
    """The state, if the index is there as it was left; else None, and a new one is made."""
    state = read_index_state(root)
    if state is None or state.synonyms != synonyms.key:
        return None
    try:
        if file_marks(root / state.directory) != state.marks:
            return None
        index = open_index(root / state.directory)
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
    create_index(root / name)
    return name
