from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.checks.steps import step_problems
from registry.formats.model import Parameter, ParameterType, Step
from registry.formats.parameter_schema import (
    compile_pattern,
    parameters_schema,
    set_problems,
    value_problems,
)
from registry.formats.parsing import parse_step
from registry.problems import Severity
from tests.growth import LINEAR, growth
from tests.registry.formats.test_json_text import VALUES
from tests.registry.making import encode, step

TYPES = {
    ParameterType.STRING: str, ParameterType.FILE: str, ParameterType.DIRECTORY: str,
    ParameterType.BOOLEAN: bool, ParameterType.ARRAY: list, ParameterType.OBJECT: dict,
}  # fmt: skip


def parsed(**fields: Any) -> Step:
    found = parse_step(encode(step(**fields)), file="steps/copy.json")
    assert found.value is not None, found.problems
    return found.value


def meaning(**parameter: Any) -> list[tuple[str, Severity]]:
    problems = list(step_problems(parsed(parameters={"p": parameter}), "x"))
    assert all(problem.expected and problem.pointer for problem in problems)
    return [(problem.pointer, problem.severity) for problem in problems]


@given(VALUES, st.sampled_from(sorted(TYPES)))
def test_value_is_accepted_exactly_when_it_has_the_type(value: Any, kind: ParameterType) -> None:
    assert (not list(value_problems(Parameter(type=kind), value))) is (type(value) is TYPES[kind])


@given(VALUES)
def test_number_is_an_integer_or_a_float_and_no_boolean(value: Any) -> None:
    accepted = not list(value_problems(Parameter(type=ParameterType.NUMBER), value))
    assert accepted is (type(value) in {int, float})


@given(VALUES, st.lists(VALUES.filter(lambda v: not isinstance(v, dict | list)), min_size=1))
def test_select_accepts_exactly_its_options(value: Any, options: list[Any]) -> None:
    parameter = Parameter(type=ParameterType.SELECT, options=tuple(options))
    accepted = not list(value_problems(parameter, value))
    same = [o for o in options if o == value and isinstance(o, bool) is isinstance(value, bool)]
    assert accepted is bool(same)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-5, 5), st.integers(-5, 5))
def test_range_is_kept(value: float, least: int, most: int) -> None:
    validation = {"min": least, "max": most}
    parameter = Parameter(type=ParameterType.NUMBER, validation=validation)
    assert (not list(value_problems(parameter, value))) is (least <= value <= most)


@given(st.text(), st.integers(0, 5), st.integers(0, 5))
def test_length_is_kept(value: str, least: int, most: int) -> None:
    validation = {"min_length": least, "max_length": most}
    parameter = Parameter(type=ParameterType.STRING, validation=validation)
    assert (not list(value_problems(parameter, value))) is (least <= len(value) <= most)


PARAMETERS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.builds(
        Parameter,
        type=st.sampled_from(sorted(TYPES)),
        required=st.booleans(),
        default=st.just(msgspec.UNSET) | st.text(max_size=3),
    ),
)


@given(PARAMETERS, st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES))
def test_the_one_schema_and_the_words_agree(
    parameters: dict[str, Parameter], values: dict[str, Any]
) -> None:
    schema = parameters_schema(parameters)
    jsonschema.Draft202012Validator.check_schema(schema)
    accepted = jsonschema.Draft202012Validator(schema).is_valid(values)
    assert accepted is (not list(set_problems(parameters, values)))


@pytest.mark.parametrize(("value", "accepted"), [("ab", True), ("xab", False), ("ab\n", False)])
def test_pattern_must_match_the_whole_value_in_both(value: str, accepted: bool) -> None:
    parameter = Parameter(type=ParameterType.STRING, validation={"pattern": "a|ab"})
    assert (not list(value_problems(parameter, value))) is accepted
    schema = parameters_schema({"p": parameter})
    if "\n" not in value:  # Python's $ differs from that of JSON Schema before a last newline
        assert jsonschema.Draft202012Validator(schema).is_valid({"p": value}) is accepted


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*a){12}", "(?:a?){50}a{50}"])
def test_catastrophic_pattern_costs_linear_time(pattern: str) -> None:
    parameter = Parameter(type=ParameterType.STRING, validation={"pattern": pattern})
    assert growth(lambda size: list(value_problems(parameter, "a" * size + "!")), 5_000) < LINEAR


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", "a{1001}", "[", "(?P<n", "*"])
def test_pattern_that_re2_refuses_is_a_problem_at_its_place(pattern: str) -> None:
    assert compile_pattern(pattern) is None
    found = meaning(type="string", validation={"pattern": pattern}, default="x")
    assert found == [("/parameters/p/validation/pattern", Severity.ERROR)]


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pattern_compiles_or_is_refused(pattern: str, value: str) -> None:
    parameter = Parameter(type=ParameterType.STRING, validation={"pattern": pattern})
    assert isinstance(list(value_problems(parameter, value)), list)


@pytest.mark.parametrize(
    ("parameter", "found"),
    [
        ({"type": "string", "default": 5}, [("/parameters/p/default", Severity.ERROR)]),
        ({"type": "number", "default": "5"}, [("/parameters/p/default", Severity.ERROR)]),
        ({"type": "number", "default": 5, "validation": {"max": 4}},
         [("/parameters/p/default", Severity.ERROR)]),
        ({"type": "string", "default": None}, []),
        ({"type": "number", "default": "", "required": True}, []),
        ({"type": "select", "options": ["a"], "default": "b"},
         [("/parameters/p/default", Severity.ERROR)]),
        ({"type": "multiselect", "options": ["a", "b"], "default": ["b"]}, []),
        ({"type": "multiselect", "options": ["a"], "default": ["a", "a"]},
         [("/parameters/p/default", Severity.ERROR)]),
        ({"type": "string", "secret": True, "default": "hunter2"},
         [("/parameters/p/default", Severity.WARNING)]),
        ({"type": "string", "secret": True, "default": ""}, []),
        ({"type": "string", "secret": True, "required": True}, []),
        ({"type": "number", "validation": {"min": 5, "max": 4}},
         [("/parameters/p/validation", Severity.ERROR)]),
        ({"type": "boolean", "validation": {"pattern": "a"}},
         [("/parameters/p/validation/pattern", Severity.WARNING)]),
    ],
)  # fmt: skip
def test_defaults_secrets_and_ranges(
    parameter: dict[str, Any], found: list[tuple[str, Severity]]
) -> None:
    assert meaning(**parameter) == found


def test_examples_are_checked_at_their_place() -> None:
    examples = [
        {"name": "good", "parameters": {"source": "a"}},
        {"name": "missing"},
        {"name": "unknown", "parameters": {"source": "a", "b/c~d": 1}},
        {"name": "wrong", "parameters": {"source": 7}},
    ]
    problems = list(step_problems(parsed(examples=examples), "x"))
    assert [problem.pointer for problem in problems] == [
        "/examples/1/parameters/source",
        "/examples/2/parameters/b~1c~0d",
        "/examples/3/parameters/source",
    ]


@pytest.mark.parametrize(
    ("permissions", "pointer"),
    [
        ({"filesystem": {"read": ["{nope}"]}}, "/permissions/filesystem/read/0"),
        ({"filesystem": {"write": ["{source}", "/"]}}, "/permissions/filesystem/write/1"),
        ({"filesystem": {"read": ["/proc/1"]}}, "/permissions/filesystem/read/0"),
        ({"network": ["{host}"]}, "/permissions/network/0"),
    ],
)
def test_permissions_name_parameters_and_never_the_root(
    permissions: dict[str, Any], pointer: str
) -> None:
    problems = list(step_problems(parsed(permissions=permissions), "x"))
    assert [problem.pointer for problem in problems] == [pointer]
    assert all(problem.expected for problem in problems)
