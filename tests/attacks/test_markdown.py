"""A document that is all Markdown does not occupy the build of the catalogue."""

from __future__ import annotations

from time import process_time

import pytest

from builder import markdown
from builder.markdown import MARKDOWN_CHARACTERS, RENDERED_EFFORT, render_markdown

_ORDINARY = "# Part\n\nSome *words* about `this`, and [a link](https://example.com).\n\n" * 400


def _cost(text: str) -> float:
    render_markdown.cache_clear()
    began = process_time()
    render_markdown(text, prefix="x-")
    return process_time() - began


@pytest.mark.parametrize(
    "sign", ["[", "![", "*a ", "_a", "&", "[a](", "# a\n", "a\n\n", "- a\n", "a|b\n-|-\n", "> "]
)
def test_a_document_costs_no_more_the_more_signs_it_has(sign: str) -> None:
    """Half a megabyte of brackets took twenty seconds of a processor."""
    hostile = (sign * MARKDOWN_CHARACTERS)[:MARKDOWN_CHARACTERS]
    ordinary = min(_cost(_ORDINARY) for _ in range(3))
    assert _cost(hostile) < 20 * ordinary


def test_what_is_too_costly_is_shown_as_text() -> None:
    html = render_markdown("<b>[" * RENDERED_EFFORT, prefix="x-")
    assert "it is shown as text" in html
    assert "&lt;b&gt;[" in html
    assert "<b>" not in html


def test_a_document_within_the_budget_is_rendered_to_the_last_sign() -> None:
    html = render_markdown(f"{'[' * (RENDERED_EFFORT // 8)}\n\n**end**", prefix="x-")
    assert "<strong>end</strong>" in html


def test_time_ends_what_was_counted_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "RENDERED_SECONDS", -1.0)
    render_markdown.cache_clear()
    assert "it is shown as text" in render_markdown("*a*", prefix="x-")
    render_markdown.cache_clear()
