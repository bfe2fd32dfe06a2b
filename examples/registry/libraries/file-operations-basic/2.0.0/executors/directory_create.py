"""directory.create: make a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from _params import flag, texts
from _paths import path_of
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Make a directory at ``path``; the directory above it has to exist."""
    return perform(_create, parameters, context, "The directory was not created.")


def _create(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    exist_ok = flag(parameters, "exist_ok", default=True)
    below = [_relative(name) for name in texts(parameters, "subdirectories")]
    created = _make(path)
    if not created and not exist_ok:
        raise StepError(f"{path} already exists")
    for relative in below:
        _make_below(path, relative)
    output = {"path": str(path), "created": created}
    return Done(f"Created {path}." if created else f"{path} was there already.", output)


def _make(path: Path) -> bool:
    """Make a directory, or return False where it is there."""
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise StepError(f"{path} exists and is not a directory") from None
        return False
    return True


def _make_below(path: Path, relative: PurePosixPath) -> None:
    for part in relative.parts:
        path = path / part
        if not _make(path) and path.is_symlink():
            raise StepError(f"{path} is a link, which may lead elsewhere")


def _relative(name: str) -> PurePosixPath:
    """Return a path that stays below where it starts, on every system."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
        raise StepError(f"subdirectories must be relative paths such as a/b: {name!r}")
    return PurePosixPath(name)
