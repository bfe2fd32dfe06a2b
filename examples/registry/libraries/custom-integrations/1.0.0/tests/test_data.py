"""json.transform and text.render."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import ok, refused

DATA: dict[str, Any] = {
    "user": {"name": "Ada", "a/b": 1, "m~n": 2, "": 3},
    "orders": [{"id": 1, "tags": ["x"]}, {"id": 2, "tags": ["y", "z"]}],
    "nothing": None,
}


def transform(mapping: dict[str, Any], **more: Any) -> Any:
    """Return the result of a transformation of the data."""
    return ok("json.transform", {"data": DATA, "mapping": mapping, **more})["result"]


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", DATA),
        ("/user/name", "Ada"),
        ("/user/a~1b", 1),
        ("/user/m~0n", 2),
        ("/user/", 3),
        ("/orders/1/id", 2),
        ("/orders/*/id", [1, 2]),
        ("/orders/*/tags/*", [["x"], ["y", "z"]]),
        ("/nothing", None),
    ],
)
def test_a_pointer_leads_to_its_value(pointer: str, expected: Any) -> None:
    assert transform({"it": pointer}) == {"it": expected}


@pytest.mark.parametrize(
    "pointer", ["/none", "/orders/2", "/orders/01", "/orders/-1", "/orders/-", "/user/name/x", "/*"]
)
def test_a_pointer_that_leads_nowhere_fails_or_gives_null(pointer: str) -> None:
    error = refused("json.transform", {"data": DATA, "mapping": {"it": pointer}})
    assert error == f"data has nothing at {pointer} (for it)"
    assert transform({"it": pointer}, strict=False) == {"it": None}
    assert transform({"it": {"pointer": pointer, "default": 5}}) == {"it": 5}


def test_a_mapping_can_be_nested() -> None:
    mapping = {"who": {"name": "/user/name", "first": {"pointer": "/orders/0/id"}}}
    assert transform(mapping) == {"who": {"name": "Ada", "first": 1}}


@pytest.mark.parametrize(
    ("mapping", "word"),
    [
        ({}, "mapping is required"),
        ({"a": "name"}, "JSON Pointer"),
        ({"a": 5}, "pointer or an object"),
        ({"a": {"pointer": 5}}, "JSON Pointer"),
        ({"a": {"pointer": "/user", "extra": 1}}, "extra must be"),
    ],
)
def test_a_wrong_mapping_is_explained(mapping: dict[str, Any], word: str) -> None:
    assert word in refused("json.transform", {"data": DATA, "mapping": mapping})


def test_a_mapping_has_a_greatest_depth() -> None:
    mapping: dict[str, Any] = {"a": "/user"}
    for _ in range(40):
        mapping = {"a": mapping}
    assert "deeper" in refused("json.transform", {"data": DATA, "mapping": mapping})


def render(template: str, **values: Any) -> str:
    """Return a rendered text."""
    text: str = ok("text.render", {"template": template, "values": values})["text"]
    return text


def test_values_are_filled_in() -> None:
    assert render("$name: ${n}th, $ok, $list, $$5", name="Ü", n=5, ok=True, list=[1]) == (
        "Ü: 5th, true, [1], $5"
    )


def test_a_value_is_not_read_as_a_template() -> None:
    assert render("$a", a="$b {0.__class__}", b="x") == "$b {0.__class__}"


def test_what_is_missing_fails_or_stays() -> None:
    assert "no name" in refused("text.render", {"template": "$name"})
    assert ok("text.render", {"template": "$name", "strict": False})["text"] == "$name"
    assert "lone $" in refused("text.render", {"template": "5 $"})


def test_a_text_that_would_be_too_long_is_not_built() -> None:
    parameters = {"template": "$a" * 2000, "values": {"a": "x" * 1000}}
    assert "longer than 1000000" in refused("text.render", parameters)
