"""The HTML that text from strangers may become, whatever wrote it."""

from __future__ import annotations

import nh3
from markupsafe import Markup

from builder.markdown.code import CODE_CLASSES
from builder.markdown.targets import LINK_RELATION

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("img", "input", "li", "ol", "p", "pre", "span", "strong", "sup", "table"),
    *("tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "title", "id", "aria-label"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
    "img": {"src", "alt", "width", "height"},
    "input": {"checked", "disabled", "aria-label"},
    "li": {"id"},
    "ol": {"start"},
    "div": {"tabindex"},
    "pre": {"tabindex"},
    "th": {"scope"},
}
_VALUES = {
    "a": {"rel": {LINK_RELATION}},
    "img": {"loading": {"lazy"}},
    "input": {"type": {"checkbox"}},
}
_CLASSES = {
    "a": {"anchor"},
    "div": {"footnotes", "scroll"},
    "li": {"task"},
    "span": set(CODE_CLASSES),
    "sup": {"footnote"},
    "td": {"center", "right"},
    "th": {"center", "right"},
}


def allowed(html: str) -> Markup:
    """The same HTML, if it is what we meant to write; else without what is not allowed."""
    return Markup(_CLEANER.clean(html))  # noqa: S704 - nh3 made it safe


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    tag_attribute_values=_VALUES,
    allowed_classes=_CLASSES,
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
    strip_comments=True,
)
