"""A stranger's document or description as HTML, within what a build can bear."""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup, escape

from builder.markdown.allowed_html import allowed
from builder.markdown.parsing import TooCostlyError, description_events, document_events
from builder.markdown.places import NOWHERE, LinkPlaces
from builder.markdown.writer import Writer

MARKDOWN_CHARACTERS = 512 * 1024
"""Longest document that is rendered; a longer one is cut there and says so."""
DESCRIPTION_CHARACTERS = 16 * 1024
"""Longest description that is rendered as Markdown; a longer one is cut."""

_REMEMBERED = 2_000
"""Descriptions kept rendered: those of parameters recur from step to step."""
_DOCUMENTS = 64
"""Documents kept rendered: changelogs of first releases are often the same."""
_TOP = 3
"""The level of a document's greatest headings: it is in a section, which has a heading."""
# Text with none of these is the same with and without Markdown.
_MARKDOWN_SIGNS = re.compile(r"[*_`~#\[\]<>|\\&!]|\n|://|^\s*(?:[-+]|\d+[.)])\s")


@lru_cache(maxsize=_DOCUMENTS)
def render_markdown(text: str, *, prefix: str, places: LinkPlaces = NOWHERE) -> Markup:
    """A whole document as HTML, whose ids start with ``prefix``; with none it has no ids.

    Documents with prefixes of their own never meet on a page. ``places`` is what the document may
    lead to besides the web.
    """
    cut = len(text) > MARKDOWN_CHARACTERS
    shown = text[:MARKDOWN_CHARACTERS]
    try:
        events = document_events(shown)
    except TooCostlyError:
        html = Markup(
            "<p><em>There is too much Markdown in this document; it is shown as text.</em></p>"
        ) + Markup('<pre tabindex="0">{}</pre>').format(shown)
    else:
        html = allowed(Writer(events, prefix=prefix, top=_TOP, places=places).html())
    if cut:
        html += Markup("<p><em>The document is longer; the rest is left out here.</em></p>")
    return html


@lru_cache(maxsize=_REMEMBERED)
def render_description(text: str) -> Markup:
    """A description: paragraphs, lists and code, without headings that one could link to."""
    text = text.strip()[:DESCRIPTION_CHARACTERS]
    if not _MARKDOWN_SIGNS.search(text):
        return Markup(f"<p>{escape(text)}</p>" if text else "")  # noqa: S704 - escaped here
    try:
        events = description_events(text)
    except TooCostlyError:
        return Markup("<p>{}</p>").format(text)
    return allowed(Writer(events, prefix="", top=None, places=NOWHERE).html())
