"""file.exists: whether there is something at a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _paths import kind, path_of, status
from _step import Done, Run, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether there is something at ``path``, and of which type."""
    return perform(_exists, parameters, context, "The path was not examined.")


def _exists(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    found = status(path)
    output = {
        "path": str(path),
        "exists": found is not None,
        "type": "none" if found is None else kind(found.st_mode),
    }
    return Done(f"{path} {'exists' if found else 'does not exist'}.", output)
