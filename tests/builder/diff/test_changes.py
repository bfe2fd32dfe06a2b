"""Changes that the table of rules has no row for: values, places, and several at once."""

from typing import Any

import msgspec
import pytest

from builder.diff import Bump, ChangeKind
from builder.diff.json_values import same_json
from tests.builder.diff.releases import difference, only_change, parameter


def test_a_change_says_where_and_what() -> None:
    change = only_change(
        parameter(type="select", options=["fast", "safe"]),
        parameter(type="select", options=["safe"]),
    )
    assert (change.step, change.pointer) == ("file.copy", "/parameters/value/options")
    assert (change.before, change.after) == ("fast", msgspec.UNSET)


def test_null_is_a_default_like_any_other() -> None:
    change = only_change(parameter(type="string", default=None), parameter(type="string"))
    assert change.kind is ChangeKind.DEFAULT_CHANGED
    assert change.before is None
    assert change.after is msgspec.UNSET


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [True], False),
        ({"a": [1, {"b": 0}]}, {"a": [1.0, {"b": 0}]}, True),
        ({}, [], False),
        (["boolean", True], True, False),
        (None, msgspec.UNSET, False),
        ("1", 1, False),
    ],
)
def test_values_are_compared_as_json(one: Any, other: Any, same: bool) -> None:
    assert same_json(one, other) is same


def test_true_is_no_option_called_one() -> None:
    found = difference(
        parameter(type="select", options=[1]), parameter(type="select", options=[True])
    )
    assert {change.kind for change in found.changes} == {
        ChangeKind.OPTION_REMOVED,
        ChangeKind.OPTION_ADDED,
    }


def test_an_added_option_with_another_default_is_major() -> None:
    found = difference(
        parameter(type="select", options=["a"], default="a"),
        parameter(type="select", options=["a", "b"], default="b"),
    )
    assert found.bump is Bump.MAJOR
    assert [change.kind for change in found.changes] == [
        ChangeKind.DEFAULT_CHANGED,
        ChangeKind.OPTION_ADDED,
    ]


def test_several_changes_come_gravest_first() -> None:
    found = difference({"description": "Old.", "outputs": 2}, {"description": "New.", "outputs": 1})
    assert [change.bump for change in found.changes] == [Bump.MAJOR, Bump.PATCH]
    assert found.of(Bump.PATCH)[0].pointer == "/description"


def test_what_a_new_step_asks_is_no_wider_permission_of_the_others() -> None:
    old = {"steps": ["file.copy"], "permissions": {"network": ["*"]}}
    assert difference(old, {**old, "steps": ["file.copy", "file.move"]}).bump is Bump.MINOR


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (["string"], ["string", "null"], ChangeKind.OUTPUT_WIDENED),
        (["string", "null"], ["string"], ChangeKind.OUTPUT_NARROWED),
    ],
)
def test_an_output_deep_inside(old: list[str], new: list[str], kind: ChangeKind) -> None:
    def returning(types: list[str]) -> dict[str, Any]:
        row = {"type": "object", "properties": {"name": {"type": types}}}
        rows = {"type": "array", "items": row}
        return {"returns": {"type": "object", "properties": {"rows": rows}}}

    change = only_change(returning(old), returning(new))
    assert change.kind is kind
    assert change.pointer == "/returns/properties/rows/items/properties/name"


def test_the_first_schema_of_an_output_is_added_and_the_last_is_removed() -> None:
    described = {"returns": {"type": "object", "properties": {"a": {"type": "string"}}}}
    assert difference({}, described).bump is Bump.MINOR
    assert difference(described, {}).bump is Bump.MAJOR


def test_an_output_added_to_a_closed_schema_breaks_who_validates() -> None:
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    more = {**closed, "properties": {"a": {}, "b": {}}}
    assert difference({"returns": closed}, {"returns": more}).bump is Bump.MAJOR


def test_an_output_moved_into_a_combination_is_still_there() -> None:
    plain = {"properties": {"a": {"type": "string"}}}
    assert difference({"returns": plain}, {"returns": {"allOf": [plain]}}).bump is Bump.PATCH


def test_a_schema_too_deep_to_compare_is_major() -> None:
    deep: dict[str, Any] = {}
    for _ in range(80):
        deep = {"properties": {"a": deep}}
    change = only_change({}, {"returns": deep})
    assert change.kind is ChangeKind.OUTPUT_INCOMPARABLE


def test_python_packages_of_executors_are_no_interface() -> None:
    old, new = ({"manifest": {"python_requirements": [text]}} for text in ("a==1", "a==2"))
    assert difference(old, new).bump is Bump.PATCH
