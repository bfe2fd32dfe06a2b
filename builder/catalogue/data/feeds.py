"""Files for machines: sitemap (sitemaps.org), Atom feed (RFC 4287), robots.txt (RFC 9309)."""

from __future__ import annotations

from builder.catalogue.data.feed_ids import NEVER, feed_id, release_id
from builder.catalogue.data.xml_text import xml_text
from builder.catalogue.views.overview import Overview
from registry.formats.model import RegistryFacts

_FEED_ENTRIES = 50
_SITEMAP_ADDRESSES = 40_000
_DATE_LENGTH = 10
_ALONE = ("", "browse/", "publishers/", "advisories/", "log/", "about/", "schemas/")
"""The pages of a site that are about no single library."""


def feed_files(facts: RegistryFacts, base_url: str, overview: Overview) -> dict[str, bytes]:
    """Path → bytes."""
    files = _sitemaps(base_url, overview)
    files["feed.xml"] = _feed(facts, base_url, overview)
    files["robots.txt"] = f"User-agent: *\nAllow: /\n\nSitemap: {base_url}/sitemap.xml\n".encode()
    return files


def _sitemaps(base_url: str, overview: Overview) -> dict[str, bytes]:
    base = xml_text(base_url)
    lines = [f"<url><loc>{base}/{path}</loc></url>\n" for path in _ALONE]
    for record in overview.by_name:
        date = record.date[:_DATE_LENGTH]
        changed = f"<lastmod>{xml_text(date)}</lastmod>" if date else ""
        start = f"<url><loc>{base}/libraries/{record.name}/"
        lines.append(f"{start}</loc>{changed}</url>\n")
        lines += [f"{start}steps/{step}/</loc>{changed}</url>\n" for step in record.steps]
    parts = [
        lines[start : start + _SITEMAP_ADDRESSES]
        for start in range(0, len(lines), _SITEMAP_ADDRESSES)
    ]
    if len(parts) == 1:
        return {"sitemap.xml": _xml("urlset", parts[0])}
    files = {f"sitemap-{n}.xml": _xml("urlset", part) for n, part in enumerate(parts, 1)}
    index = [f"<sitemap><loc>{base}/{name}</loc></sitemap>\n" for name in files]
    return {"sitemap.xml": _xml("sitemapindex", index), **files}


def _xml(root: str, lines: list[str]) -> bytes:
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{space}">\n'
    return "".join((head, *lines, f"</{root}>\n")).encode()


def _feed(facts: RegistryFacts, base_url: str, overview: Overview) -> bytes:
    base = xml_text(base_url)
    newest = overview.newest(_FEED_ENTRIES)
    updated = newest[0][1].date if newest else ""
    entries = "".join(
        "<entry>"
        f"<id>{release_id(record.name, release.version, release.digest)}</id>"
        f"<title>{xml_text(record.title)} {release.version}</title>"
        f"<updated>{xml_text(release.date or NEVER)}</updated>"
        f'<link href="{base}/libraries/{record.name}/"/>'
        f"<author><name>{xml_text(record.author or facts.title)}</name></author>"
        f"<summary>{xml_text(record.description)}</summary>"
        "</entry>\n"
        for record, release in newest
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{feed_id(facts.name)}</id><title>{xml_text(facts.title)}: new releases</title>"
        f"<updated>{xml_text(updated or NEVER)}</updated>"
        f"<author><name>{xml_text(facts.title)}</name></author>"
        f'<link rel="self" href="{base}/feed.xml"/><link href="{base}/"/>\n'
        f"{entries}</feed>\n"
    ).encode()
