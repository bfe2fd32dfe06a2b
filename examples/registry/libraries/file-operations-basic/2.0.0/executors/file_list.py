"""file.list: what is in a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from _params import flag, integer, text, texts
from _paths import kind, path_of, shown, timestamp
from _step import Done, Run, StepError, perform

TYPES = ("file", "directory", "link", "other")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """List the entries of the directory at ``path`` whose name matches ``pattern``."""
    return perform(_list, parameters, context, "The directory was not listed.")


def _list(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    pattern = text(parameters, "pattern", "*")
    recursive = flag(parameters, "recursive", default=False)
    limit = integer(parameters, "max_entries", 1000, 1, 100_000)
    hidden = flag(parameters, "include_hidden", default=False)
    types = _types(parameters)
    if not path.is_dir():
        raise StepError(f"there is no directory at {path}")
    found = (
        _describe(entry)
        for entry in _walk(path, run, recursive=recursive, hidden=hidden)
        if fnmatchcase(entry.name, pattern)
    )
    wanted = (entry for entry in found if entry is not None and entry["type"] in types)
    entries = list(islice(wanted, limit + 1))
    output = {
        "path": str(path),
        "entries": entries[:limit],
        "count": min(len(entries), limit),
        "truncated": len(entries) > limit,
        "total_bytes": sum(entry["size_bytes"] for entry in entries[:limit]),
    }
    return Done(f"Found {output['count']} entries in {path}.", output)


def _types(parameters: Mapping[str, Any]) -> Sequence[str]:
    types = texts(parameters, "types")
    if not set(types) <= set(TYPES):
        raise StepError(f"types must be among {', '.join(TYPES)}")
    return types or TYPES


def _walk(path: Path, run: Run, *, recursive: bool, hidden: bool) -> Iterator[os.DirEntry[str]]:
    """Yield entries by name, each directory before what is in it; links are not followed."""
    waiting = _scan(path)
    while waiting:
        run.check()
        entry = waiting.pop()
        if entry.name.startswith(".") and not hidden:
            continue
        yield entry
        if recursive and entry.is_dir(follow_symlinks=False):
            waiting += _scan(entry.path)


def _scan(path: Path | str) -> list[os.DirEntry[str]]:
    """Return the entries of one directory, the first by name at the end."""
    with os.scandir(path) as found:
        return sorted(found, key=lambda entry: entry.name, reverse=True)


def _describe(entry: os.DirEntry[str]) -> dict[str, Any] | None:
    """Describe an entry, or return None where it vanished meanwhile."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return {
        "name": shown(entry.name),
        "path": shown(entry.path),
        "type": kind(found.st_mode),
        "size_bytes": found.st_size,
        "modified": timestamp(found.st_mtime),
    }
