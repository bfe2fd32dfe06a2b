"""The releases of one library as an Atom feed (RFC 4287), with the notes of their changelogs."""

from __future__ import annotations

from builder.catalogue.data.feed_ids import NEVER, feed_id, release_id
from builder.catalogue.data.xml_text import xml_text
from builder.catalogue.views.library_view import LibraryView
from builder.catalogue.views.release_views import ReleaseView
from builder.markdown import render_markdown

_ENTRIES = 30


def library_feed(view: LibraryView) -> bytes:
    """``feed.xml`` of a library; removed releases and those with an alarm are not in it."""
    theme = view.context.theme
    base = xml_text(theme.base_url)
    here = f"{base}/libraries/{view.name}/"
    releases = [release for release in view.releases if release.has_page]
    # By date; of the same moment the greater version first.
    newest = sorted(releases, key=lambda release: release.date, reverse=True)[:_ENTRIES]
    updated = newest[0].date if newest and newest[0].date else NEVER
    title = xml_text(view.shared["title"])
    manifest = view.shared["manifest"]
    author = xml_text(manifest.author if manifest and manifest.author else theme.facts.title)
    entries = "".join(_entry(release, view, title, here) for release in newest)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{feed_id(theme.facts.name, view.name)}</id><title>{title}: releases</title>"
        f"<updated>{xml_text(updated)}</updated><author><name>{author}</name></author>"
        f'<link rel="self" href="{here}feed.xml"/><link href="{here}"/>\n'
        f"{entries}</feed>\n"
    ).encode()


def _entry(release: ReleaseView, view: LibraryView, title: str, here: str) -> str:
    address = f"{here}{release.version}/"
    # On its own: neither ids nor links of the page that shows it mean anything in a feed.
    html = render_markdown(view.known.notes.get(release.version, ""), prefix="")
    known = release_id(view.name, release.version, release.record.digest or "")
    yank = release.record.yank
    said = f"Yanked: {xml_text(yank.reason)}" if yank else f"Release {release.version}"
    text = f'<content type="html">{xml_text(str(html))}</content>' if html else ""
    return (
        f"<entry><id>{known}</id><title>{title} {release.version}</title>"
        f"<updated>{xml_text(release.date or NEVER)}</updated>"
        f'<link href="{address}"/><summary>{said}</summary>{text}</entry>\n'
    )
