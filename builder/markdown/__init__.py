"""Markdown and plain text from strangers, as HTML that is safe to publish.

A compiled parser says what a document is made of; every tag of the HTML is written here, and all
of it passes an allow-list once more. Nothing is loaded from elsewhere, and a link or a picture
leads only to the web or to what the catalogue itself publishes.
"""

from __future__ import annotations

from builder.markdown.addresses import safe_url
from builder.markdown.document import (
    MARKDOWN_CHARACTERS,
    render_description,
    render_markdown,
)
from builder.markdown.places import NOWHERE, LinkPlaces, Picture, names_files, picture_paths
from builder.markdown.plain import plain_text
from builder.markdown.targets import LINK_RELATION

__all__ = [
    "LINK_RELATION",
    "MARKDOWN_CHARACTERS",
    "NOWHERE",
    "LinkPlaces",
    "Picture",
    "names_files",
    "picture_paths",
    "plain_text",
    "render_description",
    "render_markdown",
    "safe_url",
]
