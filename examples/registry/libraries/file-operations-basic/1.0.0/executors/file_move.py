"""file.move: move or rename one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _files import move
from _params import flag
from _paths import path_of
from _step import Done, Run, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Move the file at ``source`` to ``destination``."""
    return perform(_move, parameters, context, "The file was not moved.")


def _move(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    size = move(source, destination, run, overwrite=flag(parameters, "overwrite", default=False))
    output = {"source": str(source), "destination": str(destination), "size_bytes": size}
    return Done(f"Moved {source} to {destination}.", output)
