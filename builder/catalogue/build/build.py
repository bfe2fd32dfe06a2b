"""Build the catalogue: gather, render what changed, put the lists together, swap.

Invariants (docs/decisions/0004-catalogue-build.md has the reasons):
- the same registry commit, templates and settings give the same bytes, incrementally or in full;
- a library whose key did not change is neither loaded nor rendered nor written;
- until the swap nothing that is served changes; a build that ends early leaves no trace there.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from builder.catalogue.build.changed_libraries import (
    Libraries,
    changed_names,
    gone_names,
    render_changed,
)
from builder.catalogue.build.gathering import Gathered, gather
from builder.catalogue.build.library_ends import PageEnds
from builder.catalogue.build.workers import Progress, Task
from builder.catalogue.data.feeds import feed_files
from builder.catalogue.data.steps_json import make_lists
from builder.catalogue.facts.context import Context
from builder.catalogue.facts.signature_mark import Trust
from builder.catalogue.output.report import BuildReport, Clock
from builder.catalogue.output.site_state import KnownLog, Outputs, SiteState
from builder.catalogue.output.tree_writer import Changes, Rendered, TreeWriter
from builder.catalogue.output.two_trees import SiteTrees, TreeTarget, locked_trees
from builder.catalogue.pages.advisories_page import plan_advisories
from builder.catalogue.pages.index_pages import plan_lists
from builder.catalogue.pages.log_page import log_pages, read_hidden
from builder.catalogue.pages.publisher_pages import plan_publishers
from builder.catalogue.pages.site_pages import plan_picture, site_pages
from builder.catalogue.theme.theme import Theme
from builder.catalogue.views.log_entries import read_log
from builder.catalogue.views.overview import Overview
from builder.search.browser.records import read_records
from builder.search.browser.site_index import DIRECTORY, index_files
from registry.files.code_fingerprint import code_fingerprint
from registry.files.shipped import shipped
from registry.snapshots.registry import Registry, Snapshot

if TYPE_CHECKING:  # cryptography takes its time to load
    from registry.signing.keys import PublicKey


def build_catalogue(  # noqa: PLR0913 - one for each option of the command
    registry: Registry,
    out: Path,
    *,
    base_url: str | None = None,
    is_served: bool = False,
    has_pictures: bool = False,
    jobs: int = 2,
    search: bool = True,
    administrators: Collection[PublicKey] = (),
    progress: Progress = lambda phase, done, total: None,  # noqa: ARG005 - what a Progress is given
) -> BuildReport:
    """Build the site of the registry's head at ``out``, which becomes a link to a finished tree.

    ``base_url`` is where the site will be published (the registry's own ``url`` when None); feeds
    and canonical addresses need it, all links between pages are relative. ``is_served`` says that
    it is a server that sends the site, so that its pages may name what a server alone can do,
    ``has_pictures`` that each library gets a picture of its own for previews of links.
    ``search`` adds the
    search in the browser. ``administrators`` are the keys that confirm who may publish; without
    any, publishers count as declared only. Raises BuilderError and RegistryError; then the site
    stays as it was.
    """
    gathered = gather(registry, administrators)
    facts = gathered.snapshot.facts
    with locked_trees(out) as trees:
        compiled = trees.builds / "templates"
        compiled.mkdir(mode=0o700, exist_ok=True)
        theme = Theme(
            shipped("catalog-site"),
            facts=facts,
            base_url=base_url or facts.url,
            is_served=is_served,
            has_pictures=has_pictures,
            cache=compiled,
        )
        build = _Build(
            registry=registry,
            gathered=gathered,
            theme=theme,
            trees=trees,
            jobs=jobs,
            search=search,
            progress=progress,
        )
        return build.run()


@dataclass(kw_only=True, slots=True)
class _Build:
    """One build, under the site's lock."""

    registry: Registry
    gathered: Gathered
    theme: Theme
    trees: SiteTrees
    jobs: int
    search: bool
    progress: Progress
    clock: Clock = field(default_factory=Clock)
    changes: Changes = field(default_factory=Changes)

    def run(self) -> BuildReport:
        """Do it."""
        with self.clock.phase("pages"):
            site_key = _site_key(self.theme, self.gathered.trust, search=self.search)
            known = self._known(site_key)
            if known is not None and self._is_current(known):
                return self._report(known, rendered=0)
            log = read_log(self.registry, self._snapshot, known.log if known else None)
            target = self.trees.open_spare()
            self._marker.touch()
            libraries = self._libraries(known, target)
            state = self._finish(site_key, libraries, known, log, target)
        if self.search:
            with self.clock.phase("search"):
                state = self._add_search(state, target)
        with self.clock.phase("swap"):
            self.trees.complete_spare(state)
            self.trees.swap(state)
            self._marker.unlink(missing_ok=True)
        with self.clock.phase("spare"):
            self.trees.prepare_spare()
        return self._report(state, rendered=len(libraries.bodies))

    @property
    def _snapshot(self) -> Snapshot:
        return self.gathered.snapshot

    @property
    def _marker(self) -> Path:
        """There while a build writes: the search records beside the trees may be half done."""
        return self.trees.builds / "building"

    @property
    def _records(self) -> Path:
        return self.trees.builds / "records"

    def _known(self, site_key: str) -> SiteState | None:
        """Return the live tree's state of unchanged libraries, when it can be relied upon."""
        live = self.trees.live_state
        if live is None or live.site_key != site_key or self._marker.exists():
            shutil.rmtree(self._records, ignore_errors=True)
            return None
        return live

    def _is_current(self, known: SiteState) -> bool:
        keys = self.gathered.keys
        return (
            known.commit == self._snapshot.commit
            and known.offers == self.gathered.news_key
            and not changed_names(known, keys, self._snapshot.committed_at)
            and not gone_names(known, keys)
        )

    def _libraries(self, known: SiteState | None, target: TreeTarget) -> Libraries:
        gathered = self.gathered
        live = self.trees.live_state
        task = Task(
            path=self.registry.path,
            instance=self.registry.instance,
            limits=self.registry.limits,
            remembers=self.registry.remembers,
            commit=self._snapshot.commit,
            context=Context(
                theme=self.theme,
                as_of=self._snapshot.committed_at,
                advisories=gathered.advisories,
                trust=gathered.trust,
                listed=frozenset(gathered.keys),
            ),
            keys=gathered.keys,
            before=live.libraries if live else {},
            target=target,
            records=self._records if self.search else None,
        )
        return render_changed(
            task, known, self.registry, self._snapshot, jobs=self.jobs, progress=self.progress
        )

    def _finish(
        self,
        site_key: str,
        libraries: Libraries,
        known: SiteState | None,
        log: KnownLog,
        target: TreeTarget,
    ) -> SiteState:
        """The pages about many libraries, and the state of the tree as it is then."""
        self.changes.add(libraries.changes)
        ends = PageEnds(theme=self.theme, known=known, target=target)
        ends.finish(libraries.listed, self.changes)
        overview = Overview(libraries.listed)
        hidden = read_hidden(self._snapshot, log.entries, libraries.listed)
        lists = make_lists(overview, libraries.bodies, self.trees.live, known)
        files = {
            **site_pages(self.theme, overview, self._snapshot, log.entries),
            **feed_files(self._snapshot.facts, self.theme.base_url, overview),
            **log_pages(self.theme, log.entries, hidden, libraries.listed),
            **self._upstreams(libraries.listed),
            **lists.files,
        }
        planned = chain(
            plan_lists(self.theme, overview, site_key.encode()),
            [plan_picture(self.theme, site_key.encode())],
            plan_publishers(self.theme, overview, self.gathered.trust, site_key.encode()),
            plan_advisories(
                self.theme, overview, self.gathered.advisories.advisories, site_key.encode()
            ),
        )
        live = self.trees.live_state
        before = live.pages if live else {}
        writer = TreeWriter(target)
        pages = writer.write_changed(files, before, self.changes)
        pages |= writer.write_planned(planned, before, self.changes)
        if self.search:  # the index is looked after when it has been made
            pages |= {path: key for path, key in before.items() if path.startswith(DIRECTORY)}
        writer.remove((path for path in before if path not in pages), self.changes)
        return SiteState(
            site_key=site_key,
            commit=self._snapshot.commit,
            generation=live.generation + 1 if live else 1,
            written=tuple(self.changes.written),
            removed=tuple(self.changes.removed),
            libraries=libraries.listed,
            unlisted=libraries.unlisted,
            bodies=lists.bodies,
            log=log,
            offers=self.gathered.news_key,
            pages=pages,
        )

    def _upstreams(self, listed: Collection[str]) -> dict[str, bytes]:
        news = self.gathered.news
        if news is None:
            return {}
        from builder.catalogue.pages.upstreams_page import upstreams_page

        return upstreams_page(self.theme, self._snapshot, news, listed)

    def _add_search(self, state: SiteState, target: TreeTarget) -> SiteState:
        """The index of the search in the browser, from the records of all libraries."""
        self.progress("search", 0, 1)
        before = {p: key for p, key in state.pages.items() if p.startswith(DIRECTORY)}
        files = index_files(read_records(self._records, state.libraries))
        outputs = TreeWriter(target).publish(Rendered(files=files), before, self.changes)
        self.progress("search", 1, 1)
        others = {p: key for p, key in state.pages.items() if not p.startswith(DIRECTORY)}
        return msgspec.structs.replace(
            state,
            pages=others | outputs,
            written=tuple(self.changes.written),
            removed=tuple(self.changes.removed),
        )

    def _report(self, state: SiteState, *, rendered: int) -> BuildReport:
        outputs: list[Outputs] = [state.pages, *(r.outputs for r in state.libraries.values())]
        paths = [path for part in outputs for path in part]
        written = len(self.changes.written)
        return BuildReport(
            commit=state.commit,
            pages=sum(path.endswith(".html") for path in paths),
            files=len(paths),
            written=written,
            unchanged=len(paths) - written,
            removed=len(self.changes.removed),
            rendered=rendered,
            seconds=self.clock.seconds,
        )


def _site_key(theme: Theme, trust: Trust, *, search: bool) -> str:
    code = code_fingerprint("registry", "builder")
    return f"{theme.key}:{code}:{int(trust.is_confirmed)}:{int(search)}"
