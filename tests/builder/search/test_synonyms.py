"""The synonyms that come with the program."""

from __future__ import annotations

import pytest

from builder.search.stems import stem
from builder.search.synonyms import synonyms_of


@pytest.mark.parametrize(
    ("written", "asked"), [("lint", "linter"), ("linter", "lint"), ("increment", "bump")]
)
def test_what_is_written_is_found_by_another_word(written: str, asked: str) -> None:
    assert stem(asked) in synonyms_of().of({stem(written): 1.0})
