"""file.copy: copy one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _files import copy
from _params import flag
from _paths import path_of
from _step import Done, Run, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the file at ``source`` to ``destination``."""
    return perform(_copy, parameters, context, "The file was not copied.")


def _copy(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    size = copy(source, destination, run, overwrite=flag(parameters, "overwrite", default=False))
    output = {"source": str(source), "destination": str(destination), "size_bytes": size}
    return Done(f"Copied {size} bytes to {destination}.", output)
