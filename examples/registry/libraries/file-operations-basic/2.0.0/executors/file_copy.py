"""file.copy: copy one file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from _files import copy, size_to_keep
from _params import flag, if_exists
from _paths import path_of
from _step import Done, Run, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the file at ``source`` to ``destination``."""
    return perform(_copy, parameters, context, "The file was not copied.")


def _copy(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    policy = if_exists(parameters)
    preserve_times = flag(parameters, "preserve_times", default=False)
    output: dict[str, Any] = {
        "source": str(source),
        "destination": str(destination),
        "skipped": True,
    }
    if (kept := size_to_keep(destination, policy)) is not None:
        return Done(f"{destination} was there already.", {**output, "size_bytes": kept})
    size, digest = copy(source, destination, run, overwrite=policy == "overwrite")
    if preserve_times:
        found = source.stat()
        os.utime(destination, ns=(found.st_atime_ns, found.st_mtime_ns))
    output |= {"size_bytes": size, "sha256": digest, "skipped": False}
    return Done(f"Copied {size} bytes to {destination}.", output)
