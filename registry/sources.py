"""Read a release from where an author has it: a directory or a ZIP. Nothing is put on disk."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from registry.archive import Archive, ArchiveError, Entry, read_archive
from registry.errors import LimitError, NotFoundError, RegistryError
from registry.paths import wrong_part
from registry.problems import InvalidLibraryError, Problem
from registry.settings import DEFAULT_LIMITS, Limits

# What editors, tools and Git leave in a directory; an author never means to publish it. Who packs a
# ZIP chooses what is in it, so there nothing is passed by.
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

_PLAIN_FILE = "a regular file, stored or deflated, without a password"


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


def read_upload(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> dict[str, bytes]:
    """The files in the bytes of a ZIP.

    Raises SourceError, LimitError, and InvalidLibraryError with all that is wrong with its entries.
    """
    if len(raw) > limits.archive_bytes:
        raise LimitError(f"the ZIP has more than {limits.archive_bytes:,} bytes")
    try:
        archive = read_archive(raw)
        _require_statement(archive.comment)
    except ArchiveError as error:
        raise SourceError(
            f"this is not a ZIP that can be read: {error.message}", next_step=error.next_step
        ) from error
    source = _read_archive(archive, limits)
    if source.problems:
        raise InvalidLibraryError("the ZIP", source.problems)
    return source.files


def _read_archive(archive: Archive, limits: Limits) -> Source:
    reading = _Reading(limits=limits)
    for name, listed in _zip_entries(archive, limits):
        reading.take(name, listed)
    problems = tuple(reading.problems)
    return Source(files=_without_top_folder(reading.files), problems=problems)


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
    return _read_archive(_archive(path, limits), limits)


def _archive(path: Path, limits: Limits) -> Archive:
    """The ZIP, read only when it is not too large."""
    try:
        size = path.stat().st_size
        if size > limits.archive_bytes:
            raise LimitError(
                f"the ZIP has {size:,} bytes",
                where=str(path),
                next_step=f"What is right: at most {limits.archive_bytes:,} bytes",
            )
        archive = read_archive(path.read_bytes())
        _require_statement(archive.comment)
    except (ArchiveError, OSError) as error:
        step = error.next_step if isinstance(error, ArchiveError) else ""
        raise SourceError(
            f"this is not a ZIP that can be read: {error}",
            where=str(path),
            next_step=step or "Name a library's directory, or a ZIP of one",
        ) from error
    return archive


def _require_statement(comment: bytes) -> None:
    """Refuse a comment unless it may be what a package says of itself: a line of JSON in ASCII.

    Such a line cannot hold an end record, with which a ZIP would have two ends.
    """
    is_line = comment.isascii() and comment.decode("ascii").isprintable()
    if comment and not (is_line and comment.startswith(b"{")):
        raise ArchiveError("it has a comment; only a package's own is allowed")


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
        except (OSError, ArchiveError) as error:
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


def _zip_entries(archive: Archive, limits: Limits) -> Iterator[tuple[str, _Entry]]:
    seen: set[str] = set()
    for listed in archive.entries:
        entry = _zip_entry(listed, limits)
        path = listed.name.removesuffix("/")
        if path in seen and not entry.wrong:
            entry = _Entry(wrong="it is there twice", expected="each file once")
        seen.add(path)
        if entry.wrong or not listed.is_directory:
            yield listed.name, entry


def _zip_entry(listed: Entry, limits: Limits) -> _Entry:
    if listed.fault:
        return _Entry(wrong=listed.fault, expected=_PLAIN_FILE)
    parts = listed.name.removesuffix("/").split("/")
    wrong = next((found for found in map(wrong_part, parts) if found), "")
    if wrong:
        return _Entry(wrong=wrong, expected="paths inside the library, that every system can have")
    if listed.size > limits.compression_ratio * max(listed.packed, 1):
        return _Entry(
            wrong="it expands more than is allowed",
            expected=f"at most {limits.compression_ratio:,} bytes for one packed byte",
            rule="limit-compression",
        )
    return _Entry(size=listed.size, read=listed.content)


def _without_top_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """A library may lie under one top folder (design, section 3)."""
    tops = {name.partition("/")[0] for name in files}
    top = next(iter(tops), "")
    if len(tops) != 1 or f"{top}/manifest.json" not in files:
        return files
    return {name.partition("/")[2]: content for name, content in files.items()}
