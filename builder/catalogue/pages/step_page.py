"""A step's own page, about the active release."""

from __future__ import annotations

from builder.catalogue.theme.slugs import category_slug
from builder.catalogue.theme.theme import SitePage
from builder.catalogue.views.library_view import LibraryView
from builder.catalogue.views.release_views import ReleaseView
from builder.catalogue.views.step_view import page_values, short_description
from registry.formats.model import ReleaseContent


def publish_step_page(
    view: LibraryView, content: ReleaseContent, index: int, files: dict[str, bytes]
) -> None:
    """Put the page of the step at ``index`` of the active release into ``files``."""
    step, file = content.steps[index], content.manifest.steps[index]
    theme = view.context.theme
    page = SitePage(
        path=f"libraries/{view.name}/steps/{step.name}/",
        title=f"{step.display_name} · {view.shared['title']}",
        description=short_description(step.description),
        kind="step",
    )
    before = content.steps[index - 1] if index else None
    after = content.steps[index + 1] if index + 1 < len(content.steps) else None
    root = theme.root_of(page)
    values = {
        **view.shared,
        **view.step_values(step),
        **page_values(step),
        "here": f"{root}libraries/{view.name}/",
        "id": f"{view.name}.{step.name}",
        "has_executor": file.executor is not None,
        "before": before,
        "after": after,
        "category_slug": category_slug(step.category),
        "advisories": _advisories_of(view.active, step.name),
        "yank": view.active.record.yank if view.active else None,
    }
    files[f"{page.path}index.html"] = theme.page(page, theme.fragment("step.html", root, values))


def _advisories_of(release: ReleaseView | None, step: str) -> tuple[str, ...]:
    """The ids of the advisories that are about a step of a release."""
    found = release.advisories if release else ()
    return tuple(item.id for item in found if not item.steps or step in item.steps)
