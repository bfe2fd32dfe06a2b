"""Search in the browser at 10,000 libraries: a visitor types, on a plain host, with an empty cache.

The pages are those of a small site, the index is that of 10,000 libraries: a page of search is the
same whatever it searches.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks import nginx, synthetic
from benchmarks.errors import BenchmarkError
from benchmarks.openloop import percentile
from benchmarks.rows import Bound, Promise, Row, absolute, plain
from benchmarks.session import STEPS_EACH, Session
from builder.catalogue import build_catalogue
from builder.catalogue.data.search_record import library_record
from builder.search.browser.site_index import DIRECTORY, index_files
from registry.names import CORE
from registry.publishing.create_registry import init_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from scripts.system_packages import find_program

ANSWER = Promise(
    key="search in the browser",
    what="an answer in the browser after the last key, 10,000 libraries (95th percentile)",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
LOADED = Promise(
    key="what search loads",
    what="what a search loads there, scripts included, nothing cached (greatest)",
    bound=Bound.AT_MOST,
    limit=150,
    unit="kB",
)
PROMISES = (ANSWER, LOADED)
_PATIENCE_MS = 30_000
_QUESTIONS = (
    "restart nginx",
    "create kubernetes deployment",
    "rotat",
    "how do I rotate a vault secret",
    "kuberntes deploymnt",
    "backup postgres database",
    "file",
    "remote host connection",
    "a change is made only when it is needed",
    "s",
)
# From the last key to the frame in which its answer stands; the page notes what it answered.
_TYPED = """async ([text, patience]) => {
  const input = document.querySelector("[data-search-input]");
  const list = document.querySelector("[data-results]");
  input.value = text;
  const started = performance.now();
  input.dispatchEvent(new Event("input", { bubbles: true }));
  while (list.dataset.answered !== text && performance.now() - started < patience) {
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - started;
}"""
_BYTES = """() => performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/search-index/") || /\\/search[^/]*\\.js$/.test(name))
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""


def measure(session: Session) -> list[Row]:
    """Type each question as somebody who has just come, and then again."""
    program = find_program("chromium")
    if program is None:
        raise BenchmarkError("there is no Chromium", next_step="apt install chromium")
    work = session.directory("search-browser")
    _make_site(session, work, work / "nginx" / "files")
    answers: list[list[float]] = []
    loaded: list[float] = []
    with nginx.serving(work, b"{}") as host, sync_playwright() as playwright:
        address = f"http://127.0.0.1:{host.port}/"
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(session.choose(3, 1)):
            visits = [_visit(browser, address, question) for question in _QUESTIONS]
            answers.append([milliseconds for visit in visits for milliseconds in visit.answers])
            loaded.append(max(visit.kilobytes for visit in visits))
        browser.close()
    notes = f"{len(_QUESTIONS)} questions; p50 {plain(percentile(answers[0], 50))} ms"
    return [
        absolute(ANSWER, [percentile(one, 95) for one in answers], notes=notes),
        absolute(LOADED, loaded, notes="the page itself and its style not counted"),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visit:
    """What one question took."""

    answers: tuple[float, ...]
    kilobytes: float


def _visit(browser: Browser, address: str, question: str) -> _Visit:
    """Open the page with an empty cache, type a question a word at a time."""
    context = browser.new_context()
    page = context.new_page()
    # A question in the address, so that the order of all libraries is not loaded first.
    page.goto(f"{address}search/?q={question[:1]}")
    page.wait_for_selector("[data-results][data-answered]", state="attached", timeout=_PATIENCE_MS)
    words = question.split()
    beginnings = [" ".join(words[: count + 1]) for count in range(len(words))]
    taken = tuple(_typed(page, text) for text in beginnings)
    kilobytes = page.evaluate(_BYTES) / 1000
    context.close()
    return _Visit(answers=taken, kilobytes=kilobytes)


def _typed(page: Any, text: str) -> float:
    milliseconds: float = page.evaluate(_TYPED, [text, _PATIENCE_MS])
    if milliseconds >= _PATIENCE_MS:
        raise BenchmarkError(f"{text!r} was never answered", next_step="Open the page by hand")
    return milliseconds


def _make_site(session: Session, work: Path, site: Path) -> None:
    """Put the pages of an empty registry over the index of a large one."""
    empty = init_registry(work / "registry", name="x", title="X", by=Actor(name="benchmark"))
    try:
        build_catalogue(empty, work / "built", jobs=1)
    finally:
        empty.close()
    shutil.copytree((work / "built").resolve(), site)
    shutil.rmtree(site / DIRECTORY)
    (site / DIRECTORY).mkdir()
    large = Registry.open(
        synthetic.cached_registry(libraries=session.large_libraries, steps=STEPS_EACH)
    )
    try:
        snapshot = large.snapshot()
        libraries = snapshot.libraries((CORE, *snapshot.names))
        records = (library_record(library, 50, snapshot.facts) for library in libraries)
        files = index_files(record for record in records if record is not None)
    finally:
        large.close()
    for path, content in files.items():
        (site / path).write_bytes(content)
