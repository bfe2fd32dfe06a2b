"""Libraries and steps as OpenAPI documents them.

A field that a manifest or a step file has is described once, in the JSON Schema of the file. The
models here list only what the wire has besides, or says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from registry.formats.schema import Format, schema_of
from registry.library.release_state import LibraryStatus

# What only a file has: the schema that an editor checks it with.
_OF_FILES = frozenset({"$schema"})
_LIMITS = ("properties", "permissions", "properties", "limits")


def _as_in(
    kind: Format,
    *path: str,
    but: Collection[str] = (),
    required: Collection[str] | None = None,
    null: bool = False,
) -> ConfigDict:
    """Completes a model with the fields of a file's schema, as they are sent.

    ``path`` leads to the part of the schema, ``but`` are fields that are not taken from it,
    ``required`` are those that are always sent (None: all). With ``null`` one that the file
    leaves out is sent as null.
    """
    described: Any = schema_of(kind)
    for part in path:
        described = described[part]
    fields = {
        name: _or_null(_sent(field)) if null else _sent(field)
        for name, field in described["properties"].items()
        if name not in _OF_FILES and name not in but
    }

    def complete(schema: dict[str, Any]) -> None:
        own = schema.get("properties", {})
        # A field that the model has, too, is the model's.
        schema["properties"] = fields | own
        always = fields if required is None else required
        schema["required"] = list(dict.fromkeys([*schema.get("required", ()), *always]))

    return ConfigDict(extra="forbid", json_schema_extra=complete)


def _sent(schema: Any) -> Any:
    """A schema of a file's field as one of an answer: a field unknown to it may be inside."""
    if isinstance(schema, dict):
        return {
            key: _sent(value)
            for key, value in schema.items()
            if key != "patternErrorMessage" and (key, value) != ("additionalProperties", False)
        }
    return [_sent(item) for item in schema] if isinstance(schema, list) else schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


class LibrarySummary(BaseModel):
    """An element of the list of libraries."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(description="Derived from the name; 53 bits.", examples=[3573406206937521])
    name: str = Field(examples=["file-operations-basic"])
    version: str = Field(description="The active release; empty when there is none.")
    display_name: str
    description: str = Field(description="Of a library that cannot be served: why.")
    author: str
    is_enabled: bool
    is_premium: bool
    installation_date: str | None = Field(description="RFC 3339, UTC.")
    last_used: str | None = Field(description="RFC 3339, UTC.")
    step_count: int
    status: LibraryStatus


class WireParameter(BaseModel, title="Parameter"):
    """One parameter of a step; what it does not set is left out."""

    model_config = _as_in(
        Format.STEP, "$defs", "parameter", required=("type", "required", "description")
    )


class WireExample(BaseModel, title="Example"):
    """Parameters that show a step at work."""

    model_config = _as_in(Format.STEP, "properties", "examples", "items")


class WireFilesystemPermission(BaseModel, title="FilesystemPermission"):
    """Paths that a step may read and write; ``{name}`` stands for a parameter's value."""

    model_config = _as_in(Format.STEP, "properties", "permissions", "properties", "filesystem")


class WireRunLimits(BaseModel, title="RunLimits"):
    """The limits of one run; null: the operator's default."""

    model_config = _as_in(Format.STEP, *_LIMITS, null=True)


class WirePermissions(BaseModel, title="Permissions"):
    """Exactly what a step may do."""

    model_config = _as_in(Format.STEP, "properties", "permissions")

    filesystem: WireFilesystemPermission
    limits: WireRunLimits


class WireStep(BaseModel, title="Step"):
    """One step of a release."""

    # On the wire a step's name is its `type`, and its `name` is the one for people.
    model_config = _as_in(Format.STEP, but=("name", "display_name"))

    id: str = Field(examples=["file-operations-basic.file.copy"])
    name: str = Field(description="The name that people read.")
    type: str = Field(description="The step's name in its library.", examples=["file.copy"])
    library: str
    library_id: int
    version: str = Field(description="The release this is from.")
    has_executor: bool
    parameters: dict[str, WireParameter] = Field(description="By name.")
    examples: list[WireExample]
    permissions: WirePermissions


class LibraryDetail(LibrarySummary):
    """The summary, the manifest, every release and the steps of the active one.

    The fields of the manifest are absent while no release can be served.
    """

    model_config = _as_in(Format.MANIFEST, required=())

    versions: list[dict[str, Any]]
    deprecated: dict[str, Any] | None
    problems: list[str]
    steps: list[WireStep]


class StepList(BaseModel):
    """Steps, and what a user can narrow the list to."""

    model_config = ConfigDict(extra="forbid")

    steps: list[WireStep]
    total_count: int
    categories: list[str]
    libraries: list[str]
