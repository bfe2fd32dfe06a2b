"""file.create: write a text file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from _files import write
from _params import choice, flag, optional_text, text
from _paths import path_of
from _step import Done, Run, StepError, perform

ENCODINGS = ("utf-8", "utf-16", "ascii", "latin-1")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``content`` to a new file at ``path``."""
    return perform(_create, parameters, context, "The file was not created.")


def _create(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    encoding = choice(parameters, "encoding", ENCODINGS, "utf-8")
    overwrite = flag(parameters, "overwrite", default=False)
    try:
        data = text(parameters, "content", "").encode(encoding)
    except UnicodeEncodeError as problem:
        raise StepError(f"content cannot be written as {encoding}: {problem.reason}") from None
    mode = _mode(parameters)
    size = write(path, [data], overwrite=overwrite, mode=mode)
    return Done(f"Wrote {size} bytes to {path}.", {"path": str(path), "size_bytes": size})


def _mode(parameters: Mapping[str, Any]) -> int | None:
    value = optional_text(parameters, "mode")
    if value is None:
        return None
    if not re.fullmatch(r"0?[0-7]{3}", value):
        raise StepError("mode must be three octal digits, for example 0640")
    return int(value, 8)
