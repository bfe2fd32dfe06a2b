"""directory.delete: remove a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _params import flag, integer
from _paths import kind, path_of, status
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the directory at ``path``, with ``recursive`` including all that is in it."""
    return perform(_delete, parameters, context, "The directory was not deleted.")


def _delete(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    recursive = flag(parameters, "recursive", default=False)
    missing_ok = flag(parameters, "missing_ok", default=True)
    limit = integer(parameters, "max_entries", 10_000, 1, 1_000_000)
    output = {"path": str(path), "deleted": False, "removed_count": 0}
    if not _is_there(path):
        if not missing_ok:
            raise StepError(f"there is no directory at {path}", output)
        return Done(f"There was no directory at {path}.", output)
    below = _collect(path, limit, run)
    if below and not recursive:
        raise StepError(f"{path} is not empty; set recursive to remove what is in it", output)
    for entry in [*reversed(below), path]:
        _remove(entry, run, output)
    return Done(f"Deleted {path}.", {**output, "deleted": True})


def _is_there(path: Path) -> bool:
    found = status(path)
    if found is not None and kind(found.st_mode) != "directory":
        raise StepError(f"{path} is not a directory")
    return found is not None


def _collect(path: Path, limit: int, run: Run) -> list[Path]:
    """Return what is below a directory, each directory before what is in it."""
    found: list[Path] = []
    waiting = [path]
    while waiting:
        for entry in waiting.pop().iterdir():
            run.check()
            found.append(entry)
            if len(found) > limit:
                raise StepError(f"there are more than {limit} entries in {path} (max_entries)")
            if kind(entry.lstat().st_mode) == "directory":
                waiting.append(entry)
    return found


def _remove(path: Path, run: Run, output: dict[str, Any]) -> None:
    """Remove one entry and count it; a failure tells how many went before it."""
    try:
        run.check()
        if kind(path.lstat().st_mode) == "directory":
            path.rmdir()
        else:
            path.unlink()
    except (OSError, StepError) as problem:
        count = output["removed_count"]
        raise StepError(f"stopped after {count} entries: {problem}", output) from None
    output["removed_count"] += 1
