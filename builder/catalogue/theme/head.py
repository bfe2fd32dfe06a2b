"""The head of a page, as far as it is its own: for search engines, previews of links, feeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from builder.catalogue.theme.quoting import quote

PICTURE = "preview.png"
"""The picture of the site, for previews of links, below the site's root."""


def structured_data(data: Mapping[str, Any]) -> str:
    r"""JSON-LD as an element that is data: it is never run, so a policy without scripts permits it.

    Nothing in it can end the element or begin another, whatever strangers wrote.

    >>> structured_data({"name": "</script>"}).removeprefix('<script type="application/ld+json">')
    '{"name":"\\u003c/script\\u003e"}</script>\n'
    """
    text = orjson.dumps({key: value for key, value in data.items() if value}).decode()
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/ld+json">{safe}</script>\n'


def link_preview(
    *, title: str, description: str, address: str, picture: str, is_article: bool
) -> str:
    """The words and the picture by which other sites show a link to a page (Open Graph)."""
    kind = "article" if is_article else "website"
    return (
        f'<meta property="og:type" content="{kind}">\n'
        f'<meta property="og:title" content="{quote(title)}">\n'
        f'<meta property="og:description" content="{quote(description)}">\n'
        f'<meta property="og:url" content="{quote(address)}">\n'
        f'<meta property="og:image" content="{quote(picture)}">\n'
    )


def feed_link(title: str, address: str) -> str:
    """A feed that is about a page."""
    kind = "application/atom+xml"
    return f'<link rel="alternate" type="{kind}" title="{quote(title)}" href="{address}">\n'


NOT_INDEXED = '<meta name="robots" content="noindex">\n'
