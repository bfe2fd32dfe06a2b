"""file.read: return the text in a file."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from _params import choice, integer
from _paths import path_of, require_file
from _step import Done, Run, StepError, perform

ENCODINGS = ("utf-8", "utf-16", "ascii", "latin-1")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text at ``path``, at most ``max_bytes`` of it."""
    return perform(_read, parameters, context, "The file was not read.")


def _read(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    encoding = choice(parameters, "encoding", ENCODINGS, "utf-8")
    limit = integer(parameters, "max_bytes", 1_048_576, 1, 16_777_216)
    size = require_file(path).st_size
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    truncated = len(data) > limit
    content = _decode(data[:limit], encoding, final=not truncated)
    output = {
        "path": str(path),
        "content": content,
        "size_bytes": max(size, len(data)),
        "truncated": truncated,
    }
    return Done(f"Read {min(len(data), limit)} bytes from {path}.", output)


def _decode(data: bytes, encoding: str, *, final: bool) -> str:
    """Decode text; a character that ``max_bytes`` cut in two is left out."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final)
    except UnicodeError:
        raise StepError(f"the file is not {encoding} text; try another encoding") from None
