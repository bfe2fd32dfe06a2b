"""The Python packages that a release pins, read from its ``python_requirements``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# A wheel's hashes and pip's other options follow the requirement.
_OPTIONS = " --"


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedRequirement:
    """A package at one version."""

    name: str
    """Normalised: lower case, single hyphens."""
    version: Version

    def __str__(self) -> str:
        """``requests 2.31.0``."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """The needs of a release: packages at a version, and lines that name none."""

    pinned: tuple[PinnedRequirement, ...]
    unpinned: tuple[str, ...]


def read_requirements(lines: Iterable[str]) -> Requirements:
    """Each line is pinned or not; environment markers are ignored, so that none hides a package."""
    pinned: list[PinnedRequirement] = []
    unpinned: list[str] = []
    for line in lines:
        found = _pinned(line)
        if found is None:
            unpinned.append(line)
        else:
            pinned.append(found)
    return Requirements(pinned=tuple(pinned), unpinned=tuple(unpinned))


def _pinned(line: str) -> PinnedRequirement | None:
    try:
        requirement = Requirement(line.partition(_OPTIONS)[0].strip())
    except InvalidRequirement:
        return None
    exact = [part for part in requirement.specifier if part.operator in {"==", "==="}]
    if requirement.url is not None or not exact:
        return None
    version = public_version(exact[0].version)
    if version is None:  # such as ==1.*
        return None
    return PinnedRequirement(name=canonicalize_name(requirement.name), version=version)


def public_version(text: str) -> Version | None:
    """A version by PEP 440, without a local part; None for any other text.

    ``1.0+cpu`` is a build of 1.0: what hits the one hits the other.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return Version(version.public) if version.local else version
