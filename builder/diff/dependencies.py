"""Compare a library's needs: an installation that was good enough must still be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec
from packaging.specifiers import Specifier
from packaging.version import InvalidVersion
from packaging.version import Version as PythonVersion

from builder.diff.model import ChangeKind, InterfaceChange
from registry.errors import InvalidNameError
from registry.versions import Dependency, Version, parse_dependency

_PHASES = {"a": "alpha", "b": "beta", "rc": "rc"}
_NUMBERS = 3


class _UndecidedError(ValueError):
    """A range that our versions do not divide."""


def dependencies_changes(old: Sequence[str], new: Sequence[str]) -> Iterator[InterfaceChange]:
    """The changes between two lists of requirements; none for the same in other words."""
    before, after = _by_library(old), _by_library(new)
    for name, texts in before.items():
        if name not in after:
            yield _change(ChangeKind.DEPENDENCY_WIDENED, "a dependency was removed", texts, [])
        elif sorted(texts) != sorted(after[name]):
            yield from _compared(texts, after[name])
    for name, texts in after.items():
        if name not in before:
            yield _change(ChangeKind.DEPENDENCY_NARROWED, "a dependency was added", [], texts)


def _by_library(requirements: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in requirements:
        try:
            name: str = parse_dependency(text).library
        except InvalidNameError:
            name = text  # not one that we read: it equals only itself
        found.setdefault(name, []).append(text)
    return found


def _compared(old: list[str], new: list[str]) -> Iterator[InterfaceChange]:
    try:
        before, after = _parsed(old), _parsed(new)
        samples = list(_samples(chain(before, after)))
    except (_UndecidedError, InvalidNameError):
        message = "a dependency changed and cannot be compared: treated as major"
        yield _change(ChangeKind.DEPENDENCY_NARROWED, message, old, new)
        return
    allowed = [(_all_allow(before, version), _all_allow(after, version)) for version in samples]
    if (True, False) in allowed:
        yield _change(
            ChangeKind.DEPENDENCY_NARROWED, "a dependency allows fewer versions", old, new
        )
    elif (False, True) in allowed:
        yield _change(ChangeKind.DEPENDENCY_WIDENED, "a dependency allows more versions", old, new)
    else:
        yield _change(ChangeKind.TEXT_CHANGED, "a dependency is said in other words", old, new)


def _parsed(texts: list[str]) -> list[Dependency]:
    return [parse_dependency(text) for text in texts]


def _all_allow(dependencies: list[Dependency], version: Version) -> bool:
    return all(dependency.allows(version) for dependency in dependencies)


def _samples(dependencies: Iterable[Dependency]) -> Iterator[Version]:
    """A version from every stretch in which all of them answer the same.

    What a range says changes only at the versions it names and where a ``.*`` begins and ends. So
    those, and after each the next pre-release and the next stable version, stand for all.
    """
    edges = {_first(0, 0, 0)}
    for dependency in dependencies:
        for part in dependency.requirement.specifier:
            edges.update(_edges(part))
    for edge in edges:
        yield edge
        if edge.is_stable:
            yield _first(edge.major, edge.minor, edge.patch + 1)
            yield Version(major=edge.major, minor=edge.minor, patch=edge.patch + 1)
        else:
            yield _pre(edge, edge.pre, edge.pre_number + 1)
            yield Version(major=edge.major, minor=edge.minor, patch=edge.patch)


def _first(major: int, minor: int, patch: int) -> Version:
    """The least version with these numbers."""
    return Version(major=major, minor=minor, patch=patch, pre="alpha")


def _pre(base: Version, phase: str, number: int) -> Version:
    return Version(
        major=base.major, minor=base.minor, patch=base.patch, pre=phase, pre_number=number
    )


def _edges(part: Specifier) -> Iterator[Version]:
    try:
        named = PythonVersion(part.version.removesuffix(".*"))
    except InvalidVersion as error:
        raise _UndecidedError(part.version) from error
    odd = named.epoch or named.local or named.is_postrelease or named.is_devrelease
    if odd or len(named.release) > _NUMBERS or part.operator == "===":
        raise _UndecidedError(part.version)
    major, minor, patch = (*named.release, 0, 0)[:_NUMBERS]
    stable = Version(major=major, minor=minor, patch=patch)
    yield stable
    if named.pre is not None:
        yield _pre(stable, _PHASES[named.pre[0]], named.pre[1])
    yield _first(major, minor, patch)
    yield _first(major, minor, patch + 1)
    yield _first(major, minor + 1, 0)
    yield _first(major + 1, 0, 0)


def _change(kind: ChangeKind, message: str, before: list[str], after: list[str]) -> InterfaceChange:
    return InterfaceChange(
        kind=kind,
        pointer="/dependencies",
        message=message,
        before=before or msgspec.UNSET,
        after=after or msgspec.UNSET,
    )
