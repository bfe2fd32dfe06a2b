"""The audit of a registry at one commit: only the libraries that may be hit are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.auditing.dependents import find_dependents
from builder.auditing.git_grep import libraries_mentioning
from builder.auditing.model import AuditFinding, AuditReport, Unpinned
from builder.auditing.python_advisories import (
    NO_PYTHON_ADVISORIES,
    PythonAdvisories,
    read_python_advisories,
)
from builder.auditing.python_requirements import Needs, packages_of, read_needs
from registry.advisories.hit import AdvisoryHit, Cause
from registry.advisories.matching import release_hits, safe_version
from registry.advisories.parsing import DEFAULT_ADVISORY_LIMITS, AdvisoryLimits
from registry.advisories.reading import Advisories, read_advisories
from registry.library.release_state import Library
from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot
from registry.versions import Version

_FIELD = "python_requirements"
Judged = Mapping[Version, tuple[AdvisoryHit, ...]]
"""The releases of one library that are hit, and by what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The question: one library or all, the active releases or every one, and by whose word."""

    library: LibraryName | None = None
    sources: Sequence[Path] = ()
    """Folders and ZIPs of advisories about Python packages."""
    all_releases: bool = False
    limits: AdvisoryLimits = DEFAULT_ADVISORY_LIMITS


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """The known vulnerabilities, and the Python packages that releases need."""

    advisories: Advisories
    python: PythonAdvisories = NO_PYTHON_ADVISORIES
    needs: Needs

    def known_ids(self) -> set[str]:
        """The advisories that were compared with releases."""
        ours = (claim.advisory for claims in self.advisories.claims.values() for claim in claims)
        others = (claim.advisory for claims in self.python.claims.values() for claim in claims)
        return {advisory.id for advisory in (*ours, *others)}


def audit(registry: Registry, snapshot: Snapshot, question: Question) -> AuditReport:
    """Find what is hit.

    Raises NotFoundError for a library that is not there, AdvisorySourceError, and LimitError.
    """
    advisories = read_advisories(registry.repository, snapshot.commit, question.limits)
    names = _names(registry, snapshot, question, advisories)
    libraries = {library.name: library for library in snapshot.libraries(sorted(names))}
    known = _knowledge(registry, question, advisories, libraries.values())
    judged = {name: judge_release(library, known) for name, library in libraries.items()}
    hit = {name: (libraries[name], found) for name, found in judged.items() if found}
    findings = (
        finding
        for library, found in hit.values()
        for finding in findings_of(library, found)
        if question.all_releases or finding.is_active
    )
    return AuditReport(
        commit=snapshot.commit,
        checked=len(known.known_ids()),
        findings=tuple(sorted(findings, key=_served_first)),
        dependents=find_dependents(registry, snapshot, hit),
        unpinned=tuple(
            found
            for library in libraries.values()
            for found in _unpinned(library, known.needs, every=question.all_releases)
        ),
        problems=(*advisories.problems, *known.python.problems),
    )


def _names(
    registry: Registry, snapshot: Snapshot, question: Question, advisories: Advisories
) -> frozenset[LibraryName]:
    if question.library is not None:
        return frozenset({question.library})
    named = advisories.names.intersection(snapshot.names)
    if question.sources:
        named |= libraries_mentioning(registry, snapshot, [_FIELD])
    return named


def _knowledge(
    registry: Registry, question: Question, advisories: Advisories, libraries: Iterable[Library]
) -> Knowledge:
    if not question.sources:
        return Knowledge(advisories=advisories, needs={})
    needs = read_needs(registry, libraries)
    python = read_python_advisories(question.sources, packages_of(needs), question.limits)
    return Knowledge(advisories=advisories, python=python, needs=needs)


def judge_release(library: Library, known: Knowledge) -> Judged:
    """Judge the served releases of a library: the hits on them, and a safe one instead."""
    found = {
        record.version: tuple(_hits(library.name, record.version, known))
        for record in library.releases
        if record.is_served
    }
    bad = {version: hits for version, hits in found.items() if hits}
    safe = {version: safe_version(library.releases, version, bad.__contains__) for version in bad}
    return {
        version: tuple(replace(hit, safe=safe[version]) for hit in hits)
        for version, hits in bad.items()
    }


def _hits(name: LibraryName, version: Version, known: Knowledge) -> Iterator[AdvisoryHit]:
    yield from release_hits(name, version, known.advisories.claims.get(name, ()))
    need = known.needs.get((name, version))
    if need is None:
        return
    for pinned in need.requirements.pinned:
        for advisory in known.python.hitting(pinned):
            yield AdvisoryHit(
                advisory=advisory,
                library=name,
                version=version,
                steps=need.steps,
                cause=Cause.PYTHON,
                package=str(pinned),
            )


def findings_of(library: Library, judged: Judged) -> Iterator[AuditFinding]:
    """Yield what the instance makes of each release that is hit."""
    for record in library.releases:
        hits = judged.get(record.version)
        if hits:
            is_active = record == library.active
            yield AuditFinding(
                library=library.name,
                version=record.version,
                hits=hits,
                safe=hits[0].safe,
                is_active=is_active,
                is_pinned=is_active and library.instance.active is not None,
                is_enabled=library.is_enabled,
                is_yanked=record.yank is not None,
            )


def _served_first(finding: AuditFinding) -> tuple[bool, bool, str, Version]:
    return (not finding.counts, not finding.is_active, finding.library, finding.version)


def _unpinned(library: Library, needs: Needs, *, every: bool) -> Iterator[Unpinned]:
    for record in library.releases:
        need = needs.get((library.name, record.version))
        if need is not None and (every or record == library.active):
            for line in need.requirements.unpinned:
                yield Unpinned(library=library.name, version=record.version, requirement=line)
