"""Pack a library that is in no registry: a directory, or a ZIP that another tool has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.packaging.errors import PackageError
from builder.packaging.reproducible_zip import zipped
from builder.packaging.staging import staged
from registry.checks.release import check_release
from registry.library.digest import release_digest
from registry.names import Digest
from registry.problems import InvalidLibraryError, Problem
from registry.sources.release_source import read_source


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreleased:
    """A library without errors that may be packed. Whether it is released nobody has said."""

    name: str
    version: str
    digest: Digest
    files: Mapping[str, bytes] = field(repr=False)
    warnings: tuple[Problem, ...]

    @property
    def file_name(self) -> str:
        """``<name>-<version>.zip``."""
        return f"{self.name}-{self.version}.zip"


def read_unreleased(source: Path) -> Unreleased:
    """The library in a directory or ZIP, checked as for an install.

    Raises what `read_source` does, and InvalidLibraryError with every problem, errors first.
    """
    told: list[Problem] = []
    files = read_source(source, told=told.append)
    checked = check_release(files, strict=False)
    if checked.content is None:
        found = sorted(checked.problems, key=lambda problem: problem.severity)
        raise InvalidLibraryError(str(source), tuple(found))
    manifest = checked.content.manifest
    return Unreleased(
        name=manifest.name,
        version=manifest.version,
        digest=release_digest(files),
        files=files,
        warnings=(*told, *checked.problems),
    )


def write_unreleased(library: Unreleased, target: Path) -> bytes:
    """Put the ZIP in place, whole or not at all, and return its bytes; it is read back before.

    Raises WriteError, and PackageError where it would not be the same library again.
    """
    packed = zipped(library.files, top=f"{library.name}-{library.version}")
    with staged(target) as beside:
        beside.write_bytes(packed)
        if release_digest(read_source(beside)) != library.digest:
            raise PackageError(
                "its ZIP would not be the same library",
                where=f"{library.name} {library.version}",
                next_step="Report this, with the directory",
            )
    return packed
