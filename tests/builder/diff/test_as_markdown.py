"""What strangers wrote is only code in Markdown, whatever they wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builder.diff.as_markdown import code, comparisons_markdown, table
from builder.diff.as_text import comparison_data, comparison_lines
from builder.diff.which_releases import ComparedReleases
from tests.builder.diff.releases import difference, parameter
from tests.registry.making import NAME, version

_RENDERER = MarkdownIt("gfm-like", {"html": True, "linkify": False})


@given(st.text(alphabet=st.sampled_from("`|\\\\@<>&[]()*_# \n\x1ba\u202e"), max_size=12))
def test_a_cell_stays_one_cell_of_code(text: str) -> None:
    rendered = _RENDERER.render(table(("one", "two"), [(code(text), "end")]))
    tokens = [
        child.type
        for token in _RENDERER.parse(table(("one", "two"), [(code(text), "end")]))
        for child in token.children or ()
    ]
    assert rendered.count("<td") == 2
    assert ">end</td>" in rendered
    assert "\x1b" not in rendered
    if text.strip():
        assert tokens == ["text", "text", "code_inline", "text"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a|b", "`a\\|b`"), ("a\nb", "`a\\nb`")],
)
def test_code(text: str, shown: str) -> None:
    assert code(text) == shown


def _comparison(texts: list[str]) -> ComparedReleases:
    found = difference(
        parameter(type="select", options=["x"]), parameter(type="select", options=["x", *texts])
    )
    return ComparedReleases(
        library=NAME, old=version("1.0.0"), new=version("1.1.0"), diff=found, verdict=None
    )


def test_more_rows_than_a_summary_holds_are_counted() -> None:
    text = comparisons_markdown([_comparison([f"option {number}" for number in range(250)])])
    assert text.count("| minor |") == 200
    assert "… and 50 more" in text


def test_a_long_value_is_cut_for_people_and_whole_in_json() -> None:
    long = "long " * 100
    comparison = _comparison([long])
    (_, (_, line), _) = comparison_lines(comparison)
    assert line.endswith("…)")
    assert len(line) < 200
    assert comparison_data(comparison)["changes"][0]["after"] == long
    assert long not in comparisons_markdown([comparison])
