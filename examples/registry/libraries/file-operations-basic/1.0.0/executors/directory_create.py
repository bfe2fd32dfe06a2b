"""directory.create: make a directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _params import flag
from _paths import path_of
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Make a directory at ``path``; the directory above it has to exist."""
    return perform(_create, parameters, context, "The directory was not created.")


def _create(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    exist_ok = flag(parameters, "exist_ok", default=True)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise StepError(f"{path} exists and is not a directory") from None
        if not exist_ok:
            raise StepError(f"{path} already exists") from None
        return Done(f"{path} was there already.", {"path": str(path), "created": False})
    return Done(f"Created {path}.", {"path": str(path), "created": True})
