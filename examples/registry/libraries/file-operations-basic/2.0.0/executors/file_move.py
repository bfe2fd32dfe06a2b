"""file.move: move or rename one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _files import move, size_to_keep
from _params import if_exists
from _paths import path_of
from _step import Done, Run, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Move the file at ``source`` to ``destination``."""
    return perform(_move, parameters, context, "The file was not moved.")


def _move(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    policy = if_exists(parameters)
    output: dict[str, Any] = {
        "source": str(source),
        "destination": str(destination),
        "skipped": True,
    }
    if (kept := size_to_keep(destination, policy)) is not None:
        return Done(f"{destination} was there already.", {**output, "size_bytes": kept})
    size = move(source, destination, run, overwrite=policy == "overwrite")
    output |= {"size_bytes": size, "skipped": False}
    return Done(f"Moved {source} to {destination}.", output)
