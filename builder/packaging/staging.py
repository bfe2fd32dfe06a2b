"""Write a file so that there is the whole of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.packaging.errors import WriteError
from registry.files import durable


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A path beside ``target`` to write to: it takes its place when all went well.

    Raises WriteError where the file cannot be written.
    """
    if target.is_dir():
        raise WriteError("this is a directory", where=str(target), next_step="Name a file")
    beside = target
    try:
        with durable.staged(target) as beside:
            yield beside
    except OSError as error:
        # What is packed may not be readable either: that is another path's trouble.
        if error.filename is not None and Path(error.filename) not in {beside, target.parent}:
            raise
        raise WriteError(
            f"it cannot be written: {error.strerror or error}",
            where=str(target),
            next_step="Name a file in a directory that is there and may be written to",
        ) from error
