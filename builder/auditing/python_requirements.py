"""The Python packages of releases, active or not: one that is not may be the safe one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from builder.auditing.pins import Requirements, read_requirements
from registry.formats.model import ReleaseContent
from registry.library.release_state import Library, ReleaseRecord
from registry.names import CORE, LibraryName, StepName
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import read_contents
from registry.versions import Version

# Releases read together: enough to keep Git's pipe full, few enough to stay small in memory.
_CHUNK = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """The packages that one release requires, and the steps whose executors import them."""

    requirements: Requirements
    steps: tuple[StepName, ...]


Needs = Mapping[tuple[LibraryName, Version], Need]
"""The releases that require a package; the others are not there."""


def read_needs(registry: Registry, libraries: Iterable[Library]) -> Needs:
    """Read all served releases of these libraries."""
    served = (
        (library.name, record)
        for library in libraries
        if library.name != CORE
        for record in library.releases
        if record.is_served
    )
    needs: dict[tuple[LibraryName, Version], Need] = {}
    while chunk := list(islice(served, _CHUNK)):
        needs.update(_read(registry, chunk))
    return needs


def _read(
    registry: Registry, releases: list[tuple[LibraryName, ReleaseRecord]]
) -> Iterator[tuple[tuple[LibraryName, Version], Need]]:
    trees = [record.tree for _, record in releases]
    contents = read_contents(registry.repository, trees, registry.limits)
    for (name, record), (content, _) in zip(releases, contents, strict=True):
        if content is not None and content.manifest.python_requirements:
            requirements = read_requirements(content.manifest.python_requirements)
            need = Need(requirements=requirements, steps=_executed(content))
            yield (name, record.version), need


def _executed(content: ReleaseContent) -> tuple[StepName, ...]:
    """The steps that have an executor: only those import packages."""
    pairs = zip(content.manifest.steps, content.steps, strict=True)
    return tuple(step.name for entry, step in pairs if entry.executor is not None)


def packages_of(needs: Needs) -> frozenset[str]:
    """The normalised names of all packages that are needed at a version."""
    return frozenset(pin.name for need in needs.values() for pin in need.requirements.pinned)
