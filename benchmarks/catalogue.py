"""The catalogue of 2,000 libraries × 5 steps: against Hugo, and after a change."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import content, hugo, publishing, synthetic
from benchmarks.commands import OPSTEPS
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, Spread, against, plain, spread
from benchmarks.session import STEPS_EACH, Session
from builder.catalogue.build.build import build_catalogue
from builder.search.index_update import update_index
from registry.snapshots.cache_place import cache_directory_of
from registry.snapshots.registry import Registry

PAGES = Promise(
    key="catalogue pages",
    what="all pages of 2,000 libraries × 5 steps (12,000 pages), from nothing",
    bound=Bound.AT_MOST,
    limit=0.6,
    unit="×",
    peer="Hugo on the same content",
)
SEARCH = Promise(
    key="catalogue with search",
    what="the same pages and both search indexes, from nothing",
    bound=Bound.AT_MOST,
    limit=1.0,
    unit="×",
    peer="Hugo followed by Pagefind over its pages",
)
CHANGE = Promise(
    key="one-library change",
    what="pages and Whoosh after a change of one of these libraries",
    bound=Bound.AT_MOST,
    limit=0.03,
    unit="×",
    peer="a full build of the same",
)
CHANGE_BROWSER = Promise(
    key="one-library change, browser search",
    what="the search in the browser after a change of one of these libraries",
    bound=Bound.AT_MOST,
    limit=0.3,
    unit="×",
    peer="a full build of pages and both indexes",
)
PROMISES = (PAGES, SEARCH, CHANGE, CHANGE_BROWSER)
_LIBRARIES = 2_000
_BUILD_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Build:
    """One build in this process, in seconds."""

    pages_and_whoosh: float
    browser: float


def measure(session: Session) -> list[Row]:
    """Full builds as processes, Hugo's and ours in turn; then changes in one process."""
    work = session.directory("catalogue")
    count = session.choose(_LIBRARIES, 50)
    registry = synthetic.copied_registry(work / "registry", libraries=count, steps=STEPS_EACH)
    site = hugo.make_site(
        work / "hugo", (content.library(number, steps=STEPS_EACH) for number in range(count))
    )
    return [*_full(session, work, registry, site), *_changes(session, work, registry)]


def _full(session: Session, work: Path, registry: Path, site: hugo.HugoSite) -> list[Row]:
    pages: list[float] = []
    everything: list[float] = []
    theirs: list[float] = []
    theirs_indexed: list[float] = []
    notes = ""
    for turn in range(session.choose(3, 1)):
        target = work / f"full-{turn}"
        theirs.append(hugo.build(site))
        pages.append(_process(registry, target / "pages", search=False))
        theirs_indexed.append(theirs[-1] + hugo.index(site))
        everything.append(_process(registry, target / "all", search=True))
        notes = notes or _compared(site, target / "pages")
    return [
        against(PAGES, pages, theirs, unit="s", notes=notes),
        against(SEARCH, everything, theirs_indexed, unit="s", notes="whole processes"),
    ]


def _compared(site: hugo.HugoSite, ours: Path) -> str:
    """Pages and bytes on both sides: the work that is compared."""
    hugo_pages, hugo_bytes = hugo.html_files(site.public)
    pages, size = hugo.html_files(ours.resolve())
    return (
        f"{pages:,} pages, {plain(size / 1e6)} MB of HTML; "
        f"{hugo.version()}: {hugo_pages:,} pages, {plain(hugo_bytes / 1e6)} MB"
    )


def _process(registry: Path, site: Path, *, search: bool) -> float:
    """Seconds of ``opsteps build`` from nothing, as a whole process."""
    site.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(cache_directory_of(registry / ".git"), ignore_errors=True)  # the Whoosh index
    command = [str(OPSTEPS), "build", str(registry), "--out", str(site)]
    command += ["--json", "--search" if search else "--no-search"]
    started = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise BenchmarkError(
            f"the build failed: {done.stderr[-1000:]}", next_step="Run 'opsteps build' by hand"
        )
    return seconds


def _changes(session: Session, work: Path, path: Path) -> list[Row]:
    registry = Registry.open(path)
    target = work / "changes"
    try:
        full = _in_process(registry, target)
        changed: list[_Build] = []
        for number in range(session.choose(5, 2)):
            library = content.library(number, steps=STEPS_EACH, version="1.0.1")
            publishing.prepare(registry, library).publish(registry)
            changed.append(_in_process(registry, target))
    finally:
        registry.close()
    total = full.pages_and_whoosh + full.browser
    return [
        _share(CHANGE, [one.pages_and_whoosh for one in changed], full.pages_and_whoosh),
        _share(CHANGE_BROWSER, [one.browser for one in changed], total),
    ]


def _share(promise: Promise, parts: list[float], whole: float) -> Row:
    return Row(
        promise=promise,
        figure=spread(parts),
        unit="s",
        peer_figure=Spread(runs=(whole,)),
        ratio=spread([part / whole for part in parts]),
        notes="inside one process",
    )


def _in_process(registry: Registry, target: Path) -> _Build:
    target.mkdir(exist_ok=True)
    started = time.perf_counter()
    update_index(target / "search", registry.snapshot())
    report = build_catalogue(registry, target / "site")
    seconds = time.perf_counter() - started
    browser = report.seconds["search"]
    return _Build(pages_and_whoosh=seconds - browser, browser=browser)
