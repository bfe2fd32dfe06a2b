"""file.create: write a text file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from _files import size_to_keep, write
from _params import choice, if_exists, optional_text, text
from _paths import path_of
from _step import Done, Run, StepError, perform

ENCODINGS = ("utf-8", "utf-16", "ascii", "latin-1")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``content`` to a new file at ``path``."""
    return perform(_create, parameters, context, "The file was not created.")


def _create(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    encoding = choice(parameters, "encoding", ENCODINGS, "utf-8")
    policy = if_exists(parameters)
    try:
        data = text(parameters, "content", "").encode(encoding)
    except UnicodeEncodeError as problem:
        raise StepError(f"content cannot be written as {encoding}: {problem.reason}") from None
    mode = _mode(parameters)
    output: dict[str, Any] = {"path": str(path), "skipped": True}
    if (kept := size_to_keep(path, policy)) is not None:
        return Done(f"{path} was there already.", {**output, "size_bytes": kept})
    size = write(path, [data], overwrite=policy == "overwrite", mode=mode)
    output |= {"size_bytes": size, "skipped": False}
    return Done(f"Wrote {size} bytes to {path}.", output)


def _mode(parameters: Mapping[str, Any]) -> int | None:
    value = optional_text(parameters, "mode")
    if value is None:
        return None
    if not re.fullmatch(r"0?[0-7]{3}", value):
        raise StepError("mode must be three octal digits, for example 0640")
    return int(value, 8)
