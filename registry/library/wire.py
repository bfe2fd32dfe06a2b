"""JSON as it goes over the wire (design, section 7), made in one place.

Server and catalogue both send these bytes, so that an answer is the same from either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from registry.formats.model import JsonObject, Manifest, Parameter, Removal, Step
from registry.library.release_state import Library
from registry.names import LibraryName, StepName, library_id, step_id

_ENCODER = msgspec.json.Encoder()


def step_bytes(library: LibraryName, version: str, step: Step, *, has_executor: bool) -> bytes:
    """One step, as ``GET /api/v1/steps/{id}`` answers."""
    return _ENCODER.encode(_step(library, version, step, has_executor=has_executor))


def _step(library: LibraryName, version: str, step: Step, *, has_executor: bool) -> JsonObject:
    return {
        "id": step_id(library, step.name),
        "name": step.display_name,
        "type": step.name,
        "category": step.category,
        "library": library,
        "library_id": library_id(library),
        "icon": step.icon,
        "description": step.description,
        "color": step.color,
        "inputs": step.inputs,
        "outputs": step.outputs,
        "parameters": {name: parameter_fields(p) for name, p in step.parameters.items()},
        "platform_support": step.platform_support,
        "required_permissions": step.required_permissions,
        "examples": step.examples,
        "tags": step.tags,
        "version": version,
        "permissions": step.permissions,
        "has_executor": has_executor,
        "returns": step.returns,
        "is_deprecated": step.is_deprecated,
        "deprecation_message": step.deprecation_message,
    }


def parameter_fields(parameter: Parameter) -> JsonObject:
    """A parameter; what is not set is left out, as the frontend tells no default from null."""
    fields: dict[str, Any] = {
        "type": parameter.type,
        "required": parameter.required,
    }
    if parameter.default is not msgspec.UNSET:
        fields["default"] = parameter.default
    fields["description"] = parameter.description
    if parameter.options:
        fields["options"] = parameter.options
    for flag in ("multiline", "secret"):
        if getattr(parameter, flag):
            fields[flag] = True
    if parameter.validation:
        fields["validation"] = parameter.validation
    return fields


def library_steps(library: Library) -> list[tuple[StepName, bytes]]:
    """The steps of the active release, each with its wire bytes, in the manifest's order."""
    if library.content is None:
        return []
    manifest = library.content.manifest
    return [
        (
            step.name,
            step_bytes(
                library.name, manifest.version, step, has_executor=file.executor is not None
            ),
        )
        for file, step in zip(manifest.steps, library.content.steps, strict=True)
    ]


def library_summary_bytes(library: Library, *, last_used: str | None = None) -> bytes:
    """An element of ``GET /api/v1/libraries``."""
    return _ENCODER.encode(_summary(library, last_used))


def _summary(library: Library, last_used: str | None) -> dict[str, Any]:
    manifest = library.content.manifest if library.content else None
    return {
        "id": library.library_id,
        "name": library.name,
        "version": _version(library, manifest),
        "display_name": manifest.display_name if manifest else library.name,
        "description": manifest.description if manifest else _why_broken(library),
        "author": manifest.author if manifest else "",
        "is_enabled": library.is_enabled and library.content is not None,
        "is_premium": manifest.is_premium if manifest else False,
        "installation_date": _installed_at(library),
        "last_used": last_used,
        "step_count": len(library.content.steps) if library.content else 0,
        "status": library.status,
    }


def _installed_at(library: Library) -> str | None:
    """Return the time when it came here; what was released here came with its release."""
    if library.active is None:
        return None
    return library.instance.installed_at or library.active.date


def _version(library: Library, manifest: Manifest | None) -> str:
    if manifest is not None:
        return manifest.version
    return str(library.active.version) if library.active else ""


def _why_broken(library: Library) -> str:
    problems = [str(problem) for problem in library.problems]
    return "; ".join([*problems, *library.alarms][:3]) or "no release yet"


def library_detail_bytes(
    library: Library, step_bodies: Sequence[bytes], *, last_used: str | None = None
) -> bytes:
    """``GET /api/v1/libraries/{id}``: the summary, the manifest, the releases and the steps."""
    detail = _summary(library, last_used)
    if library.content is not None:
        builtins = msgspec.to_builtins(library.content.manifest)
        detail = {**builtins, **detail}
    detail["versions"] = [
        {
            "version": str(record.version),
            "state": record.state,
            "date": record.date,
            "digest": record.digest,
            "yanked": record.yank,
            **({"removed": _removed(record.removal)} if record.removal else {}),
            **({"alarm": record.alarm} if record.alarm else {}),
        }
        for record in library.releases
    ]
    detail["deprecated"] = library.facts.deprecated
    detail["problems"] = [str(problem) for problem in library.problems]
    detail["steps"] = [msgspec.Raw(body) for body in step_bodies]
    return _ENCODER.encode(detail)


def _removed(removal: Removal) -> dict[str, str]:
    return {"date": removal.date, "by": removal.by}


def step_list_bytes(
    bodies: Sequence[bytes], categories: Iterable[str], libraries: Iterable[str]
) -> bytes:
    """``GET /api/v1/steps``: ``{steps, total_count, categories, libraries}``."""
    tail = _ENCODER.encode(
        {
            "total_count": len(bodies),
            "categories": sorted(set(categories)),
            "libraries": sorted(set(libraries)),
        }
    )
    return b"".join((b'{"steps":[', b",".join(bodies), b"],", tail[1:]))


def library_list_bytes(summaries: Sequence[bytes]) -> bytes:
    """``GET /api/v1/libraries``: a bare array."""
    return b"[" + b",".join(summaries) + b"]"
