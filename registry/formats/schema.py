"""The JSON Schemas of the formats, and whether a value keeps one.

jsonschema-rs decides that (50,000 steps in 0.2 s); only for a value that does not,
`registry.formats.schema_faults` says why (jsonschema takes 13.5 s for the same 50,000).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import orjson


class Format(StrEnum):
    """The files that have a schema; the value is the schema's name."""

    MANIFEST = "manifest"
    STEP = "step"
    LIBRARY = "library"
    REGISTRY = "registry"
    INSTANCE = "instance"
    ADVISORY = "advisory"


@cache
def schema_bytes(kind: Format) -> bytes:
    """The schema file as it is shipped and published."""
    path = resources.files(__package__).joinpath(f"schemas/{kind.value}.schema.json")
    return path.read_bytes()


@cache
def schema_of(kind: Format) -> Mapping[str, Any]:
    """The schema, decoded."""
    loaded: dict[str, Any] = orjson.loads(schema_bytes(kind))
    return loaded


@cache
def _decider(kind: Format) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema_of(kind)))


def is_valid(kind: Format, value: object) -> bool:
    """True if the value keeps the schema."""
    return bool(_decider(kind).is_valid(value))
