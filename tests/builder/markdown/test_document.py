from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.markdown import (
    LINK_RELATION,
    MARKDOWN_CHARACTERS,
    LinkPlaces,
    Picture,
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
    "[x](&#106;avascript:alert(1))",
    "[x](//evil.example)",
    "[x](/etc/passwd)",
    "[x](../../../other/README.md)",
    "![x](https://tracker.example/pixel.png)",
    "![x](//tracker.example/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "![x](../assets/../../../secret.png)",
    '!["><script>](../assets/a.png)',
    "[![x](https://e.example/b.svg)](javascript:alert(1))",
    "<javascript:alert(1)>",
    '[x](https://e.example "onmouseover=alert(1)")',
    '[x](https://e.example/"onmouseover=alert(1))',
    'https://e.example/"onmouseover=alert(1)',
    "[x]: javascript:alert(1)\n\n[x]",
    "`</code><script>alert(1)</script>`",
    "```\n</pre><script>alert(1)</script>\n```",
    "```html\n</pre><script>alert(1)</script>\n```",
    '# <a name="x" onclick="alert(1)">h</a>',
    "| <script> |\n| --- |\n| <svg onload=alert(1)> |",
    '<a href="//evil.example">x</a>',
    "<!-- --><style>body{display:none}</style>",
    "<!--><script>alert(1)</script>-->",
    "&lt;script&gt;&#x3C;script&#x3E;",
    "a[^1]\n\n[^1]: <script>alert(1)</script> [x](javascript:alert(1))\n",
    "- [x] <script>",
]
ALLOWED = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "h3", "h4", "h5", "h6", "hr", "img"),
    *("input", "li", "ol", "p", "pre", "span", "strong", "sup", "table", "tbody"),
    *("td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES = {
    *("alt", "aria-label", "checked", "class", "disabled", "height", "href", "id", "loading"),
    *("rel", "scope", "src", "start", "tabindex", "title", "type", "width"),
}
SIGNS = [
    *(
        "a",
        "é",
        " ",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "    ",
        "*",
        "**",
        "_",
        "~~",
        "`",
        "```",
    ),
    *("[", "]", "(", ")", "](", "![", "[^1]", "[^1]: ", "[ ] ", "|", "\n|-|\n", "<", ">", "<!--"),
    *("&", "&#x3c;", "\\", "https://e.example/", "#a", "../assets/a.png", "CHANGELOG.md", "\0"),
]
PLACES = LinkPlaces(
    document="docs/README.md",
    root="../",
    pages=(("docs/CHANGELOG.md", "../#changelog"), ("docs/README.md", "#readme")),
    pictures=(("assets/a.png", Picture(address="pictures/12ab.png", width=3, height=2)),),
)


class Tags(HTMLParser):
    """Collects every element and attribute of a piece of HTML, and what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"br", "hr", "img", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_safe(text: str) -> None:
    tags = Tags(text)
    assert tags.open == []
    ids: list[str | None] = []
    for tag, attributes in tags.found:
        assert tag in ALLOWED
        assert set(attributes) <= ATTRIBUTES
        ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a" and attributes.get("rel") == LINK_RELATION:
            assert str(attributes["href"]).startswith(("https://", "http://", "mailto:"))
        elif tag == "a":
            inner = str(attributes["href"])
            assert inner in {"../#changelog", "#readme"} or inner.startswith("#readme-")
        elif tag == "img":
            assert attributes["src"] == "../pictures/12ab.png"
            assert (attributes["width"], attributes["height"]) == ("3", "2")
    assert len(ids) == len(set(ids))
    assert all(str(name).startswith("readme-") for name in ids)


def rendered(text: str) -> str:
    return render_markdown(text, prefix="readme-", places=PLACES)


def foreign(url: str, text: str) -> str:
    return f'<a href="{url}" rel="{LINK_RELATION}">{text}</a>'


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_becomes_harmless_html(text: str) -> None:
    assert_safe(rendered(text))
    assert_safe(render_description(text))
    assert "<script" not in rendered(text)


@given(st.lists(st.sampled_from([*HOSTILE, *SIGNS]), max_size=30))
def test_mixtures_of_hostile_markdown_stay_harmless(parts: list[str]) -> None:
    assert_safe(rendered("".join(parts)))
    assert_safe(render_description("".join(parts)))


@given(st.text(max_size=200))
def test_whatever_the_text_it_becomes_harmless_html(text: str) -> None:
    assert_safe(rendered(text))


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=80))
def test_code_is_shown_as_it_was_written(code: str) -> None:
    block = "\n".join(f"    {line}" for line in ["x", code, "y"])
    shown = re.search(r"<code>(.*)</code>", rendered(block), re.DOTALL)
    assert shown is not None
    assert html.unescape(shown[1]) == f"x\n{code}\ny"


def test_what_the_writer_makes_passes_the_allow_list_unchanged() -> None:
    """The allow-list is a second wall: what it takes away is a mistake of the first."""
    from builder.markdown.allowed_html import allowed
    from builder.markdown.parsing import document_events
    from builder.markdown.writer import Writer

    text = (
        "# a\n\n- [x] b\n- [ ] c\n\n3. d\n\n| a | b |\n| :-: | --: |\n| `c` | ~~d~~ |\n\n"
        '> *e* **f** https://e.example/?a=1&b=2\n\n```json\n{"g": 1}\n```\n\nh[^1] <b> "\'\n\n'
        '[^1]: i\n\n![j](../assets/a.png) [k](CHANGELOG.md) [l](https://e.example "m & n")\n\n---\n'
    )
    made = Writer(document_events(text), prefix="x-", top=3, places=PLACES).html()
    assert allowed(made) == made


def test_headings_are_in_steps_of_one_below_the_page() -> None:
    found = re.findall(r"<h(\d) id=\"([^\"]+)\"", rendered("## A\n\n##### A\n\n### *B*\n\n# C\n"))
    assert found == [
        ("3", "readme-a"), ("4", "readme-a-2"), ("4", "readme-b"), ("3", "readme-c"),
    ]  # fmt: skip


def test_headings_of_other_scripts_have_ids_of_their_own() -> None:
    assert 'id="readme-настройка-2"' in rendered("# Настройка\n\n# Настройка\n")
    assert 'id="readme-section"' in rendered("# !!!\n")


def test_an_id_that_a_heading_chose_is_not_given_twice() -> None:
    found = re.findall(r'<h3 id="([^"]+)"', rendered("# a 2\n\n# a\n\n# a\n"))
    assert found == ["readme-a-2", "readme-a", "readme-a-3"]


def test_a_heading_can_be_linked_to_by_its_name_here_and_on_git_hosts() -> None:
    links = "[x](#who-it-s-for) [y](#who-its-for) [z](README.md#who-its-for) [n](#gone)"
    shown = rendered(f"{links}\n\n# Who it's for\n")
    assert shown.count('href="#readme-who-it-s-for"') == 3 + 1  # and the heading's own
    assert "n</p>" in shown


def test_a_heading_without_words_is_none() -> None:
    assert rendered("# \n\na") == "<p>a</p>\n"


def test_a_published_picture_is_shown_with_its_size() -> None:
    assert rendered('![A *picture*](../assets/a.png "t")') == (
        '<p><img src="../pictures/12ab.png" alt="A picture" width="3" height="2" '
        'loading="lazy"></p>\n'
    )
    linked = rendered("[![](../assets/a.png)](https://e.example)")
    assert 'alt="image"' in linked


@pytest.mark.parametrize(
    "target",
    ["../assets/b.png", "/assets/a.png", "../../assets/a.png", "assets/a.png", "a.png", "",
     "file:///assets/a.png", "..%2f..%2fassets/a.png", "http://[", "../assets/a.svg"],
)  # fmt: skip
def test_a_picture_that_is_not_published_is_text(target: str) -> None:
    assert rendered(f"![A picture](<{target}>)") == "<p>A picture</p>\n"


def test_a_remote_picture_is_its_text_and_a_link_to_it() -> None:
    shown = rendered("![build](https://ci.example/b.svg) ![](https://ci.example/c.svg)")
    assert shown == (
        f"<p>{foreign('https://ci.example/b.svg', 'build')} "
        f"{foreign('https://ci.example/c.svg', 'image')}</p>\n"
    )


def test_a_badge_is_its_text_linked_to_where_the_badge_led() -> None:
    shown = rendered("[![build](https://ci.example/b.svg)](https://ci.example/runs)")
    assert shown == f"<p>{foreign('https://ci.example/runs', 'build')}</p>\n"
    shown = rendered("[![build](https://ci.example/b.svg)](gone.md)")
    assert shown == f"<p>{foreign('https://ci.example/b.svg', 'build')}</p>\n"


def test_no_link_is_empty() -> None:
    assert rendered("[](https://e.example/a)") == (
        f"<p>{foreign('https://e.example/a', 'https://e.example/a')}</p>\n"
    )
    assert rendered("a [](gone.md) [![](b.svg)](gone.md)") == "<p>a  image</p>\n"


def test_links_lead_to_what_the_catalogue_shows_and_no_further() -> None:
    shown = rendered("[a](CHANGELOG.md) [b](./../docs/CHANGELOG.md#x) [c](GUIDE.md) [d](../../x)")
    assert shown == ('<p><a href="../#changelog">a</a> <a href="../#changelog">b</a> c d</p>\n')


def test_addresses_in_the_text_are_links_without_the_sentence_around_them() -> None:
    shown = rendered("See https://e.example/a_(b), (http://e.example/c) or `https://e.example/d`.")
    assert shown == (
        f"<p>See {foreign('https://e.example/a_(b)', 'https://e.example/a_(b)')}, "
        f"({foreign('http://e.example/c', 'http://e.example/c')}) or "
        "<code>https://e.example/d</code>.</p>\n"
    )
    assert rendered("<a@e.example>") == f"<p>{foreign('mailto:a@e.example', 'a@e.example')}</p>\n"


def test_tasks_are_boxes_that_say_their_state() -> None:
    assert rendered("- [x] a\n- [ ] b\n") == (
        '<ul>\n<li class="task"><input type="checkbox" disabled="" checked="" aria-label="Done"> a'
        '</li>\n<li class="task"><input type="checkbox" disabled="" aria-label="To do"> b</li>\n'
        "</ul>\n"
    )


def test_footnotes_are_numbered_as_they_are_named_and_lead_back() -> None:
    shown = rendered("a[^z] b[^y] c[^Z]\n\n# --fn-1\n\n[^y]: why\n[^z]: zed\n[^x]: unnamed\n")
    assert re.findall(r'href="#([^"]+)" id="([^"]+)"', shown) == [
        ("readme--fn-1", "readme--fnref-1"),
        ("readme--fn-2", "readme--fnref-2"),
        ("readme--fn-1", "readme--fnref-1-2"),
    ]
    notes = shown[shown.index('<div class="footnotes"') :]
    assert re.findall(r'<li id="([^"]+)"><p>(\w+)', notes) == [
        ("readme--fn-1", "zed"), ("readme--fn-2", "why"),
    ]  # fmt: skip
    assert notes.count("↩") == 3
    assert "unnamed" not in shown
    assert_safe(shown)


def test_tables_scroll_and_align() -> None:
    shown = rendered("| a | b | |\n| :-: | --: | --- |\n| 1 | 2 | 3 |\n")
    assert shown.startswith('<div class="scroll" tabindex="0"><table>')
    assert (
        '<th scope="col" class="center">a</th><th scope="col" class="right">b</th><td></td>'
        in shown
    )
    assert '<td class="center">1</td><td class="right">2</td><td>3</td>' in shown


def test_html_is_text_but_for_comments_and_line_breaks() -> None:
    assert rendered("a <b>c</b><br/>d <!-- e -->") == ("<p>a &lt;b&gt;c&lt;/b&gt;<br>d </p>\n")
    assert rendered('<p align="center">\n\n**a**\n\n</p>\n\n<!-- b\n\nc -->\n') == (
        '<p>&lt;p align="center"&gt;</p>\n<p><strong>a</strong></p>\n<p>&lt;/p&gt;</p>\n'
    )


def test_what_stands_between_comments_is_shown() -> None:
    assert "hello" in rendered("<!-- a\n-->\n<b>hello</b>\n<!-- b -->\n")
    assert "hello" in rendered("<!-- a --> hello <!-- b -->\n")
    assert rendered("<!-- a --> <!-- b -->\n\n<!-- c -->") == ""


def test_a_document_of_no_page_has_no_ids() -> None:
    shown = render_markdown("# a\n\nb[^1] [c](#a)\n\n[^1]: d\n", prefix="")
    assert "id=" not in shown
    assert "href=" not in shown
    assert "<p>b<sup" in shown


def test_quotes_and_lists_are_nested_so_deep_and_no_deeper() -> None:
    shown = rendered(">" * 200 + " a")
    assert shown.count("<blockquote>") == 20
    assert "<p>a</p>" in shown


def test_a_document_beyond_the_limit_is_cut_and_says_so() -> None:
    shown = rendered("word " * (MARKDOWN_CHARACTERS // 5 + 10))
    assert "the rest is left out" in shown
    assert len(shown) < MARKDOWN_CHARACTERS + 200


def test_a_plain_description_is_one_escaped_paragraph() -> None:
    assert render_description('5 "apples"') == "<p>5 &#34;apples&#34;</p>"
    assert render_description("  ") == ""


def test_a_description_has_paragraphs_for_headings_and_no_footnotes() -> None:
    assert render_description("# a\n\nb [^1]\n") == "<p>a</p>\n<p>b [^1]</p>\n"
    assert render_description("`a`") == "<p><code>a</code></p>\n"


def test_plain_text_drops_the_signs_and_cuts_at_a_word() -> None:
    assert plain_text("**Copy** a [file](https://e.example)", 50) == "Copy a file"
    assert plain_text("one two three", 9) == "one two…"
    assert plain_text("# C# for *all*\n> a > b", 50) == "C# for all a > b"


def test_plain_text_says_the_items_of_a_list_one_after_the_other() -> None:
    listed = "With **this** you can:\n\n- Set a\n* Set `b`.\n  1. Third\n+ Fourth\n\nEnd - so"
    said = "With this you can: Set a, Set b. Third, Fourth End - so"
    assert plain_text(listed, 90) == said
    assert plain_text("- Set a\n- Set b", 90) == "Set a, Set b"
    assert plain_text("**Deploy** to\n**Bitrise.io**", 90) == "Deploy to Bitrise.io"


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
