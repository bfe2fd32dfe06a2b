"""A page for each release of a library, and one for what changed from each to the next."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from builder.catalogue.facts.library_sources import SHOWN_RELEASES, ReadableRelease
from builder.catalogue.pages.changes_page import publish_changes
from builder.catalogue.theme.theme import SitePage
from builder.catalogue.views.documents import notes_of, readme_of
from builder.catalogue.views.library_view import RELEASE_ROOT, LibraryView
from builder.catalogue.views.manifest_view import dependencies_of
from builder.catalogue.views.permissions import asked_by_release
from builder.catalogue.views.publisher_names import publisher_of
from builder.catalogue.views.release_views import ReleaseView
from builder.catalogue.views.step_view import lead_and_details, platform_titles, short_description
from builder.markdown import render_description
from registry.formats.model import Step

_SHOWN_STEPS = 200
# Stand for the version, and for the way to its steps, in a part of a page that releases share.
_VERSION = "\ue003version\ue003"
_WHERE = "\ue003where\ue003"
_PartKey = tuple[int, bool, bool]


def publish_release_pages(view: LibraryView, files: dict[str, bytes]) -> None:
    """Put the pages into ``files``."""
    rendered: dict[_PartKey, str] = {}
    views = {release.version: release for release in view.releases}
    for release in view.source.shown:
        about = views[release.version]
        has_pages = about.is_active or release.version in view.stepped
        files_of_steps = release.content.manifest.steps[:_SHOWN_STEPS]
        steps = "".join(
            _step(view, (step, file.executor is not None, has_pages), rendered)
            for step, file in zip(release.content.steps, files_of_steps, strict=False)
        )
        where = "" if about.is_active else f"{release.version}/"
        steps = steps.replace(_WHERE, where).replace(_VERSION, release.version)
        _publish(view, release, about, steps, files)
    if view.chain:
        publish_changes(view, files)


def _step(view: LibraryView, about: tuple[Step, bool, bool], rendered: dict[_PartKey, str]) -> str:
    """A step's part of a page about a release, made once for all releases that have the step.

    ``about`` is the step, whether it has an executor, and whether it has a page at the release.
    """
    step, has_executor, has_pages = about
    key = (id(step), has_executor, has_pages)
    found = rendered.get(key)
    if found is None:
        values = view.step_values(step, has_executor=has_executor) | {
            "library": view.name,
            "version": _VERSION,
            "page": f"{RELEASE_ROOT}libraries/{view.name}/{_WHERE}steps/" if has_pages else "",
        }
        text = view.context.theme.fragment("release_step.html", RELEASE_ROOT, values)
        rendered[key] = found = text
    return found


def _publish(
    view: LibraryView,
    release: ReadableRelease,
    about: ReleaseView,
    steps: str,
    files: dict[str, bytes],
) -> None:
    manifest = release.content.manifest
    original = f"libraries/{view.name}/"
    page = SitePage(
        path=f"{original}{about.version}/",
        title=f"{manifest.display_name} {about.version}",
        description=short_description(manifest.description),
        kind="release",
        original=original,
        feed=f"{original}feed.xml",
        is_indexed=about.is_active,
    )
    lead, details = lead_and_details(manifest.description)
    active = view.active
    platforms = {p for step in release.content.steps for p in step.platform_support}
    values: dict[str, Any] = {
        "here": f"{RELEASE_ROOT}{original}",
        "name": view.name,
        "view": about,
        "version": about.version,
        "title": manifest.display_name,
        "active_title": view.shared["title"],
        "active": active.version if active and active.has_page else "",
        "before_active": bool(active and about.record.version < active.record.version),
        "after_active": bool(active and active.record.version < about.record.version),
        "hue": view.shared["hue"],
        "initials": view.shared["initials"],
        "manifest": manifest,
        "lead": render_description(lead),
        "details": render_description(details),
        "platforms": ", ".join(title for _, title in platform_titles(tuple(platforms))),
        "steps": Markup(steps),  # noqa: S704 - templates'
        "step_count": len(release.content.steps),
        "more_steps": max(0, len(release.content.steps) - _SHOWN_STEPS),
        "asked": asked_by_release(release.content),
        "publisher": publisher_of(manifest, about.mark),
        "use_section": view.use_section(release, RELEASE_ROOT),
        "dependencies": [
            (name if name in view.context.listed else None, text)
            for name, text in dependencies_of(manifest.dependencies)
        ],
        "readme": readme_of(view.known, release, "../"),
        "notes": notes_of(view.known, release, "../"),
        "difference": view.chain.get(about.version),
        "notices": view.notices(about, RELEASE_ROOT, f"Release {about.version}"),
        "switcher": view.switcher(about.version, RELEASE_ROOT, SHOWN_RELEASES),
    }
    body = view.context.theme.fragment("release.html", RELEASE_ROOT, values)
    files[f"{page.path}index.html"] = view.context.theme.page(page, body)
