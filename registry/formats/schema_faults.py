"""Explain how a value breaks its schema, in words, each fault at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from registry.formats.fault_words import Fault, said
from registry.formats.json_text import Position, escape_pointer
from registry.formats.schema import Format, schema_of
from registry.limits import DEFAULT_LIMITS
from registry.problems import Problem, Severity, more_problems

if TYPE_CHECKING:
    import jsonschema

# How Python writes the end of a text; JSON Schema's $ also means "before a last newline" to it.
_END = r"\Z"
_MOST = DEFAULT_LIMITS.problems_reported
# Of several faults of one value that say the same twice, the one that is told.
_TELLING = ("type", "enum", "pattern", "maxLength", "minLength")


@cache
def _explainer(kind: Format) -> jsonschema.Draft202012Validator:
    import jsonschema  # takes its time to load, and most values keep their schema

    return jsonschema.Draft202012Validator(_for_python(schema_of(kind)))


def _for_python(schema: Any) -> Any:
    """The schema with ``$`` written as Python means it: at the very end, not before a newline."""
    if isinstance(schema, Mapping):
        return {key: _for_python(value) for key, value in schema.items()} | {
            key: f"{value[:-1]}{_END}"
            for key, value in schema.items()
            if key == "pattern" and isinstance(value, str) and value.endswith("$")
        }
    return [_for_python(item) for item in schema] if isinstance(schema, list) else schema


def explain(
    kind: Format, value: object, *, file: str, places: Mapping[str, Position], strict: bool
) -> Iterator[Problem]:
    """Each way in which the value breaks the schema.

    An unknown field is an error when ``strict`` (in a pull request), else a warning (on install).
    Of more than `_MOST` unknown fields, and of as many other faults, the rest is only counted.
    """
    faults, untold = _told(_faults(_explainer(kind).iter_errors(value)))
    if untold:
        yield replace(more_problems(untold, _MOST), file=file)
    for fault in faults:
        unknown = fault.rule == "additionalProperties"
        place = _nearest(places, fault.pointer)
        words = said(fault)
        yield Problem(
            rule=f"schema-{fault.rule}",
            file=file,
            pointer=fault.pointer,
            line=place.line,
            column=place.column,
            message=words.message,
            expected=words.expected,
            severity=Severity.WARNING if unknown and not strict else Severity.ERROR,
        )
    if not faults:  # the two engines differ: the one that refuses is right
        yield Problem(
            rule="schema",
            file=file,
            line=1,
            column=1,
            message=f"it does not keep the {kind.value} schema",
            expected="compare it with the schema's published form",
        )


def _faults(errors: Iterable[jsonschema.ValidationError]) -> Iterator[Fault]:
    """Yield the place and subject of each error: one for each unknown and each missing field."""
    for error in errors:
        path: list[str | int] = list(error.absolute_path)
        rule = str(error.validator)
        schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
        instance: Any = error.instance
        limit: Any = error.validator_value
        if rule == "additionalProperties":
            known = schema.get("properties", {})
            for name in (name for name in instance if name not in known):
                yield _fault([*path, name], rule, name, known, schema)
        elif rule == "required":
            for name in (name for name in limit if name not in instance):
                yield _fault(path, rule, name, limit, schema)
        elif "propertyNames" in error.absolute_schema_path:
            yield _fault([*path, instance], "propertyNames", instance, limit, schema)
        else:
            yield _fault(path, rule, instance, limit, schema)


def _fault(
    path: list[str | int], rule: str, value: object, limit: object, schema: Mapping[str, Any]
) -> Fault:
    pointer = "".join(f"/{escape_pointer(str(part))}" for part in path)
    return Fault(pointer=pointer, rule=rule, value=value, limit=limit, schema=schema)


def _told(faults: Iterable[Fault]) -> tuple[list[Fault], int]:
    """Without what says the same again: one fault of a text is enough to mend it.

    And how many more there are. Unknown fields may be warnings: they take no other fault's place.
    """
    told: dict[tuple[str, str], Fault] = {}
    left = {True: _MOST, False: _MOST}
    untold = 0
    for fault in faults:
        is_one = fault.rule in _TELLING
        key = (fault.pointer, "" if is_one else f"{fault.rule} {fault.value}"[:200])
        known = told.get(key)
        if known is None:
            is_unknown = fault.rule == "additionalProperties"
            left[is_unknown] -= 1
            if left[is_unknown] < 0:
                untold += 1
                continue
        if known is None or (is_one and _TELLING.index(fault.rule) < _TELLING.index(known.rule)):
            told[key] = fault
    return list(told.values()), untold


def _nearest(places: Mapping[str, Position], pointer: str) -> Position:
    """The place of a pointer, or of the closest value around it."""
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, Position(line=1, column=1))
