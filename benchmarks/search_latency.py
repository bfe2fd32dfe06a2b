"""Questions to the Whoosh index of the Bitrise corpus: real texts, several kinds of question."""

from __future__ import annotations

import os
import random
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.openloop import percentile
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import Session
from builder.import_command import import_source
from builder.importers import find_importer
from builder.search_index import SearchIndex, update_index
from builder.search_query import SearchQuery
from registry.creating import init_registry
from registry.library import Library
from registry.operation import Actor

SEARCH = Promise(
    key="search",
    what="95th percentile of Whoosh questions over the Bitrise corpus",
    bound=Bound.AT_MOST,
    limit=30,
    unit="ms",
)
PROMISES = (SEARCH,)
_ARCHIVE = "bitrise-steplib.tar.xz"
_QUESTIONS = 400
_SHORT = 3


def measure(session: Session) -> list[Row]:
    """Ask all questions of an index opened anew, several times."""
    work = session.directory("search")
    source = _unpack(work / "corpus")
    registry = init_registry(
        work / "registry", name="bitrise", title="Bitrise", by=Actor(name="tester")
    )
    limit = session.choose(None, 20)
    try:
        report = import_source(
            find_importer("bitrise-steplib"),
            source,
            registry,
            by=Actor(name="benchmark"),
            limit=limit,
        )
        snapshot = registry.snapshot()
        update_index(work / "index", snapshot)
        questions = list(_questions(list(snapshot.libraries(snapshot.names))))
    finally:
        registry.close()
    rounds = [_ask(work / "index", questions) for _ in range(session.choose(5, 1))]
    notes = (
        f"{report.libraries} libraries, {len(questions)} questions, index opened anew for each "
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
            yield SearchQuery(text=some, kind="step", platform="macos")
        elif kind == 4:
            yield SearchQuery(text=some, prefix=False, premium=False)
        else:
            yield SearchQuery(text=some)


def _misspelt(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + text[place + 1 :]


def _unpack(target: Path) -> Path:
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus"
    archive = Path(os.environ.get("STEPLIB_CORPUS") or default) / _ARCHIVE
    if not archive.is_file():
        raise BenchmarkError(
            "the Bitrise corpus is not here",
            next_step=f"Set STEPLIB_CORPUS to the directory that holds {_ARCHIVE}",
        )
    with tarfile.open(archive) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is None:
                continue
            path = target / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    return target / "bitrise-steplib"
