"""Everything that is published of one library: its pages, its JSON, its card, its search record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from builder.catalogue.library_json import publish_json
from builder.catalogue.permission_words import Line, label_lines, permission_lines
from builder.catalogue.reading import CHANGELOG, README, Source
from builder.catalogue.search_record import search_record
from builder.catalogue.site_pages import hue_of, initials_of
from builder.catalogue.slugs import category_slug
from builder.catalogue.state import FeedEntry, LibraryRecord
from builder.catalogue.step_view import (
    glyph,
    lead_and_details,
    one_line,
    platform_titles,
    step_values,
    tag_links,
)
from builder.catalogue.theme import CARD_ROOT, Page, Theme
from builder.catalogue.writing import Rendered
from builder.markdown import render_description, render_markdown, safe_url
from builder.pagefind import SearchRecord
from registry import wire
from registry.errors import InvalidNameError
from registry.library import Library, ReleaseRecord, ReleaseState
from registry.model import ReleaseContent, Step
from registry.names import LibraryName
from registry.versions import parse_dependency

_SHOWN_VERSIONS = 100
_DOCUMENT_CHARACTERS = 512 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedLibrary:
    """One library, rendered: files, what the lists need, its steps' bytes, its search record."""

    rendered: Rendered
    record: LibraryRecord
    bodies: tuple[bytes, ...]
    search: SearchRecord


def dependencies_of(library: Library) -> tuple[LibraryName, ...]:
    """The libraries that the active release asks for."""
    manifest = library.content.manifest if library.content else None
    return tuple(
        name for name, _ in _dependencies(manifest.dependencies if manifest else ()) if name
    )


def _dependencies(texts: Sequence[str]) -> list[tuple[LibraryName | None, str]]:
    found: list[tuple[LibraryName | None, str]] = []
    for text in texts:
        try:
            found.append((parse_dependency(text).library, text))
        except InvalidNameError:
            found.append((None, text))
    return found


def render_library(
    source: Source, *, key: str, theme: Theme, listed: frozenset[str]
) -> RenderedLibrary:
    """Render one library; ``listed`` names the libraries that have a page to link to."""
    library = source.library
    steps = wire.library_steps(library)
    bodies = tuple(body for _, body in steps)
    files: dict[str, bytes] = {}
    twins: dict[str, str] = {}
    publish_json(source, bodies, files, twins)
    content = library.content
    facts = _facts(source)
    _publish_library_page(source, facts, theme, listed, files)
    if content is not None:
        for index in range(len(content.steps)):
            _publish_step_page(source, facts, index, theme, files)
    return RenderedLibrary(
        rendered=Rendered(files=files, twins=twins),
        record=_record(source, facts, key, theme),
        bodies=bodies,
        search=search_record(library, facts),
    )


def _facts(source: Source) -> dict[str, Any]:
    """What the library's page, its card and its steps' pages all show."""
    library = source.library
    content, active = library.content, library.active
    manifest = content.manifest if content else None
    version = manifest.version if manifest else str(active.version) if active else ""
    title = manifest.display_name if manifest else str(library.name)
    categories = manifest.categories if manifest else ()
    if not categories and content is not None:
        categories = tuple(sorted({step.category for step in content.steps}))
    platforms = {p for step in (content.steps if content else ()) for p in step.platform_support}
    return {
        "library": library,
        "manifest": manifest,
        "version": version,
        "title": title,
        "summary": one_line(manifest.description if manifest else "This library cannot be read."),
        "hue": hue_of(library.name),
        "initials": initials_of(title),
        "categories": [(category_slug(category), category) for category in categories],
        "platforms": platform_titles(tuple(platforms)),
        "step_count": len(content.steps) if content else 0,
        "is_broken": bool(library.problems) or any(r.alarm for r in library.releases),
        "deprecated": library.facts.deprecated,
        "date": (active.date or "") if active else "",
    }


def _publish_library_page(
    source: Source,
    facts: dict[str, Any],
    theme: Theme,
    listed: frozenset[str],
    files: dict[str, bytes],
) -> None:
    library, manifest = source.library, facts["manifest"]
    page = Page(
        path=f"libraries/{library.name}/",
        title=facts["title"],
        description=facts["summary"],
        kind="library",
    )
    documents = {name: _document(source, name) for name in (README, CHANGELOG)}
    steps = library.content.steps if library.content else ()
    lead, details = lead_and_details(manifest.description if manifest else "")
    known = [r for r in library.releases if r.state is not ReleaseState.CANDIDATE]
    body = theme.fragment(
        "library.html",
        theme.root_of(page),
        facts
        | {
            "root": theme.root_of(page),
            "lead": render_description(lead),
            "details": render_description(details),
            "readme": documents[README],
            "changelog": documents[CHANGELOG],
            "steps": [(step, glyph(step.icon), one_line(step.description)) for step in steps],
            "grants": _all_permissions(steps)
            or list(label_lines(manifest.required_permissions if manifest else ())),
            "tags": tag_links(manifest.tags if manifest else ()),
            "dependencies": [
                (name if name in listed else None, text)
                for name, text in _dependencies(manifest.dependencies if manifest else ())
            ],
            "links": _links(manifest),
            "releases": known[:_SHOWN_VERSIONS],
            "more_releases": max(0, len(known) - _SHOWN_VERSIONS),
            "problems": [str(problem) for problem in library.problems],
            "alarms": [record for record in library.releases if record.alarm],
        },
    )
    files[f"{page.path}index.html"] = theme.page(page, body)


def _document(source: Source, name: str) -> Markup | None:
    raw = source.documents.get(name)
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


def _all_permissions(steps: Sequence[Step]) -> list[Line]:
    return list(
        dict.fromkeys(line for step in steps for line in permission_lines(step.permissions))
    )


def _links(manifest: Any) -> list[tuple[str, str, str | None]]:
    """Label, text and, when it is safe to follow, the address of each link of a manifest."""
    if manifest is None:
        return []
    pairs = [("Homepage", manifest.homepage), ("Repository", manifest.repository)]
    links = [(label, text, safe_url(text, mail=False)) for label, text in pairs if text]
    mails = [("Support", manifest.support_email), ("Author's mail", manifest.author_email)]
    links += [(label, text, safe_url(f"mailto:{text}")) for label, text in mails if text]
    return links


def _publish_step_page(
    source: Source, facts: dict[str, Any], index: int, theme: Theme, files: dict[str, bytes]
) -> None:
    library = source.library
    content: ReleaseContent = library.content  # type: ignore[assignment]
    step, file = content.steps[index], content.manifest.steps[index]
    page = Page(
        path=f"libraries/{library.name}/steps/{step.name}/",
        title=f"{step.display_name} · {facts['title']}",
        description=one_line(step.description),
        kind="step",
    )
    before = content.steps[index - 1] if index else None
    after = content.steps[index + 1] if index + 1 < len(content.steps) else None
    values = facts | step_values(step)
    values |= {
        "root": theme.root_of(page),
        "id": f"{library.name}.{step.name}",
        "has_executor": file.executor is not None,
        "before": before,
        "after": after,
        "category_slug": category_slug(step.category),
    }
    files[f"{page.path}index.html"] = theme.page(
        page, theme.fragment("step.html", values["root"], values)
    )


def _record(source: Source, facts: dict[str, Any], key: str, theme: Theme) -> LibraryRecord:
    library, manifest = source.library, facts["manifest"]
    content = library.content
    card = theme.fragment("card.html", CARD_ROOT, facts)
    return LibraryRecord(
        key=key,
        name=library.name,
        title=facts["title"],
        description=facts["summary"],
        author=manifest.author if manifest else "",
        categories=tuple(category for _, category in facts["categories"]),
        platforms=tuple(name for name, _ in facts["platforms"]),
        is_premium=manifest.is_premium if manifest else False,
        is_broken=facts["is_broken"],
        is_deprecated=library.facts.deprecated is not None,
        steps=tuple(step.name for step in content.steps) if content else (),
        step_categories=tuple(step.category for step in content.steps) if content else (),
        dependencies=dependencies_of(library),
        releases=tuple(_entry(r) for r in library.releases if r.is_served and r.yank is None),
        card=card.encode(),
        summary=wire.library_summary_bytes(library),
        outputs={},
    )


def _entry(record: ReleaseRecord) -> FeedEntry:
    return FeedEntry(version=str(record.version), date=record.date or "")
