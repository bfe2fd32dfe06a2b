"""The difference of any two of many releases is that of the two."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builder.diff import InterfaceChange, compare
from builder.diff.all_pairs import compare_all
from tests.builder.diff.drawing import RELEASES
from tests.builder.diff.releases import content

_LIBRARIES = st.fixed_dictionaries(
    {"steps": st.sampled_from([["file.copy"], ["file.copy", "file.move"], ["file.move"]])},
    optional={
        "executor": st.sampled_from([None, "executors/one.py", "executors/two.py"]),
        "deprecation_message": st.sampled_from([None, "Use another."]),
        "manifest": st.fixed_dictionaries(
            {},
            optional={
                "description": st.sampled_from(["", "It copies."]),
                "homepage": st.sampled_from([None, "https://example.com"]),
                "dependencies": st.sampled_from([[], ["core>=1.0"], ["core>=1.0,<2"]]),
                "is_premium": st.booleans(),
                "tags": st.sampled_from([[], ["a"], ["a", "b"]]),
            },
        ),
    },
)


def said(changes: Iterable[InterfaceChange]) -> list[str]:
    return sorted(map(repr, changes))


@given(st.lists(st.tuples(RELEASES, _LIBRARIES), min_size=2, max_size=4))
def test_parts_add_up_to_what_two_releases_differ_in(
    drawn: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    contents = [content(release | library) for release, library in drawn]
    pairs = compare_all(contents)
    assert pairs is not None
    for old, new in product(range(len(contents)), repeat=2):
        whole = compare(contents[old], contents[new])
        assert said(pairs.changes(old, new)) == said(whole.changes)


def test_a_part_with_too_many_variants_is_not_compared() -> None:
    def releases(count: int) -> list[Any]:
        return [
            content({"parameters": {"value": {"type": "number", "default": number}}})
            for number in range(count)
        ]

    assert compare_all(releases(20)) is not None
    assert compare_all(releases(100)) is None
