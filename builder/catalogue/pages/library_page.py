"""A library's own page, and its badges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from builder.catalogue.data.badges import BAD, GOOD, INFORMATION, WARNING, badge, quality_colour
from builder.catalogue.facts.library_sources import SHOWN_RELEASES
from builder.catalogue.pages.library_end import END, library_page_path
from builder.catalogue.theme.head import PICTURE
from builder.catalogue.theme.identicon import symbol_of
from builder.catalogue.theme.theme import SitePage
from builder.catalogue.views.documents import changelog_of, readme_of
from builder.catalogue.views.library_view import LibraryView
from builder.catalogue.views.manifest_view import dependencies_of, links_of
from builder.catalogue.views.permissions import asked_by_release
from builder.catalogue.views.publisher_names import publisher_of
from builder.catalogue.views.step_view import lead_and_details, short_description, tag_links
from builder.catalogue.views.structured import library_data
from builder.markdown import render_description
from registry.formats.model import Step

StepRow = tuple[Step, str, str]
"""A step, its symbol, and what it does in a line."""
_GOOD_POINTS, _FAIR_POINTS = 80, 50
_STEPS_AT_ONCE = 6
_VERSIONS_AT_ONCE = 8


def publish_library_page(view: LibraryView, files: dict[str, bytes]) -> None:
    """Put the page and the badges into ``files``."""
    library, manifest = view.source.library, view.shared["manifest"]
    theme = view.context.theme
    here = f"libraries/{library.name}/"
    page = SitePage(
        path=here,
        title=view.shared["title"],
        description=view.shared["summary"],
        kind="library",
        feed=f"{here}feed.xml",
        data=library_data(view.shared, library.name, theme.base_url),
        picture=f"{here}{PICTURE}" if theme.has_pictures else PICTURE,
    )
    if theme.has_pictures:
        files[f"{here}{PICTURE}"] = _picture(view)
    root = theme.root_of(page)
    steps = library.content.steps if library.content else ()
    lead, details = lead_and_details(manifest.description if manifest else "")
    badges = _badges(view)
    files |= {f"{here}{name}.svg": raw for name, raw in badges.items()}
    values: dict[str, Any] = {
        "here": f"{root}{here}",
        "lead": render_description(lead),
        "details": render_description(details),
        "readme": readme_of(view.known, view.source.active, ""),
        "changelog": changelog_of(view.known),
        "step_groups": _step_groups(steps),
        "asked": asked_by_release(library.content) if library.content else None,
        "publisher": publisher_of(manifest, view.active.mark if view.active else None),
        "use_section": view.use_section(view.source.active, root),
        "tags": tag_links(manifest.tags if manifest else ()),
        "dependencies": [
            (name if name in view.context.listed else None, text)
            for name, text in dependencies_of(manifest.dependencies if manifest else ())
        ],
        "links": links_of(manifest),
        "releases": view.releases[:SHOWN_RELEASES],
        "versions_at_once": _VERSIONS_AT_ONCE,
        "more_releases": max(0, len(view.releases) - SHOWN_RELEASES),
        "has_changes": bool(view.chain),
        "notices": view.notices(view.active, root),
        "switcher": view.switcher(view.shared["version"], root, SHOWN_RELEASES),
        "quality_section": _section(view, "quality.html", root) if view.known.quality else "",
        "advisories_section": _section(view, "advisories.html", root) if view.advisories else "",
        "badges": [(name, Markup(raw.decode())) for name, raw in badges.items()],  # noqa: S704 - ours
        "address": here,
    }
    body = theme.fragment("library.html", root, {**view.shared, **values})
    # The end of the page tells of other libraries (`builder.catalogue.pages.library_end`).
    files[library_page_path(library.name)] = theme.opening(page, body) + END


def _step_groups(steps: Sequence[Step]) -> list[tuple[str, list[StepRow]]]:
    """The steps that are seen at once, and the rest below what says how many these are."""
    rows = [(step, symbol_of(step), short_description(step.description)) for step in steps]
    rest = len(rows) - _STEPS_AT_ONCE
    groups = [("", rows[:_STEPS_AT_ONCE])]
    if rest > 0:
        more = "One more step" if rest == 1 else f"{rest} more steps"
        groups.append((more, rows[_STEPS_AT_ONCE:]))
    return groups


def _picture(view: LibraryView) -> bytes:
    from builder.catalogue.data.preview import preview  # Pillow takes its time to load

    return preview(
        above=view.context.theme.facts.title,
        title=view.shared["title"],
        name=view.name,
        text=view.shared["summary"],
    )


def _section(view: LibraryView, template: str, root: str) -> Markup:
    quality = view.known.quality
    points = quality.points if quality else 0
    criteria = quality.criteria if quality else ()
    lost = [item for item in criteria if item.earned < item.possible]
    level = "good" if points >= _GOOD_POINTS else "fair" if points >= _FAIR_POINTS else "poor"
    values = {
        "here": f"{root}libraries/{view.name}/",
        "advisories": view.advisories,
        "quality": quality,
        "lost": sorted(lost, key=lambda item: item.earned - item.possible),
        "earned": [item for item in criteria if item.earned == item.possible],
        "level": level,
    }
    return Markup(view.context.theme.fragment(template, root, values))  # noqa: S704 - a template's


def _badges(view: LibraryView) -> dict[str, bytes]:
    """The pictures by name, each saying one thing of the active release."""
    found = {"badge": badge("steps", f"v{view.shared['version'] or '?'}", INFORMATION)}
    if view.known.quality is not None:
        points = view.known.quality.points
        found["quality"] = badge("quality", f"{points}/100", quality_colour(points))
    found["status"] = badge("status", *_status(view))
    return found


def _status(view: LibraryView) -> tuple[str, str]:
    if view.shared["is_broken"]:
        return "needs attention", BAD
    if view.shared["is_hit"]:
        return "vulnerable", BAD
    if view.shared["is_yanked"]:
        return "yanked", WARNING
    if view.shared["deprecated"]:
        return "deprecated", WARNING
    if view.active is not None and view.active.mark.is_verified:
        return "verified", GOOD
    return "released", INFORMATION
