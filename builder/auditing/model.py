"""The findings of an audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.advisories.hit import AdvisoryHit
from registry.names import LibraryName
from registry.problems import Problem
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFinding:
    """One release that is hit, and by what."""

    library: LibraryName
    version: Version
    hits: tuple[AdvisoryHit, ...]
    safe: Version | None
    """The least stable release above that nothing hits; None when there is none yet."""
    is_active: bool = False
    """True if an unversioned lookup of the instance answers with it."""
    is_pinned: bool = False
    """True if the operator chose it."""
    is_enabled: bool = True
    is_yanked: bool = False

    @property
    def counts(self) -> bool:
        """True if the instance answers with it now."""
        return self.is_active and self.is_enabled


@dataclass(frozen=True, kw_only=True, slots=True)
class AffectedDependent:
    """A library whose active release needs another one and allows only releases that are hit."""

    library: LibraryName
    version: Version
    requires: str
    """As its manifest says it."""
    on: LibraryName
    allowed: tuple[Version, ...]
    safe: Version | None
    """The least safe release of the other library that it does not allow; None when there is
    none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpinned:
    """A Python requirement that names no one version: nobody can say what it brings."""

    library: LibraryName
    version: Version
    requirement: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """The findings at one commit. ``problems`` are files of advisories that cannot be read."""

    commit: str
    checked: int
    """The number of advisories about libraries and about packages that are needed."""
    findings: tuple[AuditFinding, ...]
    dependents: tuple[AffectedDependent, ...]
    unpinned: tuple[Unpinned, ...]
    problems: tuple[Problem, ...]

    @property
    def is_hit(self) -> bool:
        """True if a release is hit that the instance answers with."""
        return any(finding.counts for finding in self.findings)

    @property
    def hits(self) -> Iterator[tuple[AuditFinding, AdvisoryHit]]:
        """Each pair of a release and an advisory."""
        return ((finding, hit) for finding in self.findings for hit in finding.hits)
