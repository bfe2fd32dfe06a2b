"""Libraries as OpsConductor's own service takes them: one manifest with inline steps, and code.

The conversion is `registry.opsconductor`, which an upload goes through as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from builder.importers.model import FindingKind, ImportFinding, ImportSourceError
from registry.checks.release import check_release
from registry.errors import InvalidNameError, RegistryError
from registry.names import parse_library_name
from registry.opsconductor import convert_library
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.publishing.bulk_import import ImportedRelease
from registry.sources.release_source import read_source
from registry.versions import parse_version

_MANIFEST = "manifest.json"
_CODE = "steps.py"
_LISTED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class OpsConductorLibraries:
    """The importer ``opsconductor``."""

    name: str = "opsconductor"

    def describe(self) -> str:
        """One line for the help text."""
        return "A library of OpsConductor (ZIP, directory or manifest), or a directory of them"

    def releases(self, source: Path) -> Iterator[ImportedRelease | ImportFinding]:
        """Each library that is there; raises SourceError when there is none."""
        found = list(_places(source))
        if not found:
            raise ImportSourceError(
                "there is no library here: no manifest.json, and no ZIP",
                where=str(source),
                next_step="Name a library's ZIP, its directory, its manifest, or a directory of "
                "libraries",
            )
        taken: dict[tuple[str, str], ImportedRelease] = {}
        for place in found:
            where = place.name if place == source else place.relative_to(source).as_posix()
            for item in _converted(place, where):
                if isinstance(item, ImportFinding):
                    yield item
                    continue
                key = (item.name, str(item.version))
                if key in taken and taken[key].files == item.files:
                    reason = f"it is {item.name} {item.version} once more, with the same content"
                    yield _finding(FindingKind.LEFT_OUT, where, reason, "it was taken once")
                    continue
                taken.setdefault(key, item)
                yield item


def _places(source: Path) -> Iterator[Path]:
    """A library, or the libraries that lie in a directory: ZIPs, and directories."""
    if source.is_file() or (source / _MANIFEST).is_file():
        yield source
    elif source.is_dir():
        for child in sorted(source.iterdir()):
            is_zip = child.is_file() and child.suffix.lower() == ".zip"
            if is_zip or (child / _MANIFEST).is_file():
                yield child


def _converted(place: Path, where: str) -> Iterator[ImportedRelease | ImportFinding]:
    try:
        made = convert_library(_read(place))
    except InvalidLibraryError as error:
        yield _failed(where, error.problems)
        return
    except RegistryError as error:
        yield _finding(FindingKind.FAILED, where, str(error), "left out")
        return
    for note in made.notes:
        pointer = f" {note.pointer}" if note.pointer else ""
        kind = FindingKind.LEFT_OUT if "left out" in note.expected else FindingKind.ADJUSTED
        yield _finding(kind, f"{where}: {note.file}{pointer}", note.message, note.expected)
    manifest = json.loads(made.files[_MANIFEST])
    try:
        name = parse_library_name(str(manifest.get("name")))
        version = parse_version(str(manifest.get("version")))
    except InvalidNameError as error:
        reason = f"{error.message}; {error.next_step}"
        yield _finding(FindingKind.FAILED, where, reason, "left out")
        return
    problems = made.as_written(check_release(made.files, strict=False).problems)
    if errors_of(problems):
        yield _failed(where, problems)
        return
    for one in problems:
        pointer = f" {one.pointer}" if one.pointer else ""
        yield _finding(
            FindingKind.WARNED, f"{where}: {one.file}{pointer}", one.message, one.expected
        )
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    yield ImportedRelease(name=name, version=version, files=made.files, date=now)


def _read(place: Path) -> dict[str, bytes]:
    """The library's files; a manifest by any name has its code beside it."""
    if place.is_dir() or place.suffix.lower() != ".json":
        return read_source(place)
    code = place.with_name(_CODE)
    files = {_MANIFEST: _bytes(place)}
    return {**files, _CODE: _bytes(code)} if code.is_file() else files


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImportSourceError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            next_step="Look at its permissions",
        ) from error


def _failed(where: str, problems: tuple[Problem, ...]) -> ImportFinding:
    errors = errors_of(problems)
    more = f"; and {len(errors) - _LISTED} more" if len(errors) > _LISTED else ""
    reason = "; ".join(map(str, errors[:_LISTED])) + more
    return _finding(FindingKind.FAILED, where, reason, "left out")


def _finding(kind: FindingKind, file: str, reason: str, action: str) -> ImportFinding:
    return ImportFinding(kind=kind, file=file, reason=reason, action=action)
