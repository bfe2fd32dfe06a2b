"""The result of every importer: releases, and findings about what did not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from builder.errors import BuilderError
from registry.publishing.bulk_import import ImportedRelease


class UnknownImporterError(BuilderError):
    """No importer has that name."""

    exit_code = 13


class ImportSourceError(BuilderError):
    """The directory is not what the importer reads."""

    exit_code = 14


class FindingKind(StrEnum):
    """The fate of something that did not fit."""

    RENAMED = "renamed"
    """A library or parameter has another name here."""
    ADJUSTED = "adjusted"
    """It was converted, and not everything could be kept as it was."""
    LEFT_OUT = "left-out"
    """A field that has no place here; the rest of the release was converted."""
    WARNED = "warning"
    """It was converted whole, and deserves attention."""
    FAILED = "failed"
    """The release was not converted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFinding:
    """One thing that did not fit: in which file, why, and what was done about it."""

    kind: FindingKind
    file: str
    reason: str
    action: str


class Importer(Protocol):
    """One kind of source."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    def describe(self) -> str:
        """One line for the help text."""

    def releases(self, source: Path) -> Iterator[ImportedRelease | ImportFinding]:
        """Everything in the source, libraries by name, releases of one from the least up.

        Yields a finding for whatever is not converted as it is. Raises SourceError when the
        directory is of another kind; never for a single bad file.
        """
