"""file.info: what is at a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from _paths import kind, path_of, status, timestamp
from _step import Done, Run, perform

NOTHING = {"exists": False, "type": "none", "size_bytes": None, "modified": None, "mode": None}


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what is at ``path``; a link is described itself."""
    return perform(_info, parameters, context, "The path was not examined.")


def _info(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    found = status(path)
    if found is None:
        return Done(f"There is nothing at {path}.", {"path": str(path), **NOTHING})
    output = {"path": str(path), "exists": True, **_describe(found)}
    return Done(f"There is a {output['type']} at {path}.", output)


def _describe(found: os.stat_result) -> dict[str, Any]:
    return {
        "type": kind(found.st_mode),
        "size_bytes": found.st_size,
        "modified": timestamp(found.st_mtime),
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
    }
