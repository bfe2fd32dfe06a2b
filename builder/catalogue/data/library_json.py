"""A library's answers as files, below the server's paths with ``.json`` added."""

from __future__ import annotations

from collections.abc import Sequence

from builder.catalogue.facts.library_sources import Source
from registry.library import wire


def publish_json(
    source: Source, bodies: Sequence[bytes], files: dict[str, bytes], twins: dict[str, str]
) -> None:
    """Put a library's answers into ``files``, and their other names into ``twins``."""
    library = source.library
    detail = f"api/v1/libraries/{library.name}.json"
    files[detail] = wire.library_detail_bytes(library, bodies)
    twins[f"api/v1/libraries/{library.library_id}.json"] = detail
    if library.content is not None:
        version = library.content.manifest.version
        for step, body in zip(library.content.steps, bodies, strict=True):
            path = f"api/v1/steps/{library.name}.{step.name}.json"
            files[path] = body
            twins[f"api/v1/steps/{library.name}.{step.name}@{version}.json"] = path
    for release in source.releases:
        if release.record == library.active:
            continue
        for file, step in zip(release.content.manifest.steps, release.content.steps, strict=True):
            path = f"api/v1/steps/{library.name}.{step.name}@{release.version}.json"
            has_executor = file.executor is not None
            files[path] = wire.step_bytes(
                library.name, release.version, step, has_executor=has_executor
            )
