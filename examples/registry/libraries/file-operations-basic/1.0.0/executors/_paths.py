"""Where a path parameter points, and what is there."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _params import text
from _step import Run, StepError


def path_of(parameters: Mapping[str, Any], name: str, run: Run) -> Path:
    """Return the path in a parameter; a relative one starts at the run's working directory."""
    value = text(parameters, name)
    if not value or "\0" in value:
        raise StepError(f"{name} must be a path")
    path = Path(value)
    if path.is_absolute():
        return path
    if run.workdir is None:
        raise StepError(f"{name} must be an absolute path: {value}")
    return run.workdir / path


def status(path: Path) -> os.stat_result | None:
    """Return what is at a path without following a link, or None where there is nothing."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def kind(mode: int) -> str:
    """Name what a mode stands for: file, directory, link or other."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def timestamp(seconds: float) -> str:
    """Return an RFC 3339 time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def shown(path: str) -> str:
    """Return a path as text that any JSON writer can encode, whatever bytes are in a name."""
    return os.fsencode(path).decode("utf-8", "replace")


def require_file(path: Path) -> os.stat_result:
    """Return the status of a regular file; anything else (a pipe, a device) is refused."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StepError(f"there is no file at {path}") from None
    if stat.S_ISDIR(found.st_mode):
        raise StepError(f"{path} is a directory, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise StepError(f"{path} is not a regular file")
    return found
