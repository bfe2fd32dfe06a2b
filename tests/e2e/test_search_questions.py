"""The questions that people ask, with their right answers: on the server and in the browser.

The questions were written before the ranking was. A third, those that are ``held``, was not tuned
on; which of them failed was seen three times meanwhile, so their figure is not a clean one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from builder.catalogue.data.search_record import library_record
from builder.search.browser.site_index import index_files
from builder.search.index import SearchIndex
from builder.search.index_update import update_index
from builder.search.query import SearchQuery
from builder.search.stems import stem
from registry.files.shipped import shipped
from registry.names import CORE
from registry.publishing.create_registry import init_registry
from registry.snapshots.registry import Registry, Snapshot
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor
from scripts.system_packages import find_program
from tests.builder.catalogue.eventful import EXAMPLES, publish
from tests.e2e.conftest import Corpus
from tests.e2e.plain_host import hosted
from tests.e2e.test_catalogue_browser import ARGUMENTS

pytestmark = pytest.mark.xdist_group("corpus")

QUESTIONS = json.loads(Path(__file__).with_name("search_questions.json").read_bytes())
FIRST, IN_THREE = 89, 94
"""Questions whose best hit is right, and with a right one among the first three."""
FALL = 1
"""So many fewer are let pass."""
# What no question is, asked both ways: it must not matter.
ODD = [
    "",
    "a",
    "***",
    "-git",
    "git -clone",
    '"pull request" github',
    '"',
    "STRASSE straße ﬁle",
    "x" * 300,
    "the of and",
    "how do I",
    "git git git clone",
    "\u0130\u0301 \u03a3\u03c2 \U0001d54aearch",
    "app gallery",
    "cocoa pods",
    "test flight upload",
]
_ASK = """async ([base, questions]) => {
  const { SearchIndex } = await import(`${base}assets/search-index.js`);
  const index = await SearchIndex.open(new URL("search-index/", base));
  const answers = [];
  for (const text of questions) {
    const found = await index.search(text, new Map(), text.trim() ? "relevance" : "name");
    const cards = await Promise.all(found.found.slice(0, 10).map((number) => index.card(number)));
    const stepsOf = (card) => index.language.bestSteps(card.steps, found.parsed);
    answers.push({
      ids: cards.map((card) => card.name),
      total: found.found.length,
      corrected: found.corrected,
      suggestions: found.suggestions,
      isComplete: found.isComplete,
      steps: cards.map((card) => stepsOf(card).map(([name]) => name)),
      categories: Object.fromEntries([...found.counts.category].filter(([, count]) => count)),
    });
  }
  return answers;
}"""

_STEM = """async ([base, words]) => {
  const { stem } = await import(`${base}assets/search-stems.js`);
  return words.map(stem);
}"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A registry with the corpus and the examples, indexed for the server."""

    snapshot: Snapshot
    index: SearchIndex


def add_examples(registry: Registry) -> None:
    """Release the newest versions of the examples."""
    for library in sorted(EXAMPLES.iterdir()):
        newest = max(path.parent for path in library.glob("*/manifest.json"))
        publish(registry, dict(read_source(newest)), by=Actor(name="author"))


def searched(registry: Registry, directory: Path) -> Searched:
    """Index a registry."""
    snapshot = registry.snapshot()
    update_index(directory, snapshot)
    return Searched(snapshot=snapshot, index=SearchIndex.open(directory))


@pytest.fixture(scope="module")
def everything(
    corpus_registry: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Searched]:
    root = tmp_path_factory.mktemp("questions")
    copy = root / "registry"
    source = str(corpus_registry.registry.path)
    subprocess.run(["git", "clone", "-q", "--no-checkout", source, str(copy)], check=True)
    subprocess.run(["git", "-C", str(copy), "reset", "-q", "--hard"], check=True)
    registry = Registry.open(copy)
    add_examples(registry)
    found = searched(registry, root / "index")
    yield found
    found.index.close()
    registry.close()


def on_server(found: Searched, text: str) -> dict[str, Any]:
    """The server's answer in the form of `_ASK`."""
    results = found.index.search(SearchQuery(text=text, limit=10))
    return {
        "ids": [hit.id for hit in results.hits],
        "total": results.total,
        "corrected": results.did_you_mean,
        "suggestions": list(results.suggestions),
        "isComplete": results.is_complete,
        "steps": [[step.name for step in hit.steps] for hit in results.hits],
        "categories": dict(results.facets["category"]),
    }


def counted(answers: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """How many questions got the best hit first, and among the first three."""
    pairs = [
        (answer["ids"][:3], set(question["right"]))
        for question, answer in zip(QUESTIONS, answers, strict=True)
    ]
    first = sum(bool(ids) and ids[0] in right for ids, right in pairs)
    return first, sum(not right.isdisjoint(ids) for ids, right in pairs)


def test_the_server_answers_as_well_as_it_did(everything: Searched) -> None:
    first, in_three = counted([on_server(everything, q["text"]) for q in QUESTIONS])
    assert first >= FIRST - FALL
    assert in_three >= IN_THREE - FALL


@pytest.mark.needs_chromium
def test_the_browser_gives_the_same_answers(everything: Searched, tmp_path: Path) -> None:
    snapshot = everything.snapshot
    libraries = snapshot.libraries((CORE, *snapshot.names))
    records = (library_record(library, 50, snapshot.facts) for library in libraries)
    for path, content in index_files(record for record in records if record).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    shutil.copytree(shipped("catalog-site") / "assets", tmp_path / "assets")
    (tmp_path / "index.html").write_text("<!doctype html><title>Questions</title>", "utf-8")
    texts = [*(question["text"] for question in QUESTIONS), *ODD]
    with hosted(tmp_path) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=ARGUMENTS
        )
        page = browser.new_page()
        page.goto(base)
        answers = page.evaluate(_ASK, [base, texts])
        words = everything.index.words()
        stems = page.evaluate(_STEM, [base, words])
        browser.close()
    assert stems == [stem(word) for word in words]
    first, in_three = counted(answers[: len(QUESTIONS)])
    assert (first >= FIRST - FALL, in_three >= IN_THREE - FALL) == (True, True)
    for text, answer in zip(texts, answers, strict=True):
        expected = on_server(everything, text)
        if not text.strip():  # without words the server sorts by the first release
            expected["ids"] = answer["ids"]
        if '"' in text:  # the browser knows words, and not their order
            assert set(expected["ids"]) <= set(answer["ids"]), text
        else:
            assert answer == expected, text


def test_questions_about_the_examples_are_answered_anywhere(tmp_path: Path) -> None:
    """Where the corpus is not, too: the libraries are in this repository."""
    registry = init_registry(tmp_path / "registry", name="x", title="X", by=Actor(name="author"))
    add_examples(registry)
    found = searched(registry, tmp_path / "index")
    own = {path.name for path in EXAMPLES.iterdir()}
    asked = [question for question in QUESTIONS if not own.isdisjoint(question["right"])]
    assert len(asked) >= 15
    for question in asked:
        assert on_server(found, question["text"])["ids"][0] in question["right"], question
    found.index.close()
    registry.close()
