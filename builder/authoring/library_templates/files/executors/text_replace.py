"""text.replace: copy a text file with every occurrence of a text replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _step import StepError, Values, choice, log, perform, text

MAX_BYTES = 16 * 1024 * 1024


def execute(parameters: Values, context: Values) -> dict[str, Any]:
    """Write ``source`` to ``destination`` with ``search`` replaced by ``replacement``."""
    return perform(_replace, parameters, context, "Nothing was written.")


def _replace(parameters: Values, context: Values) -> tuple[str, dict[str, Any]]:
    source = Path(text(parameters, "source"))
    destination = Path(text(parameters, "destination"))
    search = text(parameters, "search")
    replacement = text(parameters, "replacement", "")
    overwrite = choice(parameters, "if_exists", ("fail", "overwrite")) == "overwrite"
    found = _read(source)
    written = found.replace(search, replacement).encode()
    try:
        with destination.open("wb" if overwrite else "xb") as file:
            file.write(written)
    except FileExistsError:
        raise StepError(f"{destination} is there already; set if_exists to overwrite") from None
    count = found.count(search)
    log(context, "replaced", destination=str(destination), replacements=count)
    output = {"destination": str(destination), "replacements": count, "size_bytes": len(written)}
    return f"Replaced {count} times in {destination}.", output


def _read(path: Path) -> str:
    if not path.is_file():  # a pipe or a device might never end
        raise StepError(f"there is no file at {path}")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StepError(f"{path} is larger than {MAX_BYTES:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise StepError(f"{path} is not UTF-8 text") from None
