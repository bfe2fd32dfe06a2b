from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builder.markdown import (
    LINK_RELATION,
    MARKDOWN_CHARACTERS,
    hasten,
    plain_text,
    render_description,
    render_markdown,
    safe_url,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "![x](https://tracker.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "<javascript:alert(1)>",
    '[x](https://e.example "onmouseover=alert(1)")',
    "[x]: javascript:alert(1)\n\n[x]",
    "`</code><script>alert(1)</script>`",
    "```\n</pre><script>alert(1)</script>\n```",
    '# <a name="x" onclick="alert(1)">h</a>',
    "| <script> |\n| --- |\n| <svg onload=alert(1)> |",
    '<a href="//evil.example">x</a>',
    "<!-- --><style>body{display:none}</style>",
    "&lt;script&gt;&#x3C;script&#x3E;",
]
ALLOWED = {
    *("a", "blockquote", "br", "code", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol"),
    *("p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


class Tags(HTMLParser):
    """Collects every element and attribute of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_safe(html: str) -> None:
    for tag, attributes in Tags(html).found:
        assert tag in ALLOWED
        assert set(attributes) <= {"href", "title", "rel", "id", "start", "class", "tabindex"}
        if tag == "a":
            assert str(attributes["href"]).startswith(("https://", "http://", "mailto:"))
            assert attributes["rel"] == LINK_RELATION


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_becomes_harmless_html(text: str) -> None:
    assert_safe(render_markdown(text, prefix="readme-"))
    assert_safe(render_description(text))


@given(st.lists(st.sampled_from([*HOSTILE, "a", "\n\n", "> ", "- ", "*", "_", "`", "[", "]("])))
def test_mixtures_of_hostile_markdown_stay_harmless(parts: list[str]) -> None:
    assert_safe(render_markdown("".join(parts), prefix="readme-"))
    assert_safe(render_description("".join(parts)))


def test_headings_move_below_the_page_and_get_prefixed_ids() -> None:
    html = render_markdown("# Title\n\n# Title\n\n###### Deep\n", prefix="readme-")
    assert html == (
        '<h2 id="readme-title">Title</h2>\n<h2 id="readme-title-2">Title</h2>\n'
        '<h6 id="readme-deep">Deep</h6>\n'
    )


def test_an_image_is_a_link_and_nothing_is_loaded() -> None:
    html = render_markdown("![A *picture*](https://e.example/a.png)", prefix="x-")
    assert html == (
        f'<p><a href="https://e.example/a.png" rel="{LINK_RELATION}">A picture</a></p>\n'
    )


def test_a_document_beyond_the_limit_is_cut_and_says_so() -> None:
    html = render_markdown("word " * (MARKDOWN_CHARACTERS // 5 + 10), prefix="x-")
    assert "the rest is left out" in html
    assert len(html) < MARKDOWN_CHARACTERS + 200


def test_a_plain_description_is_one_escaped_paragraph() -> None:
    assert render_description('5 "apples"') == "<p>5 &#34;apples&#34;</p>"
    assert render_description("  ") == ""


def test_plain_text_drops_the_signs_and_cuts_at_a_word() -> None:
    assert plain_text("**Copy** a [file](https://e.example)", 50) == "Copy a file"
    assert plain_text("one two three", 9) == "one two…"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//e.example", "/x", "https:", "http://[", "https://e.example/a b",
     "\njavascript:x", "ftp://e.example", "mailto:", None, ""],
)  # fmt: skip
def test_unsafe_urls_are_no_links(url: str | None) -> None:
    assert safe_url(url) is None


def test_safe_urls_stay_as_they_are() -> None:
    assert safe_url("https://e.example/a?b=1") == "https://e.example/a?b=1"
    assert safe_url("mailto:a@e.example") == "mailto:a@e.example"
    assert safe_url("mailto:a@e.example", mail=False) is None


@given(
    st.text(
        alphabet=st.sampled_from(list("ab \n#*_`~[]()!<>&:/\\\"'|-+=.1@%${};,?é\t")), max_size=60
    )
    | st.lists(
        st.sampled_from(
            [
                *("| a | `b` |\n| --- | :-: |\n", "| **c** | ~~d~~ |\n", "- `e`\n", "> ", "\n\n"),
                *("[f](https://e.example)", "![g](https://e.example/g.png)", "`` ` ``", "` `"),
                *(
                    "h{i}",
                    "`j",
                    "k` l",
                    "<https://e.example/a-b/c.d~e_f>",
                    "[m](https://e.example/a)",
                ),
                *("[n](http://xn--a.example//b/../c)", "[o](https://E.example/%20?q=é)"),
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_the_short_ways_give_what_the_parser_gives(text: str) -> None:
    plain = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    short = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    hasten(short)
    assert short.render(text) == plain.render(text)
