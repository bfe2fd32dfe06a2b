"""file.delete: remove one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _params import flag
from _paths import kind, path_of, status
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the file, or the link itself, at ``path``."""
    return perform(_delete, parameters, context, "The file was not deleted.")


def _delete(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    missing_ok = flag(parameters, "missing_ok", default=True)
    found = status(path)
    if found is None:
        if not missing_ok:
            raise StepError(f"there is no file at {path}")
        return Done(f"There was no file at {path}.", {"path": str(path), "deleted": False})
    if kind(found.st_mode) == "directory":
        raise StepError(f"{path} is a directory, not a file")
    path.unlink()
    return Done(f"Deleted {path}.", {"path": str(path), "deleted": True})
