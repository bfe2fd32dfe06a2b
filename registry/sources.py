"""Read a release from where an author has it: a directory or a ZIP. Nothing is put on disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from registry.errors import LimitError, NotFoundError, RegistryError
from registry.problems import Problem
from registry.settings import DEFAULT_LIMITS, Limits

# What editors, tools and Git leave behind; an author never means to publish it.
_LEFTOVERS = frozenset(
    {
        "__pycache__",
        "__MACOSX",
        ".git",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".DS_Store",
        "Thumbs.db",
    }
)


class SourceError(RegistryError):
    """A directory or ZIP that cannot be read as a release."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What could be read of a release, and a problem for each entry that could not."""

    files: dict[str, bytes]
    problems: tuple[Problem, ...]


def read_source(path: Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, bytes]:
    """The files of a release by path; raises NotFoundError, SourceError or LimitError."""
    source = examine_source(path, limits)
    for problem in source.problems:
        kind = LimitError if problem.rule.startswith("limit") else SourceError
        raise kind(
            f"{problem.file!r}: {problem.message}",
            where=str(path),
            next_step=f"What is right: {problem.expected}",
        )
    return source.files


def examine_source(path: Path, limits: Limits = DEFAULT_LIMITS) -> Source:
    """As `read_source`, with everything that is wrong; raises NotFoundError, SourceError."""
    if not path.is_dir() and not path.is_file():
        raise NotFoundError(
            "there is nothing here", where=str(path), next_step="Name a directory or a ZIP"
        )
    reading = _Reading(limits=limits)
    if path.is_dir():
        for name, entry in _directory_entries(path):
            reading.take(name, entry)
        return Source(files=reading.files, problems=tuple(reading.problems))
    try:
        with zipfile.ZipFile(path) as archive:
            for name, entry in _zip_entries(archive, limits):
                reading.take(name, entry)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise SourceError(
            f"this is not a ZIP that can be read: {error}",
            where=str(path),
            next_step="Name a library's directory, or a ZIP of one",
        ) from error
    problems = tuple(reading.problems)
    return Source(files=_without_top_folder(reading.files), problems=problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """One file before it is read: what is wrong with it as far as its listing says."""

    size: int = 0
    read: Callable[[], bytes] = bytes
    wrong: str = ""
    expected: str = ""
    rule: str = "source"


@dataclass(kw_only=True, slots=True)
class _Reading:
    """Files and problems so far; what no limit allows is not read."""

    limits: Limits
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _count: int = 0
    _bytes: int = 0

    def take(self, name: str, entry: _Entry) -> None:
        """Read one entry, or say why not."""
        limits = self.limits
        self._count += 1
        if self._count > limits.release_files:
            self._refuse_once("limit-release-files", f"more than {limits.release_files:,} files")
            return
        if entry.wrong:
            self._refuse(name, entry.rule, entry.wrong, entry.expected)
            return
        if entry.size > limits.file_bytes:
            wrong = f"the file has {entry.size:,} bytes"
            self._refuse(name, "limit-file-size", wrong, f"at most {limits.file_bytes:,} bytes")
            return
        self._bytes += entry.size
        if self._bytes > limits.release_bytes:
            self._refuse_once("limit-release-size", f"more than {limits.release_bytes:,} bytes")
            return
        try:
            self.files[name] = entry.read()
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            wrong = f"it cannot be read: {str(error)[:200]}"
            self._refuse(name, "source", wrong, "a file that can be read, without a password")

    def _refuse(self, name: str, rule: str, wrong: str, expected: str) -> None:
        self.problems.append(Problem(rule=rule, file=name, message=wrong, expected=expected))

    def _refuse_once(self, rule: str, what: str) -> None:
        if all(problem.rule != rule for problem in self.problems):
            self._refuse(".", rule, f"the release has {what}", f"not {what} together")


def _directory_entries(root: Path) -> Iterator[tuple[str, _Entry]]:
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if _LEFTOVERS.intersection(relative.parts) or path.suffix == ".pyc":
            continue
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            entry = _Entry(size=path.stat().st_size, read=path.read_bytes)
        elif stat.S_ISDIR(mode):
            continue
        elif stat.S_ISLNK(mode):
            entry = _Entry(wrong="symbolic links are not allowed", expected="the file itself")
        else:
            entry = _Entry(wrong="this is no regular file", expected="regular files only")
        yield relative.as_posix(), entry


def _zip_entries(archive: zipfile.ZipFile, limits: Limits) -> Iterator[tuple[str, _Entry]]:
    seen: set[str] = set()
    for info in archive.infolist():
        name = info.filename
        if info.is_dir() or _LEFTOVERS.intersection(PurePosixPath(name).parts):
            continue
        wrong, expected, rule = _wrong_member(info, limits)
        if name in seen:
            wrong, expected, rule = "it is there twice", "each file once", "source"
        seen.add(name)
        yield (
            name,
            _Entry(
                size=info.file_size,
                read=lambda info=info: archive.read(info),  # type: ignore[misc]  # bound now
                wrong=wrong,
                expected=expected,
                rule=rule,
            ),
        )


def _wrong_member(info: zipfile.ZipInfo, limits: Limits) -> tuple[str, str, str]:
    name = info.filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    if stat.S_ISLNK(kind):
        return "symbolic links are not allowed", "the file itself", "source"
    if kind not in {0, stat.S_IFREG}:
        return "this is no regular file", "regular files only", "source"
    if name.startswith("/") or ".." in PurePosixPath(name).parts or "\\" in name:
        return "its path leads out of the library", "paths inside the library", "source"
    if info.file_size > limits.compression_ratio * max(info.compress_size, 1):
        ratio = f"at most {limits.compression_ratio:,} bytes for one packed byte"
        return "it expands more than is allowed", ratio, "limit-compression"
    return "", "", ""


def _without_top_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """A library may lie under one top folder (design, section 3)."""
    tops = {name.partition("/")[0] for name in files}
    top = next(iter(tops), "")
    if len(tops) != 1 or f"{top}/manifest.json" not in files:
        return files
    return {name.partition("/")[2]: content for name, content in files.items()}
