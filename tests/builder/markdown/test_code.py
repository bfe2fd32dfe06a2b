from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.markdown import render_markdown
from builder.markdown.code import (
    CODE_CHARACTERS,
    COLOURED_CHARACTERS,
    LANGUAGES,
    code_html,
    is_coloured,
)


def rendered(language: str, code: str) -> str:
    return render_markdown(f"```{language}\n{code}\n```\n", prefix="x-")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@settings(max_examples=15)  # of each
@given(code=st.text(alphabet=st.sampled_from(list("ab1 \n\"'`#$-=<>/*\\{}()[]&;:@")), max_size=80))
def test_coloured_code_is_the_same_text(language: str, code: str) -> None:
    shown = code_html(language, code)
    assert html.unescape(re.sub(r'</?span(?: class="[a-z]")?>', "", shown)) == code
    assert code_html("console", "$ a\nb\n").startswith('<span class="c">$ </span>')


def test_code_of_a_known_language_is_coloured() -> None:
    assert rendered("json", '{"a": 1}') == (
        '<pre tabindex="0"><code>{<span class="k">"a"</span>: <span class="n">1</span>}\n'
        "</code></pre>\n"
    )
    assert '<span class="c"># b\n</span>' in rendered("{.Bash title=x}", "a # b")


@pytest.mark.parametrize("language", ["", "klingon", "cpp", "no-such"])
def test_other_code_is_plain(language: str) -> None:
    assert rendered(language, "if x: 1") == '<pre tabindex="0"><code>if x: 1\n</code></pre>\n'


def test_long_code_and_much_code_is_plain() -> None:
    assert is_coloured("json", "1" * CODE_CHARACTERS)
    assert not is_coloured("json", "1" * (CODE_CHARACTERS + 1))
    block = "```json\n" + "1" * (CODE_CHARACTERS - 1) + "\n```\n\n"
    shown = render_markdown(block * 10, prefix="x-")
    assert shown.count("<span") == COLOURED_CHARACTERS // CODE_CHARACTERS
    assert shown.count("<pre") == 10
