"""Advisories about Python packages, and what they hit of a release's requirements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from packaging.utils import canonicalize_name

from builder.auditing.advisory_files import AdvisoryFiles
from builder.auditing.pins import PinnedRequirement, public_version
from registry.advisories.model import PYPI, Advisory
from registry.advisories.parsing import (
    DEFAULT_ADVISORY_LIMITS,
    AdvisoryLimits,
    parse_advisory,
)
from registry.advisories.ranges import Extent, extent_of
from registry.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageClaim:
    """The claim of one advisory about one package."""

    advisory: Advisory
    extents: tuple[Extent, ...]

    def includes(self, pinned: PinnedRequirement) -> bool:
        """True if it hits the package at its version."""
        return any(extent.includes(pinned.version) for extent in self.extents)


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonAdvisories:
    """The advisories of the wanted packages, by normalised name, and what could not be read."""

    claims: Mapping[str, tuple[PackageClaim, ...]]
    problems: tuple[Problem, ...] = ()

    def hitting(self, pinned: PinnedRequirement) -> list[Advisory]:
        """The advisories that hit a package: one of several that are aliases of each other."""
        claims = self.claims.get(pinned.name, ())
        return without_aliases(claim.advisory for claim in claims if claim.includes(pinned))


NO_PYTHON_ADVISORIES = PythonAdvisories(claims={})


def without_aliases(advisories: Iterable[Advisory]) -> list[Advisory]:
    """One advisory a vulnerability, by id: databases describe the same one under ids of their own.

    The one that says how bad it is goes before the others.
    """
    kept: list[Advisory] = []
    seen: set[str] = set()
    for advisory in sorted(advisories, key=lambda item: (not item.severity_word, item.id)):
        ids = {advisory.id, *advisory.aliases}
        if seen.isdisjoint(ids):
            kept.append(advisory)
        seen |= ids
    return sorted(kept, key=lambda item: item.id)


def read_python_advisories(
    sources: Iterable[Path],
    wanted: Collection[str],
    limits: AdvisoryLimits = DEFAULT_ADVISORY_LIMITS,
) -> PythonAdvisories:
    """The advisories about the wanted packages, from folders and ZIPs.

    A file that is wrong is a problem, and the others go on. Raises AdvisorySourceError for a
    source that is not there, and LimitError.
    """
    advisories: dict[str, Advisory] = {}
    problems: list[Problem] = []
    for file in AdvisoryFiles(wanted, limits).read(sources):
        if file.problem is not None:
            problems.append(file.problem)
            continue
        if not _may_be_about(file.raw, file.name, wanted):
            continue
        parsed = parse_advisory(file.raw, file=file.name, limits=limits)
        problems.extend(parsed.problems)
        found = parsed.value
        if found is not None and _is_newer(found, advisories.get(found.id)):
            problems.extend(_unread(found, file.name, wanted))
            advisories[found.id] = found
    claims: dict[str, list[PackageClaim]] = {}
    for _, advisory in sorted(advisories.items()):
        for package, claim in _claims(advisory, wanted):
            claims.setdefault(package, []).append(claim)
    return PythonAdvisories(
        claims={name: tuple(items) for name, items in claims.items()}, problems=tuple(problems)
    )


def _is_newer(advisory: Advisory, known: Advisory | None) -> bool:
    """The same id from two sources: what was modified later counts."""
    return known is None or advisory.modified > known.modified


def _may_be_about(raw: bytes, name: str, wanted: Collection[str]) -> bool:
    """A quick look at JSON: a dump has tens of thousands of files, of which a few matter."""
    if not name.endswith(".json"):
        return True
    try:
        value: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return True  # to be explained
    entries = value.get("affected") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return not isinstance(value, dict) or entries is not None
    return any(_names_wanted(entry, wanted) for entry in entries)


def _names_wanted(entry: Any, wanted: Collection[str]) -> bool:
    package = entry.get("package") if isinstance(entry, dict) else None
    if not isinstance(package, dict) or package.get("ecosystem") != PYPI:
        return False
    name = package.get("name")
    return isinstance(name, str) and canonicalize_name(name) in wanted


def _claims(advisory: Advisory, wanted: Collection[str]) -> Iterator[tuple[str, PackageClaim]]:
    if advisory.withdrawn is not None:
        return
    extents: dict[str, list[Extent]] = {}
    for entry in advisory.affected:
        if entry.package is not None and entry.is_about(PYPI):
            name = str(canonicalize_name(entry.package.name))
            if name in wanted:
                extents.setdefault(name, []).append(extent_of(entry, public_version))
    for name, items in extents.items():
        yield name, PackageClaim(advisory=advisory, extents=tuple(items))


def _unread(advisory: Advisory, file: str, wanted: Collection[str]) -> Iterator[Problem]:
    for name, claim in _claims(advisory, wanted):
        for text in (text for extent in claim.extents for text in extent.unread):
            yield Problem(
                rule="advisory",
                file=file,
                message=f"{text[:40]!r} is not a version of {name[:80]!r}: its range says nothing",
                expected="versions by PEP 440",
            )
