"""Refusals of an operation that would leave a library without what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ConflictError
from registry.names import LibraryName
from registry.versions import Dependency, Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmet:
    """A requirement that would not hold. ``found`` is the version that there would be."""

    library: LibraryName
    version: Version
    dependency: Dependency
    found: Version | None
    why: str

    def __str__(self) -> str:
        """``backup-tools 1.0.0 needs file-tools>=2, and file-tools 1.4.0 is active``."""
        return f"{self.library} {self.version} needs {self.dependency.requirement}, and {self.why}"


class DependencyConflictError(ConflictError):
    """The result would not fit together; ``unmet`` is everything that would be missing."""

    def __init__(self, message: str, unmet: tuple[Unmet, ...], *, next_step: str) -> None:
        """The message names the first few."""
        super().__init__(message, next_step=next_step)
        self.unmet = unmet


class DependentsError(DependencyConflictError):
    """Other libraries need what would go away."""
