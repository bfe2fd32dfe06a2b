"""A step's own page, at the active release and at the others."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from builder.catalogue.theme.quoting import quote
from builder.catalogue.theme.slugs import category_slug
from builder.catalogue.theme.theme import SitePage
from builder.catalogue.views.library_view import LibraryView
from builder.catalogue.views.release_views import ReleaseView
from builder.catalogue.views.step_view import short_description
from registry.formats.model import ReleaseContent, Step
from registry.names import StepName

_SIBLINGS = 6


def publish_step_pages(view: LibraryView, files: dict[str, bytes]) -> None:
    """Put the pages of all steps into ``files``: the active release's, and those of others."""
    content = view.source.library.content
    if content is not None:
        _publish_release(view, content, view.active, files)
    views = {release.version: release for release in view.releases}
    for release in view.source.shown:
        if release.version in view.stepped:
            _publish_release(view, release.content, views[release.version], files)


def _publish_release(
    view: LibraryView,
    content: ReleaseContent,
    release: ReleaseView | None,
    files: dict[str, bytes],
) -> None:
    for index in range(len(content.steps)):
        _publish(view, content, index, release, files)


def _publish(
    view: LibraryView,
    content: ReleaseContent,
    index: int,
    release: ReleaseView | None,
    files: dict[str, bytes],
) -> None:
    step, theme = content.steps[index], view.context.theme
    has_executor = content.manifest.steps[index].executor is not None
    is_active = release is None or release.is_active
    version = content.manifest.version
    here = f"libraries/{view.name}/"
    where = "" if is_active else f"{version}/"
    page = SitePage(
        path=f"{here}{where}steps/{step.name}/",
        title=f"{step.display_name} · {view.shared['title']}{'' if is_active else f' {version}'}",
        description=short_description(step.description),
        kind="step",
        original=None if is_active else f"{here}{_original(view, step.name, version)}",
        is_indexed=is_active,
    )
    root = theme.root_of(page)
    slug = category_slug(step.category)
    values: dict[str, Any] = {
        **view.shared,
        **view.step_values(step, has_executor=has_executor),
        **view.page_values(step),
        "here": f"{root}{here}",
        "steps_here": f"{root}{here}{where}steps/",
        "release_path": f"{version}/" if release is not None and release.has_page else "",
        "id": f"{view.name}.{step.name}",
        "manifest": content.manifest,
        "version": version,
        "mark": release.mark if release else None,
        "is_active": is_active,
        "active_path": _active_path(view, step.name) if not is_active else None,
        "switcher": view.step_switcher(step.name, version, root),
        "node": view.job_node(step, version),
        "before": content.steps[index - 1] if index else None,
        "after": content.steps[index + 1] if index + 1 < len(content.steps) else None,
        "siblings": _siblings(content, step, f"{root}{here}{where}steps/"),
        "category_slug": slug if slug in dict(view.shared["categories"]) else "",
        "advisories": _advisories_of(release, step.name),
        "yank": release.yank_reason if release else "",
    }
    files[f"{page.path}index.html"] = theme.page(page, theme.fragment("step.html", root, values))


def _original(view: LibraryView, step: StepName, version: str) -> str:
    """The way from the library's page to the page that stands for a step at all releases."""
    content = view.source.library.content
    if content is not None and any(one.name == step for one in content.steps):
        return f"steps/{step}/"
    return f"{version}/steps/{step}/"


def _active_path(view: LibraryView, step: StepName) -> str | None:
    """The way from the library's page to the step at the active release, where that has it."""
    path = _original(view, step, "")
    return path if path.startswith("steps/") else None


def _siblings(content: ReleaseContent, step: Step, steps: str) -> Markup:
    """Links to other steps of a release: those with most of a step's tags, then its category's."""
    rest = [one for one in content.steps if one is not step]
    if len(rest) > _SIBLINGS:
        tags, category = frozenset(step.tags), step.category
        rest.sort(key=lambda one: (-len(tags.intersection(one.tags)), one.category != category))
    links = (
        f'<a dir="auto" href="{steps}{one.name}/">{quote(one.display_name)}</a>'
        for one in rest[:_SIBLINGS]
    )
    html = "".join(f'<li class="chip">{link}</li>' for link in links)
    return Markup(html)  # noqa: S704 - each name was escaped


def _advisories_of(release: ReleaseView | None, step: str) -> tuple[str, ...]:
    """The ids of the advisories that are about a step of a release."""
    found = release.advisories if release else ()
    return tuple(item.id for item in found if not item.steps or step in item.steps)
