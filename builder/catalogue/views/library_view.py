"""One library made ready for its pages: made once, shown in many places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_facts import KnownLibrary
from builder.catalogue.facts.library_sources import README, ReadableRelease, Source
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
from builder.catalogue.views.step_view import platform_titles, short_description, step_values
from builder.markdown import render_markdown, safe_url
from registry.errors import InvalidNameError
from registry.formats.model import Manifest, Step
from registry.names import LibraryName
from registry.versions import parse_dependency

RELEASE_ROOT = "../../../"
"""The way to the site's root from the pages of a library's releases and of its changes."""
_DOCUMENT_CHARACTERS = 512 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
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
    notes: Mapping[str, Markup]
    """The notes from each release's own changelog, by version."""
    values: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The values worked out of steps so far, by the step's identity."""

    def step_values(self, step: Step) -> dict[str, Any]:
        """As `builder.catalogue.views.step_view.step_values`, once for each step."""
        found = self.values.get(id(step))
        if found is None:
            self.values[id(step)] = found = step_values(step)
        return found

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
                "yank": yank,
                "replacement": replacement_of(release, self.releases) if release else None,
                "bad_signature": release.mark.text if release and bad else "",
                "deprecated": deprecated,
                "successor": successor if successor in self.context.listed else None,
            },
        )
        return Markup(text)  # noqa: S704 - a template's

    def switcher(self, current: str, root: str, shown: int) -> Markup:
        """The list of releases to go to, with the one that the page is about."""
        text = self.context.theme.fragment(
            "switcher.html",
            root,
            {
                "current": current,
                "here": f"{root}libraries/{self.name}/",
                "releases": self.releases[:shown],
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
        notes={
            version: render_markdown(text, prefix="notes-", shift=0)
            for version, text in known.notes.items()
        },
    )


def _shared(known: KnownLibrary, active: ReleaseView | None) -> dict[str, Any]:
    library = known.source.library
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
        "deprecated": library.facts.deprecated,
        "date": active.date if active else "",
        "quality": known.quality,
    }


def document(release: ReadableRelease | None, name: str) -> Markup | None:
    """README.md or CHANGELOG.md of a release as HTML; None where there is none."""
    raw = release.documents.get(name) if release else None
    if not raw:
        return None
    text = raw[:_DOCUMENT_CHARACTERS].decode(errors="replace")
    prefix = name.partition(".")[0].lower()
    if name == README:
        text = _without_title(text)
    return render_markdown(text, prefix=f"{prefix}-")


def _without_title(text: str) -> str:
    """A README without its first heading when that opens it: the page has a title of its own."""
    first, newline, rest = text.lstrip("\ufeff \n").partition("\n")
    return rest if newline and first.startswith("# ") else text


def dependencies_of(texts: Sequence[str]) -> list[tuple[LibraryName | None, str]]:
    """The libraries that requirements name; None for one that cannot be read."""
    found: list[tuple[LibraryName | None, str]] = []
    for text in texts:
        try:
            found.append((parse_dependency(text).library, text))
        except InvalidNameError:
            found.append((None, text))
    return found


def links_of(manifest: Manifest | None) -> list[tuple[str, str, str | None]]:
    """Label, text and, when it is safe to follow, the address of each link of a manifest."""
    if manifest is None:
        return []
    pairs = [("Homepage", manifest.homepage), ("Repository", manifest.repository)]
    links = [(label, text, safe_url(text, mail=False)) for label, text in pairs if text]
    mails = [("Support", manifest.support_email), ("Author's mail", manifest.author_email)]
    links += [(label, text, safe_url(f"mailto:{text}")) for label, text in mails if text]
    return links
