"""archive.extract: unpack a ZIP or TAR file that need not be trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from _archives import Archive, Entry, opened
from _files import CHUNK, already_there
from _params import if_exists, integer
from _paths import kind, path_of, require_file, status
from _step import Done, Run, StepError, perform

MEGABYTE = 1024 * 1024


class Limits(NamedTuple):
    """How much an archive may unpack to."""

    files: int
    size: int

    def check(self, files: int, size: int) -> None:
        """Refuse what is more than that."""
        if files > self.files:
            raise StepError(f"the archive holds more than {self.files} entries (max_files)")
        if size > self.size:
            megabytes = self.size // MEGABYTE
            raise StepError(f"the archive unpacks to more than {megabytes} MB (max_megabytes)")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Unpack the archive at ``source`` into ``destination``."""
    return perform(_extract, parameters, context, "The archive was not extracted.")


def _extract(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    policy = if_exists(parameters)
    limits = Limits(
        integer(parameters, "max_files", 10_000, 1, 100_000),
        integer(parameters, "max_megabytes", 1024, 1, 8192) * MEGABYTE,
    )
    require_file(source)
    with opened(source) as archive:
        total = _judge(archive, destination, limits, run, policy)
        unpacking = _Unpacking(destination, limits, run, total, policy)
        unpacking.unpack(archive)
    output = {
        "path": str(destination),
        "format": archive.format,
        "file_count": unpacking.files,
        "skipped_count": unpacking.skipped,
        "size_bytes": unpacking.size,
    }
    return Done(f"Extracted {unpacking.files} files to {destination}.", output)


def _judge(archive: Archive, destination: Path, limits: Limits, run: Run, policy: str) -> int:
    """Refuse an archive before anything is written, and return the size it claims."""
    seen: set[tuple[str, ...]] = set()
    size = 0
    for count, entry in enumerate(archive.entries(), 1):
        run.check()
        size += entry.size
        limits.check(count, size)
        if not entry.is_directory and entry.parts in seen:
            raise StepError(f"the archive holds {'/'.join(entry.parts)} twice")
        seen.add(entry.parts)
        _require_free(destination, entry, policy)
    return size


def _require_free(destination: Path, entry: Entry, policy: str) -> None:
    """Refuse an entry whose place is taken, or is reached through a link."""
    if not entry.parts and not entry.is_directory:
        raise StepError("the archive holds a file without a name")
    path = destination
    for part in entry.parts[:-1]:
        path = path / part
        _require_directory(path)
    path = destination.joinpath(*entry.parts)
    if entry.is_directory:
        if entry.parts:
            _require_directory(path)
    elif (found := status(path)) is not None:
        if kind(found.st_mode) != "file":
            raise StepError(f"{path} is there already and is not a file")
        if policy == "fail":
            raise already_there(path)


def _require_directory(path: Path) -> None:
    found = status(path)
    if found is not None and kind(found.st_mode) != "directory":
        raise StepError(f"{path} is there already and is not a directory")


class _Unpacking:
    """One unpacking; where it fails, the files it has made are removed again."""

    def __init__(
        self, destination: Path, limits: Limits, run: Run, total: int, policy: str
    ) -> None:
        self._destination = destination
        self._limits = limits
        self._run = run
        self._total = max(total, 1)
        self._policy = policy
        self.files = self.skipped = self.size = 0
        self._made: list[Path] = []

    def unpack(self, archive: Archive) -> None:
        """Write every entry, and count files and bytes."""
        try:
            self._directory(self._destination)
            for entry in archive.entries():
                self._write(entry)
        except BaseException:
            self._undo()
            raise

    def _write(self, entry: Entry) -> None:
        path = self._destination
        for part in entry.parts if entry.is_directory else entry.parts[:-1]:
            path = path / part
            self._directory(path)
        if not entry.is_directory:
            self._file(path / entry.parts[-1], entry)

    def _directory(self, path: Path) -> None:
        if status(path) is None:
            path.mkdir()
            self._made.append(path)

    def _file(self, path: Path, entry: Entry) -> None:
        """Write one file, never through a link and never into what is not a file."""
        new = status(path) is None
        if not new and self._policy == "skip":
            self.skipped += 1
            return
        flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        flags |= os.O_CREAT | os.O_EXCL if new or self._policy == "fail" else os.O_TRUNC
        handle = os.open(path, flags, 0o777 if entry.executable else 0o666)
        if new:
            self._made.append(path)
        with os.fdopen(handle, "wb") as target, entry.open() as content:
            for block in self._counted(content):
                target.write(block)
        self.files += 1

    def _counted(self, content: IO[bytes]) -> Iterator[bytes]:
        while block := content.read(CHUNK):
            self._run.check()
            self.size += len(block)
            self._limits.check(0, self.size)
            self._run.progress(self.size / self._total, f"{self.size} bytes")
            yield block

    def _undo(self) -> None:
        for path in reversed(self._made):
            try:
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
            except OSError as problem:
                self._run.log("could not be removed", path=str(path), reason=str(problem))
