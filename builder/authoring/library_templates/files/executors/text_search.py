"""text.search: find the lines of a file that contain a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _step import StepError, Values, flag, log, number, perform, text

LONGEST_LINE = 1000


def execute(parameters: Values, context: Values) -> dict[str, Any]:
    """List the lines of ``path`` that contain ``text``."""
    return perform(_search, parameters, context, "The file was not searched.")


def _search(parameters: Values, context: Values) -> tuple[str, dict[str, Any]]:
    path = Path(text(parameters, "path"))
    wanted = text(parameters, "text")
    ignore_case = flag(parameters, "ignore_case", default=False)
    most = int(number(parameters, "max_matches", 100, 1, 10_000))
    if ignore_case:
        wanted = wanted.casefold()
    if not path.is_file():  # a pipe or a device might never end
        raise StepError(f"there is no file at {path}")
    matches: list[dict[str, Any]] = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for count, line in enumerate(lines, start=1):
            if wanted in (line.casefold() if ignore_case else line):
                matches.append({"line": count, "text": line.rstrip("\n")[:LONGEST_LINE]})
            if len(matches) == most:
                break
    log(context, "searched", path=str(path), found=len(matches))
    output = {
        "path": str(path),
        "matches": matches,
        "count": len(matches),
        "truncated": len(matches) == most,
    }
    return f"Found {len(matches)} lines in {path}.", output
