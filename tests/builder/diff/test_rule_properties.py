"""What holds of the rule for all releases, not only for examples."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.diff import Bump, ChangeKind
from tests.builder.diff.drawing import PARAMETER_SETS, PARAMETERS, RELEASES, RETURNS
from tests.builder.diff.releases import difference

Fields = dict[str, Any]


@given(RELEASES)
def test_a_release_does_not_differ_from_itself(release: Fields) -> None:
    assert difference(release, release).changes == ()


@given(RELEASES, st.sampled_from(["display_name", "category", "description", "icon"]))
def test_texts_alone_are_a_patch(release: Fields, field: str) -> None:
    assert difference(release, {**release, field: "something else"}).bump is Bump.PATCH


@given(RELEASES, PARAMETERS)
def test_adding_something_optional_is_minor(release: Fields, parameter: Fields) -> None:
    parameters = release.get("parameters", {})
    optional = {**parameter, "required": False}
    after = {**release, "parameters": {**parameters, "new": optional}}
    found = difference(release, after)
    assert {change.kind for change in found.changes} == {ChangeKind.PARAMETER_ADDED}
    assert found.bump is Bump.MINOR


@given(RELEASES, PARAMETERS)
def test_removing_is_major(release: Fields, parameter: Fields) -> None:
    parameters = release.get("parameters", {})
    before = {**release, "parameters": {**parameters, "old": parameter}}
    assert difference(before, {**release, "parameters": parameters}).bump is Bump.MAJOR


@given(RELEASES, PARAMETERS)
def test_requiring_is_major(release: Fields, parameter: Fields) -> None:
    before, after = (
        {**release, "parameters": {"value": {**parameter, "required": required}}}
        for required in (False, True)
    )
    found = difference(before, after)
    assert {change.kind for change in found.changes} == {ChangeKind.PARAMETER_REQUIRED}
    assert found.bump is Bump.MAJOR


@settings(max_examples=150)
@given(RELEASES, RELEASES, RELEASES)
def test_small_steps_do_not_add_up_to_a_break(first: Fields, second: Fields, third: Fields) -> None:
    direct = difference(first, third).bump
    assert direct <= max(difference(first, second).bump, difference(second, third).bump)


@settings(max_examples=200)
@given(PARAMETER_SETS, PARAMETER_SETS, PARAMETER_SETS)
def test_small_steps_of_parameters_do_not_add_up(
    first: Fields, second: Fields, third: Fields
) -> None:
    releases = [{"parameters": parameters} for parameters in (first, second, third)]

    _no_sum(*releases)


@settings(max_examples=200)
@given(RETURNS, RETURNS, RETURNS)
def test_small_steps_of_outputs_do_not_add_up(first: Fields, second: Fields, third: Fields) -> None:
    _no_sum(*({"returns": schema} for schema in (first, second, third)))


@settings(max_examples=150)
@given(RELEASES, st.data())
def test_small_edits_do_not_add_up(release: Fields, data: st.DataObject) -> None:
    """Whole releases drawn apart nearly always break; these differ in one field at a time."""
    versions = [release]
    for _ in range(2):
        edit = data.draw(RELEASES)
        field = data.draw(st.sampled_from(sorted(edit) or ["description"]))
        versions.append({**versions[-1], field: edit.get(field, "other")})
    _no_sum(*versions)


def _no_sum(first: Fields, second: Fields, third: Fields) -> None:
    parts = difference(first, second).bump, difference(second, third).bump
    assert difference(first, third).bump <= max(parts), parts


@given(RELEASES, RELEASES)
def test_whatever_changes_is_said_or_is_none(first: Fields, second: Fields) -> None:
    found = difference(first, second)
    assert found.bump == max((change.bump for change in found.changes), default=Bump.NONE)
    assert list(found.changes) == sorted(found.changes, key=lambda change: -change.bump)
