"""Questions to the Whoosh index of the Bitrise corpus: real texts, several kinds of question."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.openloop import percentile
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import Session
from builder.search.index import SearchIndex
from builder.search.index_update import update_index
from builder.search.query import SearchQuery
from registry.library.release_state import Library
from registry.snapshots.registry import Registry

SEARCH = Promise(
    key="search",
    what="95th percentile of Whoosh questions over the Bitrise corpus",
    bound=Bound.AT_MOST,
    limit=30,
    unit="ms",
)
PROMISES = (SEARCH,)
_QUESTIONS = 400
_SHORT = 3


def measure(session: Session) -> list[Row]:
    """Ask all questions of a newly opened index, several times."""
    work = session.directory("search")
    registry = Registry.open(session.bitrise_registry)
    try:
        snapshot = registry.snapshot()
        update_index(work / "index", snapshot)
        questions = list(_questions(list(snapshot.libraries(snapshot.names))))
    finally:
        registry.close()
    rounds = [_ask(work / "index", questions) for _ in range(session.choose(5, 1))]
    notes = (
        f"{len(snapshot.names)} libraries, {len(questions)} questions, index opened again for each "
        f"round; p50 {plain(percentile(rounds[0], 50))}, worst {plain(max(rounds[0]))} ms"
    )
    return [absolute(SEARCH, [percentile(one, 95) for one in rounds], notes=notes)]


def _ask(directory: Path, questions: list[SearchQuery]) -> list[float]:
    index = SearchIndex.open(directory)
    taken: list[float] = []
    found = 0
    try:
        for question in questions:
            started = time.perf_counter()
            results = index.search(question)
            taken.append((time.perf_counter() - started) * 1000)
            found += bool(results.hits)
    finally:
        index.close()
    assert found > len(questions) / 2, "most questions must find something"
    return taken


def _questions(libraries: list[Library]) -> Iterator[SearchQuery]:
    """Words of real titles and descriptions: whole, several, unfinished, misspelt, filtered."""
    chance = random.Random("questions")
    texts = [one.content.manifest for one in libraries if one.content is not None]
    for number in range(_QUESTIONS):
        manifest = chance.choice(texts)
        words = [word for word in manifest.description.split() if len(word) > _SHORT]
        words = [*manifest.display_name.split(), *words[:20]]
        some = " ".join(chance.sample(words, min(len(words), 1 + number % 3)))
        kind = number % 5
        if kind == 1:
            yield SearchQuery(text=some[: max(2, len(some) - 3)])
        elif kind == 2:
            yield SearchQuery(text=_misspelt(some, chance))
        elif kind == 3:
            yield SearchQuery(text=some, kind="step", platform=("macos",))
        elif kind == 4:
            yield SearchQuery(text=some, prefix=False, premium=False)
        else:
            yield SearchQuery(text=some)


def _misspelt(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + text[place + 1 :]
