"""The model holds what the schemas permit: the same fields, at least the same kinds of value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from registry.formats.model import InstanceFacts, LibraryFacts, Manifest, RegistryFacts, Step
from registry.formats.schema import Format, schema_of

MODELS = {
    Format.MANIFEST: Manifest,
    Format.STEP: Step,
    Format.LIBRARY: LibraryFacts,
    Format.REGISTRY: RegistryFacts,
    Format.INSTANCE: InstanceFacts,
}
_ALL = frozenset({"null", "boolean", "string", "number", "array", "object"})
# Whose values are read where they are used, so that the model takes any.
_OPEN = {"default", "validation", "returns", "publishers", "grants"}


class _Schemas:
    """A schema's parts, with what they refer to."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def part(self, schema: Any) -> Any:
        """The schema without references; of two of which one is null, the other."""
        while "$ref" in schema:
            found = self.whole
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        others = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self.part(others[0]) if len(others) == 1 else schema

    def kinds(self, schema: Any) -> frozenset[str]:
        """The kinds of JSON value that it permits."""
        if "anyOf" in schema:
            return frozenset().union(*map(self.kinds, schema["anyOf"]))
        if "$ref" in schema:
            return self.kinds(self.part(schema))
        if "enum" in schema:
            return frozenset({"string"})
        named = schema.get("type", sorted(_ALL))
        found = {named} if isinstance(named, str) else set(named)
        return frozenset("number" if kind == "integer" else kind for kind in found)


def _differences(
    where: str, ours: _Schemas, model: Any, theirs: _Schemas, schema: Any
) -> Iterator[str]:
    """Where the model's schema and that of the file differ in what both should say."""
    if missing := theirs.kinds(schema) - ours.kinds(model):
        yield f"{where}: the model takes no {sorted(missing)}"
    model, schema = ours.part(model), theirs.part(schema)
    if "enum" in model and sorted(model["enum"]) != sorted(schema.get("enum", ())):
        yield f"{where}: {model['enum']} is not {schema.get('enum')}"
    if "properties" in model:
        yield from _field_differences(where, ours, model, theirs, schema)
    for inside in ("items", "additionalProperties"):
        if isinstance(schema.get(inside), dict) and isinstance(model.get(inside), dict):
            yield from _differences(f"{where}/*", ours, model[inside], theirs, schema[inside])


def _field_differences(
    where: str, ours: _Schemas, model: Any, theirs: _Schemas, schema: Any
) -> Iterator[str]:
    fields, known = model["properties"], dict(schema["properties"])
    known.pop("$schema", None)
    if set(fields) != set(known):
        yield f"{where}: {sorted(set(fields) ^ set(known))} is in one of both"
    if set(model.get("required", ())) != set(schema.get("required", ())):
        yield f"{where}: not the same is required"
    for name in set(fields) & set(known) - _OPEN:
        yield from _differences(f"{where}/{name}", ours, fields[name], theirs, known[name])


@pytest.mark.parametrize("kind", MODELS)
def test_the_model_has_the_fields_of_the_schema_and_takes_their_values(kind: Format) -> None:
    model = msgspec.json.schema(MODELS[kind])
    schema = schema_of(kind)
    found = _differences(kind, _Schemas(model), model, _Schemas(schema), schema)
    assert sorted(found) == []


def test_a_difference_is_found_at_its_place() -> None:
    model: Any = msgspec.json.schema(Step)
    del model["$defs"]["RunLimits"]["properties"]["disk_mb"]
    model["$defs"]["Platform"]["enum"].append("plan9")
    model["$defs"]["Example"]["properties"]["description"] = {"type": "array"}
    model["$defs"]["Step"]["required"].append("icon")
    schema = schema_of(Format.STEP)
    found = _differences("step", _Schemas(model), model, _Schemas(schema), schema)
    assert sorted(one.partition(":")[0] for one in found) == [
        "step",
        "step/examples/*/description",
        "step/permissions/limits",
        "step/platform_support/*",
    ]
