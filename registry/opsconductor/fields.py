"""The fields of OpsConductor's ``metadata``, steps and parameters, as ours have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import orjson

from registry.formats.json_text import escape_pointer
from registry.formats.model import Step
from registry.formats.parameter_schema import set_problems, value_problems
from registry.formats.parsing import parse_step
from registry.formats.schema import Format, is_valid, schema_of
from registry.opsconductor.notes import Notes, shown

JsonObject = Mapping[str, Any]

# Spellings that mean one thing only.
_TYPES: Mapping[str, JsonObject] = {
    "text": {"type": "string"},
    "textarea": {"type": "string", "multiline": True},
    "password": {"type": "string", "secret": True},
    "integer": {"type": "number"},
    "int": {"type": "number"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
}
_VALIDATION: Mapping[str, str] = {"minLength": "min_length", "maxLength": "max_length"}


def _properties(kind: Format, *path: str) -> frozenset[str]:
    found: Any = schema_of(kind)
    for part in path:
        found = found[part]
    return frozenset(found["properties"]) - {"$schema"}


_MANIFEST = _properties(Format.MANIFEST) - {"steps"}
_STEP = _properties(Format.STEP)
_EXAMPLE = _properties(Format.STEP, "properties", "examples", "items")
_PARAMETER = _properties(Format.STEP, "$defs", "parameter")
_RULES = _properties(Format.STEP, "$defs", "parameter", "properties", "validation")


def manifest_fields(metadata: JsonObject, notes: Notes) -> dict[str, Any]:
    """Return the fields of our manifest besides its steps."""
    return _known(metadata, _MANIFEST, "/metadata", "the library", notes)


def step_fields(step: JsonObject, pointer: str, notes: Notes) -> dict[str, Any]:
    """One step file; what its schema does not take is left for the check that follows."""
    what = f"the step {shown(step.get('name'))}"
    made = _known(step, _STEP, pointer, what, notes)
    parameters = made.get("parameters")
    if isinstance(parameters, dict):
        made["parameters"] = {
            name: _parameter(
                value,
                f"{pointer}/parameters/{escape_pointer(name)}",
                f"{what}, its parameter {shown(name)}",
                notes,
            )
            for name, value in parameters.items()
        }
    examples = made.get("examples")
    if isinstance(examples, list):
        made["examples"] = [
            _known(one, _EXAMPLE, f"{pointer}/examples/{index}", what, notes)
            if isinstance(one, dict)
            else one
            for index, one in enumerate(examples)
        ]
    return _accepted(made, pointer, what, notes)


def _known(
    given: JsonObject, known: Collection[str], pointer: str, what: str, notes: Notes
) -> dict[str, Any]:
    """The fields that have a place here."""
    for key in given:
        if key not in known:
            notes.add(
                f"{what}: {shown(key)} has no place here",
                "it was left out",
                pointer=f"{pointer}/{escape_pointer(key)}",
            )
    # An empty field of a form is one that was not filled in.
    return {key: value for key, value in given.items() if key in known and value is not None}


def _parameter(given: object, pointer: str, what: str, notes: Notes) -> object:
    if not isinstance(given, dict):
        return given
    made = _known(given, _PARAMETER, pointer, what, notes)
    said = made.get("type")
    if isinstance(said, str) and said in _TYPES:
        made |= _TYPES[said]
        notes.add(
            f"{what}: the type {shown(said)}",
            f"it is {shown(made['type'])} here",
            pointer=f"{pointer}/type",
        )
    rules = made.get("validation")
    if isinstance(rules, dict):
        spelled = {_VALIDATION.get(key, key): value for key, value in rules.items()}
        made["validation"] = _known(spelled, _RULES, f"{pointer}/validation", what, notes)
    return made


def _accepted(step: dict[str, Any], pointer: str, what: str, notes: Notes) -> dict[str, Any]:
    """The step without the defaults and examples that its own parameters do not take."""
    parsed = _parsed(step)
    if parsed is None:
        return step
    parameters = dict(step.get("parameters", {}))
    for name, parameter in parsed.parameters.items():
        default = parameter.default
        is_unfilled = default == "" and parameter.required
        if default is msgspec.UNSET or default is None or is_unfilled:
            continue
        wrong = next(value_problems(parameter, default), "")
        if wrong:
            parameters[name] = {k: v for k, v in parameters[name].items() if k != "default"}
            notes.add(
                f"{what}, its parameter {shown(name)}: the default is not one it takes: {wrong}",
                "the default was left out",
                pointer=f"{pointer}/parameters/{escape_pointer(name)}/default",
            )
    kept = []
    for index, example in enumerate(step.get("examples", ())):
        found = next(set_problems(parsed.parameters, parsed.examples[index].parameters), None)
        if found is None:
            kept.append(example)
            continue
        notes.add(
            f"{what}: its example {shown(parsed.examples[index].name)} is not one that it takes: "
            f"{found[1]}",
            "the example was left out",
            pointer=f"{pointer}/examples/{index}",
        )
    filled = {"parameters": parameters, "examples": kept}
    return {**step, **{key: value for key, value in filled.items() if key in step}}


def _parsed(step: dict[str, Any]) -> Step | None:
    """The step, when its schema takes it; what is wrong with another one, the check explains."""
    if not is_valid(Format.STEP, step):
        return None
    try:
        return parse_step(orjson.dumps(step), file="step").value
    except orjson.JSONEncodeError:  # a number of more than 64 bits
        return None
