"""Everything that is published of one library: its pages, its JSON, its card."""

from __future__ import annotations

from dataclasses import dataclass

from builder.catalogue.data.library_feed import library_feed
from builder.catalogue.data.library_json import publish_json
from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_facts import know_library
from builder.catalogue.facts.library_sources import Source
from builder.catalogue.output.site_state import FeedEntry, LibraryRecord, RecordedHit
from builder.catalogue.output.tree_writer import Rendered
from builder.catalogue.pages.library_page import publish_library_page
from builder.catalogue.pages.release_pages import publish_release_pages
from builder.catalogue.pages.step_page import publish_step_pages
from builder.catalogue.theme.theme import CARD_ROOT
from builder.catalogue.views.library_view import LibraryView, view_library
from builder.catalogue.views.manifest_view import dependencies_of
from builder.catalogue.views.publisher_names import publisher_of
from builder.quality.trust_criteria import age_step
from registry.library import wire
from registry.library.release_state import ReleaseRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedLibrary:
    """One library, rendered: files, what the lists need, its steps' bytes, its quality."""

    rendered: Rendered
    record: LibraryRecord
    bodies: tuple[bytes, ...]
    quality: int
    """Its points out of 100; 0 where it was not judged."""


def render_library(source: Source, *, key: str, context: Context) -> RenderedLibrary:
    """Render one library: its facts, then its views, then its pages."""
    known = know_library(source, context)
    return publish_library(view_library(known, context), key=key)


def publish_library(view: LibraryView, *, key: str) -> RenderedLibrary:
    """All files of a library, and what the pages about many libraries need of it."""
    library = view.source.library
    bodies = tuple(body for _, body in wire.library_steps(library))
    files: dict[str, bytes] = {}
    twins: dict[str, str] = {}
    publish_json(view.source, bodies, files, twins)
    publish_library_page(view, files)
    publish_release_pages(view, files)
    for address, content in view.source.picture_files.items():
        files[f"libraries/{library.name}/{address}"] = content
    files[f"libraries/{library.name}/feed.xml"] = library_feed(view)
    publish_step_pages(view, files)
    return RenderedLibrary(
        rendered=Rendered(files=files, twins=twins),
        record=_record(view, key),
        bodies=bodies,
        quality=view.known.quality.points if view.known.quality else 0,
    )


def _mentions(view: LibraryView) -> tuple[str, ...]:
    """The libraries that the pages link to, as long as those have a page."""
    texts = {text for r in view.source.shown for text in r.content.manifest.dependencies}
    names = {name for name, _ in dependencies_of(sorted(texts)) if name}
    deprecated = view.source.library.facts.deprecated
    if deprecated is not None and deprecated.replacement is not None:
        return tuple(sorted({*names, deprecated.replacement}))
    return tuple(sorted(names))


def _record(view: LibraryView, key: str) -> LibraryRecord:
    library, shared = view.source.library, view.shared
    manifest, content = shared["manifest"], library.content
    card = view.context.theme.fragment("card.html", CARD_ROOT, shared)
    named = publisher_of(manifest, view.active.mark if view.active else None)
    publisher = named if named is not None and named.has_page else None
    needs = {name for name, _ in dependencies_of(manifest.dependencies if manifest else ()) if name}
    return LibraryRecord(
        key=key,
        newest=view.known.newest,
        age=age_step(view.known.newest, view.context.as_of),
        name=library.name,
        title=shared["title"],
        description=shared["summary"],
        author=manifest.author if manifest else "",
        license=(manifest.license or "") if manifest else "",
        has_executor=any(file.executor is not None for file in manifest.steps)
        if manifest
        else False,
        categories=tuple(category for _, category in shared["categories"]),
        platforms=tuple(name for name, _ in shared["platforms"]),
        is_premium=manifest.is_premium if manifest else False,
        is_broken=shared["is_broken"],
        is_deprecated=library.facts.deprecated is not None or shared["is_yanked"],
        is_hit=shared["is_hit"],
        publisher=publisher.name if publisher else "",
        is_signed=publisher.has_signed if publisher else False,
        tags=manifest.tags if manifest else (),
        needs=tuple(sorted(needs)),
        hits=tuple(
            RecordedHit(
                id=item.id,
                versions=item.versions,
                more_versions=item.more_versions,
                safe=item.safe,
            )
            for item in view.advisories
        ),
        end=b"",
        steps=tuple(step.name for step in content.steps) if content else (),
        step_categories=tuple(step.category for step in content.steps) if content else (),
        mentions=_mentions(view),
        releases=tuple(_entry(r) for r in library.releases if r.is_served and r.yank is None),
        card=card.encode(),
        summary=wire.library_summary_bytes(library),
        outputs={},
    )


def _entry(record: ReleaseRecord) -> FeedEntry:
    return FeedEntry(
        version=str(record.version), date=record.date or "", digest=record.digest or ""
    )
