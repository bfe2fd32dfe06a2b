"""Whether one JSON Schema accepts everything that another one accepts, and if not, where.

The question is decided by jsonschema-rs: in its answers, "yes" is a proof. What it cannot decide,
what is no JSON Schema, what refers to other documents and what would take too long to decide is
`Covers.UNKNOWN`; callers treat that as a break, never as harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any

import jsonschema_rs

from builder.diff.jsonvalues import same_json
from registry.jsontext import escape_pointer
from registry.model import JsonValue

Schema = Mapping[str, Any] | bool

# What says something to people and nothing about values.
_ANNOTATIONS = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title",
     "writeOnly"}
)  # fmt: skip
_OF_NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OF_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_OF_ONE = (
    "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LINEAR = jsonschema_rs.RegexOptions()
# Alternatives that a schema may multiply out to; each ten times as many take a hundred times as long.
_MOST_ALTERNATIVES = 256
_DEEPEST = 64


class Covers(StrEnum):
    """Whether one schema accepts whatever another one does."""

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


class _TooDeepError(ValueError):
    """A schema is nested too deep to look at."""


def covers(wide: Schema, narrow: Schema) -> Covers:
    """Whether ``wide`` accepts every value that ``narrow`` accepts."""
    if same_json(wide, narrow):
        return Covers.YES
    try:
        if max(_alternatives(wide), _alternatives(narrow)) > _MOST_ALTERNATIVES:
            return Covers.UNKNOWN
        return Covers(_canonical(wide).covers(_canonical(narrow)).value)
    except ValueError:  # all that jsonschema-rs raises for a schema is one
        return Covers.UNKNOWN


def _canonical(schema: Schema) -> jsonschema_rs.CanonicalSchema:
    plain = dict(schema) if isinstance(schema, Mapping) else schema
    if isinstance(plain, dict) and plain.get("$schema", _DIALECT) != _DIALECT:
        raise ValueError("another dialect")
    return jsonschema_rs.canonicalize(
        plain, draft=jsonschema_rs.Draft202012, validate_formats=True, pattern_options=_LINEAR,
        offline=True,
    )  # fmt: skip


def _alternatives(schema: Any, depth: int = 0) -> int:
    """How many cases a schema multiplies out to, the greatest number at any of its places."""
    if depth > _DEEPEST:
        raise _TooDeepError
    if not isinstance(schema, Mapping):
        return 1
    deeper = depth + 1
    own = prod(_alternatives(part, deeper) for part in _parts(schema, "allOf"))
    for keyword in ("anyOf", "oneOf"):
        own *= sum(_alternatives(part, deeper) for part in _parts(schema, keyword)) or 1
    own *= prod(_alternatives(schema.get(word), deeper) for word in ("not", "if", "then", "else"))
    inside = [schema.get("items"), schema.get("additionalProperties"), *_parts(schema, "prefixItems")]
    for keyword in _OF_NAMES:
        named = schema.get(keyword)
        inside.extend(named.values() if isinstance(named, Mapping) else ())
    return max([own, *(_alternatives(part, deeper) for part in inside)])


def _parts(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, list) else []


def gaps(wide: Schema, narrow: Schema, pointer: str = "") -> Iterator[Gap]:
    """Where ``wide`` does not accept all of ``narrow``; nothing when it does.

    The pointers are as deep as properties, items and required names lead.
    """
    answer = covers(wide, narrow)
    if answer is Covers.YES:
        return
    found = False
    if isinstance(wide, Mapping) and isinstance(narrow, Mapping) and not _refers(wide, narrow):
        for gap in _inner_gaps(wide, narrow, pointer):
            found = True
            yield gap
    if not found:
        certain = answer is Covers.NO
        yield Gap(pointer=pointer, wide=wide, narrow=narrow, certain=certain)


def _refers(*schemas: Schema) -> bool:
    return any('"$' in jsonschema_text(schema) for schema in schemas)


def jsonschema_text(schema: Schema) -> str:
    """The schema's JSON, to look for words in."""
    return str(schema).replace("'", '"')


def _inner_gaps(wide: Mapping[str, Any], narrow: Mapping[str, Any], pointer: str) -> Iterator[Gap]:
    for name in _names(wide, "required"):
        if name not in _names(narrow, "required"):
            yield Gap(pointer=f"{pointer}/required", wide=name, narrow=None, certain=True)
    ours, theirs = _properties(wide), _properties(narrow)
    for name in ours.keys() & theirs.keys():
        yield from gaps(ours[name], theirs[name], f"{pointer}/properties/{escape_pointer(name)}")
    if "items" in wide and "items" in narrow:
        yield from gaps(wide["items"], narrow["items"], f"{pointer}/items")


def _names(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    names = schema.get(keyword)
    return names if isinstance(names, list) else []


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
