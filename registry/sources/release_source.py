"""Read a release from where an author has it: a directory or a ZIP. Nothing is put on disk.

One rule for both: the same files give the same release, whatever lies beside them and whichever
tool has packed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import LimitError, NotFoundError, RegistryError
from registry.limits import DEFAULT_LIMITS, Limits
from registry.problems import (
    InvalidLibraryError,
    Problem,
    Severity,
    cut_name,
    errors_of,
    more_problems,
)
from registry.sources.leftovers import Left
from registry.sources.library_root import from_library_root
from registry.sources.source_entries import SourceEntry, directory_entries, zip_entries
from registry.sources.zip_reader import Archive, ArchiveError, read_archive


class SourceError(RegistryError):
    """A directory or ZIP that cannot be read as a release."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSource:
    """The readable part of a release, a problem for each unreadable entry, and warnings."""

    files: dict[str, bytes]
    problems: tuple[Problem, ...]


def _untold(_problem: Problem) -> None:
    """For callers who tell nobody."""


def read_source(
    path: Path, limits: Limits = DEFAULT_LIMITS, *, told: Callable[[Problem], object] = _untold
) -> dict[str, bytes]:
    """The files of a release by path; raises NotFoundError, SourceError or LimitError.

    ``told`` is called with each warning, such as for what is passed by.
    """
    source = examine_source(path, limits)
    for problem in errors_of(source.problems):
        kind = LimitError if problem.rule.startswith("limit") else SourceError
        raise kind(
            f"{problem.file!r}: {problem.message}",
            where=str(path),
            next_step=f"What is right: {problem.expected}",
        )
    for problem in source.problems:
        told(problem)
    return source.files


def read_upload(
    raw: bytes, limits: Limits = DEFAULT_LIMITS, *, told: Callable[[Problem], object] = _untold
) -> dict[str, bytes]:
    """The files in the bytes of a ZIP; ``told`` as for `read_source`.

    Raises SourceError, LimitError, and InvalidLibraryError with all that is wrong with its entries.
    """
    if len(raw) > limits.archive_bytes:
        raise LimitError(f"the ZIP has more than {limits.archive_bytes:,} bytes")
    try:
        archive = read_archive(raw, most=limits.archive_entries)
    except ArchiveError as error:
        raise SourceError(
            f"this is not a ZIP that can be read: {error.message}", next_step=error.next_step
        ) from error
    source = _read(zip_entries(archive, limits), limits)
    errors = errors_of(source.problems)
    if errors:
        warnings = tuple(one for one in source.problems if one not in errors)
        raise InvalidLibraryError("the ZIP", (*errors, *warnings))
    for problem in source.problems:
        told(problem)
    return source.files


def examine_source(path: Path, limits: Limits = DEFAULT_LIMITS) -> ReleaseSource:
    """As `read_source`, with everything that is wrong; raises NotFoundError, SourceError."""
    if not path.is_dir() and not path.is_file():
        raise NotFoundError(
            "there is nothing here", where=str(path), next_step="Name a directory or a ZIP"
        )
    if path.is_dir():
        return _read(directory_entries(path), limits)
    return _read(zip_entries(_archive(path, limits), limits), limits)


def _read(entries: Iterable[SourceEntry], limits: Limits) -> ReleaseSource:
    reading = _Reading(limits=limits)
    for entry in entries:
        reading.take(entry)
    files, misplaced = from_library_root(reading.files)
    placed = () if misplaced is None else (misplaced,)
    return ReleaseSource(files=files, problems=(*reading.told, *placed, *reading.warnings))


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
        return read_archive(path.read_bytes(), most=limits.archive_entries)
    except ArchiveError as error:
        raise SourceError(
            f"this is not a ZIP that can be read: {error.message}",
            where=str(path),
            next_step=error.next_step or "Name a library's directory, or a ZIP of one",
        ) from error
    except OSError as error:
        raise SourceError(
            f"it cannot be read: {error.strerror or error}",
            where=str(path),
            next_step="Name a library's directory, or a ZIP of one",
        ) from error


@dataclass(kw_only=True, slots=True)
class _Reading:
    """Files and problems so far; what no limit allows is not read."""

    limits: Limits
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)
    """Rules that are told once."""
    _untold: int = 0
    _litter: dict[str, None] = field(default_factory=dict)
    _folders: dict[str, bool] = field(default_factory=dict)
    """Each path that was listed, and whether it was as a folder."""
    _count: int = 0
    _bytes: int = 0
    _passed_count: int = 0
    _passed_bytes: int = 0

    @property
    def told(self) -> tuple[Problem, ...]:
        """The problems, and how many more there were."""
        if not self._untold:
            return tuple(self.problems)
        return (*self.problems, more_problems(self._untold, self.limits.problems_reported))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Warnings about files that were passed by, in their order."""
        return tuple(
            Problem(
                rule="build-litter",
                file=path,
                message="this was left by a build or an editor: it does not become part of the "
                "release",
                expected="do nothing, or remove it",
                severity=Severity.WARNING,
            )
            for path in self._litter
        )

    def take(self, entry: SourceEntry) -> None:
        """Read one entry, or say why not."""
        if entry.left is not None:
            self._pass_by(entry, *entry.left)
        elif not entry.is_folder and not self._has_room():
            self._refuse_once(
                "limit-release-files", f"more than {self.limits.release_files:,} files"
            )
        elif entry.wrong:
            self._refuse(entry.name, entry.rule, entry.wrong, entry.expected)
        elif self._is_there_twice(entry):
            self._refuse(entry.name, "source", "it is there twice", "put in each file once")
        elif not entry.is_folder:
            self._read(entry)

    def _has_room(self) -> bool:
        """Count one more; what is wrong counts too, or problems would have no limit."""
        self._count += 1
        return self._count <= self.limits.release_files

    def _is_there_twice(self, entry: SourceEntry) -> bool:
        """True if its path was listed before; a folder may be listed again."""
        path = entry.name.removesuffix("/")
        if path not in self._folders:
            self._folders[path] = entry.is_folder
            return False
        return not (self._folders[path] and entry.is_folder)

    def _read(self, entry: SourceEntry) -> None:
        limits, name = self.limits, entry.name
        if entry.size > limits.file_bytes:
            wrong = f"the file has {entry.size:,} bytes"
            self._refuse(
                name, "limit-file-size", wrong, f"keep to at most {limits.file_bytes:,} bytes"
            )
            return
        self._bytes += entry.size
        if self._bytes > limits.release_bytes:
            self._refuse_once("limit-release-size", f"more than {limits.release_bytes:,} bytes")
            return
        try:
            self.files[name] = entry.read()
        except (OSError, ArchiveError) as error:
            wrong = f"it cannot be read: {str(error)[:200]}"
            self._refuse(
                name, "source", wrong, "put in a file that can be read, without a password"
            )

    def _pass_by(self, entry: SourceEntry, path: str, why: Left) -> None:
        """Leave it out. In a ZIP its data is verified: it might hide entries from this reader."""
        limits = self.limits
        self._passed_count += 1
        self._passed_bytes += entry.size
        if self._passed_count > limits.passed_files or self._passed_bytes > limits.passed_bytes:
            what = (
                f"more than {limits.passed_files:,} files, or {limits.passed_bytes:,} bytes, beside"
                " the library, such as a .venv or node_modules"
            )
            self._refuse_once("limit-passed-by", what)
            return
        try:
            entry.verify()
        except ArchiveError as error:
            self._refuse(entry.name, "source", error.message, "put in a file that can be read")
        if why is Left.AS_LITTER and len(self._litter) < limits.problems_reported:
            self._litter[cut_name(path)] = None

    def _refuse(self, name: str, rule: str, wrong: str, expected: str) -> None:
        if len(self.problems) >= self.limits.problems_reported:
            self._untold += 1
            return
        file = cut_name(name)
        self.problems.append(Problem(rule=rule, file=file, message=wrong, expected=expected))

    def _refuse_once(self, rule: str, what: str) -> None:
        if rule not in self._refused:
            self._refused.add(rule)
            # Among those that are told, whatever was found before.
            told = Problem(
                rule=rule,
                file=".",
                message=f"the release has {what}",
                expected=f"do not put in {what} together",
            )
            self.problems.insert(0, told)
