"""A document that is all Markdown does not occupy the build of the catalogue."""

from __future__ import annotations

import random
from time import process_time

import pytest

from builder.markdown import (
    MARKDOWN_CHARACTERS,
    LinkPlaces,
    parsing,
    render_description,
    render_markdown,
)
from builder.markdown.code import CODE_CHARACTERS, LANGUAGES, code_html

# A long README; a hostile document is eight times as long.
_ORDINARY = "# Part\n\nSome *words* about `this`, and [a link](https://example.com).\n\n" * 900
_SIGNS = [
    *(
        "[",
        "![",
        "*a ",
        "_a",
        "&",
        "[a](",
        "# a\n",
        "a\n\n",
        "- a\n",
        "a|b\n-|-\n",
        "> ",
        ">",
        "a***",
    ),
    *("[a](<b", "[^", "[^a]: b\n", "[^a] ", "a<?", "a <![CDATA[", "~~_a", "*~~\u00a0", "[](", "`a"),
    *(
        "http://a ",
        "http://((((",
        "https://a.b)",
        "<a@",
        "1. ",
        "<a\n[^",
        "[a]: b\n",
        "[ (](",
        "<!--",
    ),
    *("**a", "[^\n", "[^a]: [^a]: ", "* * ", "  - a\n", "|a", "<br>", "![a](../assets/b.png)"),
]
_SHAPES = {
    "a wide table": "|a" * 4000 + "|\n" + "|-" * 4000 + "|\n" + "|a\n" * 160_000,
    "a long definition": "[x]: " + "x" * 4000 + "\n" + "[x]\n" * 120_000,
    "one footnote": "[^a]: x\n\n" + "[^a]\n" * 100_000,
    "many footnotes": "".join(f"[^{i}] [^{i}]: x\n\n" for i in range(30_000)),
    "ticks": "".join("`" * i + " " for i in range(1, 1000)),
    "nested lists": "".join(" " * (2 * i) + "- a\n" for i in range(700)),
    "nested emphasis": "*a **b " * 70_000 + "c** d* " * 70_000,
}


def _cost(text: str) -> float:
    render_markdown.cache_clear()
    began = process_time()
    render_markdown(text, prefix="x-")
    return process_time() - began


@pytest.fixture(scope="module")
def ordinary() -> float:
    return min(_cost(_ORDINARY) for _ in range(3))


@pytest.mark.parametrize("sign", _SIGNS)
def test_a_document_costs_no_more_the_more_signs_it_has(sign: str, ordinary: float) -> None:
    """Half a megabyte of brackets took another parser twenty seconds of a processor."""
    assert _cost((sign * MARKDOWN_CHARACTERS)[:MARKDOWN_CHARACTERS]) < 30 * ordinary


@pytest.mark.parametrize("shape", _SHAPES)
def test_a_document_costs_no_more_whatever_its_shape(shape: str, ordinary: float) -> None:
    assert _cost(_SHAPES[shape][:MARKDOWN_CHARACTERS]) < 30 * ordinary


def test_mixtures_of_signs_cost_no_more(ordinary: float) -> None:
    """The seed is fixed: a parser that gets worse is found by what is the same each time."""
    chance = random.Random(1)
    for _ in range(20):
        unit = "".join(chance.choice([*_SIGNS, "\n", "\n> ", "  "]) for _ in range(4))
        text = (unit * MARKDOWN_CHARACTERS)[: MARKDOWN_CHARACTERS // 4]
        assert _cost(text) < 30 * ordinary, unit


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_code_costs_no_more_whatever_it_is(language: str, ordinary: float) -> None:
    for sign in ("\n", "b", "\t", "${", "@", "/*"):
        code_html.cache_clear()
        began = process_time()
        code_html(language, (sign * CODE_CHARACTERS)[:CODE_CHARACTERS])
        assert process_time() - began < 40 * ordinary, sign


def test_links_cost_no_more_the_more_files_a_release_shows(ordinary: float) -> None:
    pages = tuple((f"steps/{n}.json", f"steps/{n}/") for n in range(500))
    places = LinkPlaces(document="docs/README.md", pages=pages)
    began = process_time()
    html = render_markdown("[a](../steps/499.json)\n" * 20_000, prefix="x-", places=places)
    assert process_time() - began < 40 * ordinary
    assert html.count('href="steps/499/"') == 20_000


def test_what_is_too_costly_is_shown_as_text() -> None:
    html = render_markdown("<b>*a* " * parsing.EVENTS, prefix="x-")
    assert "it is shown as text" in html
    assert "&lt;b&gt;*a*" in html
    assert "<b>" not in html
    assert "it is shown as text" in render_markdown("&" * (parsing.EVENTS + 1), prefix="x-")


def test_a_document_within_the_budget_is_rendered_to_the_last_sign() -> None:
    html = render_markdown(f"{'*a* ' * (parsing.EVENTS // 5)}\n\n**end**", prefix="x-")
    assert "<strong>end</strong>" in html


def test_time_ends_what_was_counted_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "SECONDS", -1.0)
    render_markdown.cache_clear()
    assert "it is shown as text" in render_markdown("*a* " * 2_000, prefix="x-")
    assert render_description("*a* " * 2_000).startswith("<p>*a* *a*")
    render_markdown.cache_clear()
    render_description.cache_clear()
