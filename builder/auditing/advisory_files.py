"""The files of advisory databases: in folders and in archives, all of them hostile.

Understood are a folder of JSON or YAML files at any depth (a dump of OSV), the layout of PyPA's
database (``vulns/<package>/<id>.yaml``), of which only the wanted packages are read, and a ZIP of
either, which is read without being unpacked.
"""

from __future__ import annotations

import itertools
import os
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from builder.auditing.errors import AdvisorySourceError
from registry.advisories.parsing import AdvisoryLimits, too_large
from registry.errors import LimitError
from registry.problems import Problem

_ENDINGS = (".json", ".yaml", ".yml")
_PACKAGES = "vulns"
_ENCRYPTED = 0x1
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryFile:
    """One file: what it is called in messages, and its bytes, or why there are none."""

    name: str
    raw: bytes = b""
    problem: Problem | None = None


class AdvisoryFiles:
    """Reads folders and archives, counting what that costs."""

    def __init__(self, wanted: Collection[str], limits: AdvisoryLimits) -> None:
        """``wanted`` are the normalised names of packages."""
        self._wanted = frozenset(wanted)
        self._limits = limits
        self._files = 0
        self._bytes = 0

    def read(self, sources: Iterable[Path]) -> Iterator[AdvisoryFile]:
        """The files of folders and ZIPs, sorted by path.

        Raises AdvisorySourceError for a source that is not there, and LimitError.
        """
        for source in sources:
            if source.is_dir():
                yield from self._folder(source, source, depth=0)
            elif source.is_file() and source.suffix == ".zip":
                yield from self._archive(source)
            else:
                raise AdvisorySourceError(
                    "there is neither a folder nor a ZIP of advisories here",
                    where=str(source),
                    next_step="Name a folder of OSV files, PyPA's database or OSV's all.zip",
                )

    def _folder(self, root: Path, folder: Path, depth: int) -> Iterator[AdvisoryFile]:
        if depth > self._limits.folder_depth:
            raise self._too_much(f"more than {self._limits.folder_depth} folders inside each other")
        try:
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _broken(str(folder), f"the folder cannot be read: {error.strerror}")
            return
        for child in children:
            path = Path(child.path)
            if child.is_dir(follow_symlinks=False):
                inner = (root.resolve().name, *path.relative_to(root).parts)
                if not child.name.startswith(".") and self._may_matter((*inner, "")):
                    yield from self._folder(root, path, depth + 1)
            elif child.is_file(follow_symlinks=False):
                yield from self._file(path)

    def _file(self, path: Path) -> Iterator[AdvisoryFile]:
        if path.suffix == ".zip":
            yield from self._archive(path)
        elif path.suffix in _ENDINGS:
            yield self._plain(path)

    def _plain(self, path: Path) -> AdvisoryFile:
        shown = str(path)
        try:
            with path.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                if size > self._limits.file_bytes:
                    self._count(0)
                    return AdvisoryFile(name=shown, problem=too_large(shown, size, self._limits))
                raw = opened.read(self._limits.file_bytes + 1)
        except OSError as error:
            return _broken(shown, f"it cannot be read: {error.strerror}")
        self._count(len(raw))
        return AdvisoryFile(name=shown, raw=raw)

    def _archive(self, path: Path) -> Iterator[AdvisoryFile]:
        try:
            with zipfile.ZipFile(path) as archive:
                if len(archive.infolist()) > self._limits.files:
                    raise self._too_much(f"more than {self._limits.files:,} files")
                for info in sorted(archive.infolist(), key=lambda item: item.filename):
                    parts = PurePosixPath(info.filename).parts
                    is_file = not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16)
                    if is_file and info.filename.endswith(_ENDINGS) and self._may_matter(parts):
                        yield self._member(path, archive, info)
        except _UNREADABLE as error:
            yield _broken(str(path), f"this is not a ZIP that can be read: {error}")

    def _member(self, path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> AdvisoryFile:
        shown = f"{path}!{info.filename}"
        if info.flag_bits & _ENCRYPTED:
            return _broken(shown, "it is encrypted")
        try:
            with archive.open(info) as opened:
                # What its listing says of its size may be a lie.
                raw = opened.read(self._limits.file_bytes + 1)
        except _UNREADABLE as error:
            return _broken(shown, f"it cannot be unpacked: {error}")
        self._count(len(raw))
        if len(raw) > self._limits.file_bytes:
            size = max(len(raw), info.file_size)
            return AdvisoryFile(name=shown, problem=too_large(shown, size, self._limits))
        return AdvisoryFile(name=shown, raw=raw)

    def _may_matter(self, parts: tuple[str, ...]) -> bool:
        """True if a path may lead to a wanted package: below ``vulns``, folders are packages."""
        for above, package in itertools.pairwise(parts[:-1]):
            if above == _PACKAGES:
                return canonicalize_name(package) in self._wanted
        return True

    def _count(self, size: int) -> None:
        self._files += 1
        self._bytes += size
        if self._files > self._limits.files:
            raise self._too_much(f"more than {self._limits.files:,} files")
        if self._bytes > self._limits.total_bytes:
            raise self._too_much(f"more than {self._limits.total_bytes:,} bytes")

    def _too_much(self, what: str) -> LimitError:
        return LimitError(
            f"the advisories are {what}",
            next_step="Name the folder of one database, such as OSV's dump for PyPI",
        )


def _broken(name: str, message: str) -> AdvisoryFile:
    problem = Problem(
        rule="advisory-file", file=name, message=message, expected="an advisory in OSV's format"
    )
    return AdvisoryFile(name=name, problem=problem)
