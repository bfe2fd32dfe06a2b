"""Every parameter set compiles to one JSON Schema: it validates, draws forms and completes.

Patterns come from strangers, so they are not part of the schema that decides: they are matched by
RE2, in linear time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import re2

from registry.formats.model import JsonValue, Parameter, ParameterType

_TYPES: Mapping[ParameterType, dict[str, Any]] = {
    ParameterType.STRING: {"type": "string"},
    ParameterType.NUMBER: {"type": "number"},
    ParameterType.BOOLEAN: {"type": "boolean"},
    ParameterType.ARRAY: {"type": "array"},
    ParameterType.OBJECT: {"type": "object"},
    ParameterType.FILE: {"type": "string"},
    ParameterType.DIRECTORY: {"type": "string"},
    ParameterType.SELECT: {},
    ParameterType.MULTISELECT: {"type": "array", "uniqueItems": True},
}
_KEYWORDS = {
    "min": "minimum",
    "max": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "format": "format",
}


def parameters_schema(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The JSON Schema 2020-12 of a set of parameters, patterns included (for forms, editors)."""
    properties = {}
    for name, parameter in parameters.items():
        properties[name] = _value_schema(parameter)
        if "pattern" in parameter.validation:
            # JSON Schema searches, while a value must match as a whole.
            properties[name]["pattern"] = f"^(?:{parameter.validation['pattern']})$"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": [n for n, p in parameters.items() if _must_be_given(p)],
        "additionalProperties": False,
    }


def _must_be_given(parameter: Parameter) -> bool:
    return parameter.required and parameter.default is msgspec.UNSET


def _value_schema(parameter: Parameter) -> dict[str, Any]:
    schema = dict(_TYPES[parameter.type])
    if parameter.description:
        schema["description"] = parameter.description
    if parameter.default is not msgspec.UNSET:
        schema["default"] = parameter.default
    if parameter.type is ParameterType.MULTISELECT:
        schema["items"] = {"enum": list(parameter.options)}
    elif parameter.options:
        schema["enum"] = list(parameter.options)
    if parameter.secret:
        schema["writeOnly"] = True
    for ours, keyword in _KEYWORDS.items():
        if ours in parameter.validation:
            schema[keyword] = parameter.validation[ours]
    return schema


def value_problems(parameter: Parameter, value: JsonValue) -> Iterator[str]:
    """Yield the problems of one value of a parameter, in words."""
    import jsonschema  # takes its time to load, and most commands look at no value

    schema = {k: v for k, v in _value_schema(parameter).items() if k != "format"}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        yield error.message[:300]
    pattern = parameter.validation.get("pattern")
    if isinstance(pattern, str) and isinstance(value, str):
        compiled = compile_pattern(pattern)
        if compiled is not None and not compiled.fullmatch(value):
            yield f"{value[:80]!r} does not match {pattern[:80]!r}"


def compile_pattern(pattern: str) -> Any | None:
    """A linear-time matcher; None when RE2 refuses the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def set_problems(
    parameters: Mapping[str, Parameter], values: Mapping[str, JsonValue]
) -> Iterator[tuple[str, str]]:
    """Yield the problems of an example's values: pairs of parameter name and message.

    A secret may be left out even where it is required: an example is published for ever.
    """
    for name in values:
        if name not in parameters:
            yield name, f"there is no parameter {name[:80]!r}"
    for name, parameter in parameters.items():
        if name in values:
            yield from ((name, message) for message in value_problems(parameter, values[name]))
        elif _must_be_given(parameter) and not parameter.secret:
            yield name, f"the required parameter {name!r} is missing"
