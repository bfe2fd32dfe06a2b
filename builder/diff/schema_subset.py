"""Decide if one JSON Schema accepts everything that another one accepts, and if not, where.

The problem is known as JSON subschema, or containment of schemas (Habib, Shinnar, Hirzel, Pradel:
"Finding Data Compatibility Bugs with JSON Subschema Checks", 2021). jsonschema-rs decides it over
canonical forms of both: its "yes" is a proof. What it cannot decide, what is not a JSON Schema,
what refers to other documents and what would take too long to decide is `Covers.UNKNOWN`; callers
treat that as a break, never as harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any

import jsonschema_rs
import msgspec

from builder.diff.json_values import same_json
from registry.formats.json_text import escape_pointer
from registry.formats.model import JsonValue

Schema = Mapping[str, Any] | bool

# What says something to people and nothing about values.
_ANNOTATIONS = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title",
     "writeOnly"}
)  # fmt: skip
_OF_NAMES = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
_OF_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_OF_ONE = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
     "unevaluatedItems", "unevaluatedProperties"}
)  # fmt: skip
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LINEAR = jsonschema_rs.RegexOptions()
# Cases that a schema may multiply out to: four times as many take sixty times as long to decide.
_MOST_CASES = 256
_DEEPEST = 64


class Covers(StrEnum):
    """The answer to the question if one schema accepts whatever another one does."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A place in the covering schema that does not cover what the other one says there."""

    pointer: str
    wide: JsonValue
    narrow: JsonValue
    certain: bool
    """False when it could not be decided."""


def covers(wide: Schema, narrow: Schema) -> Covers:
    """Decide if ``wide`` accepts every value that ``narrow`` accepts.

    >>> covers({"type": "number"}, {"type": "integer"}).value
    'yes'
    >>> covers({"type": "string", "maxLength": 9}, {"type": "string"}).value
    'no'
    >>> covers({"type": "string"}, {"$ref": "https://example.com/other"}).value
    'unknown'
    """
    if same_json(wide, narrow):
        return Covers.YES
    try:
        if max(_cases(wide), _cases(narrow)) > _MOST_CASES:
            return Covers.UNKNOWN
        return Covers(_canonical(wide).covers(_canonical(narrow)).value)
    except ValueError:  # whatever jsonschema-rs refuses a schema with
        return Covers.UNKNOWN


def _canonical(schema: Schema) -> jsonschema_rs.CanonicalSchema:
    plain = dict(schema) if isinstance(schema, Mapping) else schema
    if isinstance(plain, dict) and plain.get("$schema", _DIALECT) != _DIALECT:
        raise ValueError("it is written in another dialect")
    return jsonschema_rs.canonicalize(
        plain,
        draft=jsonschema_rs.Draft202012,
        validate_formats=True,
        pattern_options=_LINEAR,
        offline=True,
    )


def _cases(schema: JsonValue, depth: int = 0) -> int:
    """Count the cases that a schema multiplies out to, at the place where they are most."""
    if depth > _DEEPEST:
        raise ValueError("it is nested too deep")
    sums = {"anyOf": 0, "oneOf": 0}
    own, inside = 1, 1
    for keyword, _, part in children(schema):
        cases = _cases(part, depth + 1)
        if keyword in sums:
            sums[keyword] += cases
        elif keyword in {"allOf", "not", "if", "then", "else"}:
            own *= cases
        else:
            inside = max(inside, cases)
    return max(own * prod(count or 1 for count in sums.values()), inside)


def children(schema: JsonValue) -> Iterator[tuple[str, str, JsonValue]]:
    """The schemas directly inside a schema: keyword, name (empty where there is none), schema."""
    for keyword, value in schema.items() if isinstance(schema, Mapping) else ():
        if keyword in _OF_NAMES and isinstance(value, Mapping):
            yield from ((keyword, name, part) for name, part in value.items())
        elif keyword in _OF_LISTS and isinstance(value, list):
            yield from ((keyword, str(index), part) for index, part in enumerate(value))
        elif keyword in _OF_ONE:
            yield keyword, "", value


def without_texts(schema: JsonValue) -> JsonValue:
    """The schema without what only people read: titles, descriptions, defaults, examples."""
    if not isinstance(schema, Mapping):
        return schema
    bare = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    for keyword in bare.keys() & _OF_NAMES:
        if isinstance(bare[keyword], Mapping):
            bare[keyword] = {name: without_texts(part) for name, part in bare[keyword].items()}
    for keyword in bare.keys() & _OF_LISTS:
        if isinstance(bare[keyword], list):
            bare[keyword] = [without_texts(part) for part in bare[keyword]]
    return bare | {keyword: without_texts(bare[keyword]) for keyword in bare.keys() & _OF_ONE}


def refers(schema: JsonValue) -> bool:
    """True if it or anything inside it is said elsewhere (``$ref`` and its like)."""
    if isinstance(schema, Mapping) and any(key.endswith(("$ref", "Ref")) for key in schema):
        return True
    return any(refers(part) for _, _, part in children(schema))


def gaps(wide: Schema, narrow: Schema, pointer: str = "") -> Iterator[Gap]:
    """Yield the places where ``wide`` does not accept all of ``narrow``.

    The pointers lead as deep as properties, items and required names do.
    """
    answer = covers(wide, narrow)
    if answer is Covers.YES:
        return
    found = False
    for gap in () if refers(wide) or refers(narrow) else _inner_gaps(wide, narrow, pointer):
        found = True
        yield gap
    if not found:
        certain = answer is Covers.NO
        yield Gap(pointer=pointer, wide=wide, narrow=narrow, certain=certain)


def _inner_gaps(wide: Schema, narrow: Schema, pointer: str) -> Iterator[Gap]:
    if not isinstance(wide, Mapping) or not isinstance(narrow, Mapping):
        return
    promised, still = _required(wide), _required(narrow)
    for name in promised:
        if name not in still:
            yield Gap(pointer=f"{pointer}/required", wide=name, narrow=msgspec.UNSET, certain=True)
    theirs = {(keyword, name): part for keyword, name, part in _values(narrow)}
    for keyword, name, part in _values(wide):
        if (keyword, name) in theirs:
            inner = f"{pointer}/{keyword}" + (f"/{escape_pointer(name)}" if name else "")
            yield from gaps(part, theirs[keyword, name], inner)


def _required(schema: Mapping[str, Any]) -> list[Any]:
    names = schema.get("required")
    return names if isinstance(names, list) else []


def _values(schema: Schema) -> Iterator[tuple[str, str, JsonValue]]:
    """The schemas of what is inside a value: of its properties and of its items."""
    return (child for child in children(schema) if child[0] in {"properties", "items"})
