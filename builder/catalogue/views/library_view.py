"""One library made ready for its pages: made once, shown in many places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_facts import KnownLibrary
from builder.catalogue.facts.library_sources import ReadableRelease, Source
from builder.catalogue.facts.signature_mark import MarkKind
from builder.catalogue.theme.identicon import hue_of, initials_of
from builder.catalogue.theme.slugs import category_slug
from builder.catalogue.views.differences import ReleaseDifference, chain_of
from builder.catalogue.views.release_views import (
    AdvisoryView,
    ReleaseView,
    all_advisories,
    release_views,
    replacement_of,
)
from builder.catalogue.views.sentences import ended
from builder.catalogue.views.step_view import (
    page_values,
    platform_titles,
    short_description,
    step_values,
)
from builder.catalogue.views.use_view import job_node, use_values
from builder.markdown import render_description, safe_url
from registry.formats.model import Step
from registry.names import CORE, LibraryName, StepName

RELEASE_ROOT = "../../../"
"""The way to the site's root from the pages of a library's releases and of its changes."""
_SWITCHED = 2
_OLDER_STEP_PAGES = 1_000
"""Pages of steps of releases that are not active; the greatest releases come first."""


@dataclass(frozen=True, kw_only=True)
class LibraryView:
    """A library and everything that its pages say."""

    known: KnownLibrary
    context: Context
    shared: Mapping[str, Any]
    """The values that the library's page, its card and its steps' pages all show."""
    releases: tuple[ReleaseView, ...]
    """Greatest first, without candidates."""
    chain: Mapping[str, ReleaseDifference]
    advisories: tuple[AdvisoryView, ...]
    values: dict[tuple[int, bool], dict[str, Any]] = field(default_factory=dict)
    """The values worked out of steps so far, by the step's identity and whether it runs here."""
    more_values: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Those that only a step's own page has."""

    def step_values(self, step: Step, *, has_executor: bool) -> dict[str, Any]:
        """As `builder.catalogue.views.step_view.step_values`, once for each step."""
        key = (id(step), has_executor)
        found = self.values.get(key)
        if found is None:
            self.values[key] = found = step_values(step, has_executor=has_executor)
        return found

    def page_values(self, step: Step) -> dict[str, Any]:
        """As `builder.catalogue.views.step_view.page_values`, once for each step."""
        found = self.more_values.get(id(step))
        if found is None:
            self.more_values[id(step)] = found = page_values(step)
        return found

    def job_node(self, step: Step, version: str) -> Markup:
        """A step of a release as a node of a job, with its first example's parameters."""
        examples = self.page_values(step)["examples"]
        return job_node(self.name, version, step, examples[0][2] if examples else None)

    @property
    def source(self) -> Source:
        """The library as it was read."""
        return self.known.source

    @property
    def name(self) -> LibraryName:
        """The library's name."""
        return self.source.library.name

    @property
    def active(self) -> ReleaseView | None:
        """The active release."""
        return next((view for view in self.releases if view.is_active), None)

    @cached_property
    def stepped(self) -> frozenset[str]:
        """The releases whose steps have pages of their own, besides the active one's."""
        left, found = _OLDER_STEP_PAGES, set()
        for release in self.source.shown:
            if release.record == self.source.library.active:
                continue
            left -= len(release.content.steps)
            if left < 0:
                break
            found.add(release.version)
        return frozenset(found)

    @cached_property
    def step_releases(self) -> Mapping[StepName, tuple[str, ...]]:
        """The releases with a page that have a step, greatest first."""
        found: dict[StepName, list[str]] = {}
        for release in self.source.shown:
            for step in release.content.steps:
                found.setdefault(step.name, []).append(release.version)
        return {name: tuple(versions) for name, versions in found.items()}

    def step_path(self, step: StepName, version: str) -> str:
        """The way from the library's page to a step's page at a release, or to the release's."""
        if self.active is not None and version == self.active.version:
            return f"steps/{step}/"
        return f"{version}/steps/{step}/" if version in self.stepped else f"{version}/"

    def use_section(self, release: ReadableRelease | None, root: str) -> Markup:
        """The ways to use a release; nothing for one that cannot be read."""
        if release is None or not release.content.steps:
            return Markup()
        content, theme = release.content, self.context.theme
        step = content.steps[0]
        values = use_values(self.name, release.record.version, content.manifest, theme.repository)
        values |= {
            "step_id": f"{self.name}.{step.name}",
            "node": self.job_node(step, release.version),
            "upstream": safe_url(content.manifest.repository, mail=False),
            "is_builtin": self.name == CORE,
            "is_active": release.record == self.source.library.active,
        }
        return Markup(theme.fragment("use.html", root, values))  # noqa: S704 - a template's

    def notices(self, release: ReleaseView | None, root: str, what: str = "") -> Markup:
        """The banners of a page about a release, or about the library when it has none."""
        library, deprecated = self.source.library, self.source.library.facts.deprecated
        alarms = [record for record in library.releases if record.alarm]
        advisories = release.advisories if release else ()
        yank = release.record.yank if release else None
        bad = release is not None and release.mark.kind is MarkKind.BAD
        if not (library.problems or alarms or advisories or yank or deprecated or bad):
            return Markup()
        successor = deprecated.replacement if deprecated else None
        text = self.context.theme.fragment(
            "notices.html",
            root,
            {
                "here": f"{root}libraries/{self.name}/",
                "problems": [str(problem) for problem in library.problems],
                "alarms": alarms,
                "advisories": advisories,
                "what": what or "The active release",
                "version": release.version if release else "",
                "yank": release.yank_reason if release and yank else "",
                "replacement": replacement_of(release, self.releases) if release else None,
                "bad_signature": release.mark.text if release and bad else "",
                "deprecated": deprecated,
                "deprecation": render_description(ended(deprecated.reason if deprecated else "")),
                "successor": successor if successor in self.context.listed else None,
            },
        )
        return Markup(text)  # noqa: S704 - a template's

    def switcher(self, current: str, root: str, shown: int) -> Markup:
        """The list of releases to go to, with the one that the page is about."""
        rows = [
            (release, ("" if release.is_active else f"{release.version}/"))
            for release in self.releases[:shown]
        ]
        return self._switcher(current, root, rows, "Releases of this library")

    def step_switcher(self, step: StepName, current: str, root: str) -> Markup:
        """The list of releases that have a step; nothing where there is only one."""
        versions = frozenset(self.step_releases.get(step, ()))
        if len(versions) < _SWITCHED:
            return Markup()
        rows = [
            (release, self.step_path(step, release.version))
            for release in self.releases
            if release.version in versions
        ]
        return self._switcher(current, root, rows, "Releases with this step")

    def _switcher(
        self, current: str, root: str, rows: Sequence[tuple[ReleaseView, str]], label: str
    ) -> Markup:
        text = self.context.theme.fragment(
            "switcher.html",
            root,
            {
                "current": current,
                "here": f"{root}libraries/{self.name}/",
                "rows": rows,
                "label": label,
                "has_changes": bool(self.chain),
            },
        )
        return Markup(text)  # noqa: S704 - a template's


def view_library(known: KnownLibrary, context: Context) -> LibraryView:
    """Make ready what the pages of a library show."""
    source = known.source
    chain = chain_of(source.library.name, known.successions, context.theme, RELEASE_ROOT)
    releases = release_views(known, chain)
    pages = {release.version for release in source.shown}
    return LibraryView(
        known=known,
        context=context,
        shared=_shared(known, next((view for view in releases if view.is_active), None)),
        releases=releases,
        chain=chain,
        advisories=all_advisories(known.hits, pages),
    )


def _shared(known: KnownLibrary, active: ReleaseView | None) -> dict[str, Any]:
    library, deprecated = known.source.library, known.source.library.facts.deprecated
    content = library.content
    manifest = content.manifest if content else None
    title = manifest.display_name if manifest else str(library.name)
    categories = manifest.categories if manifest else ()
    if not categories and content is not None:
        categories = tuple(sorted({step.category for step in content.steps}))
    platforms = {p for step in (content.steps if content else ()) for p in step.platform_support}
    return {
        "library": library,
        "manifest": manifest,
        "version": manifest.version if manifest else active.version if active else "",
        "title": title,
        "summary": short_description(
            manifest.description if manifest else "This library cannot be read."
        ),
        "hue": hue_of(library.name),
        "initials": initials_of(title),
        "categories": [(category_slug(category), category) for category in categories],
        "platforms": platform_titles(tuple(platforms)),
        "step_count": len(content.steps) if content else 0,
        "is_broken": bool(library.problems) or any(r.alarm for r in library.releases),
        "is_hit": bool(active and active.advisories),
        "is_yanked": bool(active and active.record.yank),
        "mark": active.mark if active else None,
        "deprecated": deprecated,
        "deprecation_of_library": render_description(
            ended(deprecated.reason if deprecated else "")
        ),
        "date": active.date if active else "",
        "quality": known.quality,
    }
