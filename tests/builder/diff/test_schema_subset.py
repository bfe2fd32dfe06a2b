"""A schema that is said to cover another one does: no value passes the one and not the other."""

from itertools import permutations
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.diff.schema_subset import Covers, covers, gaps
from tests.builder.diff.drawing import OUTPUTS, VALUES

_OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


@given(st.lists(OUTPUTS, min_size=2, max_size=3), st.lists(VALUES, max_size=8))
def test_yes_is_a_proof(schemas: list[Any], values: list[Any]) -> None:
    for wide, narrow in permutations(schemas, 2):
        if covers(wide, narrow) is not Covers.YES:
            assert list(gaps(wide, narrow))
            continue
        assert not list(gaps(wide, narrow))
        for value in values:
            if jsonschema.Draft202012Validator(narrow).is_valid(value):
                assert jsonschema.Draft202012Validator(wide).is_valid(value)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (True, {"type": "string"}),
        ({"type": "number"}, {"type": "integer"}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, {"const": "x"}]}),
        (_OBJECT, {**_OBJECT, "required": ["a"]}),
        ({"type": "string", "maxLength": 3}, {"enum": ["a", "abc"]}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, {"type": "string"}),
        ({"type": "string", "pattern": "^(a+)+$"}, {"const": "a" * 5000}),
    ],
)
def test_it_covers(wide: Any, narrow: Any) -> None:
    assert covers(wide, narrow) is Covers.YES


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"type": "string"}, True),
        ({"type": "integer"}, {"type": "number"}),
        ({"enum": [1]}, {"enum": [True]}),
        (_OBJECT, {"type": "object"}),
        ({"type": "string", "format": "date"}, {"type": "string"}),
        # These cannot be decided, are no schemas, lead elsewhere or take too long.
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^ab"}),
        ({"type": "string", "pattern": "("}, {"type": "string"}),
        ({"type": 17}, {"type": "string"}),
        ({"properties": 5}, {"type": "object"}),
        ({"allOf": 5, "required": 7}, {"type": "object", "required": "a"}),
        ({"$ref": "https://schemas.example.com/other.json"}, {"type": "string"}),
        ({"$ref": "file:///etc/hostname"}, {"type": "string"}),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, {"type": "string"}),
    ],
)
def test_it_is_not_said_to_cover(wide: Any, narrow: Any) -> None:
    assert covers(wide, narrow) is not Covers.YES
    assert list(gaps(wide, narrow))


def _multiplying(factors: int) -> dict[str, Any]:
    """4 to the power of ``factors`` cases."""
    names = [[f"n{factor}{way}" for way in range(4)] for factor in range(factors)]
    return {"allOf": [{"anyOf": [{"required": [name]} for name in row]} for row in names]}


@pytest.mark.timeout(10)
def test_what_multiplies_out_is_given_up_at_once() -> None:
    assert covers(_multiplying(9), _multiplying(10)) is Covers.UNKNOWN


def test_what_is_nested_too_deep_is_given_up() -> None:
    wide, narrow = {"type": "string"}, {"type": "string", "minLength": 1}
    for _ in range(100):
        wide, narrow = {"not": wide}, {"not": narrow}  # type: ignore[dict-item]
    assert covers(wide, narrow) is Covers.UNKNOWN


def test_a_gap_is_shown_where_it_is() -> None:
    inner = {"type": "object", "properties": {"a/b": {"type": "string"}}, "required": ["a/b"]}
    wider = {"type": "object", "properties": {"a/b": {"type": ["string", "null"]}}}
    wide = {"type": "object", "properties": {"list": {"type": "array", "items": inner}}}
    narrow = {"type": "object", "properties": {"list": {"type": "array", "items": wider}}}
    pointers = {gap.pointer for gap in gaps(wide, narrow)}
    base = "/properties/list/items"
    assert pointers == {f"{base}/required", f"{base}/properties/a~1b"}
