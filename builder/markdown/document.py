"""Markdown and plain text from strangers, as HTML that is safe to publish.

Raw HTML in the source stays text, what the renderer makes passes an allow-list once more, links
go only to the web or to mail, and nothing is loaded from anywhere: an image becomes a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import inf
from time import thread_time
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape

MARKDOWN_CHARACTERS = 512 * 1024
"""Longest document that is rendered; a longer one is cut there and says so."""
RENDERED_EFFORT = 100_000
"""The limit of parsing a document's Markdown: a point for each sign, four for each line.

About a second; of half a million square brackets it would be twenty. What costs more is shown as
plain text. It is counted, not timed, so that every build shows the same.
"""
RENDERED_SECONDS = 20.0
"""Longest that parsing one takes all the same, seconds of processor time: the rest of its kind."""
INLINE_CHARACTERS = 16 * 1024
"""Longest description that is rendered as Markdown; a longer one is cut."""
NESTING_LEVELS = 20
"""Quotes and lists inside each other that are rendered."""

_REMEMBERED = 2_000
"""Descriptions kept rendered: those of parameters recur from step to step."""

_DOCUMENTS = 64
"""Documents kept rendered: changelogs of first releases are often the same."""

LINK_RELATION = "nofollow noopener ugc"
_SCHEMES = {"http", "https", "mailto"}
_TAGS = {
    *("a", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h2", "h3", "h4"),
    *("h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th"),
    *("thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
    "ol": {"start"},
    "div": {"tabindex"},
    "pre": {"tabindex"},
}
_CLASSES = {"div": {"scroll"}, "td": {"center", "right"}, "th": {"center", "right"}}
# Text with none of these is the same with and without Markdown.
_MARKDOWN_SIGNS = re.compile(r"[*_`~#\[\]<>|\\&!]|\n|://|^\s*(?:[-+]|\d+[.)])\s")
# Text with none of these has no inline element: no rule of markdown-it begins with another sign.
_INLINE_SIGNS = re.compile(r"[^\w\s.,;:?()/\"'+=%#@$|{}-]|[\n\r\0_]")
# Where one of our inline rules can begin, or end a link's text. markdown-it stops at 15 signs more,
# for rules of plugins, and tries each rule there.
_RULES_BEGIN = re.compile(r"[\n\\`~_*\[\]!<&]")
# A whole text that is code, such as a cell of a table: no other rule comes before it.
_ONLY_CODE = re.compile(r"`([^`\s](?:[^`\n]*[^`\s])?)`")
# An address in which there is nothing to encode: no percent sign, query or letter of other scripts.
_PLAIN_URL = re.compile(
    r"https?://(?=[^/]{1,63}(?:/|\Z))[a-z0-9]+(?:[.-][a-z0-9]+)*(?:/[A-Za-z0-9._~/-]*)?"
)
# What these tokens are wherever they stand; markdown-it looks at their neighbours each time.
_FIXED = {
    **{f"{tag}_open": f"<{tag}>" for tag in ("em", "strong", "s")},
    **{f"{tag}_close": f"</{tag}>" for tag in ("em", "strong", "s")},
    **{f"{tag}_open": f"<{tag}>\n" for tag in ("thead", "tbody", "tr")},
    **{f"{tag}_close": f"</{tag}>\n" for tag in ("thead", "tbody", "tr", "th", "td")},
}
# What the parser tries a rule for, where it stands; `[` and `!` cost most.
_COSTLY = "[]!*_`<&\\~|"
_LINE_EFFORT = 4
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_SIGNS = re.compile(r"[*`#>]+|(?<!\w)_+|_+(?!\w)")
_SLUG = re.compile(r"[^a-z0-9]+")


def safe_url(text: str | None, *, mail: bool = True) -> str | None:
    """The URL when it is an absolute http, https or mailto one; else None: show it as text."""
    if not text or any(character <= " " for character in text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return text if mail and parts.path else None
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


@lru_cache(maxsize=_DOCUMENTS)
def render_markdown(text: str, *, prefix: str, shift: int = 1) -> Markup:
    """A whole document as HTML.

    Headings move ``shift`` levels down, so that the page's own stay above them, and their ids
    start with ``prefix``, so that they never meet the page's own.
    """
    cut = len(text) > MARKDOWN_CHARACTERS
    shown = text[:MARKDOWN_CHARACTERS]
    try:
        html = _rendered(shown, prefix, shift)
    except _TooCostlyError:
        html = Markup(
            "<p><em>There is too much Markdown in this document; it is shown as text.</em></p>"
        ) + Markup('<pre tabindex="0">{}</pre>').format(shown)
    if cut:
        html += Markup("<p><em>The document is longer; the rest is left out here.</em></p>")
    return html


class _TooCostlyError(Exception):
    """To render it costs more than a document may."""


def _rendered(text: str, prefix: str, shift: int) -> Markup:
    if sum(map(text.count, _COSTLY)) + _LINE_EFFORT * text.count("\n") > RENDERED_EFFORT:
        raise _TooCostlyError
    tokens = _PARSER.parse(text, {"ends": thread_time() + RENDERED_SECONDS})
    _move_headings(tokens, prefix, shift)
    return _clean(_PARSER.renderer.render(tokens, _PARSER.options, {}))


@lru_cache(maxsize=_REMEMBERED)
def render_description(text: str) -> Markup:
    """A description: paragraphs, lists and code, without headings that one could link to."""
    text = text.strip()
    if not _MARKDOWN_SIGNS.search(text):
        return Markup(f"<p>{escape(text)}</p>" if text else "")  # noqa: S704 - escaped here
    tokens = _PARSER.parse(text[:INLINE_CHARACTERS])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = "p"
    return _clean(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def plain_text(text: str, length: int) -> str:
    """The text without Markdown's signs, on one line, at most ``length`` characters.

    For cards and page descriptions; it is still to be escaped.
    """
    return _plain_text(text[: length * 4], length)


@lru_cache(maxsize=_REMEMBERED)
def _plain_text(short: str, length: int) -> str:
    if "[" in short:
        short = _LINK.sub(r"\1", short)
    short = " ".join(_SIGNS.sub("", short).split())
    if len(short) <= length:
        return short
    return short[: length - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _clean(html: str) -> Markup:
    # The renderer's output is trusted least where it matters: everything passes the allow-list.
    return Markup(_CLEANER.clean(html))  # noqa: S704 - nh3 made it safe


def _move_headings(tokens: list[Token], prefix: str, shift: int) -> None:
    seen: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.type not in {"heading_open", "heading_close"}:
            continue
        token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
        if token.type == "heading_open":
            slug = _SLUG.sub("-", tokens[index + 1].content.lower()).strip("-")[:60] or "section"
            seen[slug] = seen.get(slug, 0) + 1
            number = f"-{seen[slug]}" if seen[slug] > 1 else ""
            token.attrSet("id", f"{prefix}{slug}{number}")


def parse_inline(state: StateCore) -> None:
    """markdown-it's own rule, with a short way for text without any sign, and for code alone."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        if thread_time() > state.env.get("ends", inf):
            raise _TooCostlyError
        if not _INLINE_SIGNS.search(token.content):
            token.children = [Token("text", "", 0, content=token.content)]
        elif code := _ONLY_CODE.fullmatch(token.content):
            token.children = [Token("code_inline", "code", 0, content=code[1])]
        else:
            children: list[Token] = []
            state.md.inline.parse(token.content, state.md, state.env, children)
            token.children = children


def _image_as_link(
    self: Any, tokens: Sequence[Token], index: int, options: Any, env: Mapping[str, Any]
) -> str:
    """An image, as a link to it: showing it would tell its host who reads the page."""
    token = tokens[index]
    source = safe_url(str(token.attrGet("src") or ""), mail=False)
    label = self.renderInlineAsText(token.children or [], options, env) or "image"
    return f'<a href="{escape(source)}">{escape(label)}</a>' if source else str(escape(label))


def _code_block(
    self: Any,  # noqa: ARG001
    tokens: Sequence[Token],
    index: int,
    options: Any,  # noqa: ARG001
    env: Mapping[str, Any],  # noqa: ARG001
) -> str:
    """Code that may scroll sideways, hence reachable with the keyboard."""
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


def _cell_open(
    self: Any,  # noqa: ARG001
    tokens: Sequence[Token],
    index: int,
    options: Any,  # noqa: ARG001
    env: Mapping[str, Any],  # noqa: ARG001
) -> str:
    """A table's cell; its alignment is a class, because the pages allow no inline style."""
    token = tokens[index]
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="{side}">' if side in {"center", "right"} else f"<{token.tag}>"


def _table_open(self: Any, *_: Any) -> str:  # noqa: ARG001
    return '<div class="scroll" tabindex="0"><table>\n'


def _table_close(self: Any, *_: Any) -> str:  # noqa: ARG001
    return "</table></div>\n"


def _fixed(html: str) -> Callable[..., str]:
    def render(*_: Any) -> str:
        return html

    return render


def hasten(parser: MarkdownIt) -> None:
    """Give a parser and its renderer the short ways; what they render stays the same."""
    normalise = parser.normalizeLink

    def normalise_quickly(url: str) -> str:
        return url if _PLAIN_URL.fullmatch(url) else normalise(url)

    parser.normalizeLink = normalise_quickly  # type: ignore[method-assign]
    parser.core.ruler.at("inline", parse_inline)
    parser.inline.terminator_re = _RULES_BEGIN
    for name, html in _FIXED.items():
        parser.add_render_rule(name, _fixed(html))


def _make_parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "maxNesting": NESTING_LEVELS}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.validateLink = lambda url: safe_url(url) is not None  # type: ignore[method-assign]
    hasten(parser)
    parser.add_render_rule("image", _image_as_link)
    parser.add_render_rule("fence", _code_block)
    parser.add_render_rule("code_block", _code_block)
    parser.add_render_rule("th_open", _cell_open)
    parser.add_render_rule("td_open", _cell_open)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


_PARSER = _make_parser()
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style"},
    attributes=_ATTRIBUTES,
    allowed_classes=_CLASSES,
    url_schemes=_SCHEMES,
    link_rel=LINK_RELATION,
    strip_comments=True,
)
